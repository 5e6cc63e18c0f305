"""Linear estimators: the scores of several targets from one gather over the steps they share."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from firesteel.errors import ProgramError


class Linear:
    """scores = values @ weights[ids] + intercept, for all targets of the estimator side by side.

    `weights` has shape [features, scores]: the features of the steps `begin` to `end`, one step after the other.
    """

    def __init__(self, meta: Mapping[str, Any], tensors: Mapping[str, np.ndarray], sizes: Sequence[int]) -> None:
        begin, end = meta["steps"]
        self.begin: int = begin
        self.end: int = end
        self.columns: dict[str, tuple[int, int]] = {name: (a, b) for name, (a, b) in meta["columns"].items()}
        self.weights, self.intercept = tensors["weights"], tensors["intercept"]
        expected = (sum(sizes[begin:end]), len(self.intercept))
        if not 0 <= begin < end <= len(sizes) or self.weights.shape != expected:
            raise ProgramError(f"the weights have shape {self.weights.shape}, not {expected}")
        if any(not 0 <= a < b <= len(self.intercept) for a, b in self.columns.values()):
            raise ProgramError("a target's scores lie outside the estimator's")
        if not (np.isfinite(self.weights).all() and np.isfinite(self.intercept).all()):
            raise ProgramError("a weight is not finite")

    def score(self, ids: np.ndarray, values: np.ndarray) -> list[float]:
        """All scores of one row: `ids` [n] are rows of the weights, `values` [n] float64."""
        return (values @ self.weights.take(ids, 0) + self.intercept).tolist()  # type: ignore[no-any-return]
