"""Two versions on the same rows: which is better, by how much, and whether that could be chance.

The difference of a metric has a paired bootstrap interval (Efron and Tibshirani 1993, chapter 16): rows are drawn with
replacement, whole groups where rows of a group depend on each other, and both versions are measured on what was drawn.
For labels McNemar's exact test (1947) is a second opinion: of the rows that only one of them has right.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cli.comparison import LEVEL
from cli.reporting.answers import Answers, Labelled, Measured

RESAMPLES = 2000

Indices = npt.NDArray[np.intp]
Metric = Callable[[Indices], float]
"""A metric of the rows at these indices."""


class Compared(NamedTuple):
    """One metric of a target: `new` less `old` is `difference`, between `low` and `high`; `p_value` is two-sided."""

    target: str
    metric: str
    old: float
    new: float
    low: float
    high: float
    p_value: float
    less_is_better: bool

    @property
    def difference(self) -> float:
        return self.new - self.old

    @property
    def verdict(self) -> str:
        """`better`, `worse`, or that nothing can be said."""
        if self.low <= 0 <= self.high:
            return "no significant difference"
        return "better" if (self.difference < 0) == self.less_is_better else "worse"


class Discordant(NamedTuple):
    """Rows that only one version has right, and how probable as uneven a count would be if both were equally good."""

    target: str
    only_old: int
    only_new: int
    p_value: float


def compare(
    old: Mapping[str, Answers], new: Mapping[str, Answers], *, groups: Indices | None, seed: int
) -> list[Compared]:
    """Every metric of every target that both versions have, of the same rows in the same order."""
    pairs = [
        (name, metric, before, after, less)
        for name in old
        if name in new
        for metric, before, after, less in _metrics(old[name], new[name])
    ]
    rows = len(next(iter(old.values())).truth)
    every = np.arange(rows)
    differences = np.empty((len(pairs), RESAMPLES))
    for number, drawn in enumerate(_drawn(rows, groups, seed)):
        differences[:, number] = [after(drawn) - before(drawn) for _, _, before, after, _ in pairs]
    compared = []
    for (name, metric, before, after, less), spread in zip(pairs, differences, strict=True):
        low, high = np.nanquantile(spread, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        beyond = min((spread <= 0).sum(), (spread >= 0).sum())
        p_value = min(1.0, 2 * (int(beyond) + 1) / (RESAMPLES + 1))
        compared.append(Compared(name, metric, before(every), after(every), float(low), float(high), p_value, less))
    return compared


def mcnemar(old: Mapping[str, Answers], new: Mapping[str, Answers]) -> list[Discordant]:
    """The exact test of every classification that both versions have."""
    from scipy.stats import binomtest

    found = []
    for name, one in old.items():
        other = new.get(name)
        if isinstance(one, Labelled) and isinstance(other, Labelled):
            before, after = one.right, other.right
            only_old, only_new = int((before & ~after).sum()), int((after & ~before).sum())
            p_value = float(binomtest(only_new, only_old + only_new).pvalue) if only_old + only_new else 1.0
            found.append(Discordant(name, only_old, only_new, p_value))
    return found


def _drawn(rows: int, groups: Indices | None, seed: int) -> Iterator[Indices]:
    """RESAMPLES times as many rows as there are, with replacement; or as many groups, with all their rows."""
    rng = np.random.default_rng(seed)
    if groups is None:
        for _ in range(RESAMPLES):
            yield rng.integers(0, rows, rows)
        return
    order = np.argsort(groups, kind="stable")
    members = np.split(order, np.flatnonzero(np.diff(groups[order])) + 1)
    for _ in range(RESAMPLES):
        yield np.concatenate([members[number] for number in rng.integers(0, len(members), len(members))])


def _metrics(old: Answers, new: Answers) -> Iterator[tuple[str, Metric, Metric, bool]]:
    """The name of each metric that both have, how to measure it of either, and whether less is better."""
    if isinstance(old, Labelled) and isinstance(new, Labelled):
        names = {label: code for code, label in enumerate(old.labels)}
        codes = np.array([names.get(label, len(names)) for label in new.labels])
        yield from _of_labels(old, old.predicted, new, codes[new.predicted])
    elif isinstance(old, Measured) and isinstance(new, Measured):
        yield from _of_numbers(old, new)


def _of_labels(
    old: Labelled, before: Indices, new: Labelled, after: Indices
) -> Iterator[tuple[str, Metric, Metric, bool]]:
    """Predicted labels are indices into those of the old version; one that it does not have comes after its last."""
    truth, count = old.truth, len(old.labels)
    yield "accuracy", _mean(before == truth), _mean(after == truth), False
    yield "macro F1", _macro_f1(truth, before, count), _macro_f1(truth, after, count), False
    if old.labels == new.labels:
        yield "log loss", _mean(_surprise(old)), _mean(_surprise(new)), True


def _of_numbers(old: Measured, new: Measured) -> Iterator[tuple[str, Metric, Metric, bool]]:
    if old.is_count and new.is_count:
        exposure = old.exposure
        yield "Poisson deviance", _mean(old.error, exposure), _mean(new.error, exposure), True
    off = [np.abs(one.truth - one.predicted) for one in (old, new)]
    yield "MAE", _mean(off[0]), _mean(off[1]), True
    yield "RMSE", _root(_mean(off[0] ** 2)), _root(_mean(off[1] ** 2)), True


def _mean(values: npt.NDArray[Any], per: npt.NDArray[np.float64] | None = None) -> Metric:
    """The mean of values [rows], or their sum over that of `per` [rows]."""
    if per is None:
        return lambda rows: float(values[rows].mean())
    return lambda rows: float(values[rows].sum() / per[rows].sum())


def _root(metric: Metric) -> Metric:
    return lambda rows: metric(rows) ** 0.5


def _surprise(answers: Labelled) -> npt.NDArray[np.float64]:
    """Less the logarithm of the true label's probability, of each row."""
    sure = answers.probability[np.arange(len(answers.truth)), answers.truth]
    return -np.log(np.maximum(sure, np.finfo(float).eps))


def _macro_f1(truth: npt.NDArray[np.int32], predicted: Indices, count: int) -> Metric:
    """As scikit-learn's, over all labels: one that is neither true nor predicted has 0."""
    codes = truth.astype(np.int64) * (count + 1) + predicted

    def measure(rows: Indices) -> float:
        table = np.bincount(codes[rows], minlength=count * (count + 1)).reshape(count, count + 1)
        both = table.sum(1) + table.sum(0)[:count]
        return float((2 * np.diagonal(table) / np.maximum(both, 1)).mean())

    return measure
