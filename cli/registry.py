"""`firesteel promote`, `shadow`, `switch` and `rollback`: what is served. A segment has its own alias: recruits/qb."""

import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated

import typer
from rich.markup import escape

from cli import programs
from cli.environment import open_registry, user
from cli.output import AsJson, console, errors, print_json
from firesteel.errors import IntegrityError, NotFoundError, ProgramError
from firesteel.registry import alias, bundle
from firesteel.registry.alias import Entry
from firesteel.registry.store import Store

Model = Annotated[str, typer.Argument(help="The model, like tickets; or a segment of one, like recruits/qb.")]
Version = Annotated[str, typer.Argument(help="The version, like 1.2.0.")]
Alias = Annotated[str, typer.Option("--alias", help="The alias that moves.")]
Why = Annotated[str, typer.Option(help="The reason, kept in the alias's history.")]


def add_to(app: typer.Typer) -> None:
    app.command(
        epilog='Examples:\n\nfiresteel promote tickets 1.2.0 --why "looked at the errors"\n\n'
        "firesteel promote tickets 1.3.0 --canary 5%"
    )(promote)
    app.command(epilog="Example:\n\nfiresteel shadow tickets 1.3.0")(shadow)
    app.command(
        epilog="Examples:\n\nfiresteel rollback tickets\n\nfiresteel rollback tickets --to 1.0.0\n\n"
        "firesteel rollback tickets --beside"
    )(rollback)
    app.command(
        epilog="Examples:\n\nfiresteel switch tickets 1.0.0 --alias champion\n\nfiresteel switch recruits/qb 1.0.0"
    )(switch)


def share(text: str) -> float:
    """A share of the requests, above 0 and below 1: `5%` or `0.05`. Raises BadParameter."""
    number = re.fullmatch(r"([0-9]*\.?[0-9]+)(%?)", text.strip())
    value = float(number[1]) / (100 if number[2] else 1) if number else 0.0
    if not 0 < value < 1:
        raise typer.BadParameter(f"{text!r} is no share above 0 and below 1 of the requests, like 5% or 0.05")
    return value


def percent(weight: float) -> str:
    """A share as people write it: 5%."""
    return f"{weight * 100:g}%"


def beside(entry: Entry) -> list[str]:
    """What runs beside the version that an entry names, in words: `canary 1.3.0 5%`, `shadow 1.4.0`."""
    canary = [f"canary {entry.canary.version} {percent(entry.canary.weight)}"] if entry.canary else []
    return canary + ([f"shadow {entry.shadow.version}"] if entry.shadow else [])


def mending(store: Store, model: str, alias_name: str) -> str:
    """What mends an alias whose newest entry cannot be read: a promotion, where there is something to promote."""
    try:
        alias.recent(store, model, alias_name, 1)
    except IntegrityError:  # which is not even listed
        return "bring its newest entries back, or set FIRESTEEL_OLDEST_GENERATION lower"
    for one in reversed(bundle.versions(store, model)):
        with suppress(NotFoundError, IntegrityError):
            if one.complete and bundle.read_manifest(store, model, one.version):
                return f"`firesteel promote {model} {one.version} --alias {alias_name}` mends it"
    return f"train again: no version of {model} can be read here, so none can be promoted"


