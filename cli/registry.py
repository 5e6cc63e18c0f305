"""`firesteel versions`, `show`, `promote`, `rollback`, `switch` and `verify`: what is in the registry, and what is served."""

import json
from typing import Annotated, Any

import typer
from rich.markup import escape

from cli.environment import open_registry, user
from cli.output import AsJson, console, errors, print_json, print_table
from firesteel.errors import IntegrityError, NotFoundError
from firesteel.registry import alias, bundle
from firesteel.registry.alias import Entry
from firesteel.registry.bundle import Manifest
from firesteel.registry.store import Store

Model = Annotated[str, typer.Argument(help="The model, like tickets.")]
Version = Annotated[str, typer.Argument(help="The version, like 1.2.0.")]
Alias = Annotated[str, typer.Option("--alias", help="The alias that moves.")]
Why = Annotated[str, typer.Option(help="The reason, kept in the alias's history.")]


def add_to(app: typer.Typer) -> None:
    app.command(epilog="Example:\n\nfiresteel versions tickets")(versions)
    app.command(epilog="Examples:\n\nfiresteel show tickets\n\nfiresteel show tickets 1.2.0 --json")(show)
    app.command(epilog='Example:\n\nfiresteel promote tickets 1.2.0 --why "looked at the errors"')(promote)
    app.command(epilog="Examples:\n\nfiresteel rollback tickets\n\nfiresteel rollback tickets --to 1.0.0")(rollback)
    app.command(epilog="Example:\n\nfiresteel switch tickets 1.0.0 --alias champion")(switch)
    app.command(epilog="Examples:\n\nfiresteel verify tickets\n\nfiresteel verify tickets 1.2.0")(verify)


def versions(model: Model, as_json: AsJson = False) -> None:
    """List a model's versions with their metrics, and which aliases name them."""
    store = open_registry()
    found = bundle.versions(store, model)
    if not found:
        raise NotFoundError(f"there is no model {model!r}; there are: {', '.join(bundle.models(store)) or 'none yet'}")
    named = _named(store, model)
    rows = [_version_row(store, model, one, named.get(one.version, [])) for one in found]
    if as_json:
        print_json(rows)
        return
    print_table(
        ("version", "state", "created", "aliases", "metrics"),
        [
            (
                row["version"],
                row["state"],
                row["created"] or "",
                ", ".join(row["aliases"]),
                "  ".join(f"{name} {value:.4f}" for name, value in row["metrics"].items()),
            )
            for row in rows
        ],
    )


def show(
    model: Model,
    version: Annotated[str | None, typer.Argument(help="The version [default: that of latest].")] = None,
    history_of: Annotated[str, typer.Option("--alias", help="Whose history to show.")] = "latest",
    as_json: AsJson = False,
) -> None:
    """Show a version's files and metadata, and an alias's history."""
    store = open_registry()
    entries = alias.history(store, model, history_of)
    if version is None and not entries:
        raise NotFoundError(f"{model} has no alias {history_of}; name a version of `firesteel versions {model}`")
    manifest = bundle.read_manifest(store, model, version or entries[-1].version)
    metadata = json.loads(bundle.read_file(store, manifest, "model_metadata.json"))
    if as_json:
        print_json({"manifest": manifest, "metadata": metadata, "history": entries})
        return
    console.print(f"[bold]{model} {manifest.version}[/], created {manifest.created}, digest {manifest.digest}")
    data = metadata["data"]
    console.print(
        f"{data['rows_used']} rows of {data['source']} (SHA-256 {data['sha256'][:12]}), commit {metadata['git_commit']}"
    )
    if metadata["changelog"]:
        console.print(escape(metadata["changelog"]))
    print_table(("file", "bytes", "SHA-256"), [(n, f"{f.size:,}", f.sha256[:16]) for n, f in manifest.files.items()])
    console.print(f"\nhistory of {history_of}")
    _print_history(entries)


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


def verify(
    model: Model,
    version: Annotated[str | None, typer.Argument(help="One version [default: all].")] = None,
    as_json: AsJson = False,
) -> None:
    """Read every file of a version again and compare it with what was published."""
    store = open_registry()
    found = [one for one in bundle.versions(store, model) if version in (None, one.version)]
    if not found:
        raise NotFoundError(f"there is no {model} {version}" if version else f"there is no model {model!r}")
    unfinished = [one.version for one in found if not one.complete]
    problems = {one.version: bundle.verify(store, model, one.version) for one in found if one.complete}
    if as_json:
        print_json({"problems": problems, "unfinished": unfinished})
    else:
        for number, sentences in problems.items():
            console.print(f"{model} {number}: {'[red]BROKEN[/]' if sentences else '[green]whole[/]'}")
            for sentence in sentences:
                console.print(f"  {escape(sentence)}")
        for number in unfinished:
            console.print(f"{model} {number}: [yellow]unfinished[/], never served, its number is not used again")
    if any(problems.values()):
        raise IntegrityError(
            f"{sum(map(bool, problems.values()))} of {len(problems)} versions are not what was published"
        )


def _named(store: Store, model: str) -> dict[str, list[str]]:
    """Which aliases name each version."""
    named: dict[str, list[str]] = {}
    for name in alias.aliases(store, model):
        try:
            named.setdefault(alias.current(store, model, name).version, []).append(name)
        except IntegrityError as error:
            errors.print(
                f"[yellow]{escape(str(error))}[/]; `firesteel promote {model} VERSION --alias {name}` mends it"
            )
    return named


def _version_row(store: Store, model: str, one: bundle.Version, aliases: list[str]) -> dict[str, Any]:
    """What is known of a version. A damaged one is listed as such: this list is what a rollback is chosen from."""
    row: dict[str, Any] = {
        "version": one.version,
        "state": "unfinished",
        "created": None,
        "aliases": aliases,
        "metrics": {},
    }
    if one.complete:
        try:
            manifest = bundle.read_manifest(store, model, one.version)
            row |= {"state": "complete", "created": manifest.created, "metrics": _metrics(store, manifest)}
        except IntegrityError:
            row["state"] = "damaged"
    return row


def _metrics(store: Store, manifest: Manifest) -> dict[str, float]:
    if "metrics.json" not in manifest.files:
        return {}
    targets = json.loads(bundle.read_file(store, manifest, "metrics.json"))["targets"]
    return {f"{name}.macro_f1": values["macro_f1"] for name, values in targets.items()}


def _moved(entry: Entry, model: str, as_json: bool) -> None:
    if as_json:
        print_json(entry)
    else:
        before = f", was {entry.previous}" if entry.previous else ""
        console.print(
            f"{entry.alias} of {model} is now [bold]{entry.version}[/]{before} (generation {entry.generation})"
        )


def _print_history(entries: list[Entry]) -> None:
    print_table(
        ("generation", "kind", "version", "when", "who", "why"),
        [(e.generation, e.kind, e.version, e.when, e.who, escape(e.why)) for e in entries],
    )
