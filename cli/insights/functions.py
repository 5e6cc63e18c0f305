"""The functions and operators of expressions: name -> how many arguments, and what they make of values."""

import math
from collections.abc import Callable
from typing import NamedTuple

from cli.insights.values import Timestamp, Value, equal, less, number, text

MANY = 1000


class Function(NamedTuple):
    """A function of `least` to `most` values."""

    least: int
    most: int
    call: Callable[..., Value]


def _numeric(calculate: Callable[..., int | float]) -> Callable[..., Value]:
    """Missing when an argument is no number, or when there is no result: a division by zero, the root of -1."""

    def calculated(*values: Value) -> Value:
        numbers = [number(value) for value in values]
        if None in numbers:
            return None
        try:
            result = calculate(*numbers)
        except (ArithmeticError, ValueError):
            return None
        return result if isinstance(result, int | float) and math.isfinite(result) else None

    return calculated


def _coalesce(*values: Value) -> Value:
    return next((value for value in values if value is not None), None)


def _extreme(choose: Callable[[list[int | float]], int | float]) -> Callable[..., Value]:
    def chosen(*values: Value) -> Value:
        numbers = [amount for value in values if (amount := number(value)) is not None]
        return choose(numbers) if numbers else None

    return chosen


def _string(make: Callable[..., Value]) -> Callable[..., Value]:
    """Missing when the first argument is."""

    def made(first: Value, *others: Value) -> Value:
        return None if first is None else make(text(first), *others)

    return made


def _part(whole: str, start: Value, length: Value = None) -> Value:
    first, count = number(start), number(length)
    if first is None:
        return None
    return whole[int(first) :] if count is None else whole[int(first) : int(first) + int(count)]


def _floor(time: Value, period: Value) -> Value:
    moment, step = number(time), number(period)
    return None if moment is None or not step else Timestamp(moment // step * step)


def _ceiling(time: Value, period: Value) -> Value:
    moment, step = number(time), number(period)
    return None if moment is None or not step else Timestamp(-(-moment // step) * step)


FUNCTIONS: dict[str, Function] = {
    "+": Function(2, 2, _numeric(lambda a, b: a + b)),
    "-": Function(2, 2, _numeric(lambda a, b: a - b)),
    "*": Function(2, 2, _numeric(lambda a, b: a * b)),
    "/": Function(2, 2, _numeric(lambda a, b: a / b)),
    "%": Function(2, 2, _numeric(math.fmod)),
    "^": Function(2, 2, _numeric(math.pow)),
    "=": Function(2, 2, lambda a, b: int(equal(a, b))),
    "!=": Function(2, 2, lambda a, b: int(not equal(a, b))),
    "<": Function(2, 2, lambda a, b: int(less(a, b))),
    ">": Function(2, 2, lambda a, b: int(less(b, a))),
    "<=": Function(2, 2, lambda a, b: int(less(a, b) or equal(a, b))),
    ">=": Function(2, 2, lambda a, b: int(less(b, a) or equal(a, b))),
    "in": Function(2, MANY, lambda value, *choices: int(any(equal(value, choice) for choice in choices))),
    "not": Function(1, 1, lambda value: int(not value)),
    "ispresent": Function(1, 1, lambda value: int(value is not None)),
    "coalesce": Function(1, MANY, _coalesce),
    "abs": Function(1, 1, _numeric(abs)),
    "ceil": Function(1, 1, _numeric(math.ceil)),
    "floor": Function(1, 1, _numeric(math.floor)),
    "log": Function(1, 1, _numeric(math.log)),
    "sqrt": Function(1, 1, _numeric(math.sqrt)),
    "greatest": Function(1, MANY, _extreme(max)),
    "least": Function(1, MANY, _extreme(min)),
    "isempty": Function(1, 1, lambda value: int(text(value) == "")),
    "isblank": Function(1, 1, lambda value: int(not text(value).strip())),
    "strcontains": Function(2, 2, lambda whole, part: int(whole is not None and text(part) in text(whole))),
    "strlen": Function(1, 1, _string(len)),
    "toupper": Function(1, 1, _string(str.upper)),
    "tolower": Function(1, 1, _string(str.lower)),
    "trim": Function(1, 1, _string(str.strip)),
    "substr": Function(2, 3, _string(_part)),
    "replace": Function(3, 3, _string(lambda whole, old, new: whole.replace(text(old), text(new)))),
    "concat": Function(1, MANY, lambda *values: "".join(map(text, values))),
    "datefloor": Function(2, 2, _floor),
    "dateceil": Function(2, 2, _ceiling),
    "tomillis": Function(1, 1, _numeric(int)),
    "frommillis": Function(1, 1, lambda value: None if (moment := number(value)) is None else Timestamp(moment)),
}
