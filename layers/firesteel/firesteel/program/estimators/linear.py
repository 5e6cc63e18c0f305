"""Linear estimators: the scores of several targets from one gather over the features they share."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np

from firesteel.errors import ProgramError
from firesteel.program.row import Features


class Linear:
    """scores = features @ weights + intercept, for all targets of the estimator side by side.

    `weights` has shape [features, scores], `means` [features]: what the features were on average in training.
    """

    def __init__(self, meta: Mapping[str, Any], tensors: Mapping[str, np.ndarray], size: int) -> None:
        self.columns: dict[str, tuple[int, int]] = {name: (a, b) for name, (a, b) in meta["columns"].items()}
        self.weights, self.intercept = tensors["weights"], tensors["intercept"]
        self.means = tensors.get("means")
        expected = (size, len(self.intercept))
        if self.weights.shape != expected:
            raise ProgramError(f"the weights have shape {self.weights.shape}, not {expected}")
        if any(not 0 <= a < b <= len(self.intercept) for a, b in self.columns.values()):
            raise ProgramError("a target's scores lie outside the estimator's")
        if not (np.isfinite(self.weights).all() and np.isfinite(self.intercept).all()):
            raise ProgramError("a weight is not finite")
        if self.means is not None and not (self.means.shape == (size,) and np.isfinite(self.means).all()):
            raise ProgramError(f"the means are not {size} finite numbers")

    def score(self, features: Features) -> np.ndarray:
        """Raw scores [rows, scores]."""
        scores = np.empty((len(features.plain), len(self.intercept)))
        for number, (ids, values) in enumerate(features.texts):
            np.dot(values, self.weights.take(ids, 0), scores[number])
        if not features.texts:
            np.matmul(features.plain, self.weights, scores)
        elif features.plain.shape[1]:
            scores += features.plain @ self.weights[features.width :]
        scores += self.intercept
        return scores

    @cached_property
    def base(self) -> np.ndarray:
        """Scores [scores] of a row of average features."""
        return self.intercept + (0 if self.means is None else self.means @ self.weights)

    def contributions(self, features: Features, margin: np.ndarray) -> np.ndarray:
        """What each feature adds to scores @ margin beyond the base's: [rows, features], in closed form."""
        centred = features.dense() - (0 if self.means is None else self.means)
        return np.asarray(centred * (self.weights @ margin))
