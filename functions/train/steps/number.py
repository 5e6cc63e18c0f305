"""Numbers: clipped, filled, standardised, and flags for what is missing."""

from collections.abc import Sequence
from typing import Literal, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin

from firesteel.definition import Definition, NumberFeature
from firesteel.program.steps.parts import LIMIT
from functions.train.steps.categories import Columns
from functions.train.steps.step import Step


class Number(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """See NumberFeature. Each part is fitted on what the part before made of the training rows.

    Numbers beyond +-1e100 count as +-1e100, and a standard deviation below 1e-100 counts as 1, as that of a constant
    does: no arithmetic overflows. Nothing is clipped where the quartiles are one number, as in a column of mostly zeros;
    where training had no number at all, the mean and the median are 0.
    """

    def __init__(
        self,
        inputs: Sequence[str],
        clip_iqr: float | None = None,
        fill: Literal["mean", "median"] | float | None = None,
        scale: bool = False,
        missing_flags: bool = False,
    ) -> None:
        self.inputs = inputs
        self.clip_iqr = clip_iqr
        self.fill = fill
        self.scale = scale
        self.missing_flags = missing_flags

    def fit(self, columns: Columns, y: object = None) -> Self:  # noqa: ARG002
        fitted = [self._fit_one(columns[name]) for name in self.inputs]
        self.low_, self.high_, self.fill_, self.centre_, self.scale_ = np.clip(np.array(fitted).T, -LIMIT, LIMIT)
        return self

    def _fit_one(self, column: npt.NDArray[np.float64]) -> tuple[float, float, float, float, float]:
        """low, high, fill, centre, scale of one input."""
        known = np.clip(column[~np.isnan(column)], -LIMIT, LIMIT)
        low, high = -LIMIT, LIMIT
        if self.clip_iqr is not None and len(known):
            first, third = np.quantile(known, (0.25, 0.75)).tolist()
            if reach := self.clip_iqr * (third - first):
                low, high = max(first - reach, -LIMIT), min(third + reach, LIMIT)
                known = np.clip(known, low, high)
        fill = self._fill_of(known)
        full = known if np.isnan(fill) else np.append(known, np.full(len(column) - len(known), fill))
        if not self.scale or not len(full):
            return low, high, fill, 0.0, 1.0
        centre, scale = float(np.mean(full)), float(np.std(full))
        return low, high, fill, centre, scale if scale >= 1 / LIMIT else 1.0

    def _fill_of(self, known: npt.NDArray[np.float64]) -> float:
        if self.fill is None:
            return np.nan
        if not isinstance(self.fill, str):
            return min(max(float(self.fill), -LIMIT), LIMIT)
        if not len(known):
            return 0.0
        return float(np.mean(known) if self.fill == "mean" else np.median(known))

    def transform(self, columns: Columns) -> npt.NDArray[np.float64]:
        numbers = np.column_stack([columns[name] for name in self.inputs])
        missing = np.isnan(numbers)
        numbers = np.where(missing, self.fill_, np.clip(numbers, self.low_, self.high_))
        numbers = (numbers - self.centre_) / self.scale_
        return np.hstack([numbers, missing]) if self.missing_flags else numbers


def build(name: str, feature: NumberFeature, definition: Definition) -> Number:  # noqa: ARG001 - as every step's
    return Number(feature.inputs, feature.clip_iqr, feature.fill, feature.scale, feature.missing_flags)


def compile(step: Number) -> Step:  # noqa: A001 - what it is
    tables = {"low": step.low_, "high": step.high_, "fill": step.fill_, "centre": step.centre_, "scale": step.scale_}
    meta = {"kind": "number", "inputs": list(step.inputs), "missing_flags": step.missing_flags}
    width = len(step.inputs) * (2 if step.missing_flags else 1)
    return Step(meta, {key: np.ascontiguousarray(table) for key, table in tables.items()}, np.arange(width))
