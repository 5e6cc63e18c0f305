"""Values as Logs Insights has them: strings and numbers. A number in a string is a number, true is 1, null is missing."""

import re
from datetime import UTC, datetime
from typing import Any

type Value = str | int | float | None

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_CHUNKS = re.compile(r"\d+|\D+")


class Timestamp(int):
    """Milliseconds since 1970 that are shown as CloudWatch shows them, in UTC."""

    def __str__(self) -> str:
        return datetime.fromtimestamp(self / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def leaf(value: Any) -> Value:
    """What a field holds; objects and arrays hold nothing themselves, only their members do."""
    kind = type(value)
    if kind is str or kind is float or kind is int:
        found: str | float | int = value
        return found
    return int(value) if kind is bool else None


def number(value: Value) -> int | float | None:
    """The value as a number, None when it is none."""
    if not isinstance(value, str):
        return value
    if not _NUMBER.fullmatch(value):
        return None
    return int(value) if value.lstrip("+-").isdigit() else float(value)


def text(value: Value) -> str:
    """The value as a string: whole floats without a point, a missing value as nothing."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)


def equal(left: Value, right: Value) -> bool:
    """As numbers when both are numbers, else as strings, by case. What is missing equals nothing."""
    if left is None or right is None:
        return False
    first, second = number(left), number(right)
    if first is None or second is None:
        return text(left) == text(right)
    return first == second


def less(left: Value, right: Value) -> bool:
    """Numbers by value, strings by code points. A number and a word, or what is missing, have no order."""
    if left is None or right is None:
        return False
    first, second = number(left), number(right)
    if first is None and second is None:
        return text(left) < text(right)
    return first is not None and second is not None and first < second


def rank(value: Value) -> tuple[Any, ...]:
    """The place of a value in ascending order: what is missing, then strings in natural order, then numbers.

    Runs of digits within a string are ordered by their length first and then by value, all else by code points.
    """
    if value is None:
        return (0,)
    if (amount := number(value)) is not None:
        return (2, amount)
    return (
        1,
        [("0", len(chunk), chunk) if chunk.isdecimal() else (chunk, 0, "") for chunk in _CHUNKS.findall(str(value))],
    )
