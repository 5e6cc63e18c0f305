"""A training file, checked against a definition row by row and held column by column.

What stops the run: a file that is not UTF-8 or not CSV (where one row ends and the next begins is then unknown), a
missing column, too many bad rows, too few rows of a label, of a value or in all. Every other fault costs its own row, and
is reported.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from firesteel.definition import CategoryInput, ClassificationTarget, Definition
from firesteel.errors import DataError
from functions.train import columns, repeats
from functions.train.columns import Values
from functions.train.csvfile import opened
from functions.train.quarantine import BadRow, Quarantine
from functions.train.repeats import Conflict
from functions.train.rows import Rows

SHOWN = 5  # bad rows in a message


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """The usable rows of a training file, column by column, and what was noticed while reading it.

    inputs      by name, one value a row: text str; category str or None; number float64, NaN where missing; timestamp
                float64, seconds since 1970 UTC, NaN where missing. Identifiers are no features and are not kept
    extra       other columns that are needed, by name: of lookup features (float64, NaN where missing), `split.group`
                (str), `split.time` (float64: numbers, or seconds since 1970 UTC)
    targets     target -> int32 index into its `label_names`, after merging of values; float64 for values and counts
    exposure    float64: the exposure input's values; ones without such an input
    lines       int64 physical line, counted from 1, on which each row begins (of rows summed to one, the first); 0 of a
                row that is not of the file: a correction
    weights     target -> float64, how much each row counts for, 0 where its truth is unknown; empty where all count 1
    corrected   SHA-256 of the corrections among the rows; empty where there are none
    sha256      of the file's bytes; `rows_read` counts bad rows too, but not those of other segments, `skipped`
    duplicates  rows whose inputs all repeat those of an earlier row, whatever their targets
    merged      rows that were added to an earlier one because they agree with it (`data.sum_repeated_rows`)
    """

    source: str
    sha256: str
    rows_read: int
    inputs: dict[str, Values]
    targets: dict[str, npt.NDArray[Any]]
    exposure: npt.NDArray[np.float64]
    lines: npt.NDArray[np.int64]
    extra: dict[str, Values] = field(default_factory=dict)
    bad_rows: tuple[BadRow, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    duplicates: int = 0
    merged: int = 0
    skipped: int = 0
    weights: dict[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    corrected: str = ""

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def columns(self) -> dict[str, Values]:
        """All that feature steps are fitted on."""
        return {**self.extra, **self.inputs}  # an input may be a split's column, too, and then is of its own kind

    def take(self, indices: npt.NDArray[np.intp] | Sequence[int]) -> "Dataset":
        """The rows at `indices`, in that order. What is said of the file (hash, counts, bad rows, conflicts) stays."""
        chosen = np.asarray(indices, dtype=np.intp)
        return replace(
            self,
            inputs={name: _taken(values, chosen) for name, values in self.inputs.items()},
            extra={name: _taken(values, chosen) for name, values in self.extra.items()},
            targets={name: values[chosen] for name, values in self.targets.items()},
            exposure=self.exposure[chosen],
            lines=self.lines[chosen],
            weights={name: values[chosen] for name, values in self.weights.items()},
        )

    @property
    def of_file(self) -> npt.NDArray[np.bool_]:
        """Which rows [rows] are the file's own: what is measured, is measured on them."""
        return self.lines > 0


def _taken(values: Any, chosen: npt.NDArray[np.intp]) -> Values:
    taken: Values = values[chosen] if isinstance(values, np.ndarray) else [values[index] for index in chosen.tolist()]
    return taken


def read(path: Path, definition: Definition, *, quarantine: Path | None = None, training: bool = True) -> Dataset:
    """Read the training file `path`; bad rows go to the CSV `quarantine`, if one is named.

    A file that is not for `training` but to be evaluated on needs no rows of every label and value, nor of a number.
    Raises DataError when the file cannot be used; the message names file, line and column, and what to do.
    """
    if quarantine is not None and quarantine.resolve() == path.resolve():
        raise DataError(f"{path}: the quarantine file must not be the training file itself")
    with opened(path, columns.needed(definition)) as file, Quarantine(quarantine, file.header) as kept:
        rows = Rows(definition, file.header)
        rows.gather(file, kept)
        kept.publish()
    _refuse_too_many_bad(rows, definition.data.max_bad_share, path, quarantine)
    dataset = _dataset(rows, definition, str(path), file.sha256)
    if training:
        _refuse_too_few(dataset, definition)
        _refuse_too_few_of_a_label(dataset, definition)
        _refuse_values_without_rows(dataset, definition)
    return dataset


