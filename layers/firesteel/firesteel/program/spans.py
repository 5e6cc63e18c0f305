"""Which characters of a text did it: the contributions of its terms, spread over the places where they stand.

What a term contributed belongs to its occurrences in equal parts: of words, to each of an n-gram's words and evenly to
their characters; of characters, to each of the n-gram's, but not to the padding around a word. The shares of a character
add up. Neighbours that did the same, and the characters of one word, are told as one span.
"""

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from firesteel.program.results import Span
from firesteel.program.steps.tfidf import Tfidf, strip_accents

if TYPE_CHECKING:
    from firesteel.program.predictor import Predictor


class _Where(NamedTuple):
    """Where one step finds its terms in one text: occurrence by occurrence, each a line of units and of characters."""

    numbers: np.ndarray
    """Of the terms [occurrences]."""
    weights: np.ndarray
    """What of a term's contribution each of an occurrence's units gets [occurrences]."""
    lengths: np.ndarray
    """Units of an occurrence [occurrences]."""
    units: np.ndarray
    """Of all occurrences, one after the other [sum of lengths]."""
    size: int
    """Of units."""
    owners: np.ndarray
    """Which unit each character belongs to [characters], of all units one after the other."""
    shares: np.ndarray
    """What of its unit a character gets [characters]."""
    origins: np.ndarray
    """Which character of the original text it comes from [characters]."""
    joined: np.ndarray
    """Which characters of the original text are of one word with the next [length of the text]."""


class Located:
    """Where the terms of one row's texts stand. Found once, for all targets."""

    def __init__(self, predictor: "Predictor", row: Mapping[str, Any]) -> None:
        self._steps: list[Tfidf] = predictor.texts
        self._row = row
        self._where = cache(self._found)

    def spread(self, step: int, name: str, terms: np.ndarray, contributions: np.ndarray) -> np.ndarray:
        """What each character [length of the text] of a field did, given those of a step's `terms` [n], ascending.

        A term that does not stand in this field by itself is no character's.
        """
        where, length = self._where(step, name), len(self._row[name] or "")
        if not len(terms) or not len(where.numbers):
            return np.zeros(length)
        places = terms.searchsorted(where.numbers)
        known = terms.take(places, mode="clip") == where.numbers
        values = np.where(known, contributions.take(places, mode="clip"), 0) * where.weights
        of_units = np.bincount(where.units, values.repeat(where.lengths), where.size)
        return np.bincount(where.origins, of_units[where.owners] * where.shares, length)

    def spans(self, name: str, characters: np.ndarray) -> tuple[Span, ...]:
        """The runs of characters [length of the text] that did something."""
        if not len(characters):
            return ()
        joined = np.logical_or.reduce(
            [self._where(number, name).joined for number, step in enumerate(self._steps) if name in step.inputs]
        )
        ends_before = ~joined[:-1] & (characters[1:] != characters[:-1])
        starts = np.flatnonzero(np.concatenate(([True], ends_before)))
        ends = np.append(starts[1:], len(characters))
        sums = np.add.reduceat(characters, starts)
        told = np.flatnonzero(sums)
        return tuple(map(Span, starts[told].tolist(), ends[told].tolist(), sums[told].tolist()))

    def _found(self, number: int, name: str) -> _Where:
        step, original = self._steps[number], self._row[name] or ""
        text, origins = _prepared(original, step)
        numbers, firsts, lengths, begins, ends = step.lookup.places(text)
        sizes = ends - begins
        units = _ranges(firsts, lengths)
        occurrences = np.arange(len(numbers)).repeat(lengths)
        real = np.bincount(occurrences, sizes[units] > 0, len(numbers))
        often = np.bincount(numbers, minlength=step.size)[numbers]
        owners = np.arange(len(sizes)).repeat(sizes)
        points = origins[_ranges(begins, sizes)]
        return _Where(
            numbers=numbers,
            weights=1 / (often * np.maximum(real, 1)),
            lengths=lengths,
            units=units,
            size=len(sizes),
            owners=owners,
            shares=(1 / np.maximum(sizes, 1))[owners],
            origins=points,
            joined=_joined(origins, begins[sizes > 1], ends[sizes > 1], len(original)),
        )


def _prepared(text: str, step: Tfidf) -> tuple[str, np.ndarray]:
    """The text as a step looks for terms in it, and which character of the text each of its characters comes from.

    Lower-casing and taking accents away look at one character at a time (but for a final sigma, which stays one), and
    either may make none or several of one.
    """
    origins = np.arange(len(text))
    if step.lowercase:
        if not text.isascii():
            origins = origins.repeat([len(character.lower()) for character in text])
        text = text.lower()
    if step.strip_accents and not text.isascii():
        parts = [strip_accents(character, step.strip_accents) for character in text]
        return "".join(parts), origins.repeat([len(part) for part in parts])
    return text, origins


def _ranges(begins: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """The numbers from each begin on, as many as its size says, one range after the other."""
    offsets = sizes.cumsum() - sizes
    return np.asarray(np.arange(int(sizes.sum())) + (begins - offsets).repeat(sizes))


def _joined(origins: np.ndarray, begins: np.ndarray, ends: np.ndarray, length: int) -> np.ndarray:
    """Which of `length` characters are of one word with the next, of words from `begins` to `ends`, of two or more."""
    change = np.zeros(length + 1, np.int64)
    np.add.at(change, origins[begins], 1)
    np.add.at(change, origins[ends - 1], -1)
    return np.asarray(change[:-1].cumsum() > 0)
