"""`firesteel verify`: whether what is in the registry is what was published, and answers as it did then."""

from collections.abc import Container, Iterator, Sequence
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cli.environment import open_registry
from cli.output import AsJson, console, errors, print_json
from cli.programs import METADATA, document, load
from cli.versions import no_model, with_segments
from firesteel.errors import IntegrityError, NotFoundError, ProgramError, UnsignedError
from firesteel.program.predictor import Predictor
from firesteel.registry import alias, bundle, names
from firesteel.registry.entry import Canary, Served
from firesteel.registry.seal import signer_of
from firesteel.registry.store import Store

_SAID = {
    "whole": "[green]whole[/]",
    "broken": "[red]BROKEN[/]",
    "unsigned": "[yellow]not signed by a key of now[/], never served here",
    "unfinished": "[yellow]unfinished[/], never served, its number is not used again",
    "marked": "[yellow]marked[/], to be deleted by `firesteel gc`, a day after that at the earliest",
    "collected": "collected, its number is not used again",
}

type Told = dict[str, Any]


def add_to(app: typer.Typer) -> None:
    app.command(
        epilog="Examples:\n\nfiresteel verify tickets\n\nfiresteel verify tickets 1.2.0\n\nfiresteel verify --all"
    )(verify)


def verify(
    model: Annotated[
        str | None, typer.Argument(help="The model, like tickets; or a segment of one, like recruits/qb.")
    ] = None,
    version: Annotated[
        str | None, typer.Argument(help="One version.", show_default="all, those of segments too")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every version of every model, and the whole history of every alias.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Read every file of a version again and compare it with what was published; load its program and ask it.

    The program's feature signature must be that of the manifest and of the metadata, and its golden rows must be
    answered as they were. With --all, every entry of every alias must be readable with none missing, and what its
    newest one names, the way back too, must be there and whole. Exit code 1 when something is not.

    Where public keys are set, what none of them signed is never served: it is told, and wrong only where it was asked
    for by its number, or where the newest entry of an alias is it, serves it or lets it run beside. That somebody
    deleted the newest entries of an alias is seen only where FIRESTEEL_OLDEST_GENERATION is set.
    """
    if everything is (model is not None):
        raise typer.BadParameter("give either a model or --all")
    store = open_registry()
    if model is None:
        asked = bundle.models(store)
    elif version is None:
        asked = with_segments(store, model)
    else:
        asked = [model]
    listed = [(name, one) for name in asked for one in bundle.versions(store, name) if version in (None, one.version)]
    if model is not None and not listed:
        raise NotFoundError(f"there is no {model} {version}") if version else no_model(store, model)
    found = [_verified(store, *one, asked_for=version is not None) for one in _watched(listed)]
    if everything:
        broken = {(one["model"], one["version"]) for one in found if one["problems"]}
        aliases = [(name, one) for name in asked for one in alias.aliases(store, name)]
        found += [_alias(store, *one, broken) for one in _watched(aliases)]
    if as_json:
        print_json(found)
    else:
        for one in found:
            console.print(f"{one['model']} {one.get('alias') or one['version']}: {_SAID[one['state']]}{_signed(one)}")
            for sentence in one["problems"]:
                console.print(f"  {escape(sentence)}")
    if wrong := [one for one in found if one["problems"]]:
        what = (
            "versions and aliases are not what they should be" if everything else "versions are not what was published"
        )
        raise IntegrityError(f"{len(wrong)} of {len(found)} {what}")


def _watched[T](asked: Sequence[T]) -> Iterator[T]:
    """Them, with a bar for people who watch."""
    columns = (TextColumn("verifying"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as bar:
        yield from bar.track(asked)


def _signed(one: Told) -> str:
    """Who signed a version, or an alias's older entries."""
    if "says_signed_by" in one:
        return f", says it is signed by {one['says_signed_by']}, which is not checked: FIRESTEEL_PUBLIC_KEYS is not set"
    if "unsigned" in one:
        return f", but of its older entries and its way back {one['unsigned']} are not signed by a key of now"
    return f", signed by {one['signed_by']}" if "signed_by" in one else ""


def _verified(store: Store, model: str, one: bundle.Version, *, asked_for: bool) -> Told:
    state, found, signed = str(one.state), list[str](), dict[str, str]()
    if state in ("complete", "marked"):
        try:
            signed = _signer(store, model, one.version)
        except UnsignedError as error:
            state, found = "unsigned", [str(error)] if asked_for else []
        except (NotFoundError, IntegrityError):  # which is found again below
            signed = {}
    if state in ("complete", "marked"):
        problems = [told for told in bundle.verify(store, model, one.version) if not bundle.is_mark(told)]
        found = problems or _problems(store, model, one.version)
        state = "broken" if found else "whole" if one.complete else state
    told = {"model": model, "version": one.version, "state": state, "problems": found}
    return told | (signed if state in ("whole", "marked") else {})


def _signer(store: Store, model: str, version: str) -> dict[str, str]:
    """The id of the key that signed a version's manifest, under what is known of that; nothing where none did."""
    key = names.version_folder(model, version) + bundle.MANIFEST
    by, checked = signer_of(store, key, bundle.MANIFEST_LIMIT)
    return {"signed_by" if checked else "says_signed_by": by} if by else {}


def _problems(store: Store, model: str, version: str) -> list[str]:
    """What is wrong with a version whose files are what was published: with the program in them."""
    try:
        manifest = bundle.read_manifest(store, model, version)
        program = load(store, manifest)
        signature = document(store, manifest, METADATA).get("signature")
    except (NotFoundError, IntegrityError, ProgramError) as error:
        return [str(error)]
    if isinstance(program, Predictor) and signature not in (None, program.signature):
        return [f"the program's feature signature is not that of {METADATA}"]
    return []


def _alias(store: Store, model: str, name: str, broken: Container[tuple[str, str]]) -> Told:
    """Whether every entry of an alias can be read, and what the newest one names is there, the very bundle, and whole."""
    unsigned = 0
    try:
        history = alias.history(store, model, name, signed=True)
    except IntegrityError as damage:
        found = [str(damage)]
    else:
        newest = history[-1]
        unsigned = newest.generation - len(history)
        way = [one for one in newest.before or () if not _is_unsigned(store, model, one)]  # rollbacks refuse the others
        unsigned += len(newest.before or ()) - len(way)
        found = [
            sentence
            for one in (newest.served, newest.canary, newest.shadow, *way)
            if one
            for sentence in _named(store, model, one, broken)
        ]
    told = {"model": model, "alias": name, "state": "broken" if found else "whole", "problems": found}
    return told | ({"unsigned": unsigned} if unsigned and not found else {})


def _is_unsigned(store: Store, model: str, one: Served) -> bool:
    """Whether the one thing that is wrong with a version's manifest is that no key signed it which is trusted now."""
    try:
        bundle.read_manifest(store, model, one.version, one.digest)
    except UnsignedError:
        return True
    except (NotFoundError, IntegrityError):
        return False
    return False


def _named(store: Store, model: str, one: Served | Canary, broken: Container[tuple[str, str]]) -> list[str]:
    """What is wrong with a version that an alias names, which was verified before."""
    try:
        bundle.read_manifest(store, model, one.version, one.digest)
    except (NotFoundError, IntegrityError) as error:
        return [str(error)]
    return [f"it names {one.version}, which is broken"] if (model, one.version) in broken else []
