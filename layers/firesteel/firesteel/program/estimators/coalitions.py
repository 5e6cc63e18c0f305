"""Exact path-dependent TreeSHAP of oblivious trees: these have so few features that every coalition of them can be asked.

What a coalition is worth is what the tree is expected to say if only the coalition's features are known (Lundberg et al. 2020,
as in shapley.py): at their levels the row's way is taken, at all others the mean of both by their covers. Level by level,
from the leaves up, that halves the nodes and doubles the coalitions; the Shapley values are their definition. All of this
depends on nothing but the leaf that the row falls into.
"""

from math import factorial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from firesteel.program.estimators.shapley import by_target

if TYPE_CHECKING:
    from firesteel.program.estimators.oblivious import Oblivious

_CELLS = 1 << 16  # numbers in an intermediate array
_ROWS = 1 << 10  # rows at once
_STRIPE = 64  # rows whose contributions are added up at once


class Group(NamedTuple):
    """Trees [trees] of as many distinct features: these [features, trees]; of each coalition of them the levels where they
    are asked for, as bits [coalitions, trees]; and how its worth counts for each feature [features, coalitions].
    """

    trees: np.ndarray
    features: np.ndarray
    levels: np.ndarray
    weights: np.ndarray


class Coalitions:
    """Contributions of features to the scores of oblivious trees; what it needs of them is derived once."""

    def __init__(self, trees: "Oblivious") -> None:
        self._trees = trees
        self._depth = len(trees.tests)
        self._values = np.ascontiguousarray(trees.values.T)  # [scores, leaves, trees]
        self._shares = []  # for each level: of its nodes [nodes, 1, trees], the share of covers where the level's bit is 1
        covers = trees.covers.T.astype(np.float64)
        for _ in range(self._depth):
            ones = covers[1::2]
            covers = covers[::2] + ones
            self._shares.append(np.where(covers > 0, ones / np.where(covers > 0, covers, 1), 0.5)[:, None])
        self._groups = self._grouped()

    def _grouped(self) -> list[Group]:
        features = self._trees.conditions.features[self._trees.tests]
        first = (features[:, None] == features).argmax(0)  # the lowest level that asks for the same feature
        lowest = first == np.arange(self._depth)[:, None]
        counts = lowest.sum(0)
        groups = []
        for count in np.unique(counts).tolist():
            trees = np.flatnonzero(counts == count)
            level = lowest[:, trees].T.nonzero()[1].reshape(-1, count).T
            asked = first[:, None, trees] == level
            bits = (asked << np.arange(self._depth)[:, None, None]).sum(0)
            members = np.arange(1 << count)[:, None] >> np.arange(count) & 1
            own = np.take_along_axis(features[:, trees], level, 0)
            groups.append(Group(trees, own, members @ bits, _shapley_weights(members)))
        return groups

    @property
    def base(self) -> np.ndarray:
        """The mean [scores] of the trees' sums, by the covers of the leaves."""
        means = self._values
        for share in self._shares:
            means = means[:, ::2] + share[:, 0] * (means[:, 1::2] - means[:, ::2])
        return np.asarray(means[:, 0].sum(1))

    def contributions(self, X: np.ndarray) -> np.ndarray:
        """[rows, features, scores] of X [rows, features]."""
        trees = self._trees
        out = np.zeros((len(trees.intercept), trees.size, len(X)))
        for begin in range(0, len(X), _ROWS):
            leaves = trees.leaves(X[begin : begin + _ROWS])
            for group in self._groups:
                self._add(group, leaves.take(group.trees, 0), out[trees.constant :, :, begin : begin + _ROWS])
        return out.T

    def _add(self, group: Group, leaves: np.ndarray, out: np.ndarray) -> None:
        """Add to `out` [scores, features, rows] what the group's trees contribute, in whose `leaves` [trees, rows] the rows are."""
        case = (np.arange(len(leaves)) << self._depth)[:, None] + leaves
        seen = np.zeros(len(leaves) << self._depth, bool)
        seen[case] = True
        found = seen.nonzero()[0]
        number = np.empty(len(seen), np.intp)
        number[found] = np.arange(len(found))
        orders = [by_target(features) for features in group.features]
        for score, of_score in enumerate(out):
            contributions = self._of_cases(group, found, score)
            for begin in range(0, leaves.shape[1], _STRIPE):
                rows = slice(begin, begin + _STRIPE)
                place = number.take(case[:, rows])
                for own, (order, starts, features) in zip(contributions, orders, strict=True):
                    of_score[features, rows] += np.add.reduceat(own.take(place.take(order, 0)), starts, 0)

    def _of_cases(self, group: Group, found: np.ndarray, score: int) -> np.ndarray:
        """Contributions [features, cases] of cases: a tree's number in the group, then its leaf's in as many bits as levels."""
        contributions = np.empty((len(group.features), len(found)))
        step = max(1, _CELLS >> self._depth)
        for begin in range(0, len(found), step):
            own = found[begin : begin + step] >> self._depth
            trees = group.trees[own]
            worth = self._values[score].take(trees, 1)[:, None]
            for level, share in enumerate(self._shares):
                zero, one = worth[::2], worth[1::2]
                mean = zero + share.take(trees, 2) * (one - zero)
                taken = np.where(found[begin : begin + step] >> level & 1, one, zero)
                worth = np.concatenate([mean, taken], 1)
            asked = np.take_along_axis(worth[0], group.levels.take(own, 1), 0)
            contributions[:, begin : begin + step] = group.weights @ asked
        return contributions


def _shapley_weights(members: np.ndarray) -> np.ndarray:
    """Of coalitions with `members` [coalitions, features], how much their worth counts for each feature [features, coalitions]."""
    count = members.shape[1]
    sizes = members.sum(1)
    joined = [factorial(max(size - 1, 0)) * factorial(count - size) / factorial(count) for size in range(count + 1)]
    apart = [factorial(size) * factorial(max(count - size - 1, 0)) / factorial(count) for size in range(count + 1)]
    weights: np.ndarray = np.where(members.T == 1, np.array(joined)[sizes], -np.array(apart)[sizes])
    return weights
