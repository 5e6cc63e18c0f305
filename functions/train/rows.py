"""The rows of a training file while it is read: good ones are kept column by column, bad ones reported and quarantined."""

from array import array
from collections.abc import Sequence
from itertools import batched, compress

from firesteel.definition import Definition
from functions.train import columns
from functions.train.csvfile import CsvFile
from functions.train.quarantine import BadRow, Quarantine

BATCH = 1024  # rows that are checked at a time, column by column

Numbered = tuple[int, list[str]]
Fault = tuple[str, str]
"""A column, and what is wrong there."""


class Rows:
    """What was read: `columns` and `lines` of the good rows, `bad` ones, how many were `read`, and how many `skipped`.

    Rows of another segment are skipped: neither read nor bad.
    """

    def __init__(self, definition: Definition, header: Sequence[str]) -> None:
        self.columns = columns.of(definition, header)
        self.lines = array("q")
        self.bad: list[BadRow] = []
        self.read = self.skipped = 0
        self._header = header
        self._segment = definition.segment
        self._segment_at = header.index(definition.segment_by) if definition.segment_by in header else -1

    def gather(self, file: CsvFile, kept: Quarantine) -> None:
        """Read all rows; bad ones go to `kept`, too."""
        for batch in batched(file.rows, BATCH, strict=False):
            rows = batch if self._segment is None else [row for row in batch if self._belongs(row[1])]
            self.skipped += len(batch) - len(rows)
            self.read += len(rows)
            faults = self._take(rows)
            for line, row in rows if faults else ():
                if line in faults:
                    names, reasons = zip(*faults[line], strict=True)
                    bad = BadRow(line, ", ".join(names), "; ".join(reasons))
                    self.bad.append(bad)
                    kept.add(bad, row)

    def _belongs(self, row: list[str]) -> bool:
        """Whether the row is of this segment, or too short to say."""
        return len(row) <= self._segment_at or row[self._segment_at] == self._segment

    def _take(self, rows: Sequence[Numbered]) -> dict[int, list[Fault]]:
        """Keep the good ones of these rows, and say by line what is wrong with the others."""
        width = len(self._header)
        faults = {line: [_wrong_width(row, self._header)] for line, row in rows if len(row) != width}
        whole = [numbered for numbered in rows if len(numbered[1]) == width] if faults else rows
        if not whole:
            return faults
        lines = [line for line, _ in whole]
        cells = list(zip(*(row for _, row in whole), strict=True))
        parsed = []
        for column in self.columns.all():
            parsed.append((column, column.parse(cells[column.index])))
            for place, reason in column.faults(cells[column.index]).items():
                faults.setdefault(lines[place], []).append((column.name, reason))
        good = [line not in faults for line in lines]
        for column, values in parsed:
            column.keep(compress(values, good) if faults else values)
        self.lines.extend(compress(lines, good))
        return faults


def _wrong_width(row: list[str], header: Sequence[str]) -> Fault:
    fields = f"the row has {len(row)} fields, the header {len(header)}"
    if len(row) < len(header):
        return header[len(row)], f"is missing: {fields}"
    return header[-1], f"is not the last: {fields}; put texts that contain the delimiter in quotes"