def promote(
    model: Model,
    version: Version,
    canary: Annotated[
        float | None,
        typer.Option(parser=share, metavar="SHARE", help="Only for this share of the requests: 5% or 0.05."),
    ] = None,
    alias_name: Alias = "latest",
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Serve a version: verify its bundle and move an alias to it, or with --canary let it answer a share."""
    store, who = open_registry(), user()
    _must_load(store, model, version)
    ended = _beside_now(store, model, alias_name)
    if canary is None:
        entry = alias.promote(store, model, alias_name, version, who=who, why=why)
    else:
        entry = alias.canary(store, model, alias_name, version, weight=canary, who=who, why=why)
    _moved(entry, model, as_json, ended)
    _warn(store, model, version)


def shadow(
    model: Model, version: Version, alias_name: Alias = "latest", why: Why = "", as_json: AsJson = False
) -> None:
    """Score a version beside the one that is served, off the answer's path, and log whether they agree."""
    store = open_registry()
    _must_load(store, model, version)
    _moved(alias.shadow(store, model, alias_name, version, who=user(), why=why), model, as_json)


def switch(
    model: Model, version: Version, alias_name: Alias = "latest", why: Why = "", as_json: AsJson = False
) -> None:
    """Move an alias to any complete version, older or newer, and say so in its history."""
    store = open_registry()
    _must_load(store, model, version)
    ended = _beside_now(store, model, alias_name)
    entry = alias.promote(store, model, alias_name, version, who=user(), why=why, kind="switch")
    _moved(entry, model, as_json, ended)
    _warn(store, model, version)


def rollback(
    model: Model,
    to: Annotated[str | None, typer.Option(help="The version to go back to.", show_default="the one before")] = None,
    beside_only: Annotated[
        bool, typer.Option("--beside", help="Only end the canary and the shadow; without them, do nothing.")
    ] = False,
    alias_name: Alias = "latest",
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """End the canary and the shadow of an alias; without them, move it back to the version that was served before."""
    if to and beside_only:
        raise typer.BadParameter("give either --to or --beside")
    store, after = open_registry(), None
    if beside_only:
        newest = alias.current(store, model, alias_name)
        if not beside(newest):
            _moved(newest, model, as_json)
            return
        after = newest.generation
    entry = alias.rollback(store, model, alias_name, who=user(), why=why, to=to, after=after)
    _moved(entry, model, as_json)
    if damage := _damage(store, model, entry):  # looked for once the alias has moved: a rollback must be quick
        raise IntegrityError(
            f"{alias_name} of {model} moved to {entry.version}, which is damaged: {'; '.join(damage)}; who serves "
            f"another version stays with it, so promote one that is whole"
        )


def _must_load(store: Store, model: str, version: str) -> None:
    """What no server would take is named by no alias. Raises IntegrityError, NotFoundError."""
    try:
        programs.load(store, bundle.read_manifest(store, model, version))
    except (ProgramError, IntegrityError) as error:
        raise IntegrityError(f"{model} {version} cannot be served: {error}; no alias was moved") from None


def _beside_now(store: Store, model: str, alias_name: str) -> list[str]:
    """What runs beside the version that an alias names; nothing where there is none, or none that can be read."""
    try:
        return beside(alias.current(store, model, alias_name))
    except (NotFoundError, IntegrityError):
        return []


def _moved(entry: Entry, model: str, as_json: bool, ended: Sequence[str] = ()) -> None:
    """Say where an alias is, what runs beside it and, of what ran there, what has ended."""
    if as_json:
        print_json(entry.document())
        return
    running = beside(entry)
    kept = entry.kind in ("canary", "shadow") or entry.previous == entry.version
    said = f"{'stays' if kept else 'is now'} [bold]{entry.version}[/]"
    said += f", was {entry.previous}" if entry.previous and not kept else ""
    said += f", with {' and '.join(running) or 'nothing'} beside it" if kept else ""
    console.print(f"{entry.alias} of {model} {said} (generation {entry.generation})")
    if gone := [one for one in ended if one not in running]:
        console.print(f"{' and '.join(gone)} ended")


def _warn(store: Store, model: str, version: str) -> None:
    """A person may serve what its gates refused, but not without being told."""
    manifest = bundle.read_manifest(store, model, version)
    for failed in programs.failed_gates(store, manifest):
        errors.print(f"[yellow]{model} {version} failed a gate[/]: {escape(failed)}")


def _damage(store: Store, model: str, entry: Entry) -> list[str]:
    """What is wrong with the bundle that an entry names, in sentences."""
    try:
        return bundle.problems(store, bundle.read_manifest(store, model, entry.version, entry.digest))
    except (NotFoundError, IntegrityError) as error:
        return [str(error)]
