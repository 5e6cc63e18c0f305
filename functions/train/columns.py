"""The columns of a training file: what a cell of each kind holds, and what is wrong with one that holds something else.

What a value may be is said once, in program/schema.py, for requests and cells alike. Here stands how cells write it: an
empty cell is a missing value; numbers have a decimal point and no thousands separators, blanks around them mean
nothing; labels and categories are taken to the letter.
"""

import math
import re
from array import array
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from firesteel.definition import (
    ClassificationTarget,
    Definition,
    IdentifierInput,
    RegressionTarget,
    Target,
)
from firesteel.program import schema
from functions.train.csvfile import near, short

LISTED = 12  # labels in a message
HINTED = 20  # unknown values that are compared with the known ones: a wrong column has a million of them
CACHED = 1 << 16  # cells of a column that are parsed once, however often they stand in the file
NO_NUMBER = ("nan", "na", "n/a", "null", "none", "inf", "-inf", "-")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)

Values = list[str] | list[str | None] | npt.NDArray[np.float64]
Parse = Callable[[str], Any]
"""Gives what a cell holds. Raises BadCellError."""


class BadCellError(ValueError):
    """A cell that cannot stand in its column. The message says why, without the column's name."""


class Column:
    """One column while it is read: every different cell is parsed once, and what it holds is kept.

    With a `code` of `array` the values are kept as machine numbers, else as a list.
    """

    def __init__(self, name: str, index: int, parse: Parse, code: str | None = None) -> None:
        self.name, self.index = name, index
        self._parsed = _Parsed(parse)
        self._kept: Any = array(code) if code else []

    def parse(self, cells: Sequence[str]) -> list[Any]:
        """What the cells hold; bad ones, which `faults` then tells, hold None."""
        if len(self._parsed) > CACHED:
            self._parsed.clear()
            self._parsed.faults.clear()
        return list(map(self._parsed.__getitem__, cells))

    def faults(self, cells: Sequence[str]) -> dict[int, str]:
        """What is wrong with the cells that were parsed last, by their places."""
        known = self._parsed.faults
        return {place: known[cell] for place, cell in enumerate(cells) if cell in known} if known else {}

    def keep(self, values: Iterable[Any]) -> None:
        self._kept.extend(values)

    @property
    def values(self) -> Any:
        """What was kept: an array of float64 or int32, or a list."""
        return np.asarray(self._kept) if isinstance(self._kept, array) else self._kept


class _Parsed(dict[str, Any]):
    """What cells hold, by their text; what no cell may hold stands in `faults`, too."""

    def __init__(self, parse: Parse) -> None:
        self._parse = parse
        self.faults: dict[str, str] = {}

    def __missing__(self, cell: str) -> Any:
        value = None
        try:
            value = self._parse(cell)
        except BadCellError as error:
            self.faults[cell] = str(error)
        self[cell] = value
        return value


class Columns(NamedTuple):
    """The columns that a definition reads, by the name of what they are to it.

    `identifiers` are read only where they say which rows are one, and only if the file has them.
    """

    inputs: dict[str, Column]
    extra: dict[str, Column]
    targets: dict[str, Column]
    identifiers: dict[str, Column]

    def all(self) -> list[Column]:
        return [column for part in self for column in part.values()]


def needed(definition: Definition) -> list[str]:
    """The columns that a training file must have."""
    inputs = [name for name, one in definition.inputs.items() if not isinstance(one, IdentifierInput)]
    targets = [target.column or name for name, target in definition.targets.items()]
    return list(dict.fromkeys([*inputs, *targets, *_extra(definition)]))


def of(definition: Definition, header: Sequence[str]) -> Columns:
    """The columns of a file with this header, which has all that are needed."""
    inputs, identifiers = {}, {}
    for name, one in definition.inputs.items():
        if not isinstance(one, IdentifierInput):
            parse = _input(one.field(name))
            inputs[name] = Column(name, header.index(name), parse, "d" if one.kind in ("number", "timestamp") else None)
        elif definition.data.sum_repeated_rows and name in header:
            identifiers[name] = Column(name, header.index(name), str)
    extra = {
        name: Column(name, header.index(name), parse, None if name == definition.split.group else "d")
        for name, parse in _extra(definition).items()
    }
    targets = {}
    for name, target in definition.targets.items():
        column = target.column or name
        code = "i" if isinstance(target, ClassificationTarget) else "d"
        targets[name] = Column(column, header.index(column), _target(column, target), code)
    return Columns(inputs, extra, targets, identifiers)


