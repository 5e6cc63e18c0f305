"""Which rows are held out: the same for the same data, definition and seed."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import train_test_split

from firesteel.definition import ClassificationTarget, Definition
from firesteel.errors import DataError
from functions.train.columns import BadCellError, moment
from functions.train.dataset import Dataset

Indices = npt.NDArray[np.intp]


def split(dataset: Dataset, definition: Definition) -> tuple[Indices, Indices]:
    """Row indices for training and for testing, both ascending; about `split.test_share` of the rows are tested.

    random      exactly that share, rounded up
    stratified  the same, with every label on both sides: see `_stratified`
    group       whole groups of the column `split.group`, chosen by the seed
    time        the latest rows by the column `split.time`, or those from `split.test_from` on; rows of one time stay
                together

    Raises DataError when there are too few rows, labels, groups or times to have some on both sides.
    """
    parted = {"random": _random, "stratified": _stratified, "group": _grouped, "time": _timed}
    train, test = parted[kind_of(definition)](dataset, definition)
    if definition.split.group:
        groups = groups_of(dataset, definition)
        refuse_shared_groups(groups[train], groups[test], f"{dataset.source}: split")
    return np.sort(train), np.sort(test)


def kind_of(definition: Definition) -> str:
    """How a definition splits: as it says, else stratified for classification and random for other tasks."""
    return definition.split.kind or ("stratified" if definition.labelled else "random")


def describe_split(dataset: Dataset, definition: Definition, train: Indices, test: Indices) -> dict[str, Any]:
    """What a bundle's metadata says of a split: kind, seed, rows, and the groups or the times of both sides."""
    chosen, kind = definition.split, kind_of(definition)
    said = {"kind": kind, "seed": chosen.seed, "train": len(train), "test": len(test)}
    if kind == "stratified":
        return said | {"by": list(chosen.stratify or definition.labelled)}
    if kind == "group":
        groups = groups_of(dataset, definition)
        counts = {"train": len(np.unique(groups[train])), "test": len(np.unique(groups[test]))}
        both = len(np.intersect1d(groups[train], groups[test]))
        return said | {"column": chosen.group, "groups": counts, "groups_on_both_sides": both}
    if kind == "time":
        times = np.asarray(dataset.extra[str(chosen.time)])
        bounds = {"train_until": float(times[train].max()), "test_from": float(times[test].min())}
        return said | {"column": chosen.time} | bounds
    return said


def groups_of(dataset: Dataset, definition: Definition) -> Indices:
    """The number of each row's group, from 0 on, in the order of the groups' names."""
    groups = dataset.extra[str(definition.split.group)]
    numbers = {group: number for number, group in enumerate(sorted(set(groups)))}
    return np.fromiter((numbers[group] for group in groups), np.intp, len(groups))


def refuse_shared_groups(train: Indices, test: Indices, where: str) -> None:
    """The guard of every split by groups. Raises DataError when a group stands on both sides."""
    if len(both := np.intersect1d(train, test)):
        raise DataError(
            f"{where}: {len(both)} groups stand on both sides; what is tested must not have been trained on"
        )


def _random(dataset: Dataset, definition: Definition) -> tuple[Indices, Indices]:
    rows, share = len(dataset), definition.split.test_share
    if math.ceil(share * rows) >= rows:
        raise DataError(f"{dataset.source}: {rows} rows are too few to hold out {share:.0%} of them")
    train, test = train_test_split(np.arange(rows), test_size=share, random_state=definition.split.seed)
    return train, test


def _stratified(dataset: Dataset, definition: Definition) -> tuple[Indices, Indices]:
    """Strata are the combinations of the targets in `split.stratify` (all that are labels by default).

    The rows are those of `train_test_split(range(n), test_size=test_share, random_state=seed, stratify=labels)`, where
    `labels` has the label names, or for several targets a column of names each. Two things make that work on small
    data, too:

    - Combinations of which there is only one row are pooled by the label of the first target, and what is then still
      alone joins the largest stratum.
    - When there are more strata than rows to hold out (or to train on), the last target is left out of the
      combination, then the one before.
    """
    rows, share = len(dataset), definition.split.test_share
    held_out = math.ceil(share * rows)
    names = definition.split.stratify or definition.labelled
    for count in range(len(names), 0, -1):
        strata = _strata(dataset, definition, names[:count])
        sizes = np.bincount(strata)
        if sizes.min(initial=rows) >= 2 and len(sizes) <= min(held_out, rows - held_out):
            train, test = train_test_split(
                np.arange(rows), test_size=share, random_state=definition.split.seed, stratify=strata
            )
            return train, test
    raise DataError(
        f"{dataset.source}: {rows} rows are too few to hold out {share:.0%} of them with every label of {names[0]!r} "
        "among the rows to train on and among those held out"
    )


