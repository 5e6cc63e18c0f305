"""Text to syntax. Everything that is wrong with the form of a query is said here, with its place."""

import re
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from lark import Lark, Token, Transformer
from lark.exceptions import UnexpectedInput, UnexpectedToken, VisitError
from lark.tree import Meta
from lark.visitors import v_args

from cli.insights.syntax import (
    Call,
    Command,
    Dedup,
    Display,
    Expression,
    Field,
    Fields,
    Filter,
    Limit,
    Literal,
    Named,
    Order,
    Parse,
    Place,
    Query,
    QueryError,
    Regex,
    Sort,
    Stats,
)

COMMANDS = ("fields", "display", "filter", "stats", "sort", "limit", "dedup", "parse")
_PERIODS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_NAMED_GROUP = re.compile(r"\(\?<([A-Za-z]\w*)>")


def parse(text: str) -> Query:
    """The query that a text says. Raises QueryError."""
    try:
        tree = _grammar().parse(text)
        commands: Query = _Build(text).transform(tree)
    except UnexpectedInput as error:
        raise _explained(error, text) from None
    except VisitError as error:
        raise error.orig_exc from None
    for command, following in pairwise(commands):
        if isinstance(command, Dedup) and not isinstance(following, Limit):
            raise QueryError("only `limit` may follow `dedup`", command.at)
    return commands


@cache
def _grammar() -> Lark:
    text = Path(__file__).with_name("grammar.lark").read_text(encoding="utf-8")
    return Lark(text, start="query", parser="lalr", propagate_positions=True)


def _explained(error: UnexpectedInput, text: str) -> QueryError:
    if isinstance(error, UnexpectedToken) and error.token.type == "$END":
        lines = text.split("\n")
        return QueryError("the query ends too early", Place(len(lines), len(lines[-1]) + 1))
    at = Place(error.line, error.column)
    start = error.pos_in_stream or 0
    found = re.match(r"[@\w.]+|\S", text[start:])
    shown = f"`{found[0]}`" if found else "the end"
    before = re.sub(r"#[^\n]*", "", text[:start]).rstrip()
    if not before or before.endswith("|"):
        return QueryError(f"{shown} is no command that is evaluated here; there are: {', '.join(COMMANDS)}", at)
    return QueryError(f"{shown} is not expected here", at)


def _place(meta: Meta) -> Place:
    return Place(meta.line, meta.column)


