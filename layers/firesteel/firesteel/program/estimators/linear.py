"""Linear estimators: the scores of several targets from one gather over the features they share."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np

from firesteel.errors import ProgramError
from firesteel.program.row import Features

_WEIGHT, _MEAN = 1e30, 1e250  # a feature is less than 1e201: so every score is finite


class Linear:
    """scores = features @ weights + intercept, for all targets of the estimator side by side.

    `weights` has shape [features, scores], `means` [features]: what the features were on average in training.
    """

    def __init__(self, meta: Mapping[str, Any], tensors: Mapping[str, np.ndarray], size: int) -> None:
        self.columns: dict[str, tuple[int, int]] = {name: (a, b) for name, (a, b) in meta["columns"].items()}
        self.weights, self.intercept = tensors["weights"], tensors["intercept"]
        self.means = np.asarray(tensors["means"], np.float64) if "means" in tensors else None
        expected = (size, len(self.intercept))
        if self.intercept.ndim != 1 or self.weights.shape != expected:
            raise ProgramError(f"the weights have shape {self.weights.shape}, not {expected}")
        if any(not 0 <= a < b <= len(self.intercept) for a, b in self.columns.values()):
            raise ProgramError("a target's scores lie outside the estimator's")
        if not ((abs(self.weights) < _WEIGHT).all() and (abs(self.intercept) < _WEIGHT).all()):
            raise ProgramError("a weight is not finite, or so large that sums are not")
        if self.means is not None and not (self.means.shape == (size,) and (abs(self.means) < _MEAN).all()):
            raise ProgramError(f"the means are not {size} finite numbers that sums can be made of")

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
