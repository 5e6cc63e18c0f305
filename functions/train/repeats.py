"""What repeats among rows: which agree in every column, which of those disagree in their labels, and their sums."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from functions.train.columns import Values

Indices = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Conflict:
    """Rows with the same value in every input and different labels, in the order of the file.

    `labels` has the targets that disagree, each with its label on every line of `lines`.
    """

    lines: tuple[int, ...]
    labels: dict[str, tuple[str, ...]]


def first_of(columns: Sequence[Values], rows: int) -> Indices:
    """For each of the `rows`, the first row that agrees with it in every column: itself, where it repeats none.

    Missing values agree with each other. Rows that are alone after a column are not looked at again.
    """
    first = np.arange(rows)
    still, codes = np.arange(rows), np.zeros(rows, np.intp)
    for column in columns:
        values = _codes(column, still)
        codes = np.unique(codes * (values.max(initial=0) + 1) + values, return_inverse=True)[1]
        shared = np.bincount(codes, minlength=1)[codes] > 1
        still, codes = still[shared], codes[shared]
    if columns:
        _, begins, place = np.unique(codes, return_index=True, return_inverse=True)
        first[still] = still[begins[place]]
    return first


def shared(columns: Sequence[tuple[Values, Values]], common: float) -> int:
    """How many rows of a second set agree in every column with at least one of the first, and with fewer than `common`.

    A column is a pair, of both sets.
    """
    before, rows = len(columns[0][0]), len(columns[0][0]) + len(columns[0][1])
    first = first_of([joined(pair) for pair in columns], rows)
    agreeing = np.bincount(first[:before], minlength=rows)[first[before:]]
    return int(((agreeing > 0) & (agreeing < common)).sum())


def joined(parts: Sequence[Values]) -> Values:
    """Columns of one kind, one after the other."""
    if isinstance(parts[0], np.ndarray):
        return np.concatenate([np.asarray(part) for part in parts])
    return [value for part in parts for value in part]


def _codes(column: Values, rows: Indices) -> Indices:
    """Equal numbers from 0 on for equal values."""
    if isinstance(column, np.ndarray):
        return np.unique(column[rows], return_inverse=True)[1]
    seen: dict[str | None, int] = {}
    return np.fromiter((seen.setdefault(column[row], len(seen)) for row in rows.tolist()), np.intp, len(rows))


def conflicts(
    first: Indices,
    targets: Mapping[str, npt.NDArray[np.int32]],
    names: Mapping[str, Sequence[str]],
    lines: npt.NDArray[np.int64],
) -> tuple[Conflict, ...]:
    """Rows of one `first` whose label indices in `targets` differ; `names` are the targets' labels."""
    differing = {name: np.unique(first[codes != codes[first]]) for name, codes in targets.items()}
    found = []
    for begin, rows in _groups(first, np.unique(np.concatenate([*differing.values(), np.empty(0, np.intp)]))):
        labels = {
            name: tuple(names[name][code] for code in targets[name][rows])
            for name in targets
            if begin in differing[name]
        }
        found.append(Conflict(tuple(lines[rows].tolist()), labels))
    return tuple(found)


def _groups(first: Indices, begins: Indices) -> list[tuple[int, Indices]]:
    """The rows of each of `begins`, both ascending."""
    rows = np.flatnonzero(np.isin(first, begins))
    rows = rows[np.argsort(first[rows], kind="stable")]
    parts = np.split(rows, np.searchsorted(first[rows], begins[1:]))
    return list(zip(begins.tolist(), parts, strict=True)) if len(begins) else []


def sums(first: Indices, counts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The sum of the `counts` of all rows of one `first`, at that row; 0 at the others."""
    return np.bincount(first, counts, minlength=len(first))
