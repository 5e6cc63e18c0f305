"""`firesteel rollout status`: both sides of a canary, a shadow, and whether they differ."""

import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import NamedTemporaryFile
from typing import Annotated

import typer
from rich.markup import escape

from cli import logs
from cli.comparison import ENOUGH, Share
from cli.environment import open_registry
from cli.insights.values import Value
from cli.output import AsJson, console, errors, print_json, print_table
from cli.rollout_status import QUANTILES, Ask, Quantile, Side, Status, examine, running


def add_to(app: typer.Typer) -> None:
    group = typer.Typer(
        help="Look at a roll-out that runs.",
        epilog="Example:\n\nfiresteel rollout status tickets",
        no_args_is_help=True,
    )
    group.callback()(lambda: None)
    group.command(
        epilog="Examples:\n\nfiresteel rollout status tickets\n\nfiresteel rollout status tickets --file server.log --json"
    )(status)
    app.add_typer(group, name="rollout")


def status(
    model: Annotated[str, typer.Argument(help="The model, like tickets; or a segment of one, like recruits/qb.")],
    alias_name: Annotated[str, typer.Option("--alias", help="The alias that has the canary.")] = "latest",
    files: logs.Files = None,
    timeout: logs.Timeout = 60.0,
    as_json: AsJson = False,
) -> None:
    """Compare both sides of a running canary, and a shadow with what was answered, since they began."""
    store = open_registry()
    entries, unread = running(store, model, alias_name)
    if unread:
        errors.print(f"[yellow]{escape(unread)}[/]; what ran before generation {entries[-1].generation} is not counted")
    with _several_times(files) as paths:
        found = examine(store, model, entries, _asking(paths, timeout))
    if as_json:
        print_json(found)
    else:
        _show(found)


def _asking(files: list[str] | None, timeout: float) -> Ask:
    def ask(text: str, start: int) -> list[dict[str, Value]]:
        seconds = None if files else max(1, round(time.time() - start / 1000) + 1)
        result = logs.ask(text, files, seconds, timeout, quiet=True)
        return [dict(zip(result.columns, row, strict=True)) for row in result.rows]

    return ask


@contextmanager
def _several_times(files: list[str] | None) -> Iterator[list[str] | None]:
    """The files, standard input as a copy: they are read once for each question."""
    if not files or "-" not in files:
        yield files
        return
    with NamedTemporaryFile(prefix="standard-input-", suffix=".log") as copy:
        shutil.copyfileobj(sys.stdin.buffer, copy)
        copy.flush()
        yield [copy.name if name == "-" else name for name in files]


def _show(found: Status) -> None:
    console.print(f"{found.alias} of {found.model} is [bold]{found.version}[/]")
    if found.sides:
        assert found.weight is not None
        console.print(f"canary [bold]{found.canary}[/] answers {100 * found.weight:g} % since {found.since}")
        columns = ("side", "version", "requests", "errors", "review", *QUANTILES)
        print_table(columns, [_row(side) for side in found.sides])
        for verdict in found.verdicts:
            console.print(verdict)
    else:
        console.print("no canary runs")
    if found.shadow:
        shadow = found.shadow
        console.print(
            f"shadow [bold]{shadow.version}[/] was scored for {shadow.requests} requests since {shadow.since}"
        )
        for target, agreed in shadow.agreement.items():
            console.print(f"  {target}: agrees in {_percent(agreed)}")
        if shadow.failed or shadow.not_scored:
            console.print(f"  [yellow]{shadow.failed} could not be scored, {shadow.not_scored} were not kept[/]")
        if shadow.requests < ENOUGH:
            console.print(f"  too few requests to tell ({ENOUGH} are needed)")


def _row(side: Side) -> list[str]:
    shares = [_percent(one) if one else "" for one in (side.errors, side.review)]
    return [
        side.side,
        side.version,
        str(side.requests),
        *shares,
        *[_range(side.latency.get(one)) for one in QUANTILES],
    ]


def _percent(share: Share) -> str:
    return f"{100 * share.share:.2f} % ({100 * share.low:.2f} to {100 * share.high:.2f})"


def _range(quantile: Quantile | None) -> str:
    if quantile is None:
        return ""
    low, high = ["?" if end is None else f"{end:.3g}" for end in (quantile.low, quantile.high)]
    return f"{quantile.value:.3g} ({low} to {high})"
