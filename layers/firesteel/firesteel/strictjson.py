"""JSON that can mean one thing only: no duplicate keys, no NaN or Infinity, no lone surrogates, bounded depth."""

import json
import re
from itertools import compress
from math import inf
from typing import Any

DIGITS = 400  # of one number: far beyond any float, and far below where Python's conversion turns slow

_BRACKETS = bytes.maketrans(b"{}", b"[]")
_DIGITS = bytes.maketrans(b"123456789E", b"000000000e")
_LONG = re.compile(rb"(?<![.0e+])(?<!e-)0{%d}" % (DIGITS + 1))  # before a point; tried once for each number
_NO_MARKS = bytes(set(range(256)) - set(b"[]{}:"))
_NESTED = {dict, list}.__contains__
_PAIR = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def parse(data: bytes, *, depth: int = 16, containers: int | None = None) -> Any:
    """The value of `data`, UTF-8 without BOM, at most `depth` deep and of at most so many `containers`: arrays, objects.

    Raises ValueError, whose message is a clause that quotes nothing of it. What is refused takes a time linear in its size;
    what can be told from the bytes, or from the value by C's own loops, is not told by calls for each number or text.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise ValueError("it is not valid UTF-8") from None
    bare = _bare(data)
    marks = bare.translate(None, _NO_MARKS)
    _bound(marks, depth, containers)
    digits = bare.translate(_DIGITS)
    if b"0" * (DIGITS + 1) in digits and _LONG.search(digits):
        raise ValueError("a number has too many digits")
    pairs = 0

    def count(value: dict[str, Any]) -> dict[str, Any]:
        nonlocal pairs
        pairs += len(value)
        return value

    try:
        value = json.loads(text, object_hook=count, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    if pairs < marks.count(b":"):  # half the time of comparing each object's pairs with its keys
        raise ValueError("an object has the same key twice")
    if b"0e000" in digits or b"0e+000" in digits or b"0" * 200 in digits:  # without these no number is beyond floats
        _refuse_infinity([value])
    return value


def _bare(data: bytes) -> bytes:
    """What stands outside of strings. Raises ValueError when one of them has half a pair of surrogates."""
    if b"\\" in data:
        data = data.replace(b"\\\\", b"_").replace(b'\\"', b"_")
        if _SURROGATE.search(_PAIR.sub(b"", data)):
            raise ValueError("a string has a lone surrogate")
    return b"".join(data.split(b'"')[::2])


def _bound(marks: bytes, depth: int, containers: int | None) -> None:
    """Before parsing, so that what is beyond costs no recursion and no dictionary."""
    left = marks.translate(_BRACKETS, b":")
    opened = left.count(b"[")
    if containers is not None and opened > containers:
        raise ValueError(f"it has more than {containers:,} arrays and objects")
    if opened <= depth:
        return
    for _ in range(depth):
        left = left.replace(b"[]", b"")  # the innermost
    if b"[]" in left or left.count(b"[") > depth:
        raise ValueError(f"it is nested deeper than {depth}")


def _refuse_constant(_: str) -> Any:
    raise ValueError("NaN and Infinity are not JSON")


def _refuse_infinity(values: list[Any]) -> None:
    if inf in values or -inf in values:
        raise ValueError("a number is too large")
    for inner in compress(values, map(_NESTED, map(type, values))):
        _refuse_infinity([*inner.values()] if isinstance(inner, dict) else inner)
