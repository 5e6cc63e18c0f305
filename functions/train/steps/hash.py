"""Interactions of pairs of categories, hashed into few columns."""

from collections.abc import Sequence
from typing import Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction import FeatureHasher

from firesteel.definition import Definition, HashFeature
from firesteel.program.steps.hash import token
from functions.train.steps.categories import Columns, distinct
from functions.train.steps.step import Step


class Hash(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """See HashFeature. A missing category is one of its own."""

    def __init__(self, pairs: Sequence[tuple[str, str]], width: int = 32) -> None:
        self.pairs = pairs
        self.width = width

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def fit(self, columns: Columns, y: object = None) -> Self:  # noqa: ARG002
        return self

    def transform(self, columns: Columns) -> npt.NDArray[np.float64]:
        """Each pair of categories is hashed once, however many rows have it."""
        hasher = FeatureHasher(self.width, input_type="string", alternate_sign=True)
        coded = {name: distinct(columns[name]) for pair in self.pairs for name in pair}
        out = np.zeros((len(columns[self.pairs[0][0]]), self.width))
        for first, second in self.pairs if len(out) else ():
            (ones, one), (others, other) = coded[first], coded[second]
            met, of_row = np.unique(one * len(others) + other, return_inverse=True)
            tokens = [[token(first, ones[k // len(others)], second, others[k % len(others)])] for k in met.tolist()]
            hashed = hasher.transform(tokens)
            out[np.arange(len(out)), hashed.indices[of_row]] += hashed.data[of_row]
        return out


def build(name: str, feature: HashFeature, definition: Definition) -> Hash:  # noqa: ARG001 - as every step's
    return Hash(feature.pairs, feature.width)


def compile(step: Hash) -> Step:  # noqa: A001 - what it is
    inputs = list(dict.fromkeys(name for pair in step.pairs for name in pair))
    meta = {"kind": "hash", "inputs": inputs, "pairs": [list(pair) for pair in step.pairs], "width": step.width}
    return Step(meta, {}, np.arange(step.width))
