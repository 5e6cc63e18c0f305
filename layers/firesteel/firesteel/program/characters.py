"""N-grams of characters: from prepared text to their numbers.

They never become strings: the text's code points are mapped to digits of a small alphabet, all windows of one length are
packed into 64-bit keys by one multiply-add an n, and the keys are found in a sorted array. A leading digit 1 keeps
lengths apart and 0 stands for characters the vocabulary does not know, so equal keys mean equal n-grams: the look-up is
exact. docs/performance.md says what else was measured.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from firesteel.errors import ProgramError
from firesteel.program.ngrams import Found, Lookup, Places, Vocabulary, one_by_one

_WHITE_SPACE = re.compile(r"\s\s+")
_WORD = re.compile(r"\S+")
_PADDING = -1
_LAST_CHARACTER = 0x10FFFF
_TABLE = 1 << 21  # windows of one length that a table may have: 8 MiB


def load(meta: Mapping[str, Any], tensors: Mapping[str, np.ndarray], size: int) -> Lookup:
    """The look-up of a step with `size` terms. Raises what `ngrams.load` raises."""
    return _KINDS[meta["lookup"]](meta, tensors, size)


class _CharacterStrings(Vocabulary):
    """N-grams of characters, the plain way: for alphabets too large to pack."""

    def __init__(self, meta: Mapping[str, Any], tensors: Mapping[str, np.ndarray], size: int) -> None:
        super().__init__(meta, tensors, size)
        self._shortest, self._longest = meta["ngrams"]
        self._whole = meta["analyzer"] == "char"

    def __call__(self, text: str) -> np.ndarray:
        windows = [_WHITE_SPACE.sub(" ", text)] if self._whole else [f" {word} " for word in text.split()]
        found = []
        for window in windows:
            if not self._whole and len(window) < self._shortest:
                found.append(self._get(window))
            for n in range(self._shortest, min(self._longest, len(window)) + 1):
                found += [self._get(window[start : start + n]) for start in range(len(window) - n + 1)]
        return np.array([number for number in found if number is not None], np.int64)

    def many(self, texts: Sequence[str]) -> Found:
        return one_by_one(self, texts)

    def places(self, text: str) -> Places:
        if self._whole:
            windows = [_collapsed(text)]
        else:
            windows = [(f" {word[0]} ", [_PADDING, *range(*word.span()), _PADDING]) for word in _WORD.finditer(text)]
        found: list[tuple[int, int, int]] = []
        points: list[int] = []
        for window, own in windows:
            short = not self._whole and len(window) < self._shortest
            for n in (len(window),) if short else range(self._shortest, min(self._longest, len(window)) + 1):
                numbers = [self._get(window[start : start + n]) for start in range(len(window) - n + 1)]
                found += [(one, len(points) + start, n) for start, one in enumerate(numbers) if one is not None]
            points += own
        return _places(np.array(found, np.int64).reshape(-1, 3).T, points)


class _CharacterKeys:
    """N-grams of characters, packed."""

    def __init__(self, meta: Mapping[str, Any], tensors: Mapping[str, np.ndarray], size: int) -> None:
        self._keys, alphabet = tensors["keys"], tensors["alphabet"]
        if self._keys.ndim != 1 or alphabet.ndim != 1:
            raise ProgramError("a vocabulary's keys or its alphabet are no list")
        if len(self._keys) != size or not size or not _ascending(self._keys) or not _ascending(alphabet):
            raise ProgramError("a vocabulary's keys or its alphabet are not sorted and distinct")
        if alphabet[-1] > _LAST_CHARACTER:
            raise ProgramError("an alphabet has what is no character")
        self._lengths = sorted({int(n) for n in meta["lengths"]})
        radix = len(alphabet) + 1
        if self._lengths[0] < 1 or 2 * radix ** self._lengths[-1] > 1 << 64:
            raise ProgramError("a vocabulary's alphabet does not fit 64-bit keys")
        self._digit_of = np.zeros(int(alphabet[-1]) + 2, np.uint64)
        self._digit_of[alphabet] = np.arange(1, radix, dtype=np.uint64)
        self._radix = np.uint64(radix)
        self._alphabet = alphabet
        self._leading = [np.uint64(radix**n) for n in range(self._lengths[-1] + 1)]
        self._whole = meta["analyzer"] == "char"
        # Words share the space between them, unless single spaces count: then each word has its own two.
        self._between = "  " if self._lengths[0] == 1 else " "

    def __call__(self, text: str) -> np.ndarray:
        queries = self._windows(self._spaced(text))
        places = self._keys.searchsorted(queries)
        found: np.ndarray = places[self._keys.take(places, mode="clip") == queries]
        return found

    def many(self, texts: Sequence[str]) -> Found:
        spaced = [self._spaced(text) for text in texts]
        lengths = np.array([len(text) + 1 for text in spaced])
        digits = self._digits("\0".join([*spaced, ""]))
        digits[lengths.cumsum() - 1] = 0  # no n-gram goes on from one text into the next
        owners = np.repeat(np.arange(len(texts)), lengths)
        found = [Found(np.empty(0, np.int64), np.empty(0, np.int64))]
        for n, packed in self._packed(digits):
            numbers = self._numbers(n, packed)
            places = (numbers >= 0).nonzero()[0]
            found.append(Found(owners.take(places), numbers.take(places)))
        return Found(*map(np.concatenate, zip(*found, strict=True)))

    def places(self, text: str) -> Places:
        spaced, points = self._spaced(text), [_PADDING]
        if self._whole:
            _, points = _collapsed(text)
        else:
            for word in _WORD.finditer(text):
                points += [*range(*word.span()), *[_PADDING] * len(self._between)]
        found = [np.empty((3, 0), np.int64)]
        for n, packed in self._packed(self._digits(spaced)):
            queries = packed + self._leading[n]
            numbers = self._keys.searchsorted(queries)
            firsts = np.flatnonzero(self._keys.take(numbers, mode="clip") == queries)
            found.append(np.stack((numbers[firsts], firsts, np.full(len(firsts), n))))
        return _places(np.concatenate(found, 1), points[: len(spaced)])

    def _spaced(self, text: str) -> str:
        """The text with its white space as n-grams have it."""
        if self._whole:
            return _WHITE_SPACE.sub(" ", text)
        words = text.split()
        return f" {self._between.join(words)} " if words else ""

    def _numbers(self, n: int, packed: np.ndarray) -> np.ndarray:
        """The numbers of packed windows of length n; -1 for none."""
        if n in self._tables:
            return self._tables[n].take(packed.view(np.int64))
        queries = packed + self._leading[n]
        places = self._keys.searchsorted(queries)
        return np.where(self._keys.take(places, mode="clip") == queries, places, -1)

    @cached_property
    def _tables(self) -> dict[int, np.ndarray]:
        """By length the numbers of all windows there can be, where these are few: quicker than searching, and more memory."""
        tables = {}
        for n in self._lengths:
            if int(self._leading[n]) <= _TABLE:
                begin, end = self._keys.searchsorted(np.array([self._leading[n], 2 * self._leading[n]]))
                tables[n] = np.full(int(self._leading[n]), -1, np.int32)
                tables[n][(self._keys[begin:end] - self._leading[n]).astype(np.int64)] = np.arange(begin, end)
        return tables

    def term(self, number: int) -> str:
        key, radix, characters = int(self._keys[number]), int(self._radix), []
        while key > 1:
            key, digit = divmod(key, radix)
            characters.append(chr(self._alphabet[digit - 1]))
        return "".join(reversed(characters))

    def _windows(self, text: str) -> np.ndarray:
        """The keys of all windows of the text of all lengths."""
        windows = [packed + self._leading[n] for n, packed in self._packed(self._digits(text))]
        return np.concatenate([np.empty(0, np.uint64), *windows])

    def _digits(self, text: str) -> np.ndarray:
        points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
        return self._digit_of.take(points, mode="clip")

    def _packed(self, digits: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        """The windows of each length of the vocabulary, packed."""
        packed = digits
        for n in range(1, min(self._lengths[-1], len(digits)) + 1):
            if n > 1:
                packed = packed[:-1] * self._radix
                packed += digits[n - 1 :]
            if n in self._lengths:
                yield n, packed


def _collapsed(text: str) -> tuple[str, list[int]]:
    """The text with its runs of white space made one space, and where its characters stand in the text."""
    points: list[int] = []
    last = 0
    for run in _WHITE_SPACE.finditer(text):
        points += range(last, run.start() + 1)
        last = run.end()
    return _WHITE_SPACE.sub(" ", text), [*points, *range(last, len(text))]


def _places(found: np.ndarray, points: Sequence[int]) -> Places:
    """What was found [number, first, length; n], of units that are the characters at `points`, or padding."""
    begins = np.array(points, np.int64)
    real = begins != _PADDING
    begins[~real] = 0
    numbers, firsts, lengths = found
    return Places(numbers, firsts, lengths, begins, begins + real)


def _ascending(values: np.ndarray) -> bool:
    return bool((values[1:] > values[:-1]).all())


_KINDS: dict[str, Callable[[Mapping[str, Any], Mapping[str, np.ndarray], int], Lookup]] = {
    "character_strings": _CharacterStrings,
    "character_keys": _CharacterKeys,
}
