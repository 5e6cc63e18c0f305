"""Bad rows, kept as they were: nothing of a training file is dropped in silence."""

import csv
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from firesteel.errors import DataError


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be trained on. `line` is the physical line on which it begins, counted from 1.

    A row with several faults has them all: columns are joined by ", ", reasons in the same order by "; ".
    """

    line: int
    column: str
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}, {self.column}: {self.reason}"


class Quarantine:
    """A quarantine file in the making, a CSV: `line, column, reason`, then the row as it was.

    Rows go to a temporary file in the same folder, and `publish` gives it its name: a reader sees the whole file of
    one run or nothing of it. Leaving the `with` block without `publish` leaves what was there before. A file of an
    earlier run is replaced even when there are no bad rows, so that it cannot be taken for this run's; otherwise no
    bad rows means no file. With the path None nothing is written.
    """

    def __init__(self, path: Path | None, header: Sequence[str]) -> None:
        self._path = path
        self._header = header
        self._part: Any = None
        self._writer: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._part is not None:
            self._part.close()
            Path(self._part.name).unlink()

    def add(self, bad: BadRow, row: Sequence[str]) -> None:
        if self._path is not None:
            self._begin(self._path)
            self._writer.writerow([bad.line, bad.column, bad.reason, *row])

    def publish(self) -> None:
        """Make the file appear under its name, at once and complete."""
        if self._path is not None and self._path.exists():
            self._begin(self._path)
        if self._path is not None and self._part is not None:
            self._part.close()
            Path(self._part.name).replace(self._path)
            self._part = None

    def _begin(self, path: Path) -> None:
        if self._part is not None:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._part = tempfile.NamedTemporaryFile(  # noqa: SIM115
                "w", encoding="utf-8", newline="", dir=path.parent, prefix=f".{path.name}.", delete=False
            )
        except OSError as error:
            raise DataError(f"{path}: bad rows cannot be kept here: {error.strerror}") from None
        self._writer = csv.writer(self._part)
        self._writer.writerow(["line", "column", "reason", *self._header])
