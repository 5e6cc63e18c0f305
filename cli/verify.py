"""`firesteel verify`: whether what is in the registry is what was published, and answers as it did then."""

from typing import Annotated, Any

import typer
from rich.markup import escape

from cli.environment import open_registry
from cli.output import AsJson, console, print_json
from cli.programs import METADATA, document, load
from cli.registry import Model
from cli.versions import no_model, with_segments
from firesteel.errors import IntegrityError, NotFoundError, ProgramError
from firesteel.program.predictor import Predictor
from firesteel.registry import bundle
from firesteel.registry.store import Store

_SAID = {
    "whole": "[green]whole[/]",
    "broken": "[red]BROKEN[/]",
    "unfinished": "[yellow]unfinished[/], never served, its number is not used again",
}


def add_to(app: typer.Typer) -> None:
    app.command(epilog="Examples:\n\nfiresteel verify tickets\n\nfiresteel verify tickets 1.2.0")(verify)


def verify(
    model: Model,
    version: Annotated[
        str | None, typer.Argument(help="One version.", show_default="all, those of segments too")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Read every file of a version again and compare it with what was published; load its program and ask it.

    The program's feature signature must be that of the manifest and of the metadata, and its golden rows must be
    answered as they were.
    """
    store = open_registry()
    asked = with_segments(store, model) if version is None else [model]
    listed = [(name, one) for name in asked for one in bundle.versions(store, name)]
    found = [_verified(store, name, one) for name, one in listed if version in (None, one.version)]
    if not found:
        raise NotFoundError(f"there is no {model} {version}") if version else no_model(store, model)
    if as_json:
        print_json(found)
    else:
        for one in found:
            console.print(f"{one['model']} {one['version']}: {_SAID[one['state']]}")
            for sentence in one["problems"]:
                console.print(f"  {escape(sentence)}")
    if broken := [one for one in found if one["problems"]]:
        raise IntegrityError(f"{len(broken)} of {len(found)} versions are not what was published")


def _verified(store: Store, model: str, one: bundle.Version) -> dict[str, Any]:
    told: dict[str, Any] = {"model": model, "version": one.version, "state": "unfinished", "problems": []}
    if one.complete:
        problems = bundle.verify(store, model, one.version) or _problems(store, model, one.version)
        told |= {"state": "broken" if problems else "whole", "problems": problems}
    return told


def _problems(store: Store, model: str, version: str) -> list[str]:
    """What is wrong with a version whose files are what was published: with the program in them."""
    manifest = bundle.read_manifest(store, model, version)
    try:
        program = load(store, manifest)
        signature = document(store, manifest, METADATA).get("signature")
    except (IntegrityError, ProgramError) as error:
        return [str(error)]
    if isinstance(program, Predictor) and signature not in (None, program.signature):
        return [f"the program's feature signature is not that of {METADATA}"]
    return []
