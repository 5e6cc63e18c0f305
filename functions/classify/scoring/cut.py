"""Cutting a file into parts between rows, in one pass and bounded memory."""

import csv
import io
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from firesteel.errors import DataError
from functions.classify.scoring.layout import LONGEST, Layout, Start, record

PART_ROWS = 5000
_PART_BYTES = 4 << 20  # a part ends with the row that reaches it, however few rows that are
_READ = 1 << 20


class Cut(NamedTuple):
    """Some rows of a file as they stand there: bytes `begin` to `end`, the first of them on `line`.

    Rows of Parquet have numbers instead of bytes and lines, and `data` is an Arrow stream of them.
    """

    number: int
    begin: int
    end: int
    line: int
    data: bytes


def parts(read: Callable[[int], bytes], layout: Layout, start: Start, rows: int, *, name: str) -> Iterator[Cut]:
    """The parts of a CSV or JSONL file, at most `rows` rows each, which `read` gives from `start` on as a file does.

    Raises DataError for what is no such file, naming the line.
    """
    matched = re.compile(_row(layout) + rb"{1,%d}+" % rows).match
    number, (begin, line) = 0, start
    data, ended, closed = bytearray(), False, False
    while True:
        while not ended and len(data) < _PART_BYTES + LONGEST:
            chunk = read(_READ)
            ended = not chunk
            data += chunk
        if not data:
            return
        if ended and not data.endswith(b"\n"):
            data += b"\n"
            closed = True  # by us: the byte is not in the file
        found = matched(data, 0, min(len(data), _PART_BYTES))
        size = found.end() if found else _odd(data, layout, line, name)
        part = bytes(data[:size])
        del data[:size]
        yield Cut(number, begin, begin + size - (closed and not data), line, part)
        number, begin, line = number + 1, begin + size, line + part.count(b"\n")


def _row(layout: Layout) -> bytes:
    return record(layout.delimiter) if layout.kind == "csv" else rb"(?:[^\n]*+\n)"


def _odd(data: bytearray, layout: Layout, line: int, name: str) -> int:
    """The bytes of a first row that is long, or of CSV that has quotes inside of unquoted fields."""
    if layout.kind == "csv":
        return _odd_record(data, layout, line, name)
    size = data.find(b"\n") + 1
    if not 0 < size <= LONGEST:
        raise DataError(f"{name}: line {line} has more than {LONGEST} bytes")
    return size


def _odd_record(data: bytearray, layout: Layout, line: int, name: str) -> int:
    stream = io.StringIO(data[:LONGEST].decode("utf-8", "surrogateescape"), newline="")
    lines: list[str] = []
    limit = csv.field_size_limit(LONGEST)  # of the whole process, so for this reading alone
    try:
        next(csv.reader(_kept(stream, lines), delimiter=layout.delimiter, strict=True))
    except csv.Error as error:
        raise DataError(
            f"{name}: line {line}: not CSV ({error}). In the row that begins here a quoted field is not closed or has "
            f"a lone quote inside, which must be written twice; a row has at most {LONGEST} bytes"
        ) from None
    finally:
        csv.field_size_limit(limit)
    return len("".join(lines).encode("utf-8", "surrogateescape"))


def _kept(stream: Iterator[str], lines: list[str]) -> Iterator[str]:
    for line in stream:
        lines.append(line)
        yield line
