"""`firesteel smoke`: every endpoint of a running API once, with good and bad requests, against what it documents."""

from typing import Annotated

import typer
from rich.markup import escape

from cli.output import AsJson, console, print_json, print_table
from firesteel.errors import FiresteelError

BaseUrl = Annotated[str | None, typer.Option(help="Where the API is.", show_default="where `firesteel serve` puts it")]
Timeout = Annotated[float, typer.Option(min=0.1, help="Seconds to wait for one answer.")]


class SmokeError(FiresteelError):
    """A running API answered otherwise than it documents. What exactly stands in the table before it."""


def add_to(app: typer.Typer) -> None:
    app.command(
        epilog="Examples:\n\n"
        "firesteel smoke\n\n"
        "firesteel smoke --base-url https://abc123.execute-api.eu-central-1.amazonaws.com --json"
    )(smoke)


def smoke(base_url: BaseUrl = None, timeout: Timeout = 30.0, as_json: AsJson = False) -> None:
    """Call every endpoint of a running API, well and badly, and compare its answers with its documentation."""
    from cli import checks
    from cli.client import Api

    with Api(base_url, timeout) as api:
        outcomes = list(checks.try_all(api))
    failed = [outcome for outcome in outcomes if outcome.problems]
    if as_json:
        print_json({"base_url": api.base_url, "passed": not failed, "checks": outcomes})
    else:
        print_table(
            ("", "check", "request", "status", "ms"),
            [
                (
                    "[red]FAIL[/]" if one.problems else "[green]ok[/]",
                    one.name,
                    f"{one.method} {one.path}",
                    one.status,
                    f"{one.milliseconds:.1f}",
                )
                for one in outcomes
            ],
        )
        for one in failed:
            console.print(f"[red]{one.name}[/] ({one.method} {one.path}): {escape('; '.join(one.problems))}")
    if failed:
        raise SmokeError(f"{len(failed)} of {len(outcomes)} checks failed at {api.base_url}")
    if not as_json:
        console.print(f"all {len(outcomes)} checks passed at {api.base_url}")
