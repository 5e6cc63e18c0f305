"""Numbers that requests do not send, averaged by a category and looked up by it."""

from collections.abc import Mapping, Sequence
from typing import Literal, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin

from firesteel.definition import Definition, LookupFeature
from firesteel.program.steps.parts import LIMIT
from functions.train.steps.categories import Columns, known, means, open_inputs, places, stored
from functions.train.steps.step import Step


class Lookup(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """See LookupFeature. Training rows are looked up like any other.

    Column by column: a key whose rows have no number in a column counts there as one that training never saw. The
    default `mean` is that of the keys' means, each key once; 0 if training had no number at all.
    """

    def __init__(
        self,
        key: str,
        fallback: Sequence[str] = (),
        defaults: Mapping[str, Literal["mean"] | float] | None = None,
        least: Mapping[str, int] | None = None,
    ) -> None:
        self.key = key
        self.fallback = fallback
        self.defaults = defaults
        self.least = least

    @property
    def _inputs(self) -> list[str]:
        return [self.key, *self.fallback]

    @property
    def _defaults(self) -> Mapping[str, Literal["mean"] | float]:
        return self.defaults or {}

    def fit(self, columns: Columns, y: object = None) -> Self:  # noqa: ARG002
        self.categories_ = [known(columns[name], (self.least or {}).get(name)) for name in self._inputs]
        tables = []
        for name, categories in zip(self._inputs, self.categories_, strict=True):
            groups = places(columns[name], categories)
            numbers = [np.clip(columns[column], -LIMIT, LIMIT) for column in self._defaults]
            tables.append(np.column_stack([means(column, groups, len(categories)) for column in numbers]))
        defaults = [
            _default(name, given, of_keys, columns[name])
            for (name, given), of_keys in zip(self._defaults.items(), tables[0].T, strict=True)
        ]
        self.means_ = np.clip(np.vstack([*tables, defaults]), -LIMIT, LIMIT)
        return self

    def transform(self, columns: Columns) -> npt.NDArray[np.float64]:
        out = np.full((len(columns[self.key]), len(self._defaults)), np.nan)
        begin = 0
        for name, categories in zip(self._inputs, self.categories_, strict=True):
            found = np.vstack([self.means_[begin : begin + len(categories)], np.full(len(self._defaults), np.nan)])
            out = np.where(np.isnan(out), found[places(columns[name], categories)], out)
            begin += len(categories)
        return np.where(np.isnan(out), self.means_[-1], out)


def _default(name: str, given: Literal["mean"] | float, *means: npt.NDArray[np.float64]) -> float:
    """A number as it is; or the mean over the keys, over all rows where no key has a number."""
    if not isinstance(given, str):
        return float(given)
    for numbers in means:
        if len(known := numbers[~np.isnan(numbers)]):
            return float(np.mean(np.clip(known, -LIMIT, LIMIT)))
    raise ValueError(f"the looked-up column {name!r} has no number in any row: its default must be one, not `mean`")


def build(name: str, feature: LookupFeature, definition: Definition) -> Lookup:  # noqa: ARG001 - as every step's
    least = open_inputs(definition, [feature.key, *feature.fallback])
    return Lookup(feature.key, feature.fallback, feature.defaults, least)


def compile(step: Lookup) -> Step:  # noqa: A001 - what it is
    meta, tensors = stored(step.categories_)
    columns = list(step.defaults or {})
    inputs = [step.key, *step.fallback]
    return Step(
        {"kind": "lookup", "inputs": inputs, "columns": columns, **meta},
        {**tensors, "means": step.means_},
        np.arange(len(columns)),
    )
