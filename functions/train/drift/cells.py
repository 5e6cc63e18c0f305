"""Numbers as counts of cells: exact where it matters, of fixed size, and the sum of two samples is that of their counts.

The edges are some of the values of a first sample. Each edge is a cell of its own, and so is what lies between two, so a
value that many rows have (a zero, a clamp, a whole number) is no trouble: the distribution function is known exactly at each
edge and right before it. A missing value is a cell below all numbers.
"""

from collections.abc import Sequence
from types import NoneType

import numpy as np
import numpy.typing as npt

MOST = 200  # cells' share of a sample is at most 1 / MOST each, but for values that more rows have
RARE = 5  # a value between which and the next fewer rows stand could be one person's

_LARGEST = float(np.finfo(np.float64).max)

Counts = npt.NDArray[np.int64]


def edges_of(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The values at the quantiles 1/k, ..., (k-1)/k, each once, ascending; k is MOST, or fewer for few values.

    They are values of the sample, not between two (`inverted_cdf`: Hyndman & Fan 1996, type 1).
    """
    parts = min(MOST, len(values) // RARE)
    if parts < 2:
        return np.empty(0)
    return np.unique(np.quantile(values, np.arange(1, parts) / parts, method="inverted_cdf"))


def count(edges: npt.NDArray[np.float64], values: npt.NDArray[np.float64]) -> Counts:
    """The counts [2 edges + 2] of values: missing (NaN), below the first edge, at it, between it and the next, ..., above."""
    missing = np.isnan(values)
    numbers = values[~missing]
    left = np.searchsorted(edges, numbers)
    places = 2 * left + (edges.take(left, mode="clip") == numbers if len(edges) else 0)
    return np.concatenate([[missing.sum()], np.bincount(places, minlength=2 * len(edges) + 1)]).astype(np.int64)


def numbers(values: Sequence[object]) -> npt.NDArray[np.float64]:
    """Numbers [n], NaN for None; what is neither, or is not finite, is left out: a log may hold anything."""
    if not set(map(type, values)) <= {float, int, NoneType}:
        values = [value for value in values if type(value) in (float, int, NoneType)]
    try:
        found = np.array(values, np.float64)
    except OverflowError:
        found = np.array([value for value in values if type(value) is not int or abs(value) < _LARGEST], np.float64)
    return found[~np.isinf(found)]


def bins(counts: Counts, parts: int) -> list[slice]:
    """Runs of neighbouring cells, missing ones apart, that have at least 1/parts of these counts: for bars and for PSI."""
    before = [0, *counts.cumsum().tolist()]  # how many are in the cells before each
    found, begin, least = [], 1, (before[-1] - before[1]) / parts
    for end in range(2, len(counts) + 1):
        if before[end] - before[begin] >= least * (1 - 1e-9) and least:
            found.append(slice(begin, end))
            begin = end
    if begin < len(counts):  # too few for a bin: they go to the last one
        found = [*found[:-1], slice(found[-1].start if found else begin, len(counts))]
    return [slice(0, 1), *found]
