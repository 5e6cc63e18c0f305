"""How far the truth is from predictions: intervals that hold it as often as they say, whatever its distribution is.

Split-conformal prediction on out-of-fold residuals (cross-conformal; Barber et al. 2021, "Predictive Inference with the
Jackknife+"), apart in bins of the prediction (Mondrian; Vovk et al. 2005, "Algorithmic Learning in a Random World"), so that
small and large predictions each have the coverage. In a bin the half-width is one quantile of |residual|: the interval has
as much below the prediction as above. Against two quantiles, one for each side, this needs no correction for the side that
the range or zero cuts off, whose misses would otherwise be missing: it covers closer to what it says, and counts, which
lean to the right, get narrower intervals.

Counts are measured in the square root of the expected count, as their spread is. They are whole: an interval never
excludes the whole number at or below the expected count, the likeliest one of a Poisson distribution. Where that alone is
seen more often than `coverage`, as in claims that hardly ever happen, the interval holds it and covers more than it says.
"""

import math
from typing import Any

import numpy as np

from firesteel.definition import Interval
from firesteel.errors import DataError

LEAST = 50  # rows in a bin


def of_values(predicted: np.ndarray, truth: np.ndarray, policy: Interval) -> dict[str, Any]:
    """The intervals around predicted numbers [rows], as a program's metadata has them. Raises DataError for few rows."""
    return _interval(predicted, np.abs(truth - predicted), policy)


def of_counts(expected: np.ndarray, truth: np.ndarray, policy: Interval) -> dict[str, Any]:
    """The intervals around expected counts [rows], in units of their square roots. Raises DataError for few rows."""
    residuals = np.abs(truth - expected) / np.sqrt(expected)
    residuals[truth == np.floor(expected)] = 0  # always inside
    return _interval(expected, residuals, policy)


def _interval(predicted: np.ndarray, residuals: np.ndarray, policy: Interval) -> dict[str, Any]:
    rows, coverage = len(predicted), policy.coverage
    needed = _ceil(coverage / (1 - coverage))
    if rows < needed:
        raise DataError(
            f"an interval that covers {coverage:.0%} needs at least {needed} rows to train on, and there are {rows}: "
            "add rows or lower interval.coverage"
        )
    edges = _edges(predicted, policy.bins, max(LEAST, needed))
    places = np.searchsorted(edges, predicted, side="right")
    widths = [_quantile(residuals[places == number], coverage) for number in range(len(edges) + 1)]
    levels = policy.levels
    return {
        "coverage": coverage,
        "edges": edges.tolist(),
        "below": widths,
        "above": widths,
        "high": levels.high if levels else None,
        "medium": levels.medium if levels else None,
    }


def _edges(predicted: np.ndarray, bins: int, least: int) -> np.ndarray:
    """What parts the rows in bins of equal size; in fewer where a bin would have too few rows."""
    for wanted in range(bins, 1, -1):
        edges = np.unique(np.quantile(predicted, np.linspace(0, 1, wanted + 1)[1:-1]))
        if np.bincount(np.searchsorted(edges, predicted, side="right"), minlength=len(edges) + 1).min() >= least:
            return edges
    return np.empty(0)


def _quantile(residuals: np.ndarray, coverage: float) -> float:
    """The smallest width that covers so much of one more row: the ceil((n + 1) coverage)-th of n residuals."""
    rank = _ceil((len(residuals) + 1) * coverage)
    return float(np.partition(residuals, rank - 1)[rank - 1])


def _ceil(value: float) -> int:
    """9.000000000000002 is 9."""
    return math.ceil(round(value, 9))
