"""Decision trees: raw scores as sums of the values of the leaves that a row falls into."""

from collections.abc import Mapping
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from firesteel.errors import ProgramError
from firesteel.program.estimators.conditions import Conditions, whole

if TYPE_CHECKING:
    from firesteel.program.estimators.shapley import Shapley

DEPTH_LIMIT = 512
_BOUND = 1e30  # of numbers that are added up
_HEAP = 1 << 24  # bytes; every array between is smaller
_CHUNK = 512  # rows at once, fewer where all that is asked of them would be more than
_CELLS = 1 << 27
_FEW = 8  # rows that are quicker one by one


class Ensemble(Protocol):
    """What every kind of trees offers."""

    columns: dict[str, tuple[int, int]]

    @property
    def base(self) -> np.ndarray: ...

    def score(self, X: np.ndarray) -> np.ndarray: ...

    def contributions(self, X: np.ndarray) -> np.ndarray: ...


def load(meta: Mapping[str, Any], tensors: Mapping[str, np.ndarray], size: int) -> Ensemble:
    """The trees of a program of `size` features. Raises ProgramError, KeyError or ValueError if they are not well formed."""
    np.empty(_HEAP, np.uint8)  # freed at once: from now on glibc keeps what is smaller instead of returning its pages
    if meta["kind"] == "trees":
        return Trees(meta, tensors, size)
    if meta["kind"] == "oblivious":
        from firesteel.program.estimators.oblivious import Oblivious

        return Oblivious(meta, tensors, size)
    raise ProgramError(f"{meta['kind']!r} is no kind of estimator; known: linear, trees, oblivious")


def columns_of(meta: Mapping[str, Any], intercept: np.ndarray) -> dict[str, tuple[int, int]]:
    """Which scores are whose: target -> [begin, end). Raises ProgramError if they are not among those of the intercept."""
    columns = {name: (begin, end) for name, (begin, end) in meta["columns"].items()}
    if intercept.ndim != 1 or not (abs(intercept) < _BOUND).all():
        raise ProgramError("the intercept is not one finite number a score")
    if any(not 0 <= begin < end <= len(intercept) for begin, end in columns.values()):
        raise ProgramError("a target's scores lie outside the estimator's")
    return columns


def check_leaves(values: np.ndarray, covers: np.ndarray) -> None:
    """Raises ProgramError if the leaves' values or covers are not what scores and means can be computed from."""
    if not (abs(values) < _BOUND).all():
        raise ProgramError("a leaf's value is not a finite number, or so large that sums are none")
    if not ((covers >= 0) & (covers < _BOUND)).all():
        raise ProgramError("a leaf's cover is not a finite number from 0 on")


