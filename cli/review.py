"""`firesteel review`: the answers that are most worth a person's look, as a table, JSON, or a CSV to fill in."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from cli import programs
from cli.ages import age
from cli.environment import open_registry, settings
from cli.feedback import write
from cli.output import AsJson, errors, print_json, print_table
from firesteel.errors import DataError
from firesteel.monitor import queue
from firesteel.monitor.queue import Item, Known
from firesteel.program.predictor import Predictor
from firesteel.program.schema import Identifier
from firesteel.registry import alias, bundle
from firesteel.registry.store import open_store

_LONG = 60  # characters of an input in the table


def add_to(app: typer.Typer) -> None:
    app.command(
        "review",
        epilog="Examples:\n\nfiresteel review tickets\n\nfiresteel review tickets --last 24h --limit 10\n\n"
        "firesteel review tickets --csv queue.csv",
    )(review)


def review(
    model: Annotated[str, typer.Argument(help="A model, or one segment of it: recruits/qb.")],
    limit: Annotated[int, typer.Option(min=1, max=queue.READ, help="So many, the first first.")] = 50,
    last: Annotated[str, typer.Option(help="Answers of how long back, like 24h or 7d.")] = "7d",
    csv_file: Annotated[
        Path | None, typer.Option("--csv", help="Write CSV with empty columns for the truth, - for standard output.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the answers whose truth would teach the most: the least sure first, no two alike, none that was corrected."""
    predictor, known = _served(model)
    now = datetime.now(UTC)
    items = queue.of_store(
        open_store(settings().monitor), model, now - age(last, "--last"), now, predictor, known, most=limit
    ).items
    if csv_file:
        write(csv_file, _lines(items, predictor))
    elif as_json:
        print_json([one.document() for one in items])
    else:
        columns = ("request", "answered", "doubt", "times", "for a person", "input")
        print_table(columns, [_shown(one) for one in items])
    if not items:
        errors.print(f"{escape(model)} answered nothing in the last {last} that nobody corrected, as far as is logged")
    elif unread := sum(not queue.plain(one.inference.inputs) for one in items):
        errors.print(
            f"[yellow]{unread} of {len(items)} cannot be read[/]: the log has none of their inputs. It keeps those of fields "
            "that say `log: plain` in the definition, from the next training on (docs/monitoring.md); only with them can "
            "corrections by request id be trained on"
        )


def _served(model: str) -> tuple[Predictor, Known]:
    """The program that the alias names, and how many rows it was trained on by target and label."""
    store = open_registry()
    entry = alias.current(store, model, settings().alias)
    manifest = bundle.read_manifest(store, model, entry.version, entry.digest)
    loaded = programs.load(store, manifest)
    if not isinstance(loaded, Predictor):
        raise DataError(f"{model} has segments, which have queues of their own: name one, as in {model}/<segment>")
    counts = programs.document(store, manifest, programs.METADATA).get("targets", {})
    return loaded, {name: own for name, own in counts.items() if isinstance(own, dict)}


def _shown(item: Item) -> tuple[str, ...]:
    one = item.inference
    subject = one.request_id if one.row is None else f"{one.request_id} row {one.row}"
    said = [f"{target}={label} {one.confidences.get(target, 0):.2f}" for target, label in one.labels.items()]
    said += [f"{target}={_estimate(ends)}" for target, ends in one.estimates.items()]
    inputs = ", ".join(_short(value) for value in queue.plain(one.inputs).values() if value is not None)
    doubt = f"{item.doubt:.2f} {item.target}"
    return tuple(map(escape, (subject, ", ".join(said), doubt, str(item.times), "yes" if one.review else "", inputs)))


def _estimate(ends: Mapping[str, float | None]) -> str:
    """`0.73 (0.61 to 0.85)`."""
    value, lower, upper = (ends.get(name) for name in ("value", "lower", "upper"))
    return f"{value:.4g}" if lower is None or upper is None else f"{value:.4g} ({lower:.4g} to {upper:.4g})"


def _short(value: object) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= _LONG else text[: _LONG - 1] + "…"


def _lines(items: Sequence[Item], predictor: Predictor) -> list[dict[str, Any]]:
    """What `firesteel feedback --data` takes, once the columns of the targets are filled in."""
    fields = [field.name for field in predictor.inputs.fields if not isinstance(field, Identifier)]
    lines = []
    for item in items:
        about = item.document()
        line = {name: about[name] for name in ("request_id", "row", "when", "doubt", "target", "times", "review")}
        line |= {name: about["inputs"].get(name) for name in fields}
        for target in predictor.targets:
            label, ends = about["labels"].get(target.name), about["estimates"].get(target.name, {})
            line[f"predicted_{target.name}"] = ends.get("value") if label is None else label
        line |= {target.name: None for target in predictor.targets}
        lines.append(line | {"who": None, "why": None})
    return lines
