"""`firesteel drift`: whether what a model is asked and what it answers is still as in training, and whether it is still right."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from cli.ages import age
from cli.environment import open_registry, settings
from cli.output import AsJson, console, errors, print_json, print_table
from cli.registry import Model
from firesteel.errors import GateError
from firesteel.registry.store import open_store

if TYPE_CHECKING:  # at run time it costs a second of scipy, which `--help` need not wait for
    from functions.train.drift.look import Progress as Told

Report = dict[str, Any]
"""A drift report, or a part of one, as docs/drift.md has them."""

_DAY = timedelta(days=1)
_ORDER = ("DRIFT", "OK", "INSUFFICIENT_DATA")
_HOW = "To compare them, say `log: hash` or `log: plain` in the definition (docs/monitoring.md)."
_COLOURS = {"OK": "green", "DRIFT": "bold red", "INSUFFICIENT_DATA": "yellow"}


def add_to(app: typer.Typer) -> None:
    app.command(
        epilog="Examples:\n\nfiresteel drift tickets\n\nfiresteel drift tickets --since 30d --html drift.html\n\n"
        "firesteel drift recruits/qb --version 1.2.0 --json\n\nfiresteel drift tickets --publish --fail-on-drift"
    )(drift)


def drift(
    model: Model,
    since: Annotated[str, typer.Option(help="How far back, in whole days: 1d, 7d, 4w.")] = "7d",
    version: Annotated[str, typer.Option(help="The version whose training counts: a number, or an alias.")] = "latest",
    html_file: Annotated[
        Path | None, typer.Option("--html", help="Write the report as one page that needs nothing else.")
    ] = None,
    publish: Annotated[
        bool,
        typer.Option("--publish/--no-publish", help="Keep the report in FIRESTEEL_MONITOR, for the page and others."),
    ] = False,
    fail_on_drift: Annotated[bool, typer.Option("--fail-on-drift", help="Exit code 4 when anything drifted.")] = False,
    as_json: AsJson = False,
) -> None:
    """Compare a model's inference log with the rows that its version was evaluated on.

    Each input, prediction, confidence and the share of reviews is OK, DRIFT or INSUFFICIENT_DATA, in the last day and in
    all of the time. Of a model of segments each segment is looked at. Inputs are compared when the definition lets the
    log have them (`log: hash` or `log: plain`).
    """
    from functions.train.drift import html, look
    from functions.train.drift.look import LATEST, watched

    days, registry, monitor = _days(since, look.MOST_DAYS), open_registry(), open_store(settings().monitor)
    until = datetime.now(UTC).replace(microsecond=0)
    addresses = watched(registry, model) if version == LATEST else [model]
    if html_file and len(addresses) > 1:
        raise typer.BadParameter(
            f"{model} has segments: write a page for one, like {addresses[0]}", param_hint="--html"
        )
    reports = []
    for address in addresses:
        with _counting(address) as told:
            report = look.look(registry, monitor, address, until=until, days=days, version=version, progress=told)
        reports.append(report)
        if publish or html_file:
            _keep(monitor if publish else None, html_file, until, report, html.page(report))
    if as_json:
        print_json(reports if len(reports) > 1 else reports[0])
    else:
        for report in reports:
            _show(report)
    if fail_on_drift and (drifted := [report for report in reports if report["state"] == "DRIFT"]):
        raise GateError("; ".join(f"{report['model']}: {report['sentence']}" for report in drifted))


def _days(since: str, most: int) -> int:
    """Whole days. Raises BadParameter."""
    days, rest = divmod(age(since, "--since", "1d", f"{most}d"), _DAY)
    if rest:
        raise typer.BadParameter(f"{since!r} is not 1 to {most} whole days, like 7d", param_hint="--since")
    return days


def _keep(monitor: Any, html_file: Path | None, until: datetime, report: Report, page: bytes) -> None:
    from firesteel.monitor import reports

    if html_file:
        html_file.write_bytes(page)
    if monitor is not None:
        key = reports.publish(monitor, report["model"], until, report, page)
        errors.print(f"kept as {escape(key)} in {escape(settings().monitor)}")


@contextmanager
def _counting(address: str) -> Iterator["Told"]:
    """Tells how many rows were read, to people who watch."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    bar = Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal)
    task = bar.add_task(f"{address}: reading inferences")
    with bar:
        yield lambda rows: bar.update(task, description=f"{address}: {rows:,} inferences read")


def _show(report: Report) -> None:
    state = report["state"]
    console.print(
        f"[bold]{report['model']} {report['version']}[/]: [{_COLOURS[state]}]{state}[/]. {escape(report['sentence'])}"
    )
    logged, missing = _by_log(report)
    print_table(("series", "of", "state", "test", "statistic", "p", "PSI", "distance"), map(_row, logged))
    for field in logged:
        if _is_told(field, report):
            console.print(escape(field["sentence"]))
    if missing:
        console.print(escape(f"Not in the inference log: {', '.join(missing)}. {_HOW}"))
    for target in report["truth"].values():
        console.print(escape(target["sentence"]))
    if damage := [f"{count} {name}" for name, count in report["damage"].items() if count]:
        errors.print(f"[yellow]could not be read and was left out: {', '.join(damage)}[/]")


def _by_log(report: Report) -> tuple[list[Report], list[str]]:
    """The series that the log has, what drifted first; and the inputs that it has not, though it has answers."""
    fields = sorted(report["fields"], key=lambda field: _ORDER.index(field["state"]))
    missing = [one for one in fields if report["rows"] and one["of"] == "input" and not one["rows"]]
    return [one for one in fields if one not in missing], list(dict.fromkeys(one["source"] for one in missing))


def _row(field: Report) -> list[str]:
    told = _telling(field)
    numbers = [f"{told[name]:.3g}" if told else "" for name in ("statistic", "p_corrected", "psi", "distance")]
    state = f"[{_COLOURS[field['state']]}]{field['state']}[/]"
    return [escape(field["name"]), field["of"], state, field["test"], *numbers]


def _telling(field: Report) -> Report | None:
    """The window that decided."""
    return next((one for one in field["windows"] if one["days"] == field["telling"]), None)


def _is_told(field: Report, report: Report) -> bool:
    """Whether a series needs a sentence: not when it is as in training, or when the report's own says that rows are few."""
    if told := _telling(field):
        return bool(told["p_corrected"] <= report["alpha"])
    few = report["state"] == "INSUFFICIENT_DATA" and field["rows"] < field["baseline_rows"]
    return bool(field["rows"]) and not few
