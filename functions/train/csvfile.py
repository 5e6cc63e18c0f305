"""A CSV file, read strictly in one pass: header, rows with the lines they begin on, and the hash of what was read.

What is accepted: UTF-8 with or without BOM; line ends LF, CRLF or CR; quoted fields that contain line breaks; commas,
or the semicolons and tabs of a spreadsheet (whichever finds the most of the needed columns in the header). Fields are
kept exactly as they are. Lines of nothing at all are not rows. The file may be packed by gzip; the hash is that of the packed.
Memory is bounded by the longest line, and a packed file that unpacks to more than any table does is refused on the way.
"""

import csv
import difflib
import gzip
import hashlib
import io
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import chain
from pathlib import Path

from firesteel.errors import DataError

_GZIP = b"\x1f\x8b"
LONGEST_FIELD = 1 << 22  # characters: four times the longest text of a definition; beyond it a quote was left open
LONGEST_HEADER = 1 << 24  # characters: room for 100,000 columns
MOST_UNPACKED = 200  # bytes from each packed byte: tables give 3 to 50, zeros 1,000
_SMALL = 8 << 20  # bytes that anything may unpack to
_READ = 1 << 17  # bytes at a time
_QUOTES = ContextVar("quotes", default=True)
DELIMITERS = ",;\t"
NOT_CSV = {
    b"\xff\xfe": "UTF-16; save it as UTF-8",
    b"\xfe\xff": "UTF-16; save it as UTF-8",
    b"PK\x03\x04": "a ZIP file or an Excel workbook; save the sheet as CSV in UTF-8",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook; save the sheet as CSV in UTF-8",
    b"PAR1": "a Parquet file; save it as CSV in UTF-8",
}


