"""A training file, checked against a definition row by row and held column by column.

What stops the run: a file that is not UTF-8 or not CSV (where one row ends and the next begins is then unknown), a
missing column, too many bad rows, too few rows of a label. Every other fault costs its own row, and is reported.
"""

import difflib
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from firesteel.definition import ClassificationTarget, Definition, TextInput
from firesteel.errors import DataError
from functions.train.csvfile import CsvFile, opened, short
from functions.train.quarantine import BadRow, Quarantine

SHOWN = 5  # bad rows in a message
LISTED = 12  # labels in a message


@dataclass(frozen=True, slots=True)
class Conflict:
    """Rows with the same text in every input and different labels, in the order of the file.

    `labels` has the targets that disagree, each with its label on every line of `lines`.
    """

    lines: tuple[int, ...]
    labels: dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """The usable rows of a training file, column by column, and what was noticed while reading it.

    inputs      text input -> one text a row; identifiers are no features and are not kept
    targets     target -> int32 index into the target's `label_names`, after merging of values
    lines       int64 physical line, counted from 1, on which each row begins
    sha256      of the file's bytes; `rows_read` counts bad rows too
    duplicates  rows whose inputs all repeat those of an earlier row, whatever their labels
    """

    source: str
    sha256: str
    rows_read: int
    inputs: dict[str, list[str]]
    targets: dict[str, npt.NDArray[np.int32]]
    lines: npt.NDArray[np.int64]
    bad_rows: tuple[BadRow, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    duplicates: int = 0

    def __len__(self) -> int:
        return len(self.lines)

    def take(self, indices: npt.NDArray[np.intp] | Sequence[int]) -> "Dataset":
        """The rows at `indices`, in that order. What is said of the file (hash, counts, bad rows, conflicts) stays."""
        chosen = np.asarray(indices, dtype=np.intp)
        order = chosen.tolist()
        return replace(
            self,
            inputs={name: [texts[index] for index in order] for name, texts in self.inputs.items()},
            targets={name: codes[chosen] for name, codes in self.targets.items()},
            lines=self.lines[chosen],
        )


def read(
    path: Path, definition: Definition, *, quarantine: Path | None = None, min_rows_per_class: int | None = None
) -> Dataset:
    """Read the training file `path`; bad rows go to the CSV `quarantine`, if one is named.

    `min_rows_per_class` overrides the definition's bound: 0 reads a file to be evaluated on, not trained on.
    Raises DataError when the file cannot be used; the message names file, line and column, and what to do.
    """
    if quarantine is not None and quarantine.resolve() == path.resolve():
        raise DataError(f"{path}: the quarantine file must not be the training file itself")
    texts = [name for name, field in definition.inputs.items() if isinstance(field, TextInput)]
    labels = [target.column or name for name, target in definition.targets.items()]
    with opened(path, list(dict.fromkeys(texts + labels))) as file, Quarantine(quarantine, file.header) as kept:
        rows = _Rows(definition, file.header)
        rows.gather(file, kept)
        kept.publish()
    _refuse_too_many_bad(rows, definition.data.max_bad_share, path, quarantine)
    needed = definition.data.min_rows_per_class if min_rows_per_class is None else min_rows_per_class
    _refuse_too_few_of_a_label(rows.labels, needed, path)
    return rows.dataset(str(path), file.sha256)


class _TextColumn:
    """Checks and gathers the texts of one input."""

    def __init__(self, name: str, index: int, allowed: TextInput) -> None:
        self.name, self.index = name, index
        self.values: list[str] = []
        self.keep = self.values.append
        self._required, self._shortest, self._longest = allowed.required, allowed.min_length, allowed.max_length

    def problem(self, text: str) -> str | None:
        if self._shortest <= len(text) <= self._longest and not text.isspace():
            return None
        if not text:
            return "is empty" if self._required else None
        if text.isspace():
            return "is white space alone"
        bound = f"at least {self._shortest}" if len(text) < self._shortest else f"at most {self._longest}"
        return f"has {len(text)} characters, {bound} are allowed"


class _LabelColumn:
    """Checks and gathers the labels of one target."""

    def __init__(self, target: str, index: int, allowed: ClassificationTarget) -> None:
        self.target, self.name, self.index = target, allowed.column or target, index
        self.label_names = allowed.label_names
        values = enumerate(allowed.values_of.values())
        self._codes = {value: code for code, merged in values for value in merged}
        self._kept = array("i")
        self._unknown = lru_cache(1024)(self._say_unknown)  # a wrong column has few values, a million times

    @property
    def values(self) -> npt.NDArray[np.int32]:
        return np.array(self._kept, dtype=np.int32)

    def keep(self, value: str) -> None:
        self._kept.append(self._codes[value])

    def problem(self, value: str) -> str | None:
        return None if value in self._codes else self._unknown(value)

    def _say_unknown(self, value: str) -> str:
        known = list(self._codes)
        more = f" … ({len(known)} in all)" if len(known) > LISTED else ""
        allowed = f"allowed: {', '.join(known[:LISTED])}{more}"
        if not value.strip():
            return f"has no label; {allowed}"
        plain = {label.casefold(): label for label in known}
        near = difflib.get_close_matches(value.strip().casefold()[:100], plain, n=1)
        return f"{short(value)} is not a label{f', did you mean {plain[near[0]]!r}?' if near else ';'} {allowed}"


class _Rows:
    """The rows of one training file while it is being read."""

    def __init__(self, definition: Definition, header: list[str]) -> None:
        self.texts = [
            _TextColumn(name, header.index(name), field)
            for name, field in definition.inputs.items()
            if isinstance(field, TextInput)
        ]
        self.labels = [
            _LabelColumn(name, header.index(target.column or name), target)
            for name, target in definition.targets.items()
        ]
        self.bad: list[BadRow] = []
        self.read = 0
        self._lines = array("q")
        self._hashes = array("q")

    def gather(self, file: CsvFile, kept: Quarantine) -> None:
        """Read all rows; bad ones go to `kept`."""
        columns: list[_TextColumn | _LabelColumn] = [*self.texts, *self.labels]
        places = [column.index for column in self.texts]
        width = len(file.header)
        for line, row in file.rows:
            self.read += 1
            if len(row) == width:
                faults = [(each.name, reason) for each in columns if (reason := each.problem(row[each.index]))]
            else:
                faults = [_wrong_width(row, file.header)]
            if faults:
                bad = BadRow(line, ", ".join(name for name, _ in faults), "; ".join(reason for _, reason in faults))
                self.bad.append(bad)
                kept.add(bad, row)
                continue
            for column in columns:
                column.keep(row[column.index])
            self._lines.append(line)
            self._hashes.append(hash(tuple([row[place] for place in places])))

    def dataset(self, source: str, sha256: str) -> Dataset:
        """The rows gathered, and what repeats among them."""
        inputs = {column.name: column.values for column in self.texts}
        targets = {column.target: column.values for column in self.labels}
        names = {column.target: column.label_names for column in self.labels}
        lines = np.array(self._lines, dtype=np.int64)
        groups = _repeated(self._hashes, lambda row: tuple([texts[row] for texts in inputs.values()]))
        conflicts = []
        for rows in groups:
            differ = [name for name, codes in targets.items() if np.any(codes[rows] != codes[rows[0]])]
            if differ:
                labels = {name: tuple(names[name][code] for code in targets[name][rows]) for name in differ}
                conflicts.append(Conflict(tuple(lines[rows].tolist()), labels))
        return Dataset(
            source=source,
            sha256=sha256,
            rows_read=self.read,
            inputs=inputs,
            targets=targets,
            lines=lines,
            bad_rows=tuple(self.bad),
            conflicts=tuple(conflicts),
            duplicates=sum(len(rows) - 1 for rows in groups),
        )


def _wrong_width(row: list[str], header: list[str]) -> tuple[str, str]:
    fields = f"the row has {len(row)} fields, the header {len(header)}"
    if len(row) < len(header):
        return header[len(row)], f"is missing: {fields}"
    return header[-1], f"is not the last: {fields}; put texts that contain the delimiter in quotes"


def _repeated(hashes: "array[int]", text_of: Callable[[int], tuple[str, ...]]) -> list[list[int]]:
    """Groups of rows with equal texts, in order of their first row. Equal hashes are only a hint: texts decide."""
    keys = np.array(hashes, dtype=np.int64)
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    begins = np.flatnonzero(np.append(True, keys[1:] != keys[:-1]))
    sizes = np.diff(begins, append=len(keys))
    groups = []
    for begin, size in zip(begins[sizes > 1].tolist(), sizes[sizes > 1].tolist(), strict=True):
        same: dict[tuple[str, ...], list[int]] = {}
        for row in order[begin : begin + size].tolist():
            same.setdefault(text_of(row), []).append(row)
        groups += [rows for rows in same.values() if len(rows) > 1]
    return sorted(groups)


def _refuse_too_many_bad(rows: _Rows, max_share: float, path: Path, quarantine: Path | None) -> None:
    if not rows.read:
        raise DataError(f"{path}: there is a header and not one row")
    count = len(rows.bad)
    if count <= max_share * rows.read:
        return
    sentences = [
        f"{path}: {count} of {rows.read} rows are bad ({count / rows.read:.1%}; data.max_bad_share is {max_share:.1%}):"
    ]
    sentences += [f"  {bad}" for bad in rows.bad[:SHOWN]]
    sentences += [f"  and {count - SHOWN} more"] if count > SHOWN else []
    sentences += [f"All of them stand in {quarantine}"] if quarantine else []
    raise DataError("\n".join(sentences))


def _refuse_too_few_of_a_label(columns: list[_LabelColumn], needed: int, path: Path) -> None:
    scarce = []
    for column in columns:
        counts = np.bincount(column.values, minlength=len(column.label_names)).tolist()
        for label, count in zip(column.label_names, counts, strict=True):
            scarce += [f"{column.target} {label!r} has {count}"] if count < needed else []
    if scarce:
        raise DataError(
            f"{path}: each label needs at least {needed} usable rows (data.min_rows_per_class): {', '.join(scarce)}. "
            "Add rows, merge labels in the definition, or lower the bound"
        )
