"""`firesteel versions` and `show`: what is in the registry."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.markup import escape

from cli.environment import open_registry
from cli.output import AsJson, console, errors, print_json, print_table
from cli.programs import METADATA, METRICS, document, failed_gates
from cli.registry import Model, beside, mending, percent
from firesteel.errors import IntegrityError, NotFoundError, UnsignedError
from firesteel.registry import alias, bundle, names
from firesteel.registry.alias import Entry
from firesteel.registry.bundle import Manifest
from firesteel.registry.store import Store

_TELLING = ("macro_f1", "poisson_deviance", "r2")
"""What is said of a target: the first of these metrics that it has."""
_GONE = {"unfinished": "was never published to its end", "collected": "was deleted by `firesteel gc`"}


def add_to(app: typer.Typer) -> None:
    app.command(epilog="Example:\n\nfiresteel versions tickets")(versions)
    app.command(epilog="Examples:\n\nfiresteel show tickets\n\nfiresteel show tickets 1.2.0 --json")(show)


def versions(model: Model, as_json: AsJson = False) -> None:
    """List a model's versions, and those of its segments, with their metrics, and which aliases name them."""
    store = open_registry()
    rows = [row for name in with_segments(store, model) for row in _rows(store, name)]
    if not rows:
        raise no_model(store, model)
    if as_json:
        print_json(rows)
        return
    print_table(
        ("model", "version", "state", "created", "aliases", "metrics"),
        [
            (
                row["model"],
                row["version"],
                f"{row['state']}, gates failed" if row["failed_gates"] else row["state"],
                row["created"] or "",
                ", ".join([*row["aliases"], *row["beside"]]),
                "  ".join(f"{name} {value:.4f}" for name, value in row["metrics"].items()),
            )
            for row in rows
        ],
    )
    for row in rows:
        if row["state"] == "damaged":
            errors.print(f"[yellow]{row['model']} {row['version']} is damaged[/]: {escape(row['problem'])}")


def show(
    model: Model,
    version: Annotated[str | None, typer.Argument(help="The version.", show_default="that of latest")] = None,
    history_of: Annotated[str, typer.Option("--alias", help="Whose history to show.")] = "latest",
    as_json: AsJson = False,
) -> None:
    """Show a version's files, metadata, metrics and segments, and an alias's history."""
    store = open_registry()
    number = version or alias.current(store, model, history_of).version
    state = next((one.state for one in bundle.versions(store, model) if one.version == number), None)
    if state in _GONE:
        raise NotFoundError(f"{model} {number} {_GONE[state]}: its number is not used again")
    manifest = bundle.read_manifest(store, model, number)
    entries = alias.recent(store, model, history_of, names.LAST_GENERATION)[::-1]
    _warn_of_unread(store, model, history_of, entries)
    metadata, metrics = document(store, manifest, METADATA), _metrics(store, manifest)
    segments = {name: _served(store, name, history_of) for name in with_segments(store, model)[1:]}
    if as_json:
        documents = [entry.document() for entry in entries]
        told = {"state": state, "manifest": manifest, "metadata": metadata, "metrics": metrics}
        print_json(told | ({"segments": segments} if segments else {}) | {"history": documents})
        return
    console.print(f"[bold]{model} {manifest.version}[/], created {manifest.created}, digest {manifest.digest}")
    if state == "marked":
        console.print("[yellow]marked[/] by `firesteel gc`: it is promoted no more, and a later run deletes it")
    if manifest.signature:
        console.print(f"feature signature {manifest.signature}")
    if metadata:
        _print_metadata(metadata)
    for failed in failed_gates(store, manifest):
        console.print(f"gate [red]failed[/]: {escape(failed)}")
    if metrics:
        print_table(("metric", "value"), [(escape(name), f"{value:.4f}") for name, value in metrics.items()])
    if segments:
        print_table(("segment", history_of), [(name, number or "none") for name, number in segments.items()])
    print_table(("file", "bytes", "SHA-256"), [(n, f"{f.size:,}", f.sha256[:16]) for n, f in manifest.files.items()])
    console.print(f"\nhistory of {history_of}")
    _print_history(entries)


def with_segments(store: Store, model: str) -> list[str]:
    """The name of a model, then those of its segments, `recruits/qb`. Raises NotFoundError for what is no name."""
    inside = [] if "/" in model else store.folders(names.folder(model))
    return [model, *(f"{model}/{folder}" for folder in inside if names.is_segment(folder))]


