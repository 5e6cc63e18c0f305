"""The rows of a part, as a request would have them: by the names of the inputs, each with the line it begins on."""

import csv
import io
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from firesteel import strictjson
from firesteel.errors import InputError, Problem
from firesteel.program.schema import Field, Number
from functions.classify.scoring.layout import LONGEST, Layout

_EXACT = 2.0**53  # below it every whole float is that very number
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


class Row(NamedTuple):
    """What stands on a line, fields that are no inputs left out; or, in `error`, why that is no row."""

    line: int
    values: Mapping[str, Any]
    error: InputError | None = None


def rows(data: bytes, line: int, layout: Layout, fields: Sequence[Field]) -> Iterator[Row]:
    """The rows of a part that begins on `line`. An empty cell is a missing value."""
    match layout.kind:
        case "csv":
            return _of_csv(data, line, layout, fields)
        case "jsonl":
            return _of_jsonl(data, line, fields)
        case "parquet":
            return _of_parquet(data, line, fields)


def number(cell: str) -> float:
    """The number that a cell writes: a decimal point, no thousands separators; whole ones are ints. Raises ValueError."""
    plain = cell.strip(" \t")
    if not _NUMBER.fullmatch(plain):
        raise ValueError("is not a number; write it with a decimal point and no thousands separators")
    value = float(plain)
    return int(value) if abs(value) < _EXACT and value.is_integer() else value


def _of_csv(data: bytes, line: int, layout: Layout, fields: Sequence[Field]) -> Iterator[Row]:
    places = [(field.name, layout.header.index(field.name)) for field in fields if field.name in layout.header]
    numbers = {field.name for field in fields if isinstance(field, Number)}
    texts = [one for one in places if one[0] not in numbers]
    counted = [one for one in places if one[0] in numbers]
    width = len(layout.header)
    limit = csv.field_size_limit(LONGEST)  # of the whole process, so for this reading alone
    try:
        stream = io.StringIO(data.decode("utf-8", "surrogateescape"), newline="")
        reader = csv.reader(stream, delimiter=layout.delimiter, strict=True)
        begin = line
        for cells in reader:
            if len(cells) != width:
                if cells:
                    yield Row(begin, {}, _wrong("wrong_length", f"has {len(cells)} fields, the header {width}"))
            else:
                values: dict[str, Any] = {name: cell for name, place in texts if (cell := cells[place])}
                yield _numbered(begin, values, cells, counted) if counted else Row(begin, values)
            begin = line + reader.line_num
    finally:
        csv.field_size_limit(limit)


def _numbered(line: int, values: dict[str, Any], cells: Sequence[str], counted: Sequence[tuple[str, int]]) -> Row:
    """A row with its numbers read. One that cannot be read is its only fault, as no other can be told."""
    problems = []
    for name, place in counted:
        if (cell := cells[place]).strip(" \t"):
            try:
                values[name] = number(cell)
            except ValueError as error:
                problems.append(Problem(name, "wrong_type", str(error)))
    return Row(line, {}, InputError(tuple(problems))) if problems else Row(line, values)


def _of_jsonl(data: bytes, line: int, fields: Sequence[Field]) -> Iterator[Row]:
    names = {field.name for field in fields}
    for begin, text in enumerate(data.split(b"\n"), line):
        if not text or text.isspace():
            continue
        try:
            value = strictjson.parse(text)
        except ValueError as error:
            yield Row(begin, {}, _wrong("invalid_json", str(error)))
            continue
        if isinstance(value, dict):
            yield Row(begin, {name: one for name, one in value.items() if name in names})
        else:
            yield Row(begin, {}, _wrong("wrong_type", "must be an object"))


def _of_parquet(data: bytes, line: int, fields: Sequence[Field]) -> Iterator[Row]:
    """The rows of an Arrow stream. NaN is a missing value, as in tables that know no other."""
    import pyarrow as pa

    table = pa.ipc.open_stream(data).read_all()
    names = [field.name for field in fields if field.name in table.column_names]
    columns = [[None if one != one else one for one in table.column(name).to_pylist()] for name in names]
    for begin in range(table.num_rows):
        values = {name: column[begin] for name, column in zip(names, columns, strict=True)}
        yield Row(line + begin, {name: _plain(one) for name, one in values.items() if one is not None})


def _plain(value: Any) -> Any:
    """A value of Parquet as JSON would have it: dates and times in ISO 8601, decimals as numbers."""
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if type(value).__name__ == "Decimal":
        return float(value)
    return value if not isinstance(value, float) or math.isfinite(value) else str(value)


def _wrong(kind: str, message: str) -> InputError:
    return InputError((Problem("", kind, message),))
