"""Exact path-dependent TreeSHAP as array operations.

After Lundberg et al. 2020, "From local explanations to global understanding with explainable AI for trees". On the path
to a leaf of value v let there be d distinct features; of feature k let z_k be the product of the shares of covers at its
splits, and o_k in {0, 1} whether the row goes along with all of them. What the leaf gives feature j is

    v (o_j - z_j) * integral over t in [0, 1] of the product over k != j of (t o_k + (1 - t) z_k),

by a polynomial of degree d - 1: Gauss-Legendre with ceil(d / 2) points is exact. With the product over all k, the
integrand is v (1 - z_j) / (t + (1 - t) z_j) times it where o_j = 1, and -v / (1 - t) times it where o_j = 0.

So a row's contributions depend on its o alone, and of each leaf a batch of rows has few different ones.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from firesteel.errors import InputError, Problem

if TYPE_CHECKING:
    from firesteel.program.estimators.trees import Trees

_CELLS = 1 << 15  # numbers in an intermediate array: so few that a processor's cache holds them
_LEAVES = 1 << 11  # of a block
_KEPT = 1 << 20  # numbers in tables that are kept between calls
_LIMIT = 1 << 24  # lengths of all paths together
_TELLING = 16  # features whose patterns are told apart: what rows have in common is computed once
_FEW = 32  # rows that are quicker one by one
_ROWS = 1 << 10  # rows at once, and
_NODES = 1 << 24  # nodes times rows at once
_STRIPE = 64  # rows whose contributions are added up at once


class Tables(NamedTuple):
    """Of leaves, [points, features, leaves]: the factor without the feature, and (1 - z) / the factor with it."""

    without: np.ndarray
    ratio: np.ndarray


class Block:
    """Leaves with as many distinct features on their paths, or one less: the last edge, that of no feature, then fills up.

    `edges` [features, leaves] are the last nodes on a path that split by the feature; `z` their shares; `targets` the feature and
    score that they contribute to, as one number; `values` [leaves].
    """

    def __init__(self, edges: np.ndarray, z: np.ndarray, targets: np.ndarray, values: np.ndarray) -> None:
        self.edges, self.z, self.targets = edges, z, targets
        points, weights = _gauss_legendre(len(edges) // 2)
        self._t = points[:, None, None]
        self._scale = weights[:, None] * values
        self._against = -1 / (1 - self._t[:, 0, 0])
        self._kept: Tables | None = None

    def keep(self, room: int) -> int:
        """Keep the tables if there is room for so many numbers; how much is left then."""
        left = room - 2 * len(self._t) * self.z.size
        if left >= 0:
            self._kept = self._tables(self.z)
        return left

    def _tables(self, z: np.ndarray) -> Tables:
        without = (1 - self._t) * z
        return Tables(without, (1 - z) / (without + self._t))

    def _tables_of(self, leaves: np.ndarray) -> Tables:
        if self._kept is None:
            return self._tables(self.z.take(leaves, 1))
        return Tables(self._kept.without.take(leaves, 2), self._kept.ratio.take(leaves, 2))

    def _integrate(self, tables: Tables, o: np.ndarray, scale: np.ndarray) -> np.ndarray:
        """Contributions [features, leaves] of leaves with these tables, for o [features, leaves]."""
        factors = self._t * o.astype(np.float64)
        factors += tables.without
        product = np.multiply.reduce(factors, 1)
        product *= scale
        with_feature: np.ndarray = np.einsum("qn,qdn->dn", product, tables.ratio)
        return np.where(o, with_feature, self._against @ product)

    def of_row(self, along: np.ndarray) -> np.ndarray:
        """Contributions [features, leaves] of a row that goes along with the edges `along` [edges]."""
        return self._integrate(self._kept or self._tables(self.z), along.take(self.edges), self._scale)

    def of_rows(self, along: np.ndarray, out: np.ndarray) -> None:
        """Add the contributions of rows that go along with the edges `along` [edges, rows] to `out` [targets, rows]."""
        features, leaves = self.edges.shape
        pattern = np.zeros((leaves, along.shape[1]), np.uint8 if features <= 8 else np.uint16)
        for edges in self.edges[::-1]:
            pattern += pattern
            pattern |= along.take(edges, 0).view(np.uint8)
        place = pattern + (np.arange(leaves) << features)[:, None]
        seen = np.zeros(leaves << features, bool)
        seen[place] = True
        found = seen.nonzero()[0]
        number = np.empty(len(seen), np.intp)
        number[found] = np.arange(len(found))
        contributions = self._of_patterns(found)
        sums = [(own, *by_target(targets)) for own, targets in zip(contributions, self.targets, strict=True)]
        for begin in range(0, along.shape[1], _STRIPE):
            rows = slice(begin, begin + _STRIPE)
            row = number.take(place[:, rows])
            for own, order, starts, targets in sums:
                out[targets, rows] += np.add.reduceat(own.take(row.take(order, 0)), starts, 0)

    def _of_patterns(self, found: np.ndarray) -> np.ndarray:
        """Contributions [features, patterns] of patterns: a leaf's number, then one bit a feature, the first lowest."""
        features = len(self.edges)
        contributions = np.empty((features, len(found)))
        step = max(1, _CELLS // (features * len(self._t)))
        for begin in range(0, len(found), step):
            some = found[begin : begin + step]
            leaves = some >> features
            o = (some >> np.arange(features)[:, None] & 1).astype(bool)
            own = self._integrate(self._tables_of(leaves), o, self._scale.take(leaves, 1))
            contributions[:, begin : begin + step] = own
        return contributions


def _gauss_legendre(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Points and weights on [0, 1], after Golub and Welsch 1969; numpy.polynomial would take longer to import."""
    k = np.arange(1.0, count)
    beside = k / np.sqrt(4 * k**2 - 1)
    points, vectors = np.linalg.eigh(np.diag(beside, 1) + np.diag(beside, -1))
    return (points + 1) / 2, vectors[0] ** 2


def by_target(targets: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The order of targets, where each one begins in it, and which they are."""
    order = targets.argsort(kind="stable")
    starts = np.flatnonzero(np.diff(targets[order], prepend=-1))
    return order, starts, targets[order[starts]]


class Shapley:
    """Contributions of features to the scores of trees; what it needs of them is derived once."""

    def __init__(self, trees: "Trees") -> None:
        """Raises InputError for trees that would take too long: they score all the same."""
        lengths = sum(level * (end - begin) for level, (begin, end) in enumerate(trees.levels))
        if lengths > _LIMIT:
            raise InputError(
                (Problem("", "not_explainable", "is for a model whose trees are too large to be explained"),)
            )
        self._trees = trees
        self._scores = len(trees.intercept)
        self._none = len(trees.tests)  # the edge of no feature, which every row goes along with
        self._feature = np.full(self._none + 1, -1)
        self._feature[trees.roots : -1] = np.repeat(trees.conditions.features[trees.tests[trees.inner]], 2)
        self._above = np.full(self._none + 1, self._none)  # the edge of the same feature higher on the path
        self._z = np.append(trees.shares, 1.0)
        times = np.zeros(self._none + 1, np.intp)
        paths = list(self._paths(times))
        repeats = [np.flatnonzero(times == n) for n in range(1, int(times.max()) + 1)]
        self._repeats = [(edges, self._above[edges]) for edges in repeats]
        self._blocks = list(self._blocked(paths))
        every = [block.targets.ravel() for block in self._blocks]
        self._order, self._starts, self._targets = by_target(np.concatenate([np.empty(0, np.intp), *every]))
        room = _KEPT
        for block in self._blocks:
            room = block.keep(room)

    def _paths(self, times: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Leaves, and the last edge of each distinct feature on their paths [leaves, features], as in a block.

        Meanwhile `times` [edges] becomes how often an edge's feature was on the path before.
        """
        trees = self._trees
        paths = np.full((trees.roots, 2), self._none)
        for (begin, end), (first, last) in zip(trees.levels, trees.spans, strict=True):
            leaves = np.flatnonzero(trees.tests[begin:end] < 0)
            pairs = ((paths[leaves] < self._none).sum(1) + 1) // 2
            for number in range(1, paths.shape[1] // 2 + 1):
                yield begin + leaves[pairs == number], paths[leaves[pairs == number], : 2 * number]
            paths = paths[trees.inner[first:last] - begin]
            children = trees.roots + 2 * np.arange(first, last)
            same = self._feature[paths] == self._feature[children, None]
            repeats = same.any(1)
            place = np.where(repeats, same.argmax(1), (paths < self._none).sum(1))
            if (place == paths.shape[1]).any():
                paths = np.concatenate([paths, np.full((len(paths), 2), self._none)], 1)
            rows = np.arange(len(paths))
            above = np.tile(paths[rows, place][repeats], 2)
            paths = np.repeat(paths, 2, 0)
            paths[2 * rows, place], paths[2 * rows + 1, place] = children, children + 1
            again = np.concatenate([children[repeats], children[repeats] + 1])
            self._above[again] = above
            self._z[again] *= self._z[above]
            times[again] = times[above] + 1

    def _blocked(self, paths: Sequence[tuple[np.ndarray, np.ndarray]]) -> Iterator[Block]:
        trees = self._trees
        score = np.repeat(np.arange(self._scores), np.diff(trees.begins))
        value = np.empty(self._none)
        value[trees.tests < 0] = trees.values
        for width in sorted({edges.shape[1] for _, edges in paths}):
            every = np.concatenate([leaves for leaves, edges in paths if edges.shape[1] == width])
            of_every = np.concatenate([edges for _, edges in paths if edges.shape[1] == width]).T
            step = max(1, min(_LEAVES, 2 * _CELLS // width**2))
            for begin in range(0, len(every), step):
                leaves, edges = every[begin : begin + step], of_every[:, begin : begin + step].copy()
                targets = np.maximum(self._feature[edges], 0) * self._scores + score[trees.tree[leaves]]
                yield Block(edges, self._z[edges], targets, value[leaves])

    def contributions(self, X: np.ndarray) -> np.ndarray:
        """[rows, features, scores] of X [rows, features]."""
        shape = (self._trees.size, self._scores)
        if len(X) <= _FEW:
            return np.array([self._of_row(row) for row in X]).reshape(-1, *shape)
        step = max(1, min(_ROWS, _NODES // len(self._feature)))
        parts = [self._of_rows(X[begin : begin + step]) for begin in range(0, len(X), step)]
        return np.concatenate(parts).reshape(-1, *shape)

    def _along(self, X: np.ndarray) -> np.ndarray:
        """Which edges [edges, rows] rows go along with, and with all edges of the same feature above."""
        trees = self._trees
        passed = trees.conditions.passed(X).take(trees.tests[trees.inner], 0)
        along = np.ones((len(self._feature), len(X)), bool)
        along[trees.roots : -1 : 2] = passed
        np.logical_not(passed, along[trees.roots + 1 : -1 : 2])
        for edges, above in self._repeats:
            along[edges] &= along.take(above, 0)
        return along

    def _of_row(self, row: np.ndarray) -> np.ndarray:
        """Contributions [targets] of one row."""
        along = self._along(row[None])[:, 0]
        out = np.zeros(self._trees.size * self._scores)
        if self._blocks:
            contributions = np.concatenate([block.of_row(along).ravel() for block in self._blocks])
            out[self._targets] = np.add.reduceat(contributions.take(self._order), self._starts)
        return out

    def _of_rows(self, X: np.ndarray) -> np.ndarray:
        """Contributions [rows, targets]."""
        along = self._along(X)
        out = np.zeros((self._trees.size * self._scores, len(X)))
        for block in self._blocks:
            if len(block.edges) <= _TELLING:
                block.of_rows(along, out)
            else:
                for number in range(len(X)):
                    own = block.of_row(along[:, number]).ravel()
                    out[:, number] += np.bincount(block.targets.ravel(), own, len(out))
        return out.T
