"""JSON that can mean one thing only: no duplicate keys, no NaN or Infinity, no lone surrogates, bounded depth."""

import json
import re
from typing import Any

_STRUCTURE = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)  # possessive: one pass, whatever the bytes


def parse(data: bytes, *, depth: int = 16) -> Any:
    """The value of `data`, UTF-8 without BOM. Raises ValueError, whose message is a clause that quotes nothing of it."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise ValueError("it is not valid UTF-8") from None
    _bound_depth(data, depth)
    try:
        value = json.loads(
            text, object_pairs_hook=_once, parse_constant=_refuse_constant, parse_float=_finite, parse_int=_short
        )
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    if b"\\u" in data:
        _refuse_surrogates(value)
    return value


def _bound_depth(data: bytes, depth: int) -> None:
    """Before parsing, so that a deep body costs one scan and no recursion; strings are skipped as JSON defines them."""
    if data.count(b"[") + data.count(b"{") <= depth:
        return
    level = 0
    for match in _STRUCTURE.finditer(data):
        mark = match[0]
        if mark in b"[{":
            level += 1
            if level > depth:
                raise ValueError(f"it is nested deeper than {depth}")
        elif mark in b"]}":
            level -= 1


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("an object has the same key twice")
    return value


def _refuse_constant(_: str) -> Any:
    raise ValueError("NaN and Infinity are not JSON")


def _finite(digits: str) -> float:
    value = float(digits)
    if value - value != 0:
        raise ValueError("a number is too large")
    return value


def _short(digits: str) -> int:
    if len(digits) > 400:  # far beyond any float, and far below where Python's conversion turns slow
        raise ValueError("a number has too many digits")
    return int(digits)


def _refuse_surrogates(value: Any) -> None:
    match value:
        case str():
            try:
                value.encode()
            except UnicodeEncodeError:
                raise ValueError("a string has a lone surrogate") from None
        case dict():
            for key, item in value.items():
                _refuse_surrogates(key)
                _refuse_surrogates(item)
        case list():
            for item in value:
                _refuse_surrogates(item)