def _extra(definition: Definition) -> dict[str, Parse]:
    """Columns that are read besides inputs and targets: of lookup features, and of the split."""
    names = [name for feature in definition.features.values() for name in feature.columns]
    found = {name: _input(schema.Number(name, False, None, None, False, None)) for name in names}
    if definition.split.time:
        found[definition.split.time] = _one_kind_of_moment()
    if definition.split.group:
        found[definition.split.group] = _group
    return found


def _input(field: schema.Field) -> Parse:
    """What a cell of an input, or of anything of the same kind, holds."""
    missing = {schema.Text: "", schema.Number: math.nan, schema.Timestamp: math.nan}.get(type(field))
    hint = _hints(field.values) if isinstance(field, schema.Category) and field.values else None

    def held(cell: str) -> str:
        if isinstance(field, schema.Text):
            return f"this has {len(cell)}"
        return f"this is {short(cell)}{hint(cell) if hint else ''}"

    def parse(cell: str) -> Any:
        if not cell or (isinstance(field, schema.Number) and not cell.strip(" \t")):
            if field.required:
                raise BadCellError("is empty")
            return missing
        value = number(cell) if isinstance(field, schema.Number) else cell
        if problem := field.check(value):
            raise BadCellError(problem.message if problem.kind == "blank" else f"{problem.message} ({held(cell)})")
        return schema.seconds(cell) if isinstance(field, schema.Timestamp) else value

    return parse


def number(cell: str) -> float:
    """The number that a cell writes, which may be too large to be finite. Raises BadCellError."""
    plain = cell.strip(" \t")
    if _NUMBER.fullmatch(plain):
        return float(plain)
    if plain.casefold() in NO_NUMBER:
        raise BadCellError(f"{short(cell)} is not a number; leave the cell empty where there is none")
    raise BadCellError(f"{short(cell)} is not a number; write it with a decimal point and no thousands separators")


def moment(cell: str) -> float:
    """A place in time: a number as it is, a date or a time in ISO 8601 as seconds since 1970 UTC. Raises BadCellError."""
    if not cell.strip():
        raise BadCellError("is empty, and rows are split by it (split.time)")
    if _NUMBER.fullmatch(cell.strip(" \t")):
        if not math.isfinite(value := number(cell)):
            raise BadCellError(f"must be a finite number (this is {short(cell)})")
        return value
    try:
        return schema.seconds(cell)
    except (ValueError, OverflowError):
        raise BadCellError(f"must be a number, or a date or a time in ISO 8601 (this is {short(cell)})") from None


def _one_kind_of_moment() -> Parse:
    """Numbers or dates, whichever the column begins with: one cannot be before or after the other."""
    numbers: bool | None = None

    def parse(cell: str) -> float:
        nonlocal numbers
        value, written = moment(cell), bool(_NUMBER.fullmatch(cell.strip(" \t")))
        if numbers is None:
            numbers = written
        if written != numbers:
            kinds = ("dates", "a number") if written else ("numbers", "a date")
            raise BadCellError(f"is {kinds[1]} among {kinds[0]}: {short(cell)}")
        return value

    return parse


def _group(cell: str) -> str:
    if not cell.strip():
        raise BadCellError("is empty, and rows are split by it (split.group)")
    return cell


def _target(name: str, target: Target) -> Parse:
    if isinstance(target, ClassificationTarget):
        return _label(target)
    if isinstance(target, RegressionTarget):
        low, high = target.range or (None, None)
        return _input(schema.Number(name, True, low, high, False, target.unit))
    return _input(schema.Number(name, True, 0, None, True, target.unit))


def _label(target: ClassificationTarget) -> Parse:
    codes = {value: code for code, merged in enumerate(target.values_of.values()) for value in merged}
    more = f" … ({len(codes)} in all)" if len(codes) > LISTED else ""
    allowed = f"allowed: {', '.join(list(codes)[:LISTED])}{more}"
    hint = _hints(codes)

    def parse(cell: str) -> int:
        if cell in codes:
            return codes[cell]
        if not cell.strip():
            raise BadCellError(f"has no label; {allowed}")
        raise BadCellError(f"{short(cell)} is not a label{hint(cell) or ';'} {allowed}")

    return parse


def _hints(known: Iterable[str]) -> Callable[[str], str]:
    names, left = list(known), HINTED

    def hint(cell: str) -> str:
        nonlocal left
        left -= 1
        close = near(cell, names) if left >= 0 else None
        return "" if close is None else f", did you mean {close!r}?"

    return hint
