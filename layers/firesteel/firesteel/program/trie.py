"""N-grams of words by the numbers of their words: for looking up those of many texts at once."""

from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np

_NO_KEY = (1 << 63) - 1


class Level(NamedTuple):
    """The nodes of a trie at one depth. Their keys ascend: the node before, times the words, plus the last word.

    `keys` ends with one that is larger than all, so that any can be looked for.
    """

    keys: np.ndarray
    numbers: np.ndarray
    """Of the n-gram that ends in a node [nodes]; -1 for none."""

    def step(self, keys: np.ndarray) -> np.ndarray:
        """The nodes of keys; -1 for none."""
        nodes = self.keys.searchsorted(keys)
        return np.where(self.keys.take(nodes) == keys, nodes, -1)


class Trie:
    """N-grams of words by the numbers of their words, for looking many up at once."""

    def __init__(self, terms: Sequence[tuple[str, ...]], longest: int) -> None:
        self.words = {word: number for number, word in enumerate(dict.fromkeys(chain.from_iterable(terms)))}
        self.levels: list[Level] = []
        nodes: dict[tuple[str, ...], int] = {(): 0}
        number_of = {term: number for number, term in enumerate(terms)}
        for n in range(1, longest + 1):
            keys = {t[:n]: nodes[t[: n - 1]] * len(self.words) + self.words[t[n - 1]] for t in terms if len(t) >= n}
            ordered = sorted(keys, key=keys.__getitem__)
            nodes = {term: node for node, term in enumerate(ordered)}
            ascending = np.array([*(keys[term] for term in ordered), _NO_KEY], np.int64)
            numbers = np.array([number_of.get(term, -1) for term in ordered], np.int64)
            self.levels.append(Level(ascending, numbers))
