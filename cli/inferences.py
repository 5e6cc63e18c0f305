"""`firesteel inferences`: what was answered, from the inference log, as a table, JSON, CSV or Parquet."""

import csv
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import batched
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer
from rich.markup import escape

from cli import spreadsheet
from cli.ages import age
from cli.environment import open_registry, settings
from cli.output import AsJson, errors, print_json, print_table
from firesteel.errors import FiresteelError, NotFoundError
from firesteel.monitor import inferences
from firesteel.monitor.inferences import Damage, Inference
from firesteel.registry import bundle
from firesteel.registry.store import Store, open_store

SHOWN = 50
AHEAD = timedelta(minutes=1)  # by which the clock that wrote a line may be ahead of ours
_ROWS = 10_000  # written to Parquet at a time
_LONG = 60  # characters of a text in the table

Flat = dict[str, Any]
"""One row of a file: a value a column."""


def add_to(app: typer.Typer) -> None:
    app.command(
        "inferences",
        epilog="Examples:\n\nfiresteel inferences tickets --last 24h\n\nfiresteel inferences tickets --review --limit 10\n\n"
        "firesteel inferences tickets --last 7d --csv answers.csv --parquet answers.parquet\n\n"
        "firesteel inferences recruits/qb --last 30m --json",
    )(inferences_of)


