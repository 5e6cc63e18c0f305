"""An evaluation for people: a table for a terminal, and a report in Markdown."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rich.markup import escape

from cli.evaluation.bounds import Verdict
from cli.evaluation.fields import OF_TASK
from cli.evaluation.metrics import Evaluation
from cli.evaluation.row import Row
from cli.output import console, print_table

_CALLED = {"macro_f1": "macro F1", "automatic_accuracy": "accuracy of automatic answers", "r2": "R2"}
_DIGITS = 4


def show(evaluation: Evaluation, limit: int) -> None:
    """Rows, the largest errors first, one line a target, green what is right and red what is not; then the metrics."""
    if limit:
        columns = ("line", "target", "true", "predicted", "confidence", "right or off by", "review")
        worst = evaluation.worst_first
        print_table(columns, [cells for row in worst[:limit] for cells in _coloured(row, evaluation)])
        if len(worst) > limit:
            console.print(f"and {len(worst) - limit} more rows: --show prints more, --report writes all")
        console.print()
    for task in OF_TASK:
        _show_metrics(
            evaluation, [name for name, one in evaluation.definition.targets.items() if one.task == task], task
        )
    for sentence in evaluation.sentences():
        console.print(escape(sentence))


def _show_metrics(evaluation: Evaluation, targets: Sequence[str], task: str) -> None:
    """The metrics of targets of one task that can be measured."""
    found = evaluation.metrics
    measured = [metric for metric in OF_TASK[task] if any(f"{name}.{metric}" in found for name in targets)]
    if measured:
        print_table(
            ("target", *(_CALLED.get(metric, metric.replace("_", " ")) for metric in measured)),
            [(name, *(_number(found.get(f"{name}.{metric}")) for metric in measured)) for name in targets],
        )


def _coloured(row: Row, evaluation: Evaluation) -> Iterable[Sequence[str]]:
    for number, name in enumerate(evaluation.definition.targets):
        said = _said(row, name)
        colour = "green" if said.right else "red"
        line, review = ("", "") if number else (str(row.item.line), "yes" if row.review else "")
        answer, verdict = f"[{colour}]{escape(said.predicted)}[/]", f"[{colour}]{said.verdict}[/]"
        yield line, escape(name), escape(said.true), answer, said.confidence, verdict, review


def markdown(evaluation: Evaluation, verdicts: Sequence[Verdict]) -> str:
    """Metrics, bounds, metrics by label or by tenth of the predictions, and every row, the largest errors first."""
    data, targets = evaluation.data, list(evaluation.definition.targets)
    parts = [
        f"# Evaluation of {evaluation.definition.model} {' and '.join(evaluation.model_versions)}".rstrip(),
        f"Rows of `{data.source}` (SHA-256 `{data.sha256}`).",
        "\n".join(f"- {sentence.strip()}" for sentence in evaluation.sentences()),
        _table(("metric", "value"), [(name, _number(value)) for name, value in evaluation.metrics.items()]),
    ]
    if verdicts:
        judged = [(one.metric, _number(one.value), one.wanted, _yes(one.passed)) for one in verdicts]
        parts += ["## Bounds", _table(("metric", "value", "wanted", "passed"), judged)]
    for name in targets:
        parts += [f"## {name}", _details(evaluation, name)]
    columns = [f"{name} {part}" for name in targets for part in ("true", "predicted", "confidence", "right or off by")]
    parts += [
        "## Rows",
        _table(("line", *columns, "review", "error"), [_row(r, targets) for r in evaluation.worst_first]),
    ]
    return "\n\n".join(parts) + "\n"


def _details(evaluation: Evaluation, name: str) -> str:
    if name not in evaluation.definition.labelled:
        tenths = evaluation.of_numbers(name).get("calibration", [])
        columns = ("rows", "predicted", "observed")
        return _table(columns, [[f"{tenth[column]:.4g}" for column in columns] for tenth in tenths])
    numbers = ("precision", "recall", "f1-score", "support")
    by_label = evaluation.by_label(name).items()
    return _table(("label", *numbers), [(label, *(f"{v[number]:.4g}" for number in numbers)) for label, v in by_label])


def _row(row: Row, targets: Sequence[str]) -> list[str]:
    cells = [str(row.item.line)]
    for name in targets:
        said = _said(row, name)
        verdict = said.verdict if said.right or name in row.difference else f"**{said.verdict}**"
        cells += [said.true, said.predicted, said.confidence, verdict]
    return [*cells, "yes" if row.review else "", row.error or ""]


class _Said(NamedTuple):
    """One target of a row as text. A number is `right` when the truth lies in its interval, or when it has none."""

    true: str
    predicted: str
    confidence: str
    verdict: str
    right: bool


def _said(row: Row, name: str) -> _Said:
    true = row.item.truth[name]
    if isinstance(true, str):
        confidence = f"{row.confidence[name]:.3f}" if name in row.confidence else ""
        match = row.match[name]
        return _Said(true, str(row.predicted.get(name, "refused")), confidence, "yes" if match else "no", match)
    if name not in row.difference:
        return _Said(f"{true:.6g}", "refused", "", "no", False)
    low, high = row.interval.get(name, (true, true))
    told = f"{low:.4g} to {high:.4g}" if name in row.interval else ""
    predicted, off = f"{row.predicted[name]:.6g}", f"{row.difference[name]:+.4g}"
    return _Said(f"{true:.6g}", predicted, told, off, low <= true <= high)


def _yes(flag: bool) -> str:
    return "yes" if flag else "**no**"


def _table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    header = [_cell(column) for column in columns]
    lines = [header, ["---"] * len(header), *([_cell(value) for value in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.{_DIGITS}f}"
