"""`firesteel promote`, `rollback` and `switch`: what is served. A segment of a model has its own alias: recruits/qb."""

from typing import Annotated

import typer

from cli.environment import open_registry, user
from cli.output import AsJson, console, print_json
from firesteel.registry import alias
from firesteel.registry.alias import Entry

Model = Annotated[str, typer.Argument(help="The model, like tickets; or a segment of one, like recruits/qb.")]
Version = Annotated[str, typer.Argument(help="The version, like 1.2.0.")]
Alias = Annotated[str, typer.Option("--alias", help="The alias that moves.")]
Why = Annotated[str, typer.Option(help="The reason, kept in the alias's history.")]


def add_to(app: typer.Typer) -> None:
    app.command(epilog='Example:\n\nfiresteel promote tickets 1.2.0 --why "looked at the errors"')(promote)
    app.command(epilog="Examples:\n\nfiresteel rollback tickets\n\nfiresteel rollback tickets --to 1.0.0")(rollback)
    app.command(
        epilog="Examples:\n\nfiresteel switch tickets 1.0.0 --alias champion\n\nfiresteel switch recruits/qb 1.0.0"
    )(switch)


def promote(
    model: Model, version: Version, alias_name: Alias = "latest", why: Why = "", as_json: AsJson = False
) -> None:
    """Serve a version: verify its bundle and move an alias to it."""
    _moved(alias.promote(open_registry(), model, alias_name, version, who=user(), why=why), model, as_json)


def switch(
    model: Model, version: Version, alias_name: Alias = "latest", why: Why = "", as_json: AsJson = False
) -> None:
    """Move an alias to any complete version, older or newer, and say so in its history."""
    entry = alias.promote(open_registry(), model, alias_name, version, who=user(), why=why, kind="switch")
    _moved(entry, model, as_json)


def rollback(
    model: Model,
    to: Annotated[str | None, typer.Option(help="The version to go back to [default: the one before].")] = None,
    alias_name: Alias = "latest",
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Move an alias back to the version that was served before."""
    _moved(alias.rollback(open_registry(), model, alias_name, who=user(), why=why, to=to), model, as_json)


def _moved(entry: Entry, model: str, as_json: bool) -> None:
    if as_json:
        print_json(entry)
    else:
        before = f", was {entry.previous}" if entry.previous else ""
        console.print(
            f"{entry.alias} of {model} is now [bold]{entry.version}[/]{before} (generation {entry.generation})"
        )