class Trees:
    """Binary trees of any shape.

    `tests` [nodes] has each node's condition, -1 for a leaf. Nodes stand level by level over all trees: first the roots, then
    the children of the first node with a condition (those that pass it, then the others), those of the second, and
    so on. So no child can come before its parent, and every node but the roots has one parent.
    `values` and `covers` [leaves]: what a leaf adds, and the weight of training rows in it. Trees are ordered by the score
    that they add to: those of score s are `begins[s]` to `begins[s + 1]`. `intercept` [scores] comes on top.
    """

    def __init__(self, meta: Mapping[str, Any], tensors: Mapping[str, np.ndarray], size: int) -> None:
        self.size = size
        self.conditions = Conditions(tensors, size)
        self.tests = whole(tensors["tests"], -1, self.conditions.count, "a node's condition")
        self.values = np.asarray(tensors["values"], np.float64)
        self._covers = tensors["covers"]
        self.intercept = tensors["intercept"]
        self.begins: list[int] = whole(tensors["begins"], 0, len(self.tests) + 1, "a score's first tree").tolist()
        self.roots = self.begins[-1]
        self.columns = columns_of(meta, self.intercept)
        check_leaves(self.values, self._covers)
        self._check()
        self.inner = np.flatnonzero(self.tests >= 0)
        self.levels = self._levels()
        ends = self.inner.searchsorted([end for _, end in self.levels]).tolist()
        self.spans = list(pairwise([0, *ends]))  # of each level, which of the nodes with conditions; none of the last
        self._splits = self.tests[self.inner]
        self._left = self._renumbered(self.roots + 2 * np.arange(len(self.inner)))
        self._right = self._renumbered(self.roots + 2 * np.arange(len(self.inner)) + 1)
        self._starts = self._renumbered(np.arange(self.roots))
        self._leaves = np.arange(len(self.inner), len(self.tests))

    def _check(self) -> None:
        leaves = len(self.tests) - np.count_nonzero(self.tests >= 0)
        if self.begins[0] != 0 or len(self.begins) != len(self.intercept) + 1 or (np.diff(self.begins) < 0).any():
            raise ProgramError("the trees are not in the order of their scores")
        if self.tests.ndim != 1 or not self.roots or len(self.tests) != self.roots + 2 * (len(self.tests) - leaves):
            raise ProgramError("the trees' nodes are not their roots and two for each condition")
        if not self.values.shape == self._covers.shape == (leaves,):
            raise ProgramError(f"the trees have {leaves} leaves and another number of values or covers")

    def _levels(self) -> list[tuple[int, int]]:
        """Begin and end of each level's nodes. Raises ProgramError where a node has no parent before it, or a tree is too deep."""
        begin, end, levels = 0, self.roots, []
        while begin < end:
            levels.append((begin, end))
            begin, end = end, self.roots + 2 * int(self.inner.searchsorted(end))
            if len(levels) > DEPTH_LIMIT:
                raise ProgramError(f"a tree has more than {DEPTH_LIMIT} levels")
        if begin != len(self.tests):
            raise ProgramError("a node of the trees has no parent before it")
        return levels

    def _renumbered(self, nodes: np.ndarray) -> np.ndarray:
        """Numbers in which nodes with conditions come first, then the leaves."""
        before = self.inner.searchsorted(nodes)
        return np.where(self.tests[nodes] >= 0, before, len(self.inner) + nodes - before)

    def score(self, X: np.ndarray) -> np.ndarray:
        """Raw scores [rows, scores] of X [rows, features]; NaN is a missing value."""
        if len(X) <= _FEW:
            return np.concatenate([self._score_one(X[row : row + 1]) for row in range(len(X))] or [self._none])
        step = max(1, min(_CHUNK, _CELLS // max(self.conditions.count, 8 * self.roots)))
        return np.concatenate([self._score_many(X[row : row + step]) for row in range(0, len(X), step)])

    @property
    def _none(self) -> np.ndarray:
        return np.empty((0, len(self.intercept)))

    def _score_one(self, X: np.ndarray) -> np.ndarray:
        """Every node's choice is made first; then each tree is followed down to its leaf."""
        passed = self.conditions.passed(X)[:, 0].take(self._splits)
        following = np.concatenate([np.where(passed, self._left, self._right), self._leaves])
        nodes = self._starts
        for _ in self.levels[1:]:
            nodes = following.take(nodes)
        return self._sum(self.values.take(nodes - len(self.inner))[:, None])

    def _score_many(self, X: np.ndarray) -> np.ndarray:
        """Sets of rows as bits: those in a node are those in its parent that pass, or do not pass, the parent's condition."""
        packed = np.packbits(self.conditions.passed(X), axis=1)
        words = np.zeros((len(packed), -(-packed.shape[1] // 8)), np.uint64)
        words.view(np.uint8)[:, : packed.shape[1]] = packed
        reached = np.empty((len(self.tests) + 1, words.shape[1]), np.uint64)
        reached[: self.roots] = ~np.uint64(0)
        reached[-1] = 0
        for begin, end in self.spans[:-1]:
            parents = reached.take(self.inner[begin:end], 0)
            children = reached[self.roots + 2 * begin : self.roots + 2 * end].reshape(end - begin, 2, -1)
            np.bitwise_and(parents, words.take(self._splits[begin:end], 0), children[:, 0])
            np.bitwise_xor(parents, children[:, 0], children[:, 1])
        firsts, values, planes = self._planes
        leaf = np.zeros((self.roots, len(X)), np.uint8 if len(planes) <= 8 else np.intp)
        for nodes, starts in planes:
            leaf += leaf
            plane = np.bitwise_or.reduceat(reached.take(nodes, 0), starts, 0)
            leaf |= np.unpackbits(plane.view(np.uint8), axis=1, count=len(X))
        return self._sum(values.take(leaf + firsts))

    @cached_property
    def tree(self) -> np.ndarray:
        """The number [nodes] of the tree that each node is of."""
        tree = np.arange(len(self.tests))
        for begin, end in self.levels[1:]:
            tree[begin:end] = tree[self.inner[(np.arange(begin, end) - self.roots) // 2]]
        return tree

    @cached_property
    def _planes(self) -> tuple[np.ndarray, np.ndarray, list[tuple[np.ndarray, np.ndarray]]]:
        """How to tell from the bits of its number among the tree's leaves which leaf it is.

        The place [trees, 1] of each tree's first leaf in the values [leaves] by tree, and for each bit, the highest first, the
        nodes of leaves whose number has it, by tree, with the place where each tree begins. A node that no row is in
        comes first in each tree.
        """
        tree, leaves = self.tree, np.flatnonzero(self.tests < 0)
        order = tree[leaves].argsort(kind="stable")
        leaves = leaves[order]
        firsts = tree[leaves].searchsorted(np.arange(self.roots))
        number = np.arange(len(leaves)) - firsts[tree[leaves]]
        planes = []
        for bit in reversed(range(int(number.max()).bit_length())):
            having = leaves[number >> bit & 1 == 1]
            trees = np.concatenate([np.arange(self.roots), tree[having]])
            by_tree = trees.argsort(kind="stable")
            nodes = np.concatenate([np.full(self.roots, len(self.tests)), having])[by_tree]
            planes.append((nodes, trees[by_tree].searchsorted(np.arange(self.roots))))
        return firsts[:, None], self.values[order], planes

    def _sum(self, values: np.ndarray) -> np.ndarray:
        """Scores [rows, scores] of the values [trees, rows] of the leaves."""
        scores = np.empty((values.shape[1], len(self.intercept)))
        for number, begin in enumerate(self.begins[:-1]):
            values[begin : self.begins[number + 1]].sum(0, out=scores[:, number])
        scores += self.intercept
        return scores

    @cached_property
    def covers(self) -> np.ndarray:
        """The weight [nodes] of the training rows in each node."""
        covers = np.empty(len(self.tests))
        covers[self.tests < 0] = self._covers
        for begin, end in reversed(self.spans[:-1]):
            children = covers[self.roots + 2 * begin : self.roots + 2 * end]
            covers[self.inner[begin:end]] = children.reshape(-1, 2).sum(1)
        return covers

    @cached_property
    def base(self) -> np.ndarray:
        """The mean score [scores] of the training rows, as the covers of the leaves tell it."""
        means = np.empty(len(self.tests))
        means[self.tests < 0] = self.values
        for begin, end in reversed(self.spans[:-1]):
            children = slice(self.roots + 2 * begin, self.roots + 2 * end)
            means[self.inner[begin:end]] = (means[children] * self.shares[children]).reshape(-1, 2).sum(1)
        return self._sum(means[: self.roots, None]).ravel()

    @cached_property
    def shares(self) -> np.ndarray:
        """The share [nodes] of its parent's training rows that a node has; 1 for roots."""
        share = np.ones(len(self.tests))
        pairs = self.covers[self.roots :].reshape(-1, 2)
        total = pairs.sum(1, keepdims=True)
        share[self.roots :] = np.where(total > 0, pairs / np.where(total > 0, total, 1), 0.5).ravel()
        return share

    def contributions(self, X: np.ndarray) -> np.ndarray:
        """What each feature adds to the scores beyond `base`: [rows, features, scores], exact path-dependent TreeSHAP."""
        return self._shapley.contributions(X)

    @cached_property
    def _shapley(self) -> "Shapley":
        from firesteel.program.estimators.shapley import Shapley

        return Shapley(self)