def inferences_of(
    model: Annotated[str, typer.Argument(help="A model, or one segment of it: recruits/qb.")],
    last: Annotated[str, typer.Option(help="How far back, like 30m, 24h or 7d.")] = "24h",
    review: Annotated[bool, typer.Option("--review", help="Only rows that are for a person.")] = False,
    limit: Annotated[
        int | None, typer.Option(min=1, help="The newest so many.", show_default=f"{SHOWN}; all in a file")
    ] = None,
    csv_file: Annotated[Path | None, typer.Option("--csv", help="Write CSV, - for standard output.")] = None,
    parquet: Annotated[Path | None, typer.Option("--parquet", help="Write Parquet.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show what a model answered, newest first, or write it to files. Reads the store of FIRESTEEL_MONITOR."""
    until = datetime.now(UTC) + AHEAD
    since = until - AHEAD - age(last, "--last")
    store, damage = open_store(settings().monitor), Damage()
    only: Callable[[Inference], bool] = (lambda one: one.review) if review else (lambda _: True)
    if csv_file or parquet:
        rows = _Rows(store, model, since, until, limit=limit, only=only, damage=damage)
        if not rows.columns:
            _must_be_known(model)
        if csv_file:
            write_csv(csv_file, rows)
        if parquet:
            write_parquet(parquet, rows)
    else:
        found = inferences.recent(store, model, since, until, limit=limit or SHOWN, only=only, damage=damage)
        if not found.inferences:
            _must_be_known(model)
        if as_json:
            print_json([one.document() for one in found.inferences])
        else:
            _show(found.inferences)
        if not found.complete:
            errors.print(f"not all of the last {last} was read: give a shorter time, or --csv, which reads everything")
    if damage.files or damage.lines:
        errors.print(f"passed over: {damage.files} objects that end damaged, {damage.lines} lines that are no answers")


def _must_be_known(model: str) -> None:
    """What the log has is shown, whatever its model; of one without any the registry has to know. Raises NotFoundError."""
    known = bundle.models(open_registry())
    if not any(one == model or one.startswith(f"{model}/") for one in known):
        said = f"there are: {', '.join(known)}" if known else "it is empty"
        raise NotFoundError(
            f"{model} is no model of the registry {settings().store}, and was not asked of late; {said}"
        )


class _Rows:
    """The rows of a file, read anew by each iteration: once for the columns, once for the values."""

    def __init__(
        self,
        store: Store,
        model: str,
        since: datetime,
        until: datetime,
        *,
        limit: int | None,
        only: Callable[[Inference], bool],
        damage: Damage,
    ) -> None:
        self._newest = None
        if limit is not None:
            self._newest = inferences.recent(
                store, model, since, until, limit=limit, only=only, damage=damage
            ).inferences
        self._only, self._asked = only, (store, model, since, until)
        self.columns: dict[str, set[type]] = {}
        for row in map(flat, self._inferences(damage)):
            for name, value in row.items():
                kinds = self.columns.setdefault(name, set())
                if value is not None:
                    kinds.add(type(value))

    def __iter__(self) -> Iterator[Flat]:
        return map(flat, self._inferences(Damage()))

    def _inferences(self, damage: Damage) -> Iterable[Inference]:
        if self._newest is not None:
            return self._newest
        return filter(self._only, inferences.read(*self._asked, damage))


def flat(one: Inference) -> Flat:
    """An inference as one row: `predicted_priority`, `priority_confidence`, `score_lower`, `input.title.words`, ..."""
    row: Flat = {name: getattr(one, name) for name in ("request_id", "row", "when", "model", "version", "digest")}
    row |= {"side": one.side, "status": one.status, "review": one.review}
    for target, label in one.labels.items():
        row |= {f"predicted_{target}": label, f"{target}_confidence": one.confidences.get(target)}
    for target, ends in one.estimates.items():
        row |= {
            f"predicted_{target}": ends["value"],
            f"{target}_lower": ends["lower"],
            f"{target}_upper": ends["upper"],
        }
    for field, value in one.inputs.items():
        if isinstance(value, dict):
            row |= {f"input.{field}.{part}": measured for part, measured in value.items()}
        elif value is not None:
            row[f"input.{field}"] = value
    return row


def write_csv(path: Path, rows: _Rows) -> None:
    """CSV in UTF-8 with a header line. A text that a spreadsheet would take for a formula gets an apostrophe before it."""
    if str(path) == "-":
        _write_csv(sys.stdout, rows)
        return
    with _part_of(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        _write_csv(file, rows)


def _write_csv(file: TextIO, rows: _Rows) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([_cell(name) for name in rows.columns])
    for row in rows:
        writer.writerow([_cell(row.get(name)) for name in rows.columns])


def _cell(value: Any) -> Any:
    match value:
        case datetime():
            return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        case bool():
            return str(value).lower()
        case _:
            return spreadsheet.cell(value)


def write_parquet(path: Path, rows: _Rows) -> None:
    """Parquet, a column a value; times in UTC. Raises FiresteelError without pyarrow."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise FiresteelError("--parquet needs pyarrow: pip install 'firesteel[parquet]'") from None
    types = {
        frozenset({bool}): pyarrow.bool_(),
        frozenset({int}): pyarrow.int64(),
        frozenset({float}): pyarrow.float64(),
        frozenset({int, float}): pyarrow.float64(),
        frozenset({datetime}): pyarrow.timestamp("us", "UTC"),
    }
    schema = pyarrow.schema(
        [(name, types.get(frozenset(kinds), pyarrow.string())) for name, kinds in rows.columns.items()]
    )
    texts = {name for name, kinds in rows.columns.items() if frozenset(kinds) not in types}
    with _part_of(path) as part, parquet.ParquetWriter(part, schema) as writer:
        for some in batched(rows, _ROWS, strict=False):
            columns = {
                name: [_text(row.get(name)) if name in texts else row.get(name) for row in some]
                for name in rows.columns
            }
            writer.write_table(pyarrow.table(columns, schema=schema))


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)


@contextmanager
def _part_of(path: Path) -> Iterator[Path]:
    """What becomes the file when all of it is written."""
    part = path.with_name(f".{path.name}.part")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _show(found: Iterable[Inference]) -> None:
    rows = [
        (
            one.when.astimezone().strftime("%Y-%m-%d %H:%M:%S"),
            escape(one.request_id if one.row is None else f"{one.request_id}@{one.row}"),
            " ".join(filter(None, [one.model.partition("/")[2], one.version, one.side])),
            escape(", ".join(_answers(one))),
            "review" if one.review else "",
            escape("; ".join(f"{name}: {_short(value)}" for name, value in one.inputs.items())),
        )
        for one in found
    ]
    if rows:
        print_table(("when", "request", "version", "answer", "for a person", "inputs"), rows)
    else:
        errors.print("no inferences: nothing was answered in that time, or the log is not where FIRESTEEL_MONITOR says")


def _answers(one: Inference) -> Iterator[str]:
    for target, label in one.labels.items():
        share = one.confidences.get(target)
        yield f"{target} {label}" + ("" if share is None else f" {share:.2f}")
    for target, ends in one.estimates.items():
        value, lower, upper = (ends[end] for end in ("value", "lower", "upper"))
        yield f"{target} {value:.6g}" + ("" if lower is None or upper is None else f" ({lower:.6g} to {upper:.6g})")


def _short(value: Any) -> str:
    """A value in the table: a text's beginning; a digest as #."""
    shown = value.get("text", f"#{value.get('sha256')}") if isinstance(value, dict) else value
    words = str("missing" if shown is None else shown).split()
    text = " ".join("".join(filter(str.isprintable, word)) for word in words)
    return text if len(text) <= _LONG else f"{text[: _LONG - 1]}…"
