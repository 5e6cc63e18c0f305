"""What two sides' counts allow to say: intervals that hold for few and for many, and a test of their difference.

Shares have Wilson's score interval (Wilson 1927), differences of shares Newcombe's hybrid of two of them (Newcombe 1998,
method 10) and Fisher's exact test, quantiles the interval between two order statistics (David and Nagaraja 2003, 7.1).
All are two-sided at 95 percent.
"""

from math import hypot
from typing import NamedTuple

LEVEL = 0.95
ENOUGH = 30
"""Cases on each side below which nothing is said of a difference."""


class Share(NamedTuple):
    """`cases` of `total`, and between what bounds the true share may lie."""

    cases: int
    total: int
    share: float
    low: float
    high: float


class Difference(NamedTuple):
    """The second share less the first, between what bounds, and how probable as much would be if they were equal."""

    difference: float
    low: float
    high: float
    p_value: float

    @property
    def is_significant(self) -> bool:
        return self.p_value < 1 - LEVEL


def share(count: int, total: int) -> Share | None:
    """A share with Wilson's interval; None of nothing."""
    from scipy.stats import binomtest

    if not total:
        return None
    interval = binomtest(count, total).proportion_ci(LEVEL, method="wilson")
    return Share(count, total, count / total, float(interval.low), float(interval.high))


def difference(first: Share, second: Share) -> Difference:
    """How the second share differs from the first."""
    from scipy.stats import fisher_exact

    apart = second.share - first.share
    low = apart - hypot(second.share - second.low, first.high - first.share)
    high = apart + hypot(second.high - second.share, first.share - first.low)
    table = [[one.cases, one.total - one.cases] for one in (first, second)]
    return Difference(apart, low, high, float(fisher_exact(table).pvalue))


def ranks(quantile: float, count: int) -> tuple[int | None, int | None]:
    """Which of `count` sorted numbers (from 1) bound a quantile, 0 < quantile < 1; None where there are too few for one."""
    from scipy.stats import binom

    beyond = (1 - LEVEL) / 2
    low, high = int(binom.ppf(beyond, count, quantile)), int(binom.ppf(1 - beyond, count, quantile)) + 1
    return low if low >= 1 else None, high if high <= count else None
