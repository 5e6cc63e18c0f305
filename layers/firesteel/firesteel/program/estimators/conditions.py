"""What trees ask of a row: is a feature at most a threshold, or in a set of categories? Each question is asked once."""

from collections.abc import Mapping
from functools import cached_property
from itertools import pairwise

import numpy as np

from firesteel.errors import ProgramError

ZERO = float(np.float32(1e-35))  # LightGBM's: what is no further from 0 than this is a zero
_MEMBERS = 1 << 24  # bytes: as booleans they take eight times as much


class Conditions:
    """Conditions over the features of a row, numbered: first those of order, then those of sets.

    `features` [m], `thresholds` [m], `missing` [m]: value <= threshold; `missing` says whether a missing value passes.
    `set.features` [s], `set.missing` [s], `set.begins` [s + 1], `set.members`: the value is a code whose bit is set, from bit
    `set.begins[i]` on; a missing value, or a code beyond the set's bits, passes if `set.missing` says so.
    `zeros`: the features of which a zero counts as missing.
    """

    def __init__(self, tensors: Mapping[str, np.ndarray], size: int) -> None:
        self.thresholds = np.asarray(tensors["thresholds"], np.float64)
        features = whole(tensors["features"], 0, size, "a condition's feature")
        missing = _flags(tensors["missing"])
        if not features.shape == self.thresholds.shape == missing.shape or features.ndim != 1:
            raise ProgramError("the conditions' features, thresholds and flags are not as many")
        if not np.isfinite(self.thresholds).all():
            raise ProgramError("a threshold is not finite")
        none = np.empty(0, np.int32)
        sets = whole(tensors.get("set.features", none), 0, size, "a set's feature")
        self._zeros = whole(tensors.get("zeros", none), 0, size, "a feature whose zero is missing")
        self.features = np.concatenate([features, sets])
        self.count = len(self.features)
        self._size = size
        self._columns = features + size * missing  # missing values are NaN in the first columns, -inf in the second
        self._sets = sets
        if len(sets):
            self._load_sets(tensors)

    def _load_sets(self, tensors: Mapping[str, np.ndarray]) -> None:
        if tensors["set.members"].nbytes > _MEMBERS:
            raise ProgramError(f"the sets have more than {_MEMBERS} bytes")
        bits = np.unpackbits(tensors["set.members"], bitorder="little").view(bool)
        begins = whole(tensors["set.begins"], 0, len(bits) + 1, "a set's first bit")
        self._otherwise = _flags(tensors["set.missing"])
        if begins.ndim != 1 or not self._sets.shape == self._otherwise.shape == begins[1:].shape:
            raise ProgramError("the sets' features, begins and flags are not as many")
        if (np.diff(begins) < 0).any():
            raise ProgramError("a set's bits do not follow those of the set before")
        self._begins, self._widths, self._bits = begins[:-1, None], np.diff(begins)[:, None], np.append(bits, False)

    @cached_property
    def _runs(self) -> list[tuple[int, int, int]]:
        """Column, begin and end of the conditions that follow each other on one column."""
        bounds = [*np.flatnonzero(np.diff(self._columns, prepend=-1)).tolist(), len(self._columns)]
        return [(int(self._columns[begin]), begin, end) for begin, end in pairwise(bounds)]

    def passed(self, X: np.ndarray) -> np.ndarray:
        """Which conditions [conditions, rows] the rows of X [rows, features] pass, as booleans."""
        columns = np.empty((2 * self._size, len(X)))
        as_nan, as_least = columns[: self._size], columns[self._size :]
        as_nan[:] = X.T
        if len(self._zeros):
            as_nan[self._zeros] = np.where(abs(as_nan[self._zeros]) <= ZERO, np.nan, as_nan[self._zeros])
        as_least[:] = as_nan
        as_least[np.isnan(as_nan)] = -np.inf
        passed = np.empty((self.count, len(X)), bool)
        by_order = passed[: len(self.thresholds)]
        if len(X) == 1:
            np.less_equal(columns.take(self._columns), self.thresholds, by_order[:, 0])
        else:
            for column, begin, end in self._runs:
                np.less_equal(columns[column], self.thresholds[begin:end, None], by_order[begin:end])
        if len(self._sets):
            passed[len(by_order) :] = self._in_sets(columns.take(self._sets, 0))
        return passed

    def _in_sets(self, codes: np.ndarray) -> np.ndarray:
        known = (codes > -1) & (codes < self._widths)
        places = self._begins + np.where(known, codes, 0).astype(np.intp)
        return np.where(known, self._bits.take(places), self._otherwise[:, None])


def whole(values: np.ndarray, low: int, bound: int, what: str) -> np.ndarray:
    """The whole numbers as indices. Raises ProgramError, naming `what`, unless low <= number < bound."""
    if values.dtype.kind not in "iu" or (values.size and not low <= values.min() <= values.max() < bound):
        raise ProgramError(f"{what} is not a whole number from {low} to {bound - 1}")
    return values.astype(np.intp)


def _flags(values: np.ndarray) -> np.ndarray:
    return whole(values, 0, 2, "a condition's flag").astype(bool)
