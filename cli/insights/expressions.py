"""Expressions compiled to Python functions of a row: names and arities are checked once, not line by line."""

import re
from collections.abc import Callable
from difflib import get_close_matches
from typing import Any

from cli.insights.functions import FUNCTIONS
from cli.insights.syntax import Call, Expression, Field, Literal, QueryError, Regex
from cli.insights.values import Timestamp, Value, leaf, number, text

type Get = Callable[["Row"], Value]


class Row:
    """A line on its way through the query: what it says, and what commands have made of it."""

    __slots__ = ("event", "log", "made", "raw", "time")

    def __init__(self, event: dict[str, Any], raw: str = "", time: int | None = None, log: str = "") -> None:
        self.event, self.raw, self.time, self.log = event, raw, time, log
        self.made: dict[str, Value] = {}


class Scope:
    """Which names commands have made so far; after `stats` there are no others."""

    def __init__(self) -> None:
        self.made: set[str] = set()
        self.closed = False

    def field(self, field: Field) -> Get:
        """How a row gives a field. Raises QueryError when it cannot have it."""
        name = field.name
        if name in self.made:
            return lambda row: row.made.get(name)
        if self.closed:
            raise QueryError(f"after `stats` there is no `{name}`; there are: {', '.join(sorted(self.made))}", field.at)
        return _SYSTEM.get(name) or _member(name)


def compiled(expression: Expression, scope: Scope) -> Get:
    """The function that computes an expression of a row. Raises QueryError."""
    match expression:
        case Literal(value):
            return lambda _: value
        case Field():
            return scope.field(expression)
        case Call("and" | "or", (left, right)):
            return _either_or(expression.function, compiled(left, scope), compiled(right, scope))
        case Call("=", (left, Literal(str(word)))) if number(word) is None:
            return _is(compiled(left, scope), word)
        case Call("like", (where, what)):
            return _like(compiled(where, scope), what)
        case Call():
            return _called(expression, scope)
        case Regex():
            raise AssertionError("the grammar has patterns after `like` only")


def _either_or(function: str, left: Get, right: Get) -> Get:
    if function == "and":
        return lambda row: 1 if left(row) and right(row) else 0
    return lambda row: 1 if left(row) or right(row) else 0


def _is(get: Get, word: str) -> Get:
    """What most filters ask: only the word itself equals a word that is no number."""
    return lambda row: 1 if get(row) == word else 0


def _like(where: Get, what: Expression) -> Get:
    if isinstance(what, Regex):
        search = what.pattern.search
    else:
        assert isinstance(what, Literal)
        search = re.compile(re.escape(str(what.value))).search
    return lambda row: 0 if (value := where(row)) is None or search(text(value)) is None else 1


def _called(call: Call, scope: Scope) -> Get:
    if call.function not in FUNCTIONS:
        raise QueryError(_unknown(call.function), call.at)
    function = FUNCTIONS[call.function]
    if not function.least <= len(call.arguments) <= function.most:
        wanted = f"{function.least}" if function.least == function.most else f"at least {function.least}"
        raise QueryError(f"{call.function} takes {wanted} arguments, not {len(call.arguments)}", call.at)
    run = function.call
    arguments = [compiled(argument, scope) for argument in call.arguments]
    if len(arguments) == 1:
        [only] = arguments
        return lambda row: run(only(row))
    if len(arguments) == 2:  # most calls, without a list
        left, right = arguments
        return lambda row: run(left(row), right(row))
    return lambda row: run(*[argument(row) for argument in arguments])


def _unknown(name: str) -> str:
    from cli.insights.aggregates import AGGREGATES

    if name in AGGREGATES:
        return f"{name} is for `stats` alone, and not within another of its kind"
    known = sorted(function for function in {**FUNCTIONS, **AGGREGATES} if function[0].isalpha())
    close = get_close_matches(name, known, n=1)
    return f"{name} is no function that is evaluated here; " + (
        f"did you mean {close[0]}?" if close else f"there are: {', '.join(known)}"
    )


_SYSTEM: dict[str, Get] = {
    "@message": lambda row: row.raw,
    "@timestamp": lambda row: None if row.time is None else Timestamp(row.time),
    "@log": lambda row: row.log,
}


def _member(name: str) -> Get:
    """A member of the line's object; a.b is the member b of a, or one that is called a.b itself."""
    parts = name.split(".")
    if len(parts) == 1:
        return lambda row: leaf(row.event.get(name))
    first, rest = parts[0], parts[1:]
    only = rest[0] if len(rest) == 1 else None

    def member(row: Row) -> Value:
        node = row.event.get(first)
        if only and type(node) is dict and only in node:
            return leaf(node[only])
        return leaf(_within(row.event, parts))

    return member


def _within(node: Any, parts: list[str]) -> Any:
    if not parts:
        return node
    if isinstance(node, list):
        index = int(parts[0]) if parts[0].isdecimal() else len(node)
        return _within(node[index], parts[1:]) if index < len(node) else None
    if not isinstance(node, dict):
        return None
    for end in range(1, len(parts) + 1):
        key = parts[0] if end == 1 else ".".join(parts[:end])
        if key in node and (found := _within(node[key], parts[end:])) is not None:
            return found
    return None
