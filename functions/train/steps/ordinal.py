"""Categories as their place in a list."""

from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin

from firesteel.definition import CategoryInput, Definition, OrdinalFeature
from functions.train.steps.categories import Columns, known, open_inputs, places, stored
from functions.train.steps.step import Step


class Ordinal(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """See OrdinalFeature. `values` has the closed lists; the order of others is that of code points."""

    def __init__(
        self,
        inputs: Sequence[str],
        values: Mapping[str, Sequence[str]],
        categorical: bool = False,
        least: Mapping[str, int] | None = None,
    ) -> None:
        self.inputs = inputs
        self.values = values
        self.categorical = categorical
        self.least = least

    def fit(self, columns: Columns, y: object = None) -> Self:  # noqa: ARG002
        self.categories_ = [
            list(self.values.get(name) or known(columns[name], (self.least or {}).get(name))) for name in self.inputs
        ]
        return self

    def transform(self, columns: Columns) -> npt.NDArray[np.float64]:
        coded = [
            np.append(np.arange(len(categories), dtype=np.float64), np.nan)[places(columns[name], categories)]
            for name, categories in zip(self.inputs, self.categories_, strict=True)
        ]
        return np.column_stack(coded)


def build(name: str, feature: OrdinalFeature, definition: Definition) -> Ordinal:  # noqa: ARG001 - as every step's
    inputs = {name: definition.inputs[name] for name in feature.inputs}
    values = {name: one.values for name, one in inputs.items() if isinstance(one, CategoryInput) and one.values}
    return Ordinal(feature.inputs, values, feature.categorical, open_inputs(definition, feature.inputs))


def compile(step: Ordinal) -> Step:  # noqa: A001 - what it is
    meta, tensors = stored(step.categories_)
    width = len(step.inputs)
    categorical = np.full(width, step.categorical)
    return Step({"kind": "ordinal", "inputs": list(step.inputs), **meta}, tensors, np.arange(width), categorical)
