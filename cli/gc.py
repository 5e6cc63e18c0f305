"""`firesteel gc`: the versions that no alias can lead to are marked, and deleted a day later."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cli.ages import age
from cli.environment import open_registry, user
from cli.output import AsJson, console, errors, print_json, print_table
from cli.versions import no_model, with_segments
from firesteel.errors import RegistryError
from firesteel.registry import bundle, collect
from firesteel.registry.collect import Outcome

_DONE = {"keep": "kept", "mark": "[yellow]marked[/]", "wait": "waits", "remove": "[red]removed[/]"}
_PLANNED = {"keep": "stays", "mark": "[yellow]to mark[/]", "wait": "waits", "remove": "[red]to remove[/]"}


def add_to(app: typer.Typer) -> None:
    app.command(
        epilog="Examples:\n\nfiresteel gc --dry-run\n\nfiresteel gc tickets --keep 5 --older-than 90d\n\n"
        "firesteel gc recruits/qb --json"
    )(gc)


def gc(
    model: Annotated[
        str | None, typer.Argument(help="One model and its segments, or one segment.", show_default="all models")
    ] = None,
    keep: Annotated[int, typer.Option(min=1, help="Keep so many of the newest complete versions.")] = collect.KEEP,
    older_than: Annotated[
        str, typer.Option("--older-than", help="Collect only what was claimed longer ago: 30d, 12w; at least 1d.")
    ] = "30d",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done and write nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Delete the versions that no alias leads to: a first run marks them, one a day later or more removes them.

    Kept is what is among the newest or younger than --older-than, and what an alias names in its newest entry or named
    within that time: what it serves, its canary, its shadow and its whole way back. Aliases and numbers are never
    deleted. A marked version is promoted no more. On AWS it takes a person's s3:DeleteObject on models/*/v*/*.
    """
    seconds = age(older_than, "--older-than", least="1d").total_seconds()
    store, who = open_registry(), user()
    asked = bundle.models(store) if model is None else with_segments(store, model)
    found = {name: bundle.versions(store, name) for name in asked}
    if model is not None and not any(found.values()):
        raise no_model(store, model)
    with _progress(sum(1 for known in found.values() for one in known if one.state != "collected")) as told:
        outcomes, failed = list[Outcome](), list[RegistryError]()
        for name in asked:
            try:
                outcomes += collect.collect(
                    store, name, who=who, keep=keep, older_than=seconds, dry_run=dry_run, told=told
                )
            except RegistryError as error:  # the next model may be spared it
                errors.print(f"[yellow]{escape(name)}[/]: {escape(str(error))}")
                failed.append(error)
    if as_json:
        print_json(outcomes)
    else:
        _show(outcomes, dry_run)
    if failed:
        raise type(failed[0])(f"{len(failed)} of {len(asked)} models could not be collected, see above") from failed[0]


def _show(outcomes: list[Outcome], dry_run: bool) -> None:
    words = _PLANNED if dry_run else _DONE
    print_table(
        ("model", "version", "is" if dry_run else "was", "bytes", "from", "why"),
        [
            (
                one.model,
                one.version,
                words[one.action],
                f"{one.bytes:,}" if one.bytes else "",
                one.until,
                escape(one.why),
            )
            for one in outcomes
        ],
    )
    count = Counter(one.action for one in outcomes)
    freed = sum(one.bytes for one in outcomes if one.action == "remove")
    said = ("would be marked", "would be removed") if dry_run else ("marked", "removed")
    console.print(
        f"{count['keep']} kept, {count['mark']} {said[0]}, {count['wait']} waiting, {count['remove']} {said[1]}, "
        f"{freed:,} bytes of files freed{'; nothing was written' if dry_run else ''}"
    )


@contextmanager
def _progress(versions: int) -> Iterator[Callable[[], None]]:
    """A bar, for people who watch."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    bar = Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal)
    task = bar.add_task("versions", total=versions)
    with bar:
        yield lambda: bar.advance(task)
