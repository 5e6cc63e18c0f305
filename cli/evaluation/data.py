"""Labelled rows: what is sent, and what should come back."""

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from firesteel.definition import ClassificationTarget, Definition, IdentifierInput
from firesteel.errors import DataError
from firesteel.program.schema import Schema
from functions.train import dataset, parity
from functions.train.dataset import Dataset
from functions.train.quarantine import BadRow


class Item(NamedTuple):
    """One row: the line it stands on, what is sent, the true label or number by target, and for how much it counts."""

    line: int
    inputs: dict[str, Any]
    truth: dict[str, str | float]
    exposure: float


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """The usable rows of a file, at least one, in its order; `strays` are those of no segment."""

    source: str
    sha256: str
    items: list[Item]
    bad_rows: list[BadRow]
    strays: int


def read(data: Path, definition: Definition, segment: str | None = None) -> Labelled:
    """The usable rows of a CSV file; with segments, of one or of all, each checked as its segment is.

    Raises DataError when the file cannot be used or has no such row.
    """
    strays = 0
    if definition.segments:
        present = dataset.segments_present(data, definition)
        strays = sum(count for name, count in present.items() if name not in definition.segments)
        chosen = [definition.of_segment(name) for name in ([segment] if segment else definition.segments)]
    else:
        chosen = [definition]
    parts = [(described, dataset.read(data, described, training=False)) for described in chosen]
    items = list(heapq.merge(*(_items(rows, described) for described, rows in parts), key=lambda one: one.line))
    if not items:
        raise DataError(f"{data}: not one of its {sum(rows.rows_read for _, rows in parts)} rows can be used")
    first = parts[0][1]
    bad = sorted((one for _, rows in parts for one in rows.bad_rows), key=lambda one: one.line)
    return Labelled(first.source, first.sha256, items, bad, strays)


def _items(rows: Dataset, definition: Definition) -> Iterator[Item]:
    """The rows as requests. What identifies a row and must be there is its line."""
    inputs = Schema(tuple(one.field(name) for name, one in definition.inputs.items()))
    required = [name for name, one in definition.inputs.items() if isinstance(one, IdentifierInput) and one.required]
    truth = {name: _truth(rows, name, definition) for name in definition.targets}
    told = parity.rows_of(rows.columns, inputs)
    for index, (line, row) in enumerate(zip(rows.lines.tolist(), told, strict=True)):
        identifiers = dict.fromkeys(required, f"line-{line}")
        true = {name: values[index] for name, values in truth.items()}
        yield Item(line, row | identifiers, true, float(rows.exposure[index]))


def _truth(rows: Dataset, name: str, definition: Definition) -> list[Any]:
    """The true labels or numbers of a target."""
    target, values = definition.targets[name], rows.targets[name].tolist()
    return [target.label_names[code] for code in values] if isinstance(target, ClassificationTarget) else values


def as_json(truth: Mapping[str, str | float]) -> dict[str, Any]:
    """Counts are whole, and shown so."""
    return {name: int(one) if isinstance(one, float) and one.is_integer() else one for name, one in truth.items()}
