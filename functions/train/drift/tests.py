"""How far two samples are apart, and how likely that is by chance, from their counts in the same cells or bins.

Both are samples: the p-values know the size of the reference, too.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats
from scipy.spatial import distance

LEAST_EXPECTED = 5  # rows in a cell of the chi-squared test (Cochran 1954); cells with fewer are put together
EMPTY = 1e-4  # the share of an empty bin in the PSI, which else would be infinite

Counts = npt.NDArray[np.int64]


class Tested(NamedTuple):
    """A test's statistic and its p-value."""

    statistic: float
    p: float


class Interval(NamedTuple):
    """A share or a measure, and the ends of its interval."""

    value: float
    low: float
    high: float


def ks(reference: Counts, current: Counts) -> Tested:
    """Kolmogorov-Smirnov for two samples, counted in the same ordered cells.

    The statistic is the largest difference of the distribution functions at the ends of cells: at most that of the
    samples themselves, so a sketch raises no alarm that these would not. The p-value is Smirnov's for the effective size
    n m / (n + m), as `scipy.stats.ks_2samp(method="asymp")` has it; with ties it is too large, never too small.
    """
    n, m = int(reference.sum()), int(current.sum())
    gap = float(np.abs(reference.cumsum() / n - current.cumsum() / m).max())
    return Tested(gap, float(np.clip(stats.kstwo.sf(gap, round(n * m / (n + m)) or 1), 0, 1)))


def chi_squared(reference: Counts, current: Counts) -> Tested:
    """Pearson's test of homogeneity: whether two samples of categories are of one distribution. Without correction.

    Categories of which fewer than LEAST_EXPECTED rows are expected in either sample count as one, if need be with the next
    larger one.
    """
    table = np.array([reference, current])
    table = table[:, np.argsort(table.sum(0), kind="stable")]
    least = LEAST_EXPECTED * table.sum() / table.sum(1).min()  # rows of both samples that a category needs
    enough = table.sum(0).cumsum() >= least
    few = int((table.sum(0) < least).sum())
    if few:
        pooled = max(few, int(enough.argmax()) + 1 if enough.any() else table.shape[1])
        table = np.column_stack([table[:, :pooled].sum(1), table[:, pooled:]])
    if table.shape[1] < 2:
        return Tested(0.0, 1.0)
    statistic, p, _, _ = stats.chi2_contingency(table, correction=False)
    return Tested(float(statistic), float(p))


def fourfold(reference: Counts, current: Counts) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Statistics and p-values of `chi_squared` for many pairs of rows that have something and rows that do not [n, 2]."""
    columns, totals = reference + current, (reference.sum(1), current.sum(1))
    every = columns.sum(1)
    cross = reference[:, 0] * current[:, 1] - reference[:, 1] * current[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        statistics = every * cross.astype(float) ** 2 / (columns.prod(1, dtype=float) * totals[0] * totals[1])
        few = columns.min(1) * np.minimum(*totals) / every < LEAST_EXPECTED
    statistics[few | ~np.isfinite(statistics)] = 0
    return statistics, np.asarray(stats.chi2.sf(statistics, 1))


def psi(reference: Counts, current: Counts) -> float:
    """Population stability index: the sum of (q - p) ln(q / p) over bins (Siddiqi 2006); an empty bin has the share EMPTY."""
    p, q = (np.where(share > 0, share, EMPTY) for share in _shares(reference, current))
    return float(((q - p) * np.log(q / p)).sum())


def jensen_shannon(reference: Counts, current: Counts) -> float:
    """Jensen-Shannon distance (Lin 1991; Endres & Schindelin 2003), to the base 2: from 0, the same, to 1, nothing in common."""
    value = float(distance.jensenshannon(*_shares(reference, current), base=2))
    return value if value > 0 else 0.0  # of equal shares rounding can leave the root of a negative number


def holm(p: Sequence[float]) -> list[float]:
    """P-values corrected for their number, in the same order: Holm (1979), for any dependence between the tests."""
    values = np.array(p, float)
    order = np.argsort(values, kind="stable")
    raised = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    corrected = np.empty(len(values))
    corrected[order] = np.minimum(raised, 1)
    return [float(value) for value in corrected]


def wilson(right: int, rows: int) -> Interval:
    """A share and its Wilson score interval of 95 %."""
    interval: Any = stats.binomtest(right, rows).proportion_ci(0.95, "wilson")
    return Interval(right / rows, float(interval.low), float(interval.high))


def _shares(reference: Counts, current: Counts) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    return reference / reference.sum(), current / current.sum()
