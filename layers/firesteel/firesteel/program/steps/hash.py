"""Interactions of pairs of categories, hashed into few columns."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from firesteel.errors import ProgramError
from firesteel.program.steps.murmur import murmur3
from firesteel.program.steps.parts import fields

WIDEST = 1 << 16
_MOST = 4096  # pairs: as many as are remembered
REMEMBERED = 4096  # pairs of categories whose column is remembered: a hash costs 7 us, a look-up a tenth of one
LONGEST = 400  # characters of a pair that is remembered: with REMEMBERED, a bound of what requests can fill

_Pair = tuple[str, str | None, str, str | None]
"""A field, its category, another field, its category."""


def token(first: str, one: str | None, second: str, other: str | None) -> str:
    """What is hashed for the categories `one` of the field `first` and `other` of `second`; None is missing.

    The length of the first category makes it unambiguous: no two pairs have one token, whatever stands in them.
    """
    left = first if one is None else f"{first}={len(one)}:{one}"
    right = second if other is None else f"{second}={other}"
    return f"{left} x {right}"


class Hash:
    """Adds 1 or -1 to one of `width` columns for each pair of fields, as the hash of their two categories says.

    Weinberger et al. 2009, "Feature Hashing for Large Scale Multitask Learning"; column and sign as scikit-learn's
    FeatureHasher(width, input_type="string") chooses them.
    """

    def __init__(self, meta: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> None:  # noqa: ARG002 - has none
        self._pairs = [(first, second) for first, second in meta["pairs"]]
        if len(self._pairs) > _MOST:
            raise ProgramError(f"a hash step has {len(self._pairs)} pairs, more than {_MOST}")
        self.inputs = fields(meta["inputs"])
        self.kinds = ("category",) * len(self.inputs)
        self.size: int = meta["width"]
        if set(self.inputs) != {name for pair in self._pairs for name in pair}:
            raise ProgramError("a hash step's inputs are not the fields of its pairs")
        if type(self.size) is not int or not 1 <= self.size <= WIDEST:
            raise ProgramError(f"a hash step's width is not a natural number of at most {WIDEST}")
        self._remembered: dict[_Pair, tuple[int, float]] = {}

    @property
    def names(self) -> list[str]:
        pairs = ", ".join(f"{first} x {second}" for first, second in self._pairs)
        return [f"{pairs} #{number}" for number in range(self.size)]

    def fill(self, rows: Sequence[Mapping[str, Any]], out: np.ndarray) -> None:
        remembered = self._remembered.get
        for line, row in zip(out, rows, strict=True):
            for first, second in self._pairs:
                pair = first, row[first], second, row[second]
                column, sign = remembered(pair) or self._place(pair)
                line[column] += sign

    def owners(self, row: Mapping[str, Any]) -> np.ndarray:
        """A column belongs to the pairs that fell into it, each with half to either field; an empty one to all fields."""
        shares = np.zeros((self.size, len(self.inputs)))
        for first, second in self._pairs:
            column, _ = self._place((first, row[first], second, row[second]))
            shares[column, self.inputs.index(first)] += 1
            shares[column, self.inputs.index(second)] += 1
        shares[shares.sum(1) == 0] = 1
        return np.asarray(shares / shares.sum(1, keepdims=True))

    def _place(self, pair: _Pair) -> tuple[int, float]:
        """Column and sign of a pair, and remember them."""
        hashed = murmur3(token(*pair).encode())
        place = abs(hashed) % self.size, 1.0 if hashed >= 0 else -1.0
        if len(pair[1] or "") + len(pair[3] or "") <= LONGEST:
            if len(self._remembered) >= REMEMBERED:
                self._remembered.clear()
            self._remembered[pair] = place
        return place