def _strata(dataset: Dataset, definition: Definition, names: tuple[str, ...]) -> Indices:
    """The stratum of each row, 0, 1, ... in the order of the strata's names, which is how scikit-learn numbers them."""
    combination = np.zeros(len(dataset), dtype=np.int64)
    texts = [""]
    for name in names:
        target = definition.targets[name]
        assert isinstance(target, ClassificationTarget)
        labels = target.label_names
        combination = combination * len(labels) + dataset.targets[name]
        present, combination = np.unique(combination, return_inverse=True)
        texts = [f"{texts[code // len(labels)]} {labels[code % len(labels)]}".lstrip() for code in present.tolist()]
    order, rank = np.unique(np.array(texts, dtype=np.str_), return_inverse=True)
    strata = rank[combination]
    return strata if len(names) == 1 else _pooled(strata, dataset.targets[names[0]], len(order))


def _pooled(strata: Indices, first: npt.NDArray[np.int32], count: int) -> Indices:
    """The strata without those of one row, which are pooled by the label of the first target."""
    alone = np.bincount(strata, minlength=count)[strata] < 2
    strata = np.where(alone, count + first, strata)
    sizes = np.bincount(strata, minlength=1)
    strata = np.where(sizes[strata] < 2, sizes.argmax(), strata)
    return np.unique(strata, return_inverse=True)[1]


def _grouped(dataset: Dataset, definition: Definition) -> tuple[Indices, Indices]:
    """In an order drawn by the seed, each group that brings the tested rows nearer to their share is tested.

    The last of that order is trained on in any case, and one group is tested even if it is too large.
    """
    groups = groups_of(dataset, definition)
    sizes = np.bincount(groups, minlength=1)
    if len(sizes) < 2:
        raise DataError(
            f"{dataset.source}: {definition.split.group!r} has {len(set(groups))} groups, a split by it needs at least 2"
        )
    order = np.random.default_rng(definition.split.seed).permutation(len(sizes))
    missing, tested = definition.split.test_share * len(groups), []
    for group, size in zip(order[:-1].tolist(), sizes[order[:-1]].tolist(), strict=True):
        if abs(missing - size) < missing:
            tested.append(group)
            missing -= size
    chosen = np.isin(groups, tested or order[[sizes[order].argmin()]])
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)


def _timed(dataset: Dataset, definition: Definition) -> tuple[Indices, Indices]:
    chosen = definition.split
    times = np.asarray(dataset.extra[str(chosen.time)])
    present, counts = np.unique(times, return_counts=True)
    if len(present) < 2:
        raise DataError(
            f"{dataset.source}: {chosen.time!r} has {len(present)} different times, a split by it needs at least 2"
        )
    if chosen.test_from is None:
        later = counts[::-1].cumsum()[::-1][1:]  # how many rows are tested from each time on, but for the first
        begin = present[1:][np.abs(later - chosen.test_share * len(times)).argmin()]
    else:
        begin = _begin(chosen.test_from)
    test = times >= begin
    if test.all() or not test.any():
        raise DataError(
            f"{dataset.source}: {int(test.sum())} of {len(test)} rows have a {chosen.time!r} from split.test_from on, "
            f"{chosen.test_from!r}: there must be rows on both sides of it"
        )
    return np.flatnonzero(~test), np.flatnonzero(test)


def _begin(test_from: float | str) -> float:
    try:
        return float(test_from) if isinstance(test_from, int | float) else moment(test_from)
    except BadCellError as error:
        raise DataError(f"the definition's split.test_from {error}") from None
