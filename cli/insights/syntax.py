"""What a query is: commands in their order, and the expressions within them."""

import re
from dataclasses import dataclass, field
from typing import NamedTuple


class Place(NamedTuple):
    """Where something stands in a query; both count from 1."""

    line: int
    column: int


class QueryError(ValueError):
    """A query that cannot be run here. The message says where and why."""

    def __init__(self, problem: str, at: Place) -> None:
        super().__init__(f"line {at.line}, column {at.column}: {problem}")


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, a string, or a period in milliseconds."""

    value: str | int | float


@dataclass(frozen=True, slots=True)
class Regex:
    """What `like` and `=~` search for."""

    pattern: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a line, or one that an earlier command has made."""

    name: str
    at: Place = field(compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A function or an operator: `+`, `and`, `like`, `in` and the others are called as functions are."""

    function: str
    arguments: tuple["Expression", ...]
    at: Place = field(compare=False)


type Expression = Literal | Regex | Field | Call


class Named(NamedTuple):
    """An expression and the column it becomes."""

    expression: Expression
    name: str


class Fields(NamedTuple):
    columns: tuple[Named, ...]


class Display(NamedTuple):
    columns: tuple[Field, ...]


class Filter(NamedTuple):
    condition: Expression


class Stats(NamedTuple):
    measures: tuple[Named, ...]
    groups: tuple[Named, ...]


class Order(NamedTuple):
    expression: Expression
    descending: bool


class Sort(NamedTuple):
    orders: tuple[Order, ...]


class Limit(NamedTuple):
    rows: int


class Dedup(NamedTuple):
    columns: tuple[Field, ...]
    at: Place


class Parse(NamedTuple):
    """Group n of the pattern becomes the field n of `names`; without a match they are missing."""

    source: Field
    pattern: re.Pattern[str]
    names: tuple[str, ...]


type Command = Fields | Display | Filter | Stats | Sort | Limit | Dedup | Parse
type Query = tuple[Command, ...]
