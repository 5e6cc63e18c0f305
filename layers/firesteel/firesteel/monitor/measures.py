"""What the inference log and the drift baseline tell of a value without telling it. Small: serving imports it."""

import hashlib
import json
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from firesteel.program.steps.tfidf import Tfidf

_WORDS = re.compile(r"\w\w++").findall
_BETWEEN = bytes(code if chr(code).isalnum() or chr(code) == "_" else 0x20 for code in range(128)) + bytes(128)
_TO_JSON = json.JSONEncoder(separators=(",", ":")).encode  # ASCII, so that anything has bytes


def digest(model: str, field: str, value: object) -> str:
    """What `log: hash` keeps of a value: the first 16 hexadecimal digits of SHA-256 of JSON [model, field, value].

    `model` is the address, as in `recruits/qb`. Equal values have equal digests in one field of one model, and only
    there; 3 and 3.0 are one number. The digest is no secret: who can guess a value can make its digest.
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    hashed = _begun(model, field).copy()
    hashed.update(f"{_TO_JSON(value)}]".encode())
    return hashed.hexdigest()[:16]


@lru_cache(1024)
def _begun(model: str, field: str) -> "hashlib._Hash":
    """The hash of what stands before the value."""
    return hashlib.sha256(f"[{_TO_JSON(model)},{_TO_JSON(field)},".encode())


class Measures:
    """Measures the texts of one input field. Made once a program; safe to use from several threads."""

    def __init__(self, steps: Iterable["Tfidf"], field: str) -> None:
        """`steps` are the program's (`predictor.texts`); the first of words that reads `field` says what is known."""
        readers = [(step, words) for step in steps if field in step.inputs and (words := _words_of(step))]
        self._reader = readers[0] if readers else None
        self._field = field

    def __call__(self, text: str) -> dict[str, Any]:
        """{"characters", "words", "known"}: code points, words by white space, and the share of words that are terms.

        For the share a word has two letters or more, prepared as the step prepares it (lower case, accents), as often
        as it stands there. It is None without a step of words, and of a text without words.
        """
        return {"characters": len(text), "words": len(text.split()), "known": self._known(text)}

    def _known(self, text: str) -> float | None:
        if self._reader is None:
            return None
        step, terms = self._reader
        prepared = step.prepare({**dict.fromkeys(step.inputs), self._field: text})
        words = _ascii_words(prepared) if prepared.isascii() else _WORDS(prepared)
        return round(sum(map(terms.__contains__, words)) / len(words), 6) if words else None


def _ascii_words(text: str) -> list[str]:
    """What `_WORDS` finds, in half the time: a request waits for it."""
    return [word for word in text.encode().translate(_BETWEEN).decode().split() if len(word) > 1]


def _words_of(step: "Tfidf") -> frozenset[str]:
    """The single words among a step's terms. A step of characters has terms that begin or end with a space: none."""
    words = []
    for number in range(step.size):
        term = step.lookup.term(number)
        if term[:1] == " " or term[-1:] == " ":
            return frozenset()
        if " " not in term:
            words.append(term)
    return frozenset(words)