class CsvFile:
    """An open CSV file: `header`, then `rows`; `size` as far as it was read, `sha256` once that was to the end."""

    def __init__(self, path: Path, file: io.RawIOBase, needed: Sequence[str]) -> None:
        self._path = path
        self._bytes = _Hashing(file)
        self._unpacked: _Counting = self._bytes
        buffer: io.BufferedReader[_Counting] = io.BufferedReader(self._bytes, _READ)
        if buffer.peek(2)[:2] == _GZIP:
            self._unpacked = _Unpacking(buffer, self._bytes, path)
            buffer = io.BufferedReader(self._unpacked, 1 << 20)
        _refuse_other_formats(buffer.peek(8)[:8], path)
        stream = io.TextIOWrapper(buffer, encoding="utf-8-sig", newline="")
        first = stream.readline(LONGEST_HEADER)
        if len(first) == LONGEST_HEADER:
            raise DataError(f"{path}: line 1 has more than {LONGEST_HEADER} characters; it must name the columns")
        delimiter = max(DELIMITERS, key=lambda each: len(set(needed).intersection(_fields(first, each))))
        self.rows = self._numbered(chain([first], stream), delimiter)
        self.header: list[str] = next(self.rows, (1, []))[1]
        _refuse_header(self.header, needed, path)

    @property
    def sha256(self) -> str:
        return self._bytes.sha256.hexdigest()

    @property
    def size(self) -> int:
        """Bytes read so far, unpacked; up to a buffer more than the rows that were given."""
        return self._unpacked.size

    def _numbered(self, lines: Iterator[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
        """Every row with the physical line, counted from 1, on which it begins."""
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        line = 1
        try:
            for row in reader:
                if row:
                    yield line, row
                line = reader.line_num + 1
        except csv.Error as error:
            long = str(error).startswith("field larger")
            what = f"a field has more than {LONGEST_FIELD} characters" if long else str(error)
            raise DataError(
                f"{self._path}: line {line}: not CSV ({what}). In the row that begins here, a quoted field is not "
                "closed or has a lone quote inside, which must be written twice"
            ) from None


@contextmanager
def opened(path: Path, needed: Sequence[str]) -> Iterator[CsvFile]:
    """Open `path` and find the `needed` columns in its header.

    Raises DataError, here or while rows are read, that names file, line and column, and what to do.
    """
    try:
        file = path.open("rb", buffering=0)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None
    limit = csv.field_size_limit(LONGEST_FIELD)  # of the whole process, so for this reading alone
    try:
        with file:
            yield CsvFile(path, file, needed)
    except UnicodeDecodeError:
        raise DataError(_wrong_encoding(path)) from None
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise DataError(f"{path}: its gzip packing is damaged or cut off: {error}") from None
    finally:
        csv.field_size_limit(limit)


class _Counting(io.RawIOBase):
    """Counts bytes on their way."""

    def __init__(self, file: io.RawIOBase | gzip.GzipFile) -> None:
        self._file = file
        self.size = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int | None:  # type: ignore[override]
        count = self._file.readinto(buffer)
        self.size += count or 0
        return count


class _Hashing(_Counting):
    """Hashes a file's bytes on their way, so that what is hashed is what was read."""

    def __init__(self, file: io.RawIOBase) -> None:
        super().__init__(file)
        self.sha256 = hashlib.sha256()

    def readinto(self, buffer: memoryview) -> int | None:  # type: ignore[override]
        count = super().readinto(buffer)
        self.sha256.update(buffer[:count])
        return count


class _Unpacking(_Counting):
    """Unpacks gzip, as long as what comes out could be a table."""

    def __init__(self, file: "io.BufferedReader[_Counting]", packed: _Counting, path: Path) -> None:
        super().__init__(gzip.GzipFile(fileobj=file))
        self._packed = packed
        self._path = path

    def readinto(self, buffer: memoryview) -> int | None:  # type: ignore[override]
        count = super().readinto(buffer)
        if self.size > max(_SMALL, MOST_UNPACKED * self._packed.size):
            raise DataError(
                f"{self._path}: its gzip packing unpacks to more than {MOST_UNPACKED} times its size, as no table does; "
                "if this is one, send it unpacked"
            )
        return count


def _refuse_other_formats(head: bytes, path: Path) -> None:
    if not head:
        raise DataError(f"{path}: the file is empty; its first line must name the columns")
    for signature, what in NOT_CSV.items():
        if head.startswith(signature):
            raise DataError(f"{path}: this is {what}")
    if b"\0" in head:
        raise DataError(f"{path}: zero bytes in the first line: this looks like UTF-16; save it as UTF-8")


def _refuse_header(header: list[str], needed: Sequence[str], path: Path) -> None:
    missing = [name for name in needed if name not in header]
    if missing:
        sentences = []
        for name in missing:
            close = near(name, header)
            sentences.append(f"{name!r}" + (f" (did you mean {short(close)}?)" if close is not None else ""))
        there = ", ".join(map(short, header[:30])) or "none"
        raise DataError(f"{path}: line 1: there is no column {', '.join(sentences)}. The columns are {there}")
    twice = [name for name in needed if header.count(name) > 1]
    if twice:
        raise DataError(f"{path}: line 1: more than one column is called {', '.join(map(repr, twice))}")


def _wrong_encoding(path: Path) -> str:
    """Where the first byte that is not UTF-8 stands, and what the file looks like."""
    with path.open("rb") as file:
        opener = gzip.open if file.read(2) == _GZIP else open
    with opener(path, "rt", encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
        searched = ((line, text, re.search("[\udc80-\udcff]", text)) for line, text in enumerate(stream, 1))
        line, text, wrong = next((line, text, match) for line, text, match in searched if match)
    around = text[max(0, wrong.start() - 20) : wrong.start() + 20].encode("utf-8", "surrogateescape")
    message = f"line {line}, character {wrong.start() + 1}: byte 0x{ord(wrong[0]) - 0xDC00:02X} is not UTF-8"
    try:
        hint = f". It looks like Windows-1252: {short(around.decode('cp1252').strip())}"
    except UnicodeDecodeError:
        hint = ""
    return f"{path}: {message}{hint}. Save the file as UTF-8"


def _fields(line: str, delimiter: str) -> list[str]:
    """The fields of a header, if this is how it is parted."""
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []


@contextmanager
def unquoted() -> Iterator[None]:
    """Messages made in here quote nothing of a file: they go to logs, notices and whoever may read an execution."""
    token = _QUOTES.set(False)
    try:
        yield
    finally:
        _QUOTES.reset(token)


def short(value: str) -> str:
    """A value of the file as messages show it: quoted, and cut at 40 characters; where they may not, how long it is."""
    if not _QUOTES.get():
        return f"<{len(value)} characters>"
    return repr(value if len(value) <= 40 else value[:39] + "…")


def near(value: str, known: Sequence[str]) -> str | None:
    """Which of the `known` names the value may be meant to be, whatever its case and the blanks around it."""
    plain = {name.strip().casefold(): name for name in reversed(known)}
    close = difflib.get_close_matches(value.strip().casefold()[:100], plain, n=1)
    return plain[close[0]] if close else None
