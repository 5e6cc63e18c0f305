"""Estimators over all features at once: trees."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from firesteel.program.estimators import trees
from firesteel.program.row import Features


class Dense:
    """Trees, scored and explained over dense features."""

    def __init__(self, meta: Mapping[str, Any], tensors: Mapping[str, np.ndarray], size: int) -> None:
        self._trees = trees.load(meta, tensors, size)
        self.columns = self._trees.columns

    @property
    def base(self) -> np.ndarray:
        return self._trees.base

    def score(self, features: Features) -> np.ndarray:
        """Raw scores [rows, scores]."""
        return self._trees.score(features.dense())

    def contributions(self, features: Features, margin: np.ndarray) -> np.ndarray:
        """What each feature adds to scores @ margin beyond the base's: [rows, features], by TreeSHAP."""
        return np.asarray(self._trees.contributions(features.dense()) @ margin)
