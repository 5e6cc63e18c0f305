"""An evaluation for people: a table for a terminal, and a report in Markdown."""

from collections.abc import Iterable, Sequence

from rich.markup import escape

from cli.evaluation.metrics import OF_TARGET, Evaluation, Row, Verdict
from cli.output import console, print_table


def show(evaluation: Evaluation, limit: int) -> None:
    """The first rows, one line a target, green what is right and red what is wrong; then the metrics."""
    targets = list(evaluation.definition.targets)
    if limit:
        columns = ("line", "target", "true", "predicted", "confidence", "match", "review")
        print_table(columns, [cells for row in evaluation.rows[:limit] for cells in _coloured(row, targets)])
        if len(evaluation.rows) > limit:
            console.print(f"and {len(evaluation.rows) - limit} more rows: --show prints more, --report writes all")
        console.print()
    print_table(
        ("target", "accuracy", "macro F1", "accuracy of automatic answers"),
        [(name, *(_number(evaluation.metrics[f"{name}.{metric}"]) for metric in OF_TARGET)) for name in targets],
    )
    for sentence in evaluation.sentences():
        console.print(escape(sentence))


def _coloured(row: Row, targets: Sequence[str]) -> Iterable[Sequence[str]]:
    for number, name in enumerate(targets):
        true, predicted, confidence, match = _answer(row, name)
        colour = "green" if row.match[name] else "red"
        line, review = ("", "") if number else (str(row.line), _review(row))
        answer = f"[{colour}]{escape(predicted)}[/]"
        yield line, escape(name), escape(true), answer, confidence, f"[{colour}]{match}[/]", review


def markdown(evaluation: Evaluation, verdicts: Sequence[Verdict]) -> str:
    """Metrics, bounds, metrics by label, and every row."""
    data, targets = evaluation.data, list(evaluation.definition.targets)
    parts = [
        f"# Evaluation of {evaluation.definition.model} {' and '.join(evaluation.model_versions)}",
        f"Rows of `{data.source}` (SHA-256 `{data.sha256}`).",
        "\n".join(f"- {sentence.strip()}" for sentence in evaluation.sentences()),
        _table(("metric", "value"), [(name, _number(value)) for name, value in evaluation.metrics.items()]),
    ]
    if verdicts:
        judged = [(one.metric, _number(one.value), f"{one.at_least:g}", _yes(one.passed)) for one in verdicts]
        parts += ["## Bounds", _table(("metric", "value", "at least", "passed"), judged)]
    for name in targets:
        numbers = ("precision", "recall", "f1-score", "support")
        by_label = evaluation.by_label(name).items()
        rows = [(label, *(f"{values[number]:.4g}" for number in numbers)) for label, values in by_label]
        parts += [f"## {name}", _table(("label", *numbers), rows)]
    columns = [f"{name} {part}".strip() for name in targets for part in ("true", "predicted", "confidence", "match")]
    every = [_row(row, targets) for row in evaluation.rows]
    parts += ["## Rows", _table(("line", *columns, "review", "error"), every)]
    return "\n\n".join(parts) + "\n"


def _row(row: Row, targets: Sequence[str]) -> list[str]:
    cells = [str(row.line)]
    for name in targets:
        true, predicted, confidence, _ = _answer(row, name)
        cells += [true, predicted, confidence, _yes(row.match[name])]
    return [*cells, _review(row), row.error or ""]


def _answer(row: Row, target: str) -> tuple[str, str, str, str]:
    """Truth, prediction, confidence and match, as text."""
    confidence = f"{row.confidence[target]:.3f}" if target in row.confidence else ""
    return row.truth[target], row.predicted.get(target, "refused"), confidence, "yes" if row.match[target] else "no"


def _review(row: Row) -> str:
    return "yes" if row.review else ""


def _yes(flag: bool) -> str:
    return "yes" if flag else "**no**"


def _table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    header = [_cell(column) for column in columns]
    lines = [header, ["---"] * len(header), *([_cell(value) for value in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