def segments_present(path: Path, definition: Definition) -> dict[str, int]:
    """How many rows the file has of each segment, good or bad; then, the most frequent first, of values that are none.

    `definition` has `segment_by`. Raises DataError when the file cannot be read or has no such column.
    """
    by = str(definition.segment_by)
    with opened(path, [by]) as file:
        place = file.header.index(by)
        counts = Counter(row[place] for _, row in file.rows if len(row) > place)
    others = {value: count for value, count in counts.most_common() if value not in definition.segments}
    return {segment: counts[segment] for segment in definition.segments} | others


def _dataset(rows: Rows, definition: Definition, source: str, sha256: str) -> Dataset:
    """The rows gathered, and what repeats among them."""
    inputs = {name: column.values for name, column in rows.columns.inputs.items()}
    lines = np.array(rows.lines, dtype=np.int64)
    dataset = Dataset(
        source=source,
        sha256=sha256,
        rows_read=rows.read,
        inputs=inputs,
        extra={name: column.values for name, column in rows.columns.extra.items()},
        targets={name: column.values for name, column in rows.columns.targets.items()},
        exposure=inputs[definition.exposure] if definition.exposure else np.ones(len(lines)),
        lines=lines,
        bad_rows=tuple(rows.bad),
        skipped=rows.skipped,
    )
    if definition.data.sum_repeated_rows:
        dataset = _summed(dataset, [column.values for column in rows.columns.identifiers.values()])
    first = repeats.first_of(list(dataset.inputs.values()), len(dataset))
    names = {
        name: target.label_names
        for name, target in definition.targets.items()
        if isinstance(target, ClassificationTarget)
    }
    return replace(
        dataset,
        conflicts=repeats.conflicts(first, {name: dataset.targets[name] for name in names}, names, dataset.lines),
        duplicates=int(np.count_nonzero(first != np.arange(len(dataset)))),
    )


def _summed(dataset: Dataset, identifiers: list[Values]) -> Dataset:
    """Rows that agree in every input, identifier and extra column as one, their counts summed; exposure is an input."""
    first = repeats.first_of([*dataset.inputs.values(), *dataset.extra.values(), *identifiers], len(dataset))
    kept = np.flatnonzero(first == np.arange(len(dataset)))
    sums = {name: repeats.sums(first, counts) for name, counts in dataset.targets.items()}
    return replace(replace(dataset, targets=sums).take(kept), merged=len(dataset) - len(kept))


def _refuse_too_many_bad(rows: Rows, max_share: float, path: Path, quarantine: Path | None) -> None:
    if not rows.read and not rows.skipped:
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


def _refuse_too_few(dataset: Dataset, definition: Definition) -> None:
    needed, count = definition.data.min_rows, len(dataset)
    if count >= needed:
        return
    whose = f"the segment {definition.segment!r} of {definition.segment_by!r} has " if definition.segment else ""
    raise DataError(
        f"{dataset.source}: {whose}{count} usable rows, at least {needed} are needed (data.min_rows). "
        "Add rows, or lower the bound"
    )


def _refuse_too_few_of_a_label(dataset: Dataset, definition: Definition) -> None:
    needed, scarce = definition.data.min_rows_per_class, []
    for name, target in definition.targets.items():
        if isinstance(target, ClassificationTarget):
            counts = np.bincount(dataset.targets[name], minlength=len(target.label_names)).tolist()
            for label, count in zip(target.label_names, counts, strict=True):
                scarce += [f"{name} {label!r} has {count}"] if count < needed else []
    if scarce:
        raise DataError(
            f"{dataset.source}: each label needs at least {needed} usable rows (data.min_rows_per_class): "
            f"{', '.join(scarce)}. Add rows, merge labels in the definition, or lower the bound"
        )


def _refuse_values_without_rows(dataset: Dataset, definition: Definition) -> None:
    """A category that requests may send and training never saw would be answered blindly."""
    if definition.data.allow_unseen_values:
        return
    unseen = []
    for name, one in definition.inputs.items():
        if isinstance(one, CategoryInput) and one.values and name != definition.segment_by:
            seen = set(dataset.inputs[name])
            unseen += [f"{name} {value!r}" for value in one.values if value not in seen]
    if unseen:
        raise DataError(
            f"{dataset.source}: no usable row has {', '.join(unseen)}. Add rows, remove what has none from the "
            "input's `values`, or set data.allow_unseen_values: true"
        )
