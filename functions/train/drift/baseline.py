"""reference.json of a version as what inferences are compared with: one series for each thing that has a distribution."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import NoneType
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from firesteel.errors import IntegrityError
from firesteel.monitor import inferences
from firesteel.program import schema
from functions.train import reference
from functions.train.drift import cells
from functions.train.drift.cells import Counts

OTHER, MISSING = "(other)", "(missing)"
_OLD = np.linspace(0, 1, 21)  # which quantiles a baseline of format 1 has

Of = Literal["input", "prediction", "confidence", "width", "review"]
Decode = Callable[[Sequence[Any]], Sequence[Any]]
"""From logged values of a field, or answers, to those that can be counted; what says nothing is left out."""


@dataclass(frozen=True, eq=False)
class Series(ABC):
    """What one field, or one kind of answer, was like in training: `counts` of cells, and what they are of.

    `source` is the input or target that it is seen in, `name` that and its measure: `title`, `title.words`.
    """

    of: Of
    source: str
    name: str
    counts: Counts
    decode: Decode

    @abstractmethod
    def tally(self, values: Sequence[Any]) -> Counts:
        """The counts of logged values, in the cells of `counts`."""

    def rows_in(self, counts: Counts) -> int:
        """How many rows these counts are of."""
        return int(counts.sum())

    @property
    def key(self) -> tuple[str, str]:
        """An input may be called as a target is."""
        return self.of, self.name


@dataclass(frozen=True, eq=False)
class Numbers(Series):
    """Cells are those of `drift.cells`: missing, below the first edge, at it, ..."""

    edges: npt.NDArray[np.float64]

    def tally(self, values: Sequence[Any]) -> Counts:
        return cells.count(self.edges, cells.numbers(self.decode(values)))


@dataclass(frozen=True, eq=False)
class Shares(Series):
    """Cells are those of `labels`, the last two of which are OTHER and MISSING."""

    labels: tuple[str, ...]

    def tally(self, values: Sequence[Any]) -> Counts:
        found = Counter(self.decode(values))
        missing, known = found.pop(None, 0), [found.pop(label, 0) for label in self.labels[:-2]]
        return np.array([*known, found.total(), missing], np.int64)


@dataclass(frozen=True, eq=False)
class Terms(Series):
    """Cells are the rows that have each of `labels`, and, last, all rows."""

    labels: tuple[str, ...]

    def tally(self, values: Sequence[Any]) -> Counts:
        place = {label: number for number, label in enumerate(self.labels)}
        texts = self.decode(values)
        found = [place[word] for text in texts for word in reference.words(text) & place.keys()]
        counts = np.bincount(np.array(found, np.int64), minlength=len(self.labels) + 1)
        counts[-1] = len(texts)
        return counts.astype(np.int64)

    def rows_in(self, counts: Counts) -> int:
        return int(counts[-1])


def read(model: str, value: Mapping[str, Any]) -> list[Series]:
    """The series of a reference.json of format 1 or 2, in its order. Raises IntegrityError for what is neither."""
    if value.get("format") not in (1, reference.FORMAT):
        raise IntegrityError(
            f"the reference.json of {model} has format {value.get('format')!r:.20}; this release reads 1 and 2"
        )
    try:
        rows = int(value["rows"])
        series = [one for name, described in value["inputs"].items() for one in _input(model, name, described, rows)]
        for name, described in value["targets"].items():
            series += _target(name, described, rows)
        if any("shares" in described for described in value["targets"].values()):
            reviewed = round(float(value["review_share"]) * rows)
            counts = np.array([reviewed, rows - reviewed, 0, 0])
            series.append(Shares("review", "review", "review", counts, _as_is, ("review", "automatic", OTHER, MISSING)))
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise IntegrityError(f"the reference.json of {model} is not what its format says: {error!r:.200}") from None
    return series


def _input(model: str, name: str, described: Mapping[str, Any], rows: int) -> Iterator[Series]:
    if "shares" in described:
        counts, labels = _shares(described, rows)
        yield Shares("input", name, name, counts, _categories(model, name, labels[:-2]), labels)
    elif "characters" in described:
        for measure in ("characters", "words", "known"):
            if measure in described:
                yield _numbers("input", name, f"{name}.{measure}", described[measure], rows, _measure(measure))
        if terms := described.get("terms"):
            counts = np.array([*(round(share * rows) for share in terms.values()), rows])
            yield Terms("input", name, f"{name}.terms", counts, _texts, tuple(terms))
    elif "hour" in described:
        yield _numbers("input", name, f"{name}.hour", described["hour"], rows, _hours)
    else:
        yield _numbers("input", name, name, described, rows, _as_is)


def _target(name: str, described: Mapping[str, Any], rows: int) -> Iterator[Series]:
    if "shares" in described:
        counts, labels = _shares(described, rows)
        yield Shares("prediction", name, name, counts, _as_is, labels)
        yield _numbers("confidence", name, f"{name}.confidence", described["confidence"], rows, _as_is)
        return
    yield _numbers("prediction", name, name, described, rows, _as_is)
    if "width" in described:
        yield _numbers("width", name, f"{name}.width", described["width"], rows, _as_is)


def _shares(described: Mapping[str, Any], rows: int) -> tuple[Counts, tuple[str, ...]]:
    shares = {**described["shares"], OTHER: described.get("other", 0), MISSING: described.get("missing", 0)}
    return np.array([round(share * rows) for share in shares.values()], np.int64), tuple(shares)


def _numbers(
    of: Of, source: str, name: str, described: Mapping[str, Any] | Sequence[float], rows: int, decode: Decode
) -> Numbers:
    if not isinstance(described, Mapping):
        described = {"quantiles": described}
    missing = round(described.get("missing", 0) * rows)
    if "quantiles" in described:
        edges, counts = _of_quantiles(np.array(described["quantiles"], np.float64), rows - missing)
    else:
        edges, counts = np.array(described["edges"], np.float64), np.array(described["counts"], np.int64)
    if (
        len(counts) != 2 * len(edges) + 1
        or not np.isfinite(edges).all()
        or (np.diff(edges) <= 0).any()
        or (counts < 0).any()
    ):
        raise ValueError(f"cells of {name}")
    return Numbers(of, source, name, np.concatenate([[missing], counts]), decode, edges)


def _of_quantiles(quantiles: npt.NDArray[np.float64], rows: int) -> tuple[npt.NDArray[np.float64], Counts]:
    """Edges and counts that have such quantiles: a value that several of them are holds what lies between these."""
    if not len(quantiles):
        return np.empty(0), np.zeros(1, np.int64)
    edges, first = np.unique(quantiles, return_index=True)
    last = np.append(first[1:], len(quantiles)) - 1
    below = np.column_stack([_OLD[first], _OLD[last]]).ravel()  # the shares of rows before each edge, and up to it
    return edges, np.diff(np.round(np.concatenate([[0], below, [1]]) * rows)).astype(np.int64)


def _as_is(values: Sequence[Any]) -> Sequence[Any]:
    return values


def _categories(model: str, field: str, labels: Collection[str]) -> Decode:
    """Digests are known again by those of the baseline's values."""
    label_of = {inferences.digest(model, field, label): label for label in labels}

    def decode(values: Sequence[Any]) -> Sequence[Any]:
        if set(map(type, values)) <= {str, NoneType}:
            return values
        return [_label(value, label_of) for value in values]

    return decode


def _label(value: Any, label_of: Mapping[str, str]) -> str | None:
    """The category that was logged, as itself or as its digest; a log may hold anything."""
    if isinstance(value, dict):
        return label_of.get(str(value.get("sha256")), OTHER)
    return value if value is None or isinstance(value, str) else OTHER


def _measure(name: str) -> Decode:
    absent = None if name == "known" else 0

    def decode(values: Sequence[Any]) -> Sequence[Any]:
        return [
            absent if value is None else value[name]
            for value in values
            if value is None or (isinstance(value, dict) and name in value)
        ]

    return decode


def _texts(values: Sequence[Any]) -> Sequence[Any]:
    """Only of texts that are logged plain; a missing one has no words."""
    return [
        "" if value is None else value["text"]
        for value in values
        if value is None or (isinstance(value, dict) and isinstance(value.get("text"), str))
    ]


def _hours(values: Sequence[Any]) -> Sequence[Any]:
    found: list[float | None] = []
    for value in values:
        try:
            found.append(None if value is None else float(reference.hours(np.array(schema.seconds(value)))))
        except (TypeError, ValueError, OverflowError):
            continue
    return found
