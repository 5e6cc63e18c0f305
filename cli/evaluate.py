"""`firesteel evaluate`: how well a running API answers the labelled rows of a CSV file, and whether that is good enough."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cli.client import Api, ApiError
from cli.environment import settings
from cli.evaluation import Bound, Evaluation, Row, metric_names, report
from cli.output import AsJson, console, errors, print_json, print_table
from cli.smoke import BaseUrl, Timeout
from cli.train import file_of
from firesteel import definition_file
from firesteel.definition import Definition, IdentifierInput
from firesteel.errors import DataError, GateError
from functions.classify.operations import OPERATIONS
from functions.classify.predict import BATCH_LIMIT

_BATCH = next(operation for operation in OPERATIONS if operation.name == "classify_batch")
_SHOWN_TEXT = 32  # characters of a row's first text in a table


def add_to(app: typer.Typer) -> None:
    app.command(
        epilog="Examples:\n\n"
        "firesteel evaluate --data tickets.csv\n\n"
        "firesteel evaluate --base-url http://127.0.0.1:8000 --data tickets.csv "
        "--fail-under priority.accuracy=0.85 --fail-under department.accuracy=0.95 --report out.md --jsonl out.jsonl"
    )(evaluate)


def evaluate(
    data: Annotated[Path, typer.Option(help="A CSV file of rows with their true labels.")],
    base_url: BaseUrl = None,
    definition: Annotated[
        str | None, typer.Option(help="A model in models/, or the path of a definition file [default: the one served].")
    ] = None,
    fail_under: Annotated[
        list[str] | None, typer.Option(metavar="METRIC=VALUE", help="Exit code 4 when a metric is below; repeatable.")
    ] = None,
    report_file: Annotated[Path | None, typer.Option("--report", help="Write a report in Markdown, with all rows.")] = None,
    jsonl: Annotated[Path | None, typer.Option(help="Write one JSON line a row.")] = None,
    show: Annotated[int, typer.Option(min=0, help="How many rows to print.")] = 20,
    timeout: Timeout = 30.0,
    as_json: AsJson = False,
) -> None:
    """Send labelled rows to a running API and compare its answers with the labels.

    A row that the API refuses counts as answered wrongly. A bad row of the file is reported and not sent.
    """
    described = definition_file.load(file_of(definition or settings().model.partition("/")[0]))
    bounds = [_bound(text, described) for text in fail_under or []]
    for path in (report_file, jsonl):
        _must_be_writable(path)
    with Api(base_url, timeout) as api:
        evaluation = _evaluate(api, data, described)
    verdicts = [bound.judge(evaluation.metrics) for bound in bounds]
    if jsonl:
        jsonl.write_text("".join(_line(row.to_json()) for row in evaluation.rows), encoding="utf-8")
    if report_file:
        report_file.write_text(report(evaluation, verdicts), encoding="utf-8")
    if as_json:
        print_json(evaluation.summary() | {"bounds": verdicts})
    else:
        _print(evaluation, show)
    if failed := [verdict for verdict in verdicts if not verdict.passed]:
        raise GateError("; ".join(verdict.sentence() for verdict in failed))


def _bound(text: str, described: Definition) -> Bound:
    """`priority.accuracy=0.85`. Raises BadParameter for a metric that this evaluation will not have."""
    metric, sign, value = text.partition("=")
    known = metric_names(described.targets)
    if metric not in known:
        raise typer.BadParameter(f"{metric!r} is no metric; there are: {', '.join(known)}", param_hint="--fail-under")
    try:
        least = float(value) if sign else -1.0
    except ValueError:
        least = -1.0
    if not 0 <= least <= 1:
        raise typer.BadParameter(f"{text!r} needs a value from 0 to 1, like {metric}=0.9", param_hint="--fail-under")
    return Bound(metric, least)


def _must_be_writable(path: Path | None) -> None:
    """Open a file that will be written, so that a wrong path fails before the rows are sent. Raises BadParameter."""
    if path is None:
        return
    try:
        path.open("w").close()
    except OSError as error:
        raise typer.BadParameter(f"{path} cannot be written: {error.strerror}") from None


def _evaluate(api: Api, data: Path, described: Definition) -> Evaluation:
    """Read the file, send it batch by batch, and keep what came back beside what should have."""
    from functions.train import dataset

    read = dataset.read(data, described, min_rows_per_class=0)
    if not len(read):
        raise DataError(f"{data}: not one of its {read.rows_read} rows can be used")
    for bad in read.bad_rows[:3]:
        errors.print(f"[yellow]not sent: {escape(str(bad))}[/]")
    rows: list[Row] = []
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=errors,
        disable=not errors.is_terminal,
    )  # fmt: skip
    with bar:
        task = bar.add_task("classifying", total=len(read))
        for batch in _batches(_items(read, described)):
            rows += _answered(api, batch, described)
            bar.update(task, completed=len(rows))
    return Evaluation(described, api.base_url, read, tuple(rows))


class _Item(NamedTuple):
    """One row on its way: where it stands, what should come back, and what is sent."""

    line: int
    truth: dict[str, str]
    inputs: dict[str, str]
    encoded: bytes


def _items(read: Any, described: Definition) -> Iterator[_Item]:
    names = {name: target.label_names for name, target in described.targets.items()}
    required = [name for name, field in described.inputs.items() if isinstance(field, IdentifierInput) and field.required]
    for index, line in enumerate(read.lines.tolist()):
        inputs = {name: texts[index] for name, texts in read.inputs.items()}
        identifiers = {name: f"line-{line}" for name in required}
        truth = {name: names[name][codes[index]] for name, codes in read.targets.items()}
        yield _Item(line, truth, inputs, _line(inputs | identifiers).encode())


def _batches(items: Iterator[_Item]) -> Iterator[list[_Item]]:
    """As many rows as one request may hold, in number and in bytes."""
    batch: list[_Item] = []
    size = overhead = len(b'{"items":[]}')
    for item in items:
        if batch and (len(batch) == BATCH_LIMIT or size + len(item.encoded) + 1 > _BATCH.body_limit):
            yield batch
            batch, size = [], overhead
        batch.append(item)
        size += len(item.encoded) + 1
    if batch:
        yield batch


def _answered(api: Api, batch: list[_Item], described: Definition) -> Iterator[Row]:
    """One batch's rows with their answers. Raises ApiError when the API answers no batch, or another model's."""
    body = b'{"items":[%s]}' % b",".join(item.encoded for item in batch)
    answer = api.request(_BATCH.method, _BATCH.path, body, {"content-type": "application/json"})
    where = f"{_BATCH.method} {api.base_url}{_BATCH.path}"
    if answer.status_code != 200:
        raise ApiError(f"{where} answers {answer.status_code}: {answer.text[:300]}")
    try:
        results = answer.json()["items"]
        for item, result in zip(batch, results, strict=True):
            yield _row(item, result, described)
    except (ValueError, KeyError, TypeError) as error:
        raise ApiError(
            f"{where} does not answer as the model {described.model} does ({type(error).__name__}: {error}); "
            "GET /model/status says what it serves"
        ) from None


def _row(item: _Item, result: dict[str, Any], described: Definition) -> Row:
    if error := result.get("error"):
        fields = "; ".join(f"{one['field']}: {one['message']}" for one in error["fields"])
        return Row(item.line, item.inputs, item.truth, {}, {}, None, None, fields or error["detail"])
    predicted = {name: str(result[f"predicted_{name}"]) for name in described.targets}
    confidence = {name: float(result[f"{name}_confidence"]) for name in described.targets}
    return Row(item.line, item.inputs, item.truth, predicted, confidence, result["review"], result["model_version"], None)


def _line(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) + "\n"


def _print(evaluation: Evaluation, show: int) -> None:
    targets = list(evaluation.definition.targets)
    if show:
        columns = [f"{name} {part}" for name in targets for part in ("true", "predicted", "confidence")]
        print_table(
            ("line", "text", *columns, "match", "review"),
            [_cells(row, targets) for row in evaluation.rows[:show]],
        )
        if len(evaluation.rows) > show:
            console.print(f"and {len(evaluation.rows) - show} more rows: --show prints more, --report writes all\n")
    print_table(
        ("target", "accuracy", "macro F1", "accuracy of automatic answers"),
        [
            (name, *(_number(evaluation.metrics[f"{name}.{metric}"]) for metric in ("accuracy", "macro_f1", "automatic_accuracy")))
            for name in targets
        ],
    )
    for sentence in evaluation.sentences():
        console.print(escape(sentence))


def _cells(row: Row, targets: list[str]) -> list[str]:
    """One row of the table: green what is right, red what is wrong."""
    text = " ".join(next(iter(row.inputs.values())).split())
    cells = [str(row.line), escape(text if len(text) <= _SHOWN_TEXT else text[: _SHOWN_TEXT - 1] + "…")]
    for name in targets:
        colour = "green" if row.match.get(name) else "red"
        predicted = row.predicted.get(name, "refused")
        confidence = f"{row.confidence[name]:.3f}" if name in row.confidence else ""
        cells += [escape(row.truth[name]), f"[{colour}]{escape(predicted)}[/]", confidence]
    right = all(row.match.values())
    return [*cells, "[green]yes[/]" if right else "[red]no[/]", "yes" if row.review else ""]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
