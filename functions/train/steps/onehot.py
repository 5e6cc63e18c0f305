"""Categories as columns of zeros and ones."""

from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin

from firesteel.definition import Definition, OneHotFeature
from functions.train.steps.categories import Columns, counted, known, open_inputs, places, stored
from functions.train.steps.step import Step


class OneHot(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """See OneHotFeature. Columns stand in the order of the inputs and, for each, of its categories' code points."""

    def __init__(self, inputs: Sequence[str], min_count: int = 1, least: Mapping[str, int] | None = None) -> None:
        self.inputs = inputs
        self.min_count = min_count
        self.least = least

    def fit(self, columns: Columns, y: object = None) -> Self:  # noqa: ARG002
        self.categories_ = [self._categories(name, columns[name]) for name in self.inputs]
        return self

    def _categories(self, name: str, column: Sequence[str | None]) -> list[str]:
        counts = counted(column)
        return [value for value in known(column, (self.least or {}).get(name)) if counts[value] >= self.min_count]

    def transform(self, columns: Columns) -> npt.NDArray[np.float64]:
        rows = len(columns[self.inputs[0]])
        out = np.zeros((rows, sum(map(len, self.categories_))))
        begin = 0
        for name, categories in zip(self.inputs, self.categories_, strict=True):
            codes = places(columns[name], categories)
            known = np.flatnonzero(codes < len(categories))
            out[known, begin + codes[known]] = 1
            begin += len(categories)
        return out


def build(name: str, feature: OneHotFeature, definition: Definition) -> OneHot:  # noqa: ARG001 - as every step's
    return OneHot(feature.inputs, feature.min_count, open_inputs(definition, feature.inputs))


def compile(step: OneHot) -> Step:  # noqa: A001 - what it is
    meta, tensors = stored(step.categories_)
    width = sum(map(len, step.categories_))
    return Step({"kind": "onehot", "inputs": list(step.inputs), **meta}, tensors, np.arange(width))