@v_args(meta=True)
class _Build(Transformer[Token, Any]):
    """Builds the syntax from the leaves up; a method for each rule of the grammar."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def query(self, _: Meta, commands: list[Command]) -> Query:
        return tuple(commands)

    def fields(self, _: Meta, columns: list[Named]) -> Fields:
        return Fields(tuple(columns))

    def display(self, _: Meta, columns: list[Field]) -> Display:
        return Display(tuple(columns))

    def filter(self, _: Meta, condition: list[Expression]) -> Filter:
        return Filter(condition[0])

    def stats(self, _: Meta, parts: list[Any]) -> Stats:
        groups = parts.pop() if isinstance(parts[-1], list) else []
        return Stats(tuple(parts), tuple(groups))

    def groups(self, _: Meta, groups: list[Named]) -> list[Named]:
        return groups

    def sort(self, _: Meta, orders: list[Order]) -> Sort:
        return Sort(tuple(orders))

    def order(self, _: Meta, parts: list[Any]) -> Order:
        return Order(parts[0], len(parts) > 1 and parts[1].type == "DESC")

    def limit(self, meta: Meta, parts: list[Token]) -> Limit:
        if "." in parts[0] or not 1 <= int(parts[0]) <= 10_000:
            raise QueryError("`limit` takes a whole number from 1 to 10000", _place(meta))
        return Limit(int(parts[0]))

    def dedup(self, meta: Meta, columns: list[Field]) -> Dedup:
        return Dedup(tuple(columns), _place(meta))

    def parse(self, meta: Meta, parts: list[Any]) -> Parse:
        source, form, *rest = parts
        names = tuple(name.name for name in rest[0]) if rest else ()
        if form.type == "REGEX":
            pattern = _regex(form)
            named = tuple(sorted(pattern.groupindex, key=pattern.groupindex.__getitem__))
            if pattern.groups != len(named or names):
                raise QueryError(
                    "the pattern's groups must be (?<name>...), or as many as names after `as`", _place(meta)
                )
            return Parse(source, pattern, named or names)
        glob = _unquoted(form).split("*")
        if len(glob) - 1 != len(names):
            raise QueryError(f"the pattern has {len(glob) - 1} * and {len(names)} names after `as`", _place(meta))
        last = "(.*)" if glob[-1] == "" else "(.*?)"
        text = "(.*?)".join(map(re.escape, glob[:-1])) + last + re.escape(glob[-1])
        return Parse(source, re.compile(text, re.DOTALL), names)

    def names(self, _: Meta, names: list[Field]) -> list[Field]:
        return names

    def named(self, meta: Meta, parts: list[Any]) -> Named:
        if len(parts) > 1:
            return Named(parts[0], parts[1].name)
        if isinstance(parts[0], Field):
            return Named(parts[0], parts[0].name)
        return Named(parts[0], self._text[meta.start_pos : meta.end_pos])

    def name(self, meta: Meta, parts: list[Token]) -> Field:
        return Field(parts[0].strip("`"), _place(meta))

    def field(self, _: Meta, parts: list[Field]) -> Field:
        return parts[0]

    def number(self, _: Meta, parts: list[Token]) -> Literal:
        return Literal(float(parts[0]) if "." in parts[0] else int(parts[0]))

    def string(self, _: Meta, parts: list[Token]) -> Literal:
        return Literal(_unquoted(parts[0]))

    def period(self, _: Meta, parts: list[Token]) -> Literal:
        digits = re.match(r"\d+", parts[0])
        assert digits
        return Literal(int(digits[0]) * _PERIODS[parts[0][digits.end() :]])

    def call(self, meta: Meta, parts: list[Any]) -> Call:
        name, *arguments = parts
        at = _place(meta)
        function = name.lower()
        if arguments and isinstance(arguments[0], Token):
            if function != "count":
                raise QueryError(f"only count takes `*`, not {name}", at)
            arguments = []
        if function == "bin":
            return Call("datefloor", (Field("@timestamp", at), *arguments), at)
        return Call(function, tuple(arguments), at)

    def pattern(self, _: Meta, parts: list[Token]) -> Expression:
        return Regex(_regex(parts[0])) if parts[0].type == "REGEX" else Literal(_unquoted(parts[0]))

    def choices(self, _: Meta, items: list[Expression]) -> list[Expression]:
        return items

    def either(self, meta: Meta, sides: list[Expression]) -> Call:
        return Call("or", tuple(sides), _place(meta))

    def both(self, meta: Meta, sides: list[Expression]) -> Call:
        return Call("and", tuple(sides), _place(meta))

    def negated(self, meta: Meta, one: list[Expression]) -> Call:
        return Call("not", tuple(one), _place(meta))

    def negative(self, meta: Meta, one: list[Expression]) -> Call:
        return Call("-", (Literal(0), *one), _place(meta))

    def compared(self, meta: Meta, parts: list[Any]) -> Call:
        left, operator, right = parts
        return Call(str(operator), (left, right), _place(meta))

    calculated = compared

    def like(self, meta: Meta, sides: list[Expression]) -> Call:
        return Call("like", tuple(sides), _place(meta))

    def unlike(self, meta: Meta, sides: list[Expression]) -> Call:
        return Call("not", (self.like(meta, sides),), _place(meta))

    def within(self, meta: Meta, parts: list[Any]) -> Call:
        return Call("in", (parts[0], *parts[1]), _place(meta))

    def without(self, meta: Meta, parts: list[Any]) -> Call:
        return Call("not", (self.within(meta, parts),), _place(meta))


def _unquoted(token: Token) -> str:
    return re.sub(r"\\(.)", r"\1", token[1:-1])


def _regex(token: Token) -> re.Pattern[str]:
    """The pattern between slashes; (?i) may stand anywhere, as on AWS."""
    text = _NAMED_GROUP.sub(r"(?P<\1>", token[1:-1].replace(r"\/", "/"))
    folded = text.replace("(?i)", "")
    try:
        return re.compile(folded, re.IGNORECASE if folded != text else 0)
    except re.error as error:
        at = Place(token.line or 1, token.column or 1)
        raise QueryError(f"/{folded}/ is no regular expression: {error}", at) from None
