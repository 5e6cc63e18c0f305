"""What kind of file rows stand in, and what its first line says."""

import csv
import difflib
import re
from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

from firesteel.errors import DataError

Kind = Literal["csv", "jsonl", "parquet"]
KINDS: tuple[Kind, ...] = get_args(Kind)
LONGEST = 1 << 22  # bytes of one row; beyond it a quote was left open, or the file has no line ends
_DELIMITERS = ",;\t"
_BOM = b"\xef\xbb\xbf"
_OTHERS = {
    b"\xff\xfe": "UTF-16; save it as UTF-8",
    b"\xfe\xff": "UTF-16; save it as UTF-8",
    b"PK\x03\x04": "a ZIP file or an Excel workbook; save the sheet as CSV in UTF-8",
    b"\x1f\x8b": "packed by gzip, which cannot be read in parts; unpack it first",
    b"PAR1": "a Parquet file; say so by the name's ending .parquet",
}


class Layout(NamedTuple):
    """How the rows of a file are told apart. `delimiter` and `header` are those of CSV, else empty."""

    kind: Kind
    delimiter: str
    header: tuple[str, ...]


class Start(NamedTuple):
    """Where the first row begins: the byte, and the line counted from 1."""

    byte: int
    line: int


def kind_of(name: str) -> Kind:
    """The kind of file that a name's ending tells. Raises DataError."""
    ending = name.rpartition(".")[2].lower()
    kind: Kind | None = {"csv": "csv", "tsv": "csv", "jsonl": "jsonl", "ndjson": "jsonl", "parquet": "parquet"}.get(
        ending
    )  # type: ignore[assignment]
    if kind is None:
        raise DataError(f"{name}: its ending tells no kind of file; possible: .csv, .tsv, .jsonl, .ndjson, .parquet")
    return kind


def read(head: bytes, kind: Kind, needed: Sequence[str], name: str) -> tuple[Layout, Start]:
    """The layout that the first bytes of a CSV or JSONL file say, at least its first LONGEST ones if it has so many.

    Raises DataError for what is another format, or has no column for one of those `needed`.
    """
    if not head:
        raise DataError(f"{name}: the file is empty")
    for mark, what in _OTHERS.items():
        if head.startswith(mark):
            raise DataError(f"{name}: this is {what}")
    begin = len(_BOM) if head.startswith(_BOM) else 0
    if kind == "jsonl":
        return Layout(kind, "", ()), Start(begin, 1)
    delimiter, header, size = _header(head[begin:], needed, name)
    refuse_header(header, needed, name)
    return Layout(kind, delimiter, header), Start(begin + size, head[: begin + size].count(b"\n") + 1)


def record(delimiter: str) -> bytes:
    """A pattern for one record of CSV with the end of its line, as long as quotes stand only where they must.

    Possessive throughout: one pass, whatever the bytes.
    """
    comma = re.escape(delimiter.encode())
    field = rb'(?:"(?:[^"]++|"")*+"|[^"\r\n' + comma + rb"]*+)"
    return rb"(?:" + field + rb"(?:" + comma + field + rb")*+\r?\n)"


def _header(head: bytes, needed: Sequence[str], name: str) -> tuple[str, tuple[str, ...], int]:
    """The delimiter that finds the most of the needed columns, the header it makes, and the bytes that takes."""
    found: list[tuple[int, str, tuple[str, ...], int]] = []
    for delimiter in _DELIMITERS:
        whole = head if b"\n" in head else head + b"\n"
        if match := re.match(record(delimiter), whole):
            try:
                fields = next(csv.reader([match[0].decode()], delimiter=delimiter, strict=True), [])
            except UnicodeDecodeError:
                raise DataError(f"{name}: line 1 is not UTF-8; save the file as UTF-8") from None
            found.append((len({*fields} & {*needed}), delimiter, tuple(fields), min(match.end(), len(head))))
    if not found:
        raise DataError(f"{name}: line 1 is no header of a CSV file in UTF-8 with lines that end in LF or CRLF")
    _, delimiter, header, size = max(found, key=lambda one: one[0])
    return delimiter, header, size


def refuse_header(header: Sequence[str], needed: Sequence[str], name: str) -> None:
    """Raises DataError when a column that is needed is not there, or one is there twice."""
    if missing := [column for column in needed if column not in header]:
        told = []
        for column in missing:
            close = difflib.get_close_matches(column, header, n=1)
            told.append(f"{column!r}" + (f" (did you mean {close[0]!r:.40}?)" if close else ""))
        there = ", ".join(f"{column!r:.40}" for column in header[:30])
        raise DataError(f"{name}: line 1: there is no column {', '.join(told)}. The columns are {there}")
    if twice := sorted({column for column in header if header.count(column) > 1}):
        raise DataError(f"{name}: line 1: more than one column is called {', '.join(f'{one!r:.40}' for one in twice)}")
