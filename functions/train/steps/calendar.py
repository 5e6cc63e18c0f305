"""Parts of timestamps, in UTC."""

from collections.abc import Callable, Sequence
from typing import Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin

from firesteel.definition import CalendarFeature, Definition
from functions.train.steps.categories import Columns
from functions.train.steps.step import Step

_DAY = 86400
_MONTHS_TO_1970 = 1970 * 12
_PARTS: dict[str, Callable[[npt.NDArray[np.int64]], npt.NDArray[np.int64]]] = {
    "year": lambda seconds: _since_1970(seconds, "Y") + 1970,
    "month": lambda seconds: (_since_1970(seconds, "M") + _MONTHS_TO_1970) % 12 + 1,
    "day": lambda seconds: seconds // _DAY - _first_of_month(seconds) + 1,
    "weekday": lambda seconds: (seconds // _DAY + 3) % 7,  # 1970 began on a Thursday
    "hour": lambda seconds: seconds % _DAY // 3600,
    "days": lambda seconds: seconds // _DAY,
}


class Calendar(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """See CalendarFeature. Whole seconds count: a fraction never rounds up into the next day."""

    def __init__(self, inputs: Sequence[str], parts: Sequence[str]) -> None:
        self.inputs = inputs
        self.parts = parts

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def fit(self, columns: Columns, y: object = None) -> Self:  # noqa: ARG002
        return self

    def transform(self, columns: Columns) -> npt.NDArray[np.float64]:
        out = []
        for name in self.inputs:
            missing = np.isnan(columns[name])
            seconds = np.floor(np.where(missing, 0.0, columns[name])).astype(np.int64)
            out += [np.where(missing, np.nan, _PARTS[part](seconds)) for part in self.parts]
        return np.column_stack(out)


def _since_1970(seconds: npt.NDArray[np.int64], unit: str) -> npt.NDArray[np.int64]:
    return seconds.astype("datetime64[s]").astype(f"datetime64[{unit}]").astype(np.int64)


def _first_of_month(seconds: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Days since 1970-01-01."""
    return seconds.astype("datetime64[s]").astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)


def build(name: str, feature: CalendarFeature, definition: Definition) -> Calendar:  # noqa: ARG001 - as every step's
    return Calendar(feature.inputs, feature.parts)


def compile(step: Calendar) -> Step:  # noqa: A001 - what it is
    meta = {"kind": "calendar", "inputs": list(step.inputs), "parts": list(step.parts)}
    return Step(meta, {}, np.arange(len(step.inputs) * len(step.parts)))