def no_model(store: Store, model: str) -> NotFoundError:
    """What to raise when there is no version of a model."""
    return NotFoundError(f"there is no model {model!r}; there are: {', '.join(bundle.models(store)) or 'none yet'}")


def _rows(store: Store, model: str) -> list[dict[str, Any]]:
    found = bundle.versions(store, model)
    named, running = _named(store, model) if found else ({}, {})
    return [
        {"model": model, **_row(store, model, one, named.get(one.version, []), running.get(one.version, []))}
        for one in found
    ]


def _named(store: Store, model: str) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Which aliases name each version, and beside what it runs: `canary of latest 5%`, `shadow of latest`."""
    named: dict[str, list[str]] = {}
    running: dict[str, list[str]] = {}
    for name in alias.aliases(store, model):
        try:
            entry = alias.current(store, model, name)
        except IntegrityError as error:
            errors.print(f"[yellow]{escape(str(error))}[/]; {mending(store, model, name)}")
            continue
        named.setdefault(entry.version, []).append(name)
        if entry.canary:
            running.setdefault(entry.canary.version, []).append(f"canary of {name} {percent(entry.canary.weight)}")
        if entry.shadow:
            running.setdefault(entry.shadow.version, []).append(f"shadow of {name}")
    return named, running


def _served(store: Store, model: str, alias_name: str) -> str | None:
    """The version that an alias of a segment names, if there is one and it can be read."""
    try:
        return alias.current(store, model, alias_name).version
    except (NotFoundError, IntegrityError):
        return None


def _row(store: Store, model: str, one: bundle.Version, aliases: list[str], running: list[str]) -> dict[str, Any]:
    """What is known of a version. A damaged one is listed as such: this list is what a rollback is chosen from.

    One that garbage collection marked says so: it can be promoted no more.
    """
    row: dict[str, Any] = {
        "version": one.version,
        "state": one.state,
        "problem": None,
        "created": None,
        "aliases": aliases,
        "beside": running,
        "failed_gates": [],
        "metrics": {},
    }
    if one.state in ("complete", "marked"):
        try:
            manifest = bundle.read_manifest(store, model, one.version)
            row |= {"created": manifest.created, "metrics": _metrics(store, manifest)}
            row["failed_gates"] = failed_gates(store, manifest)
        except UnsignedError as error:
            row |= {"state": "unsigned", "problem": str(error)}
        except (NotFoundError, IntegrityError) as error:
            if one.complete:  # what is collected loses its files one by one
                row |= {"state": "damaged", "problem": str(error)}
    return row


def _warn_of_unread(store: Store, model: str, name: str, entries: list[Entry]) -> None:
    """Say which entries of an alias are not among those that could be read."""
    known = {entry.generation for entry in entries}
    missing = [str(one) for one in range(1, max(known, default=0)) if one not in known]
    if missing:
        errors.print(
            f"[yellow]of {name} of {model} cannot be read: generation {', '.join(missing)}[/]; "
            "`firesteel verify --all` says more"
        )
    try:
        alias.current(store, model, name)
    except NotFoundError:
        return
    except IntegrityError as error:
        errors.print(f"[yellow]the newest entry of {name} is not shown: {escape(str(error))}[/]")


def _metrics(store: Store, manifest: Manifest) -> dict[str, float]:
    """The telling metric of each target that was evaluated."""
    found = {}
    for name, values in document(store, manifest, METRICS).get("targets", {}).items():
        metric = next((one for one in _TELLING if values.get(one) is not None), None)
        if metric:
            found[f"{name}.{metric}"] = values[metric]
    return found


def _print_metadata(metadata: Mapping[str, Any]) -> None:
    data = metadata["data"]
    console.print(
        f"{data['rows_used']} rows of {data['source']} (SHA-256 {data['sha256'][:12]}), commit {metadata['git_commit']}"
    )
    if metadata["changelog"]:
        console.print(escape(metadata["changelog"]))


def _print_history(entries: list[Entry]) -> None:
    print_table(
        ("generation", "kind", "version", "beside", "when", "who", "why"),
        [(e.generation, e.kind, e.version, ", ".join(beside(e)), e.when, e.who, escape(e.why)) for e in entries],
    )
