"""Where a model is worse than elsewhere: the rows in slices by each input and by its own answers, tested and corrected.

A slice's share of right answers has Wilson's interval and Fisher's exact test against all other rows; its mean error has
a bootstrap interval (Efron 1979, percentiles) and the permutation test of that mean (Pitman 1937), which is exact where
errors are alike everywhere, however skewed. Of many slices some look bad by chance, so the p-values are corrected by Holm's
step-down method (1979): the chance of calling any slice worse or better that is not stays at 5 %.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cli import comparison
from cli.comparison import LEVEL
from cli.reporting.answers import Answers, Labelled, Measured
from firesteel.definition import CategoryInput, Definition, TextInput
from functions.train.dataset import Dataset
from functions.train.drift.tests import holm

MIN_ROWS = 30
RESAMPLES = 1000
PERMUTATIONS = 9999  # enough for a p-value that some 400 slices leave below 5 %
_AT_ONCE = 20  # of them
_PARTS = 5  # of the rows by a number, as equal as ties let them be
_VALUES = 50  # of a category, the most frequent

Mask = npt.NDArray[np.bool_]


class Slice(NamedTuple):
    """Some rows: what they have in common, how many, and how good the answers are there and elsewhere.

    `measure` is the share of right answers, or the mean error; `low` and `high` bound it; `bias` is the mean of truth less
    prediction, of numbers alone; `p_value` is corrected for all slices of the target.
    """

    field: str
    value: str
    rows: int
    measure: float
    low: float
    high: float
    elsewhere: float
    bias: float | None
    p_value: float
    is_worse: bool

    @property
    def is_significantly_worse(self) -> bool:
        return self.is_worse and self.p_value < 1 - LEVEL


def find(definition: Definition, rows: Dataset, answers: Answers, *, min_rows: int, seed: int) -> list[Slice]:
    """All slices of at least `min_rows` rows that leave as many, those that are significantly worse first, then by measure."""
    masks = [
        (field, value, mask)
        for field, value, mask in _masks(definition, rows, answers)
        if min_rows <= mask.sum() <= len(rows) - min_rows
    ]
    rng = np.random.default_rng(seed)
    if isinstance(answers, Labelled):
        found = [_labelled(*one, answers) for one in masks]
    else:
        p_values = permuted(answers.error, [mask for _, _, mask in masks], rng)
        found = [_measured(*one, answers, p_value, rng) for one, p_value in zip(masks, p_values, strict=True)]
    corrected = holm([one.p_value for one in found])
    found = [one._replace(p_value=p_value) for one, p_value in zip(found, corrected, strict=True)]
    sign = 1 if isinstance(answers, Labelled) else -1
    return sorted(found, key=lambda one: (not one.is_significantly_worse, sign * one.measure, -one.rows))


def _labelled(field: str, value: str, mask: Mask, answers: Labelled) -> Slice:
    right = answers.right
    here = comparison.share(int(right[mask].sum()), int(mask.sum()))
    there = comparison.share(int(right[~mask].sum()), int((~mask).sum()))
    assert here
    assert there
    p_value = comparison.difference(there, here).p_value
    return Slice(
        field, value, here.total, here.share, here.low, here.high, there.share, None, p_value, here.share < there.share
    )


def _measured(field: str, value: str, mask: Mask, answers: Measured, p_value: float, rng: np.random.Generator) -> Slice:
    error, residual = answers.error, answers.truth - answers.predicted
    here, there = error[mask], error[~mask]
    low, high = mean_interval(here, rng)
    mean, other = float(here.mean()), float(there.mean())
    return Slice(field, value, len(here), mean, low, high, other, float(residual[mask].mean()), p_value, mean > other)


def permuted(error: npt.NDArray[np.float64], masks: Sequence[Mask], rng: np.random.Generator) -> list[float]:
    """How probable means as far from the others', on that side, are where errors [rows] are dealt out at random; two-sided."""
    if not masks:
        return []
    inside = np.array(masks, np.float64).T
    sums, slack = error @ inside, 1e-9 * error.sum()
    is_worse = sums > error.mean() * inside.sum(0)
    side = np.where(is_worse, 1.0, -1.0)
    as_far = np.ones(len(masks))  # the rows as they are
    for done in range(0, PERMUTATIONS, _AT_ONCE):
        dealt = rng.permuted(np.tile(error, (min(_AT_ONCE, PERMUTATIONS - done), 1)), axis=1)
        as_far += (side * (dealt @ inside - sums) >= -slack).sum(0)
    return [float(value) for value in np.minimum(1, 2 * as_far / (PERMUTATIONS + 1))]


def mean_interval(values: npt.NDArray[np.float64], rng: np.random.Generator) -> tuple[float, float]:
    """Between what the mean of such values [rows] lies, by resampling them."""
    means = [values[rng.integers(0, len(values), len(values))].mean() for _ in range(RESAMPLES)]
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _masks(definition: Definition, rows: Dataset, answers: Answers) -> Iterator[tuple[str, str, Mask]]:
    """Every slice: what it is by, which part, and which rows."""
    for name, values in rows.inputs.items():
        described = definition.inputs[name]
        if isinstance(values, np.ndarray):
            yield from _by_number(name, values)
        elif isinstance(described, TextInput):
            yield from _by_number(f"characters of {name}", np.array([float(len(text or "")) for text in values]))
        elif isinstance(described, CategoryInput):
            yield from _by_value(name, values)
    if isinstance(answers, Labelled):
        yield from _by_number("confidence", answers.confidence)
        yield from _by_value("predicted label", [answers.labels[code] for code in answers.predicted.tolist()])
    else:
        yield from _by_number("prediction", answers.predicted)


def _by_value(name: str, values: Sequence[str | None]) -> Iterator[tuple[str, str, Mask]]:
    for value, _ in Counter(values).most_common(_VALUES):
        yield name, "(missing)" if value is None else value, np.array([one == value for one in values])


def _by_number(name: str, values: npt.NDArray[np.float64]) -> Iterator[tuple[str, str, Mask]]:
    """Parts of the rows by ascending number, equal numbers together, and the rows that have none."""
    missing = np.isnan(values)
    known = values[~missing]
    if len(known):
        edges = np.unique(np.quantile(known, np.linspace(0, 1, _PARTS + 1)[1:-1], method="lower"))
        parts = np.searchsorted(edges, values, side="left")
        for part in np.unique(parts[~missing]):
            mask = (parts == part) & ~missing
            low, high = values[mask].min(), values[mask].max()
            yield name, f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}", mask
    if missing.any():
        yield name, "(missing)", missing
