"""Numbers relative to the mean of their group."""

from collections.abc import Sequence
from typing import Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin

from firesteel.definition import Definition, RatioFeature
from firesteel.program.steps.parts import LIMIT
from functions.train.steps.categories import Columns, known, means, open_inputs, places, stored, sums_and_counts
from functions.train.steps.step import Step


class Ratio(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """See RatioFeature. A group that training never saw, or without a number, has the mean of all rows.

    `fit_transform` leaves each row out of its group's mean, so that no row is compared with itself: a row alone in its
    group is one of an unknown group. `transform` takes the full means, as a request's row is in none of them.
    """

    def __init__(self, inputs: Sequence[str], group: str, least: int | None = None) -> None:
        self.inputs = inputs
        self.group = group
        self.least = least

    def fit(self, columns: Columns, y: object = None) -> Self:  # noqa: ARG002
        self.categories_ = known(columns[self.group], self.least)
        groups = places(columns[self.group], self.categories_)
        by_group = []
        for numbers in self._numbers(columns).T:
            everywhere = np.nan_to_num(means(numbers, np.zeros_like(groups), 1))
            own = means(numbers, groups, len(self.categories_))
            by_group.append(np.append(np.where(np.isnan(own), everywhere, own), everywhere))
        self.means_ = np.clip(np.column_stack(by_group), -LIMIT, LIMIT)  # rounding can lead beyond
        return self

    def fit_transform(self, columns: Columns, y: object = None) -> npt.NDArray[np.float64]:
        self.fit(columns, y)
        groups = places(columns[self.group], self.categories_)
        known = groups < len(self.categories_)
        numbers = self._numbers(columns)
        others = self.means_[np.full(len(groups), -1)]
        for column, of_rows in enumerate(numbers.T):
            sums, counts = sums_and_counts(of_rows, groups, len(self.categories_) + 1)
            rest = known & ~np.isnan(of_rows) & (counts[groups] > 1)
            others[rest, column] = (sums[groups] - of_rows)[rest] / (counts[groups] - 1)[rest]
        return _divided(numbers, others)

    def transform(self, columns: Columns) -> npt.NDArray[np.float64]:
        return _divided(self._numbers(columns), self.means_[places(columns[self.group], self.categories_)])

    def _numbers(self, columns: Columns) -> npt.NDArray[np.float64]:
        numbers: npt.NDArray[np.float64] = np.column_stack([columns[name] for name in self.inputs])
        return np.clip(numbers, -LIMIT, LIMIT)


def _divided(numbers: npt.NDArray[np.float64], by: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Divided by a mean of 0, a number is 1; NaN stays NaN."""
    zero = np.abs(by) < 1 / LIMIT
    ratios: npt.NDArray[np.float64] = numbers / np.where(zero, 1.0, by)
    ratios[zero & ~np.isnan(numbers)] = 1.0
    return ratios


def build(name: str, feature: RatioFeature, definition: Definition) -> Ratio:  # noqa: ARG001 - as every step's
    return Ratio(feature.inputs, feature.group, open_inputs(definition, [feature.group]).get(feature.group))


def compile(step: Ratio) -> Step:  # noqa: A001 - what it is
    meta, tensors = stored([step.categories_])
    return Step(
        {"kind": "ratio", "inputs": [*step.inputs, step.group], **meta},
        {**tensors, "means": step.means_},
        np.arange(len(step.inputs)),
    )
