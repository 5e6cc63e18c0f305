"""Text to TF-IDF values, exactly as scikit-learn's TfidfVectorizer makes them."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from firesteel.errors import ProgramError
from firesteel.program import ngrams

_LARGEST = 1e30  # its square is a float, and so is that of 1 / _LARGEST


class Tfidf:
    """One TF-IDF step over text inputs joined by a line break."""

    def __init__(self, meta: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> None:
        self.inputs: tuple[str, ...] = tuple(meta["inputs"])
        self.lowercase: bool = meta["lowercase"]
        self.strip_accents: str | None = meta["strip_accents"]
        self.preparation = (self.inputs, self.lowercase, self.strip_accents)
        self.sublinear: bool = meta["sublinear_tf"]
        self.binary: bool = meta["binary"]
        self.norm: str | None = meta["norm"]
        self.weight: float = meta["weight"]
        self.idf = tensors["idf"]
        self.size = len(self.idf)
        if not all(type(flag) is bool for flag in (self.lowercase, self.sublinear, self.binary)):
            raise ProgramError("a text step has a flag that is neither true nor false")
        if not self.inputs or len(set(self.inputs)) < len(self.inputs):
            raise ProgramError("a text step has no input, or one twice")
        if self.strip_accents not in (None, "ascii", "unicode") or self.norm not in (None, "l1", "l2"):
            raise ProgramError("a text step strips accents or divides by a norm in a way that nobody knows")
        if not (isinstance(self.weight, int | float) and 1 / _LARGEST <= self.weight <= _LARGEST):
            raise ProgramError(f"a text step's weight is no number from {1 / _LARGEST:g} to {_LARGEST:g}")
        if self.idf.ndim != 1 or not ((self.idf >= 1 / _LARGEST) & (self.idf <= _LARGEST)).all():
            raise ProgramError(f"the idf weights are no list of numbers from {1 / _LARGEST:g} to {_LARGEST:g}")
        self.lookup = ngrams.load(meta, tensors, self.size)
        self.longest: int = meta["ngrams"][1]

    def prepare(self, row: Mapping[str, Any]) -> str:
        text = "\n".join([row[name] or "" for name in self.inputs])
        if self.lowercase:
            text = text.lower()
        if self.strip_accents:
            text = strip_accents(text, self.strip_accents)
        return str(text)

    def owners(self, row: Mapping[str, Any], ids: np.ndarray) -> np.ndarray:
        """Shares [n, inputs] of each input in the terms `ids` [n]: how often it stands there.

        A term that stands in no input by itself, across a line break or nowhere, belongs to all of them equally.
        """
        if len(self.inputs) == 1:
            return np.ones((len(ids), 1))
        counts = np.zeros((self.size, len(self.inputs)))
        for column, name in enumerate(self.inputs):
            alone = dict.fromkeys(self.inputs) | {name: row[name]}
            np.add.at(counts[:, column], self.lookup(self.prepare(alone).strip("\n")), 1)
        shares = counts[ids]
        totals = shares.sum(1, keepdims=True)
        return np.where(totals > 0, shares / np.maximum(totals, 1), 1 / len(self.inputs))

    def weigh(self, counts: np.ndarray, ids: np.ndarray) -> None:
        """Turn the counts [n] of the terms `ids` [n] into TF-IDF values in place: normalised, times the step's weight."""
        self.scale(counts, ids)
        if self.norm or self.weight != 1:
            counts *= self.factor(counts)

    def scale(self, counts: np.ndarray, ids: np.ndarray) -> None:
        """The part of weighing that looks at each term alone, so that many rows can be done at once."""
        if self.binary:
            counts.fill(1)
        elif self.sublinear:
            np.log(counts, counts)
            counts += 1
        counts *= self.idf.take(ids)

    def factor(self, scaled: np.ndarray) -> float:
        """What the scaled terms [n] of one row, at least one, are multiplied by."""
        if self.norm == "l2":
            return self.weight / math.sqrt(scaled.dot(scaled))
        if self.norm == "l1":
            return self.weight / float(scaled.sum())
        return self.weight


def strip_accents(text: str, how: str) -> str:
    """As scikit-learn's strip_accents_unicode and strip_accents_ascii."""
    if text.isascii():
        return text
    import unicodedata

    normal = unicodedata.normalize("NFKD", text)
    if how == "ascii":
        return normal.encode("ascii", "ignore").decode("ascii")
    return "".join([character for character in normal if not unicodedata.combining(character)])
