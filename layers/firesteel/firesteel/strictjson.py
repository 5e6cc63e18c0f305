"""JSON that can mean one thing only: no duplicate keys, no NaN or Infinity, no lone surrogates, bounded depth."""

from typing import Any

import orjson

_BRACKETS = bytes.maketrans(b"{}", b"[]")
_NO_MARKS = bytes(set(range(256)) - set(b"[]{}:"))


def parse(data: bytes, *, depth: int = 16, containers: int | None = None) -> Any:
    """The value of `data`, UTF-8 without BOM, at most `depth` deep and of at most so many `containers`: arrays, objects.

    Integers beyond 64 bits become floats. Raises ValueError, whose message is a clause that quotes nothing of `data`.
    What is refused takes a time linear in its size.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise ValueError("it is not valid UTF-8") from None
    marks = _marks(data)
    _bound(marks, depth, containers)
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        wrong = "NaN and Infinity are none" if text.startswith(("NaN", "Infinity"), error.pos) else error.msg
        raise ValueError(f"it is not valid JSON: {wrong} at line {error.lineno}, column {error.colno}") from None
    if _marks(orjson.dumps(value)).count(b":") < marks.count(b":"):  # half the time of looking into each object
        raise ValueError("an object has the same key twice")
    return value


def _marks(data: bytes) -> bytes:
    """The brackets and colons that stand outside of strings."""
    if b"\\" in data:
        data = data.replace(b"\\\\", b"_").replace(b'\\"', b"_")
    return b"".join(data.split(b'"')[::2]).translate(None, _NO_MARKS)


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
