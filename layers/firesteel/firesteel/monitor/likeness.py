"""How alike rows are to a model: by the features that its program makes of them."""

from collections.abc import Callable, Sequence

import numpy as np

from firesteel.program.row import Features


class Alike:
    """How alike rows are by their features: 1 for equal ones, towards 0 for those that have nothing in common.

    Texts by the cosine of their terms, all else by exp(-d / 2), where d is the mean squared distance in standard
    deviations; of rows that have both, the mean.
    """

    def __init__(self, features: Features) -> None:
        self._rows, self._width = len(features.plain), features.width
        texts = features.texts or ()
        self._begins = np.cumsum([0, *(len(ids) for ids, _ in texts)])
        self._ids = np.concatenate([ids for ids, _ in texts]) if texts else np.empty(0, np.intp)
        values = np.concatenate([values for _, values in texts]) if texts else np.empty(0)
        self._owners = np.repeat(np.arange(len(texts)), np.diff(self._begins))
        lengths = np.sqrt(np.bincount(self._owners, values**2, minlength=self._rows))
        self._values = values / np.maximum(lengths, 1e-12)[self._owners]
        self._plain = _standardised(features.plain)

    def __call__(self, row: int) -> np.ndarray:
        """The likeness [rows] of all rows to one."""
        parts = []
        if self._width:
            begin, end = self._begins[row], self._begins[row + 1]
            own = np.zeros(self._width)
            own[self._ids[begin:end]] = self._values[begin:end]
            parts.append(np.bincount(self._owners, self._values * own[self._ids], minlength=self._rows))
        if self._plain.shape[1]:
            parts.append(np.exp(-((self._plain - self._plain[row]) ** 2).mean(1) / 2))
        return np.clip(np.mean(parts, axis=0), 0, 1) if parts else np.zeros(self._rows)


def among(alike: Alike, places: Sequence[int], rows: int) -> Callable[[int], np.ndarray]:
    """The likeness among the rows at `places` as one among all `rows`: the others are like nothing."""
    number = {place: own for own, place in enumerate(places)}
    where = np.array(places)

    def among_all(row: int) -> np.ndarray:
        every = np.zeros(rows)
        if row in number:
            every[where] = alike(number[row])
        return every

    return among_all


def _standardised(plain: np.ndarray) -> np.ndarray:
    """Columns [rows, features] with mean 0 and standard deviation 1; missing numbers are the mean, constants are left out."""
    known = np.where(np.isfinite(plain), plain, np.nan)
    kept = known[:, ~np.isnan(known).all(0)] if len(plain) else known
    if not kept.size:
        return np.zeros((len(plain), 0))
    spread = np.nanstd(kept, axis=0)
    varied = kept[:, spread > 0]
    return np.nan_to_num((varied - np.nanmean(varied, axis=0)) / spread[spread > 0])
