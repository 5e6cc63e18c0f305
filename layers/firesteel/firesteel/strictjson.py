"""JSON that can mean one thing only: no duplicate keys, no NaN or Infinity, no lone surrogates, bounded depth."""

import json
from typing import Any

_BRACKETS = bytes.maketrans(b"{}", b"[]")
_DIGITS = bytes.maketrans(b"123456789E", b"000000000e")
_NO_MARKS = bytes(set(range(256)) - set(b'"[]{}:'))


def parse(data: bytes, *, depth: int = 16, containers: int | None = None) -> Any:
    """The value of `data`, UTF-8 without BOM, at most `depth` deep and of at most so many `containers`: arrays, objects.

    Raises ValueError, whose message is a clause that quotes nothing of it. What is refused takes a time linear in its size.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise ValueError("it is not valid UTF-8") from None
    marks = _marks(data)
    _bound(marks, depth, containers)
    pairs = 0

    def count(value: dict[str, Any]) -> dict[str, Any]:
        nonlocal pairs
        pairs += len(value)
        return value

    careful: dict[str, Any] = {"parse_float": _finite, "parse_int": _short} if _may_be_great(data) else {}
    try:
        value = json.loads(text, object_hook=count, parse_constant=_refuse_constant, **careful)
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    if pairs < marks.count(b":"):  # half the time of comparing each object's pairs with its keys
        raise ValueError("an object has the same key twice")
    if b"\\u" in data:
        _refuse_surrogates(value)
    return value


def _marks(data: bytes) -> bytes:
    """The brackets and colons of JSON that are not in strings, in their order."""
    if b"\\" in data:
        data = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    return b"".join(data.translate(None, _NO_MARKS).split(b'"')[::2])


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


def _may_be_great(data: bytes) -> bool:
    """Whether a number may be beyond floats, or long to convert: 200 digits with an exponent below 100 never are."""
    digits = data.translate(_DIGITS)
    return b"0e000" in digits or b"0e+000" in digits or b"0" * 200 in digits


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
