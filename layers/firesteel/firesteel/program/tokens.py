"""Text to sparse TF-IDF rows, exactly as scikit-learn's TfidfVectorizer makes them.

Words are looked up in a dict. Character n-grams never become strings: the text's code points are mapped to digits of a
small alphabet, all windows of one length are packed into 64-bit keys by one multiply-add an n, and the keys are found in
a sorted array. A leading digit 1 keeps lengths apart and 0 stands for characters the vocabulary does not know, so equal
keys mean equal n-grams: the look-up is exact. docs/performance.md says what else was measured.
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from firesteel.errors import ProgramError

Lookup = Callable[[str], np.ndarray]
"""Prepared text -> the row numbers of its known n-grams, with repetitions, in any order."""


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
        if not (np.isfinite(self.idf).all() and (self.idf > 0).all()):
            raise ProgramError("an idf weight is not a positive number")
        self.lookup: Lookup = _LOOKUPS[meta["lookup"]](meta, tensors, self.size)

    def prepare(self, row: Mapping[str, Any]) -> str:
        text = "\n".join([row[name] or "" for name in self.inputs])
        if self.lowercase:
            text = text.lower()
        if self.strip_accents:
            text = strip_accents(text, self.strip_accents)
        return str(text)

    def weigh(self, counts: np.ndarray, ids: np.ndarray) -> None:
        """Turn the counts [n] of the terms `ids` [n] into TF-IDF values in place: normalised, times the step's weight."""
        if self.binary:
            counts.fill(1)
        elif self.sublinear:
            np.log(counts, counts)
            counts += 1
        counts *= self.idf.take(ids)
        if self.norm == "l2":
            counts *= self.weight / math.sqrt(counts.dot(counts))
        elif self.norm == "l1":
            counts *= self.weight / counts.sum()
        elif self.weight != 1:
            counts *= self.weight


def strip_accents(text: str, how: str) -> str:
    """As scikit-learn's strip_accents_unicode and strip_accents_ascii."""
    if text.isascii():
        return text
    import unicodedata

    normal = unicodedata.normalize("NFKD", text)
    if how == "ascii":
        return normal.encode("ascii", "ignore").decode("ascii")
    return "".join([character for character in normal if not unicodedata.combining(character)])


def _terms(meta: Mapping[str, Any], tensors: Mapping[str, np.ndarray], size: int) -> dict[str, int]:
    terms = tensors["terms"].tobytes().decode().split(meta["separator"]) if size else []
    vocabulary = dict(zip(terms, range(size), strict=True))
    if len(vocabulary) != size:
        raise ProgramError("a vocabulary has a term twice")
    return vocabulary


def _words(meta: Mapping[str, Any], tensors: Mapping[str, np.ndarray], size: int) -> Lookup:
    get = _terms(meta, tensors, size).get
    shortest, longest = meta["ngrams"]
    try:
        tokenize = re.compile(meta["token_pattern"]).findall
    except re.PatternError as error:
        raise ProgramError(f"a token pattern is none: {error}") from None
    stop_words = frozenset(meta["stop_words"])

    def look_up(text: str) -> np.ndarray:
        tokens = tokenize(text)
        if stop_words:
            tokens = [token for token in tokens if token not in stop_words]
        found = [number for number in map(get, tokens) if number is not None] if shortest == 1 else []
        for n in range(max(shortest, 2), longest + 1):
            grams = map(" ".join, zip(*[tokens[start:] for start in range(n)], strict=False))
            found += [number for number in map(get, grams) if number is not None]
        return np.array(found, np.int64)

    return look_up


def _windows(text: str, meta: Mapping[str, Any]) -> list[str]:
    """What character n-grams are cut from: the text itself, or each word with a space on both sides."""
    if meta["analyzer"] == "char":
        return [WHITE_SPACE.sub(" ", text)]
    return [f" {word} " for word in text.split()]


WHITE_SPACE = re.compile(r"\s\s+")


def _character_strings(meta: Mapping[str, Any], tensors: Mapping[str, np.ndarray], size: int) -> Lookup:
    """The plain way, for alphabets too large to pack."""
    get = _terms(meta, tensors, size).get
    shortest, longest = meta["ngrams"]

    def look_up(text: str) -> np.ndarray:
        found = []
        for window in _windows(text, meta):
            if meta["analyzer"] == "char_wb" and len(window) < shortest:
                found.append(get(window))
            for n in range(shortest, min(longest, len(window)) + 1):
                found += [get(window[start : start + n]) for start in range(len(window) - n + 1)]
        return np.array([number for number in found if number is not None], np.int64)

    return look_up


def _character_keys(meta: Mapping[str, Any], tensors: Mapping[str, np.ndarray], size: int) -> Lookup:
    keys, alphabet = tensors["keys"], tensors["alphabet"]
    if len(keys) != size or not (keys[1:] > keys[:-1]).all() or not (alphabet[1:] > alphabet[:-1]).all():
        raise ProgramError("a vocabulary's keys or its alphabet are not sorted and distinct")
    if len(alphabet) and alphabet[-1] > 0x10FFFF:
        raise ProgramError("an alphabet has what is no character")
    lengths = sorted({int(n) for n in meta["lengths"]})
    radix = len(alphabet) + 1
    if lengths and (lengths[0] < 1 or 2 * radix ** lengths[-1] > 1 << 64):
        raise ProgramError("a vocabulary's alphabet does not fit 64-bit keys")
    past = int(alphabet[-1]) + 1 if size else 0
    digit_of = np.zeros(past + 1, np.uint64)
    digit_of[alphabet] = np.arange(1, radix, dtype=np.uint64)
    # The digit 1 before an n-gram is added to its first character at once.
    leading = [np.uint64(radix**n) for n in range(lengths[-1] + 1)] if lengths else []
    factor = np.uint64(radix)
    # Words share the space between them, unless single spaces count: then each word has its own two.
    between = "  " if lengths[:1] == [1] else " "
    whole = meta["analyzer"] == "char"

    def look_up(text: str) -> np.ndarray:
        if whole:
            text = WHITE_SPACE.sub(" ", text)
        elif words := text.split():
            text = f" {between.join(words)} "
        else:
            return np.empty(0, np.int64)
        points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
        digits = digit_of.take(points, mode="clip")
        packed, windows = digits, []
        for n in range(1, min(lengths[-1], len(digits)) + 1):
            if n > 1:
                packed = packed[:-1] * factor
                packed += digits[n - 1 :]
            if n in lengths:
                windows.append(packed + leading[n])
        if not windows:
            return np.empty(0, np.int64)
        queries = np.concatenate(windows)
        places = keys.searchsorted(queries)
        found: np.ndarray = places[keys.take(places, mode="clip") == queries]
        return found

    return look_up if size else lambda _: np.empty(0, np.int64)


_LOOKUPS: dict[str, Callable[[Mapping[str, Any], Mapping[str, np.ndarray], int], Lookup]] = {
    "words": _words,
    "character_strings": _character_strings,
    "character_keys": _character_keys,
}
