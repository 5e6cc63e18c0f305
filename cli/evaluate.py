"""`firesteel evaluate`: how well a running API answers labelled rows, and whether that is good enough."""

import json
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cli.environment import settings
from cli.output import AsJson, errors, print_json
from cli.smoke import BaseUrl, Timeout
from cli.train import file_of
from firesteel.errors import GateError


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
        str | None,
        typer.Option(help="A model in models/, or the path of a definition file [default: FIRESTEEL_MODEL]."),
    ] = None,
    fail_under: Annotated[
        list[str] | None, typer.Option(metavar="METRIC=VALUE", help="Exit code 4 when a metric is less; repeatable.")
    ] = None,
    report_file: Annotated[
        Path | None, typer.Option("--report", help="Write a report in Markdown, with all rows.")
    ] = None,
    jsonl: Annotated[Path | None, typer.Option(help="Write one JSON line a row.")] = None,
    show: Annotated[int, typer.Option(min=0, help="How many rows to print.")] = 20,
    timeout: Timeout = 30.0,
    as_json: AsJson = False,
) -> None:
    """Send labelled rows to a running API and compare its answers with the labels.

    Metrics are TARGET.accuracy, TARGET.macro_f1, TARGET.automatic_accuracy (of the answers that ask for no review),
    review.automatic_share and review.automatic_accuracy (right in all targets). A row that the API refuses is wrong.
    """
    from cli.client import Api
    from cli.evaluation import metrics, report, rows
    from firesteel import definition_file

    described = definition_file.load(file_of(definition or settings().model.partition("/")[0]))
    bounds = [_bound(text, metrics.metric_names(described.targets)) for text in fail_under or []]
    for path in filter(None, (report_file, jsonl)):
        _must_be_writable(path, data)
    labelled = rows.read(data, described)
    for bad in labelled.bad_rows[:3]:
        errors.print(f"[yellow]not sent: {escape(str(bad))}[/]")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    bar = Progress(*columns, console=errors)
    task = bar.add_task("classifying", total=len(labelled))
    with Api(base_url, timeout) as api, bar if errors.is_terminal else nullcontext():
        evaluation = rows.send(api, labelled, described, lambda done: bar.update(task, completed=done))
    verdicts = [metrics.judge(evaluation.metrics, name, least) for name, least in bounds]
    if jsonl:
        jsonl.write_text(
            "".join(f"{json.dumps(row.to_json(), ensure_ascii=False)}\n" for row in evaluation.rows), "utf-8"
        )
    if report_file:
        report_file.write_text(report.markdown(evaluation, verdicts), "utf-8")
    if as_json:
        print_json(evaluation.summary() | {"bounds": verdicts})
    else:
        report.show(evaluation, show)
    if failed := [verdict.sentence() for verdict in verdicts if not verdict.passed]:
        raise GateError("; ".join(failed))


def _bound(text: str, known: Iterable[str]) -> tuple[str, float]:
    """The metric and the least it may be, of `priority.accuracy=0.85`. Raises BadParameter."""
    metric, _, value = text.partition("=")
    if metric not in known:
        raise typer.BadParameter(f"{metric!r} is no metric; there are: {', '.join(known)}", param_hint="--fail-under")
    try:
        least = float(value)
    except ValueError:
        least = -1.0
    if not 0 <= least <= 1:
        raise typer.BadParameter(f"{text!r} needs a value from 0 to 1, like {metric}=0.9", param_hint="--fail-under")
    return metric, least


def _must_be_writable(path: Path, data: Path) -> None:
    """A file that cannot be written fails before the rows are sent. Raises BadParameter."""
    if path.resolve() == data.resolve():
        raise typer.BadParameter(f"{path} is the file of the rows, which would be lost")
    try:
        path.open("a").close()
    except OSError as error:
        raise typer.BadParameter(f"{path} cannot be written: {error.strerror}") from None
