"""`firesteel loadtest`: many users at once, and what they got."""

import json
import time
from contextlib import nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from cli.output import AsJson, errors, print_json, print_table
from cli.smoke import BaseUrl, Timeout
from firesteel.errors import GateError, SettingsError

if TYPE_CHECKING:
    from cli.load.drive import Progress as Told
    from cli.load.report import Run

_COLD = 'filter message = "request" and ispresent(cold_start) | stats count(*) as requests, sum(cold_start) as cold'
_FORMATS = (".html", ".md", ".pdf", ".json")


def add_to(app: typer.Typer) -> None:
    app.command(
        epilog="Examples:\n\n"
        "firesteel loadtest --users 50 --duration 60s\n\n"
        "firesteel loadtest --rows tickets.csv --duration 30s --fail-under p95=200ms,errors=0.01 --report load.html\n\n"
        "firesteel loadtest --base-url https://abc123.execute-api.eu-central-1.amazonaws.com --model tickets --logs aws"
    )(loadtest)


def loadtest(
    users: Annotated[int, typer.Option(min=1, help="Users, each of whom sends one request at a time.")] = 50,
    duration: Annotated[str, typer.Option(help="How long, like 60s or 5m.")] = "60s",
    base_url: BaseUrl = None,
    model: Annotated[str | None, typer.Option(help="A model, or a segment of one.", show_default="the served")] = None,
    rows: Annotated[
        Path | None, typer.Option(help="A CSV file of rows to send.", show_default="the model's golden rows")
    ] = None,
    spawn_rate: Annotated[
        float | None, typer.Option(min=0.1, help="New users a second.", show_default="all in 5 s")
    ] = None,
    wait: Annotated[float, typer.Option(min=0, help="Seconds between an answer and the next request of a user.")] = 0.0,
    report: Annotated[Path | None, typer.Option(help="Write a report: .html, .md, .pdf or .json.")] = None,
    fail_under: Annotated[
        str | None,
        typer.Option(metavar="BOUNDS", help="Exit code 4 when not kept, like p95=200ms,errors=0.01,rps=100."),
    ] = None,
    api_key: Annotated[str | None, typer.Option(help="Sent as x-api-key.", envvar="LOADTEST_API_KEY")] = None,
    bearer: Annotated[
        str | None, typer.Option(help="A token, sent as Authorization.", envvar="LOADTEST_BEARER")
    ] = None,
    logs: Annotated[
        list[str] | None,
        typer.Option(help="Count cold starts in a file of log lines, or with `aws` in the log groups; repeatable."),
    ] = None,
    timeout: Timeout = 30.0,
    as_json: AsJson = False,
) -> None:
    """Send requests as many users would, and tell the latencies, the rate, errors and cold starts. Ctrl-C ends it early.

    Bounds can be on p50, p90, p95, p99, mean, max, errors (a share) and rps (at least). Answers that are 429 are no errors.
    """
    if find_spec("locust") is None:
        raise SettingsError("a load test needs Locust: pip install 'firesteel[loadtest]'")
    from cli.client import Api
    from cli.load import bounds, drive, payloads
    from cli.load.plan import Plan
    from cli.load.report import Run

    seconds, wanted = bounds.seconds(duration, "--duration"), bounds.parse(fail_under or "")
    if logs and "aws" in logs and len(logs) > 1:
        raise typer.BadParameter("give either files or aws", param_hint="--logs")
    if report and report.suffix not in _FORMATS:
        raise typer.BadParameter(f"{report} must end with {', '.join(_FORMATS)}", param_hint="--report")
    headers = ({"x-api-key": api_key} if api_key else {}) | ({"authorization": f"Bearer {bearer}"} if bearer else {})
    with Api(base_url, timeout) as api:
        workload = payloads.of(api, model, rows, headers)
    rate = spawn_rate or max(1.0, users / 5)
    plan = Plan(api.base_url, workload.path, workload.bodies, headers, users, rate, seconds, wait=wait, timeout=timeout)
    began = time.time()
    bar = Progress(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=errors)
    task = bar.add_task("beginning", total=seconds)

    def told(now: "Told") -> None:
        said = f"{now.users} users, {now.succeeded:,} answers, {now.failed:,} errors"
        bar.update(task, completed=now.seconds, description=said)

    with bar if errors.is_terminal else nullcontext():
        outcome, interrupted = drive.drive(plan, told)
    cold = _cold_starts(logs, round(time.time() - began) + 1, timeout) if logs else None
    verdicts = [bounds.judge(bound, outcome) for bound in wanted]
    _tell(Run(plan, workload, outcome, verdicts, cold, interrupted), report, as_json)
    if failed := [verdict.sentence() for verdict in verdicts if not verdict.passed]:
        raise GateError("; ".join(failed))
    if interrupted:
        raise typer.Exit(1)


def _cold_starts(logs: list[str], seconds: int, timeout: float) -> int | None:
    """How many answers of the last seconds waited for a cold start; None when no line says whether one did."""
    from cli.logs import ask

    result = ask(_COLD, None if logs == ["aws"] else logs, seconds, timeout, quiet=True)
    told = [dict(zip(result.columns, row, strict=True)) for row in result.rows]
    counted = [one["cold"] for one in told if one["requests"]]
    if not counted:
        errors.print("[yellow]no line of the logs says whether it waited for a cold start[/]: a local server has none")
        return None
    return sum(int(float(str(value or 0))) for value in counted)


def _tell(run: "Run", report: Path | None, as_json: bool) -> None:
    """The report's file, and the same on standard output in short."""
    from cli.load.report import document, summary, warnings

    if report and report.suffix == ".json":
        report.write_text(json.dumps(run.to_json(), indent=2) + "\n", "utf-8")
    elif report:
        from cli.reporting.files import format_of, written

        written(document(run), format_of(report, None), report)
    for said in warnings(run):
        errors.print(f"[yellow]{escape(said)}[/]")
    if as_json:
        print_json(run.to_json())
    else:
        print_table(("", ""), summary(run))
