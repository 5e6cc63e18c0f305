"""From prepared text to the numbers of its known n-grams.

Words are looked up in a dict. Character n-grams never become strings: the text's code points are mapped to digits of a
small alphabet, all windows of one length are packed into 64-bit keys by one multiply-add an n, and the keys are found in
a sorted array. A leading digit 1 keeps lengths apart and 0 stands for characters the vocabulary does not know, so equal
keys mean equal n-grams: the look-up is exact. docs/performance.md says what else was measured.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
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


class Lookup(Protocol):
    """Prepared text -> int64 numbers of its known n-grams, with repetitions, in any order."""

    def __call__(self, text: str) -> np.ndarray: ...

    def many(self, texts: Sequence[str]) -> "Found":
        """Those of each of several texts, found together."""
        ...

    def term(self, number: int) -> str:
        """The n-gram of a number."""
        ...


_PLAIN = r"(?u)\b\w\w+\b"  # scikit-learn's own
_WORDS = re.compile(r"\w\w++").findall
_ASCII_WORDS = re.compile(r"\w\w++", re.ASCII).findall
_WHITE_SPACE = re.compile(r"\s\s+")
_LAST_CHARACTER = 0x10FFFF
_TABLE = 1 << 21  # windows of one length that a table may have: 8 MiB
_LONGEST = 255  # n-gram: more would be a loop without end


def load(meta: Mapping[str, Any], tensors: Mapping[str, np.ndarray], size: int) -> Lookup:
    """The look-up of a step with `size` terms. Raises ProgramError, KeyError, TypeError when its parts do not fit."""
    shortest, longest = meta["ngrams"]
    if not (type(shortest) is type(longest) is int and 1 <= shortest <= longest <= _LONGEST):
        raise ProgramError(f"n-grams are from {shortest!r} to {longest!r} long")
    return _KINDS[meta["lookup"]](meta, tensors, size)


class _Vocabulary:
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


class _Words(_Vocabulary):
    """N-grams of tokens."""

    def __init__(self, meta: Mapping[str, Any], tensors: Mapping[str, np.ndarray], size: int) -> None:
        super().__init__(meta, tensors, size)
        self._shortest, self._longest = meta["ngrams"]
        self._stop_words = frozenset(meta["stop_words"])
        try:
            pattern = re.compile(meta["token_pattern"])
        except re.PatternError as error:
            raise ProgramError(f"a token pattern is none: {error}") from None
        if pattern.groups > 1:
            raise ProgramError("a token pattern has more than one group: a token would be no text")
        self._tokenize = _words if meta["token_pattern"] == _PLAIN else pattern.findall
        self._plain = meta["token_pattern"] == _PLAIN  # no token has a space inside, so terms can be parted again

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
            return _one_by_one(self, texts)
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

    @cached_property
    def _trie(self) -> "Trie":
        from firesteel.program.trie import Trie  # a cold start answers one row, which needs none

        return Trie([tuple(term.split(" ")) for term in self._number_of], self._longest)


class _CharacterStrings(_Vocabulary):
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
        return _one_by_one(self, texts)


class _CharacterKeys:
    """N-grams of characters, packed."""

    def __init__(self, meta: Mapping[str, Any], tensors: Mapping[str, np.ndarray], size: int) -> None:
        self._keys, alphabet = tensors["keys"], tensors["alphabet"]
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


def _one_by_one(lookup: Lookup, texts: Sequence[str]) -> Found:
    found = [lookup(text) for text in texts]
    return Found(np.repeat(np.arange(len(texts)), [len(one) for one in found]), np.concatenate(found))


def _words(text: str) -> list[str]:
    """What the plain pattern finds: whole words of two characters or more. Greedy, so they need no look at their borders."""
    return _ASCII_WORDS(text) if text.isascii() else _WORDS(text)


def _ascending(values: np.ndarray) -> bool:
    return bool((values[1:] > values[:-1]).all())


_KINDS: dict[str, Callable[[Mapping[str, Any], Mapping[str, np.ndarray], int], Lookup]] = {
    "words": _Words,
    "character_strings": _CharacterStrings,
    "character_keys": _CharacterKeys,
}
