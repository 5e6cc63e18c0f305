"""Oblivious trees: all nodes of a level ask the same, so a leaf is the number whose bits are the answers."""

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from firesteel.errors import ProgramError
from firesteel.program.estimators.conditions import Conditions, whole
from firesteel.program.estimators.trees import check_leaves, columns_of

if TYPE_CHECKING:
    from firesteel.program.estimators.coalitions import Coalitions

_DEPTH_LIMIT = 16
_CHUNK = 512  # rows at once, fewer where all that is asked of them would be more than
_CELLS = 1 << 27


class Oblivious:
    """Trees of one depth, each with one condition a level.

    `tests` [depth, trees]: the conditions; the first is bit 0 of the leaf's number and lowest in the tree.
    `values` [trees, 2 ** depth, n]: what leaves add to the last n scores; `covers` [trees, 2 ** depth]: the weight of the
    training rows in them. `intercept` [scores] comes on top.
    """

    def __init__(self, meta: Mapping[str, Any], tensors: Mapping[str, np.ndarray], size: int) -> None:
        self.size = size
        self.conditions = Conditions(tensors, size)
        self.tests = whole(tensors["tests"], 0, self.conditions.count, "a level's condition")
        self.values = np.asarray(tensors["values"], np.float64)
        self.covers = tensors["covers"]
        self.intercept = tensors["intercept"]
        self.columns = columns_of(meta, self.intercept)
        check_leaves(self.values, self.covers)
        self._check()
        self.constant = len(self.intercept) - self.values.shape[2]  # scores that no leaf adds to
        self._by_score = [np.ascontiguousarray(self.values[:, :, n]).ravel() for n in range(self.values.shape[2])]
        self._firsts = np.arange(self.tests.shape[1])[:, None] << len(self.tests)

    def _check(self) -> None:
        if (self.tests.ndim, self.values.ndim) != (2, 3):
            raise ProgramError("the conditions or values of oblivious trees have another number of dimensions")
        depth, trees = self.tests.shape
        if not 1 <= depth <= _DEPTH_LIMIT or not trees:
            raise ProgramError(f"oblivious trees have {depth} levels, not 1 to {_DEPTH_LIMIT}, or there is no tree")
        if self.covers.shape != (trees, 1 << depth) or self.values.shape[:-1] != (trees, 1 << depth):
            raise ProgramError(f"{trees} oblivious trees of {depth} levels have other numbers of values or covers")
        if not 1 <= self.values.shape[2] <= len(self.intercept):
            raise ProgramError("the leaves of oblivious trees have values for other scores than the intercept")

    def leaves(self, X: np.ndarray) -> np.ndarray:
        """The leaf [trees, rows] of each tree into which each row falls."""
        passed = self.conditions.passed(X).view(np.uint8)
        leaves: np.ndarray = passed.take(self.tests[-1], 0).astype(np.uint8 if len(self.tests) <= 8 else np.uint16)
        for level in self.tests[-2::-1]:
            leaves += leaves  # quicker than to shift
            leaves |= passed.take(level, 0)
        return leaves

    def score(self, X: np.ndarray) -> np.ndarray:
        """Raw scores [rows, scores] of X [rows, features]; NaN is a missing value."""
        scores = np.zeros((len(X), len(self.intercept)))
        step = max(1, min(_CHUNK, _CELLS // max(self.conditions.count, 8 * self.tests.shape[1])))
        for begin in range(0, len(X), step):
            places = self._firsts + self.leaves(X[begin : begin + step])
            for number, values in enumerate(self._by_score, self.constant):
                values.take(places).sum(0, out=scores[begin : begin + step, number])
        scores += self.intercept
        return scores

    @cached_property
    def base(self) -> np.ndarray:
        """The mean score [scores] of the training rows, as the covers of the leaves tell it."""
        base = self.intercept.astype(np.float64)
        base[self.constant :] += self._coalitions.base
        return base

    def contributions(self, X: np.ndarray) -> np.ndarray:
        """What each feature adds to the scores beyond `base`: [rows, features, scores], exact path-dependent TreeSHAP."""
        return self._coalitions.contributions(X)

    @cached_property
    def _coalitions(self) -> "Coalitions":
        from firesteel.program.estimators.coalitions import Coalitions

        return Coalitions(self)
