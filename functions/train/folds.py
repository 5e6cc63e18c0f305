"""Folds of training rows for tuning, calibration and intervals: every row is predicted once by a model without it."""

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold

from firesteel.definition import ClassificationTarget, Definition
from firesteel.errors import DataError
from functions.train.dataset import Dataset
from functions.train.split import groups_of, refuse_shared_groups

Indices = npt.NDArray[np.intp]


def folds(dataset: Dataset, definition: Definition, target: str, count: int) -> list[tuple[Indices, Indices]]:
    """The (train, test) row indices of each of `count` folds, the same for the same data, definition and seed.

    Of one group when rows are split by groups: no group stands on both sides of a fold. Otherwise stratified for a
    classification and drawn at random for other tasks, even when rows are split by time: chaining forward would leave
    the earliest rows without an out-of-fold prediction, and it is the held-out rows that say how well the future is
    predicted.

    Raises DataError when there are too few rows, groups, or rows of a label.
    """
    rows, seed, aim = len(dataset), definition.split.seed, definition.targets[target]
    if definition.split.group:
        return _grouped(dataset, definition, count)
    if isinstance(aim, ClassificationTarget):
        labels = dataset.targets[target]
        _refuse_rare_labels(labels, aim, count, dataset.source)
        return list(StratifiedKFold(count, shuffle=True, random_state=seed).split(np.zeros(rows), labels))
    if rows < count:
        raise DataError(f"{dataset.source}: {rows} rows to train on are too few for {count} folds")
    return list(KFold(count, shuffle=True, random_state=seed).split(np.zeros(rows)))


def _grouped(dataset: Dataset, definition: Definition, count: int) -> list[tuple[Indices, Indices]]:
    groups = groups_of(dataset, definition)
    if (present := len(np.unique(groups))) < count:
        raise DataError(
            f"{dataset.source}: the rows to train on have {present} groups of {definition.split.group!r}, "
            f"too few for {count} folds"
        )
    cross = GroupKFold(count, shuffle=True, random_state=definition.split.seed)
    parts = list(cross.split(groups, groups=groups))
    for train, test in parts:
        refuse_shared_groups(groups[train], groups[test], f"{dataset.source}: folds")
    return parts


def _refuse_rare_labels(labels: npt.NDArray[np.int32], target: ClassificationTarget, count: int, source: str) -> None:
    present = np.bincount(labels, minlength=len(target.label_names)).tolist()
    rare = [f"{label!r} ({rows})" for label, rows in zip(target.label_names, present, strict=True) if rows < count]
    if rare:
        raise DataError(f"{source}: too few rows to train on with {count} folds: {', '.join(rare)}")
