"""From prepared text to the numbers of its known n-grams. Those of words are here, those of characters in `characters`."""

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from firesteel.errors import ProgramError

if TYPE_CHECKING:
    from firesteel.program.trie import Trie


class Found(NamedTuple):
    """The known n-grams of several texts, in any order: the place of a text [n] and the n-gram's number [n], int64."""

    texts: np.ndarray
    numbers: np.ndarray


class Places(NamedTuple):
    """Where known n-grams stand in a prepared text. An n-gram is made of units: words, or single characters.

    N-gram `numbers` [n] is made of the units `firsts` [n] and those after it, `lengths` [n] in all. Unit u is characters
    `begins` [u] to `ends` [u]; padding is no character of the text, so it begins where it ends.
    """

    numbers: np.ndarray
    firsts: np.ndarray
    lengths: np.ndarray
    begins: np.ndarray
    ends: np.ndarray


class Lookup(Protocol):
    """Prepared text -> int64 numbers of its known n-grams, with repetitions, in any order."""

    def __call__(self, text: str) -> np.ndarray: ...

    def many(self, texts: Sequence[str]) -> "Found":
        """Those of each of several texts, found together."""
        ...

    def term(self, number: int) -> str:
        """The n-gram of a number."""
        ...

    def places(self, text: str) -> "Places":
        """Where the known n-grams of a text stand; slower than finding their numbers."""
        ...


_PLAIN = r"(?u)\b\w\w+\b"  # scikit-learn's own
_WORDS = re.compile(r"\w\w++")
_ASCII_WORDS = re.compile(r"\w\w++", re.ASCII)
_LONGEST = 32  # n-gram: the work at each word or character of a text


def load(meta: Mapping[str, Any], tensors: Mapping[str, np.ndarray], size: int) -> Lookup:
    """The look-up of a step with `size` terms. Raises ProgramError, KeyError, TypeError when its parts do not fit."""
    shortest, longest = meta["ngrams"]
    if not (type(shortest) is type(longest) is int and 1 <= shortest <= longest <= _LONGEST):
        raise ProgramError(f"n-grams are from {shortest!r} to {longest!r} long")
    if meta["lookup"] == "words":
        return _Words(meta, tensors, size)
    from firesteel.program import characters  # only models that have some pay for it

    return characters.load(meta, tensors, size)


class Vocabulary:
    """Terms by their numbers."""

    def __init__(self, meta: Mapping[str, Any], tensors: Mapping[str, np.ndarray], size: int) -> None:
        self._number_of = _vocabulary(meta, tensors, size)
        self._get = self._number_of.get

    @cached_property
    def _terms(self) -> list[str]:
        return list(self._number_of)

    def term(self, number: int) -> str:
        return self._terms[number]


def _vocabulary(meta: Mapping[str, Any], tensors: Mapping[str, np.ndarray], size: int) -> dict[str, int]:
    terms = tensors["terms"].tobytes().decode().split(meta["separator"]) if size else []
    vocabulary = dict(zip(terms, range(size), strict=True))
    if len(vocabulary) != size:
        raise ProgramError("a vocabulary has a term twice")
    return vocabulary


class _Words(Vocabulary):
    """N-grams of tokens."""

    def __init__(self, meta: Mapping[str, Any], tensors: Mapping[str, np.ndarray], size: int) -> None:
        super().__init__(meta, tensors, size)
        self._shortest, self._longest = meta["ngrams"]
        self._stop_words = frozenset(meta["stop_words"])
        self._plain = meta["token_pattern"] == _PLAIN  # no token has a space inside, so terms can be parted again
        self._pattern = _WORDS if self._plain else _compiled(meta["token_pattern"])
        self._tokenize = _words if self._plain else self._pattern.findall

    def __call__(self, text: str) -> np.ndarray:
        tokens = self._tokenize(text)
        if self._stop_words:
            tokens = [token for token in tokens if token not in self._stop_words]
        found = [number for number in map(self._get, tokens) if number is not None] if self._shortest == 1 else []
        for n in range(max(self._shortest, 2), self._longest + 1):
            grams = map(" ".join, zip(*[tokens[start:] for start in range(n)], strict=False))
            found += [number for number in map(self._get, grams) if number is not None]
        return np.array(found, np.int64)

    def many(self, texts: Sequence[str]) -> Found:
        if not self._plain:
            return one_by_one(self, texts)
        listed = [self._tokenize(text) for text in texts]
        if self._stop_words:
            listed = [[token for token in tokens if token not in self._stop_words] for tokens in listed]
        lengths = [len(tokens) for tokens in listed]
        trie = self._trie
        of_token = chain.from_iterable(map(trie.words.get, tokens, repeat(-1)) for tokens in listed)
        words = np.fromiter(of_token, np.int64, sum(lengths))
        owners = np.repeat(np.arange(len(texts)), lengths)
        places, nodes, found = np.arange(len(words)), np.zeros(len(words), np.int64), []
        for n, level in enumerate(trie.levels):  # each n-gram begins as a known shorter one, and ends in the same text
            ends = places + n
            fits = ends < len(words)
            places, nodes, ends = places[fits], nodes[fits], ends[fits]
            fits = (owners[ends] == owners[places]) & (words[ends] >= 0)
            nodes = level.step(nodes[fits] * len(trie.words) + words[ends[fits]])
            places, nodes = places[fits][nodes >= 0], nodes[nodes >= 0]
            numbers = level.numbers[nodes] if n + 1 >= self._shortest else np.full(len(nodes), -1)
            found.append(Found(owners[places[numbers >= 0]], numbers[numbers >= 0]))
        return Found(*map(np.concatenate, zip(*found, strict=True)))

    def places(self, text: str) -> Places:
        of_token = self._pattern.groups  # a pattern's group is its token
        spans = [match.span(of_token) for match in self._pattern.finditer(text)]
        listed = [(max(begin, 0), max(end, 0)) for begin, end in spans]  # a group that took no part is an empty token
        listed = [(begin, end) for begin, end in listed if text[begin:end] not in self._stop_words]
        tokens = [text[begin:end] for begin, end in listed]
        found = []
        for n in range(self._shortest, self._longest + 1):
            grams = map(" ".join, zip(*[tokens[start:] for start in range(n)], strict=False))
            numbers = map(self._get, grams)
            found += [(number, first, n) for first, number in enumerate(numbers) if number is not None]
        units = np.array(listed, np.int64).reshape(-1, 2)
        return Places(*np.array(found, np.int64).reshape(-1, 3).T, *units.T)

    @cached_property
    def _trie(self) -> "Trie":
        from firesteel.program.trie import Trie  # a cold start answers one row, which needs none

        return Trie([tuple(term.split(" ")) for term in self._number_of], self._longest)


def one_by_one(lookup: Lookup, texts: Sequence[str]) -> Found:
    found = [lookup(text) for text in texts]
    return Found(np.repeat(np.arange(len(texts)), [len(one) for one in found]), np.concatenate(found))


def _words(text: str) -> list[str]:
    """What the plain pattern finds: whole words of two characters or more. Greedy, so they need no look at their borders."""
    return (_ASCII_WORDS if text.isascii() else _WORDS).findall(text)


def _compiled(token_pattern: object) -> re.Pattern[str]:
    from firesteel import pattern  # only models that have another pattern than the usual pay for it

    return pattern.compiled(token_pattern)
