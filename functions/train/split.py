"""Which rows are held out: stratified, and the same for the same data, definition and seed."""

import math

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import train_test_split

from firesteel.definition import Definition
from firesteel.errors import DataError
from functions.train.dataset import Dataset

Indices = npt.NDArray[np.intp]


def split(dataset: Dataset, definition: Definition) -> tuple[Indices, Indices]:
    """Row indices for training and for testing, both ascending; `split.test_share` of the rows, rounded up, are tested.

    Strata are the combinations of the targets in `split.stratify` (all targets by default): the rows are those of
    `train_test_split(range(n), test_size=test_share, random_state=seed, stratify=labels)`, where `labels` has the label
    names, or for several targets a column of names each. Two things make that work on small data, too:

    - Combinations of which there is only one row are pooled by the label of the first target, and what is then still
      alone joins the largest stratum.
    - When there are more strata than rows to hold out (or to train on), the last target is left out of the
      combination, then the one before.

    Raises DataError when not even the first target's labels can stand in both parts.
    """
    rows, share = len(dataset), definition.split.test_share
    held_out = math.ceil(share * rows)
    names = definition.split.stratify or tuple(definition.targets)
    for count in range(len(names), 0, -1):
        strata = _strata(dataset, definition, names[:count])
        sizes = np.bincount(strata)
        if sizes.min(initial=rows) >= 2 and len(sizes) <= min(held_out, rows - held_out):
            train, test = train_test_split(
                np.arange(rows), test_size=share, random_state=definition.split.seed, stratify=strata
            )
            return np.sort(train), np.sort(test)
    raise DataError(
        f"{dataset.source}: {rows} rows are too few to hold out {share:.0%} of them with every label of {names[0]!r} "
        "among the rows to train on and among those held out"
    )


def _strata(dataset: Dataset, definition: Definition, names: tuple[str, ...]) -> npt.NDArray[np.intp]:
    """The stratum of each row, 0, 1, ... in the order of the strata's names, which is how scikit-learn numbers them."""
    combination = np.zeros(len(dataset), dtype=np.int64)
    texts = [""]
    for name in names:
        labels = definition.targets[name].label_names
        combination = combination * len(labels) + dataset.targets[name]
        present, combination = np.unique(combination, return_inverse=True)
        texts = [f"{texts[code // len(labels)]} {labels[code % len(labels)]}".lstrip() for code in present.tolist()]
    order, rank = np.unique(np.array(texts, dtype=np.str_), return_inverse=True)
    strata = rank[combination]
    return strata if len(names) == 1 else _pooled(strata, dataset.targets[names[0]], len(order))


def _pooled(strata: npt.NDArray[np.intp], first: npt.NDArray[np.int32], count: int) -> npt.NDArray[np.intp]:
    """The strata without those of one row, which are pooled by the label of the first target."""
    alone = np.bincount(strata, minlength=count)[strata] < 2
    strata = np.where(alone, count + first, strata)
    sizes = np.bincount(strata, minlength=1)
    strata = np.where(sizes[strata] < 2, sizes.argmax(), strata)
    return np.unique(strata, return_inverse=True)[1]
