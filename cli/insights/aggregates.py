"""The functions of `stats`. What several of them need of one field is gathered once."""

import math
from array import array
from collections.abc import Callable
from typing import NamedTuple, Protocol

from cli.insights.expressions import Get, Row, Scope, compiled
from cli.insights.syntax import Call, Expression, Field, Literal, QueryError
from cli.insights.values import Value, number, rank, text


class Gathered(Protocol):
    """What is kept of the values of one group."""

    def add(self, value: Value, row: Row) -> None: ...


class Count:
    """How many values are present."""

    def __init__(self) -> None:
        self.count = 0

    def add(self, value: Value, _: Row) -> None:
        self.count += value is not None


class Total:
    """Sum and number of the numbers."""

    def __init__(self) -> None:
        self.sum: int | float = 0
        self.count = 0

    def add(self, value: Value, _: Row) -> None:
        if (amount := number(value)) is not None:
            self.sum += amount
            self.count += 1


class Extremes:
    """Least and greatest in the order of `sort`."""

    def __init__(self) -> None:
        self.least: Value = None
        self.greatest: Value = None

    def add(self, value: Value, _: Row) -> None:
        if value is None:
            return
        if self.least is None or rank(value) < rank(self.least):
            self.least = value
        if self.greatest is None or rank(value) > rank(self.greatest):
            self.greatest = value


class Numbers:
    """All numbers, eight bytes each."""

    def __init__(self) -> None:
        self._numbers = array("d")
        self._sorted = True

    def add(self, value: Value, _: Row) -> None:
        if (amount := number(value)) is not None:
            self._numbers.append(amount)
            self._sorted = False

    def percentile(self, percent: float) -> Value:
        """The least of the numbers that at least `percent` percent of them do not exceed (the nearest rank)."""
        if not self._sorted:
            self._numbers, self._sorted = array("d", sorted(self._numbers)), True
        if not self._numbers:
            return None
        return self._numbers[max(0, math.ceil(len(self._numbers) * percent / 100) - 1)]


class Distinct:
    """The different values."""

    def __init__(self) -> None:
        self.values: set[str] = set()

    def add(self, value: Value, _: Row) -> None:
        if value is not None:
            self.values.add(text(value))


class Ends:
    """The values of the earliest and of the latest line that have one."""

    def __init__(self) -> None:
        self.earliest: tuple[int, Value] | None = None
        self.latest: tuple[int, Value] | None = None

    def add(self, value: Value, row: Row) -> None:
        if value is None or row.time is None:
            return
        if self.earliest is None or row.time < self.earliest[0]:
            self.earliest = (row.time, value)
        if self.latest is None or row.time >= self.latest[0]:
            self.latest = (row.time, value)


class Aggregate(NamedTuple):
    """What is gathered of the field, and what the constants after it ask of that."""

    gathers: type[Gathered]
    result: Callable[..., Value]
    constants: int = 0


AGGREGATES: dict[str, Aggregate] = {
    "count": Aggregate(Count, lambda kept: kept.count),
    "sum": Aggregate(Total, lambda kept: kept.sum if kept.count else None),
    "avg": Aggregate(Total, lambda kept: kept.sum / kept.count if kept.count else None),
    "min": Aggregate(Extremes, lambda kept: kept.least),
    "max": Aggregate(Extremes, lambda kept: kept.greatest),
    "pct": Aggregate(Numbers, lambda kept, percent: kept.percentile(percent), 1),
    "count_distinct": Aggregate(Distinct, lambda kept: len(kept.values)),
    "earliest": Aggregate(Ends, lambda kept: kept.earliest and kept.earliest[1]),
    "latest": Aggregate(Ends, lambda kept: kept.latest and kept.latest[1]),
}
_ALL = Literal(1)  # what count(*) counts


class Gathering:
    """What `stats` gathers for all its measures, and the field that stands for each result in them."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._kept: dict[tuple[type[Gathered], Expression], int] = {}
        self._results: list[tuple[int, Callable[[Gathered], Value]]] = []
        self.gets: list[Get] = []

    def replace(self, expression: Expression) -> Expression:
        """The expression with a field for each aggregate in it. Raises QueryError."""
        if not isinstance(expression, Call):
            return expression
        if expression.function in AGGREGATES:
            return self._gathered(expression)
        return Call(expression.function, tuple(self.replace(one) for one in expression.arguments), expression.at)

    def _gathered(self, call: Call) -> Field:
        aggregate = AGGREGATES[call.function]
        arguments = call.arguments or ((_ALL,) if call.function == "count" else ())
        if len(arguments) != 1 + aggregate.constants:
            raise QueryError(
                f"{call.function} takes {1 + aggregate.constants} arguments, not {len(arguments)}", call.at
            )
        what, *rest = arguments
        constants = [one.value for one in rest if isinstance(one, Literal) and isinstance(one.value, int | float)]
        if len(constants) != len(rest) or not all(0 <= constant <= 100 for constant in constants):
            raise QueryError(f"the second argument of {call.function} must be a number from 0 to 100", call.at)
        place = self._kept.setdefault((aggregate.gathers, what), len(self._kept))
        if place == len(self.gets):
            self.gets.append(compiled(what, self._scope))
        self._results.append((place, lambda kept: aggregate.result(kept, *constants)))
        return Field(f"#{len(self._results) - 1}", call.at)

    def start(self) -> list[Gathered]:
        """What a new group begins with, in the order of `gets`."""
        return [gathers() for gathers, _ in self._kept]

    def names(self) -> list[str]:
        """The fields that stand for the results."""
        return [f"#{index}" for index in range(len(self._results))]

    def results(self, kept: list[Gathered]) -> dict[str, Value]:
        """The results of a group by field."""
        return {f"#{index}": result(kept[place]) for index, (place, result) in enumerate(self._results)}
