"""`firesteel evaluate`: how well a running API answers labelled rows, and whether that is good enough."""

import json
import math
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cli.environment import settings
from cli.output import AsJson, errors, print_json
from cli.smoke import BaseUrl, Timeout
from cli.train import file_of
from firesteel.errors import GateError

if TYPE_CHECKING:  # at run time these cost a second of scikit-learn, which `--help` need not wait for
    from cli.evaluation.bounds import Bound
    from cli.evaluation.fields import Fields


def add_to(app: typer.Typer) -> None:
    app.command(
        epilog="Examples:\n\n"
        "firesteel evaluate --data tickets.csv\n\n"
        "firesteel evaluate --base-url http://127.0.0.1:8000 --data tickets.csv "
        "--fail-under priority.accuracy=0.85 --fail-under department.accuracy=0.95 --report out.md --jsonl out.jsonl\n\n"
        "firesteel evaluate --definition g2g --data businesses.csv --fail-over g2g_score.mae=0.06"
    )(evaluate)


def evaluate(
    data: Annotated[Path, typer.Option(help="A CSV file of rows with their true labels and numbers.")],
    base_url: BaseUrl = None,
    definition: Annotated[
        str | None,
        typer.Option(help="A model in models/, or the path of a definition file.", show_default="FIRESTEEL_MODEL"),
    ] = None,
    segment: Annotated[str | None, typer.Option(help="Only the rows of one segment.", show_default="of all")] = None,
    fail_under: Annotated[
        list[str] | None, typer.Option(metavar="METRIC=VALUE", help="Exit code 4 when a metric is less; repeatable.")
    ] = None,
    fail_over: Annotated[
        list[str] | None, typer.Option(metavar="METRIC=VALUE", help="Exit code 4 when a metric is more; repeatable.")
    ] = None,
    report_file: Annotated[
        Path | None, typer.Option("--report", help="Write a report in Markdown, with all rows.")
    ] = None,
    jsonl: Annotated[Path | None, typer.Option(help="Write one JSON line a row.")] = None,
    show: Annotated[int, typer.Option(min=0, help="How many rows to print, the largest errors first.")] = 20,
    timeout: Timeout = 30.0,
    as_json: AsJson = False,
) -> None:
    """Send labelled rows to a running API and compare its answers with the truth.

    Labels have TARGET.accuracy, TARGET.macro_f1, TARGET.automatic_accuracy (of the answers that ask for no review),
    review.automatic_share and review.automatic_accuracy (right in all targets); a refused row has the wrong label.
    Numbers have TARGET.r2, .rmse, .mae and .interval_coverage; counts also .poisson_deviance and .mape (both weighted by
    exposure) and .calibration_error.
    """
    from cli.client import Api
    from cli.evaluation import bounds, report, send
    from cli.evaluation import data as labelled
    from cli.evaluation.fields import Fields
    from firesteel import definition_file

    described = definition_file.load(file_of(definition or settings().model.partition("/")[0]))
    if segment is not None and segment not in described.segments:
        known = ", ".join(described.segments) or "none"
        raise typer.BadParameter(f"{segment!r} is no segment; there are: {known}", param_hint="--segment")
    fields = Fields(described)
    wanted = [_bound(text, fields, at_least=True) for text in fail_under or []]
    wanted += [_bound(text, fields, at_least=False) for text in fail_over or []]
    for path in filter(None, (report_file, jsonl)):
        _must_be_writable(path, data)
    rows = labelled.read(data, described, segment)
    for bad in rows.bad_rows[:3]:
        errors.print(f"[yellow]not sent: {escape(str(bad))}[/]")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    bar = Progress(*columns, console=errors)
    task = bar.add_task("predicting", total=len(rows.items))
    with Api(base_url, timeout) as api, bar if errors.is_terminal else nullcontext():
        evaluation = send.send(api, rows, described, fields, lambda done: bar.update(task, completed=done))
    verdicts = [bounds.judge(evaluation, bound) for bound in wanted]
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


def _bound(text: str, fields: "Fields", *, at_least: bool) -> "Bound":
    """The bound that `priority.accuracy=0.85` says. Raises BadParameter."""
    from cli.evaluation.bounds import Bound
    from cli.evaluation.fields import SHARES

    option = "--fail-under" if at_least else "--fail-over"
    metric, _, written = text.partition("=")
    if metric not in fields.metrics:
        why = "".join(f"; {sentence}" for sentence in fields.unmeasured if sentence.startswith(f"{metric} "))
        known = ", ".join(fields.metrics)
        raise typer.BadParameter(f"{metric!r} is no metric{why}; there are: {known}", param_hint=option)
    is_share = metric.partition(".")[2] in SHARES
    try:
        value = float(written)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or (is_share and not 0 <= value <= 1):
        kind = "a value from 0 to 1" if is_share else "a number"
        raise typer.BadParameter(f"{text!r} needs {kind}, like {metric}=0.9", param_hint=option)
    return Bound(metric, value, at_least)


def _must_be_writable(path: Path, data: Path) -> None:
    """A file that cannot be written fails before the rows are sent. Raises BadParameter."""
    if path.resolve() == data.resolve():
        raise typer.BadParameter(f"{path} is the file of the rows, which would be lost")
    try:
        path.open("a").close()
    except OSError as error:
        raise typer.BadParameter(f"{path} cannot be written: {error.strerror}") from None
