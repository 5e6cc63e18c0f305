"""Runs a query over rows, one after the other: a line is let go of as soon as the query allows it."""

from collections.abc import Callable, Iterable, Iterator
from heapq import nsmallest
from itertools import islice
from typing import Any, NamedTuple

from cli.insights.aggregates import Gathering
from cli.insights.expressions import Get, Row, Scope, compiled
from cli.insights.syntax import (
    Command,
    Dedup,
    Display,
    Field,
    Fields,
    Filter,
    Limit,
    Named,
    Order,
    Parse,
    Place,
    Query,
    Sort,
    Stats,
)
from cli.insights.values import Value, rank, text

MOST_ROWS = 10_000  # of a result, as on AWS
_NOWHERE = Place(1, 1)
_NEWEST_FIRST = Sort((Order(Field("@timestamp", _NOWHERE), descending=True),))
_USUAL = [Field("@timestamp", _NOWHERE), Field("@message", _NOWHERE)]

type Stage = Callable[[Iterable[Row]], Iterator[Row]]


class Result(NamedTuple):
    """A table."""

    columns: tuple[str, ...]
    rows: list[tuple[Value, ...]]


class Plan:
    """A query that was checked and can run; QueryError when it cannot."""

    def __init__(self, query: Query) -> None:
        self._scope = Scope()
        self._shown: list[Field] = []
        self._displayed = False
        commands = _ordered(query)
        self._stages = [self._stage(command, commands[index + 1 :]) for index, command in enumerate(commands)]
        self._columns = [(field.name, self._scope.field(field)) for field in self._shown or _USUAL]

    def run(self, rows: Iterable[Row]) -> Result:
        """The table that the rows make."""
        for stage in self._stages:
            rows = stage(rows)
        found = [tuple(get(row) for _, get in self._columns) for row in islice(rows, MOST_ROWS)]
        return Result(tuple(name for name, _ in self._columns), found)

    def _stage(self, command: Command, following: tuple[Command, ...]) -> Stage:
        match command:
            case Fields(columns):
                return self._fields(columns)
            case Display(columns):
                self._shown, self._displayed = list(columns), True
                return iter
            case Filter(condition):
                holds = compiled(condition, self._scope)
                return lambda rows: (row for row in rows if holds(row))
            case Stats(measures, groups):
                return self._stats(measures, groups)
            case Sort(orders):
                key = _key([(compiled(order.expression, self._scope), order.descending) for order in orders])
                most = _needed(following)
                return lambda rows: iter(sorted(rows, key=key) if most is None else nsmallest(most, rows, key=key))
            case Limit(count):
                return lambda rows: islice(rows, count)
            case Dedup(columns):
                return _dedup([self._scope.field(column) for column in columns])
            case Parse(source, pattern, names):
                get, search = self._scope.field(source), pattern.search
                self._scope.made.update(names)
                return lambda rows: _parsed(rows, get, search, names)

    def _fields(self, columns: tuple[Named, ...]) -> Stage:
        made = []
        for expression, name in columns:
            if not isinstance(expression, Field) or expression.name != name:
                made.append((name, compiled(expression, self._scope)))
                self._scope.made.add(name)
        if not self._displayed:
            self._shown += [Field(name, _NOWHERE) for _, name in columns]
        if not made:
            return iter
        return lambda rows: _with_fields(rows, made)

    def _stats(self, measures: tuple[Named, ...], groups: tuple[Named, ...]) -> Stage:
        gathering = Gathering(self._scope)
        by = [compiled(expression, self._scope) for expression, _ in groups]
        replaced = [Named(gathering.replace(expression), name) for expression, name in measures]
        after = Scope()
        after.closed = True
        after.made.update(gathering.names(), (name for _, name in groups))
        results = []
        for expression, name in replaced:
            results.append((name, compiled(expression, after)))
            after.made.add(name)
        after.made.difference_update(gathering.names())
        self._scope, self._displayed = after, False
        self._shown = [Field(name, _NOWHERE) for _, name in (*groups, *measures)]
        named = [name for _, name in groups]
        return lambda rows: _grouped(rows, by, named, gathering, results)


def _ordered(query: Query) -> tuple[Command, ...]:
    """With the order that AWS gives lines when the query gives none: the newest first."""
    for index, command in enumerate(query):
        match command:
            case Sort() | Stats():
                return query
            case Limit() | Dedup():
                return (*query[:index], _NEWEST_FIRST, *query[index:])
    return (*query, _NEWEST_FIRST)


def _needed(following: tuple[Command, ...]) -> int | None:
    """How many rows of a sorted result can still be used; None when that depends on the rows."""
    for command in following:
        match command:
            case Limit(count):
                return count
            case Filter() | Dedup() | Stats() | Sort():
                return None
    return MOST_ROWS


class _Descending:
    """Turns the order of what it holds around."""

    __slots__ = ("rank",)

    def __init__(self, rank: tuple[Any, ...]) -> None:
        self.rank = rank

    def __lt__(self, other: "_Descending") -> bool:
        return other.rank < self.rank

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Descending) and self.rank == other.rank

    __hash__ = None  # type: ignore[assignment]


def _key(orders: list[tuple[Get, bool]]) -> Callable[[Row], tuple[Any, ...]]:
    return lambda row: tuple([_Descending(rank(get(row))) if down else rank(get(row)) for get, down in orders])


def _with_fields(rows: Iterable[Row], made: list[tuple[str, Get]]) -> Iterator[Row]:
    for row in rows:
        for name, get in made:
            row.made[name] = get(row)
        yield row


def _parsed(rows: Iterable[Row], get: Get, search: Callable[[str], Any], names: tuple[str, ...]) -> Iterator[Row]:
    for row in rows:
        found = search(text(get(row)))
        row.made |= zip(names, found.groups() if found else [None] * len(names), strict=True)
        yield row


def _dedup(gets: list[Get]) -> Stage:
    def deduplicated(rows: Iterable[Row]) -> Iterator[Row]:
        seen = set()
        for row in rows:
            values = tuple([text(value) if (value := get(row)) is not None else None for get in gets])
            if None in values or values not in seen:  # what is missing is never a duplicate
                seen.add(values)
                yield row

    return deduplicated


def _grouped(
    rows: Iterable[Row], by: list[Get], names: list[str], gathering: Gathering, results: list[tuple[str, Get]]
) -> Iterator[Row]:
    """One row for each combination of the values of `by`, in the order in which they appear."""
    groups: dict[tuple[Value, ...], list[Any]] = {} if by else {(): gathering.start()}
    gets = gathering.gets
    for row in rows:
        group = tuple([get(row) for get in by])
        kept = groups.get(group)
        if kept is None:
            kept = groups[group] = gathering.start()
        for gathered, get in zip(kept, gets, strict=True):
            gathered.add(get(row), row)
    for group, kept in groups.items():
        row = Row({})
        row.made = {**gathering.results(kept), **dict(zip(names, group, strict=True))}
        for name, get in results:
            row.made[name] = get(row)
        yield row
