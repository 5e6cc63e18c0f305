"""Columns of categories as numbers, and how a program keeps their categories."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from firesteel.definition import CategoryInput, Definition
from functions.train import private

Category = str | None
Columns = Mapping[str, Any]


def distinct(column: Sequence[Category]) -> tuple[list[Category], npt.NDArray[np.intp]]:
    """The categories of a column (None, missing, is one) as they first appear, and which of them each row has."""
    places: dict[Category, int] = {}
    codes = [places.setdefault(value, len(places)) for value in column]
    return list(places), np.array(codes, np.intp)


def counted(column: Sequence[Category]) -> dict[str, int]:
    """How many rows have each category, in the order of their code points; rows without one do not count."""
    values, codes = distinct(column)
    counts = np.bincount(codes, minlength=len(values)).tolist()
    return dict(sorted([(value, count) for value, count in zip(values, counts, strict=True) if value is not None]))


def known(column: Sequence[Category], least: int | None) -> list[str]:
    """The categories that a step may keep, in the order of their code points.

    Of an open input those that at least `least` rows have and that are not shaped like an e-mail address, phone or card
    number; without a `least`, of a closed one, all.
    """
    counts = counted(column)
    if least is None:
        return list(counts)
    return [value for value, count in counts.items() if count >= least and not private.shaped(value)]


def open_inputs(definition: Definition, names: Sequence[str]) -> dict[str, int]:
    """Of these inputs those without a list of values, each with the rows that a category needs to be kept."""
    inputs = {name: definition.inputs[name] for name in names}
    return {
        name: definition.data.min_rows_per_term
        for name, one in inputs.items()
        if isinstance(one, CategoryInput) and one.values is None
    }


def places(column: Sequence[Category], known: Sequence[str]) -> npt.NDArray[np.intp]:
    """Each row's place in the list of known categories; len(known) for one that is missing or unknown."""
    place_of: dict[Category, int] = {value: place for place, value in enumerate(known)}
    return np.array([place_of.get(value, len(known)) for value in column], np.intp)


def means(numbers: npt.NDArray[np.float64], groups: npt.NDArray[np.intp], count: int) -> npt.NDArray[np.float64]:
    """The mean of each of `count` groups; NaN does not count, and is the mean of a group without numbers."""
    sums, rows = sums_and_counts(numbers, groups, count)
    return np.where(rows > 0, sums / np.maximum(rows, 1), np.nan)


def sums_and_counts(
    numbers: npt.NDArray[np.float64], groups: npt.NDArray[np.intp], count: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.intp]]:
    """The sum of each group's numbers, and how many they are; NaN does not count."""
    present = ~np.isnan(numbers)
    sums = np.bincount(groups[present], numbers[present], minlength=count)
    return sums[:count], np.bincount(groups[present], minlength=count)[:count]


def stored(vocabularies: Sequence[Sequence[str]]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Lists of categories as a program's metadata and tensors have them: program/steps/parts.py reads them.

    One text for all, since metadata is small and tensors are few; the separator is a character that none of them has.
    """
    values = [value for vocabulary in vocabularies for value in vocabulary]
    used = set().union(*values)
    separator = next(mark for mark in map(chr, range(0x110000)) if mark not in used)
    text = np.frombuffer(separator.join(values).encode(), np.uint8)
    return {"sizes": [len(vocabulary) for vocabulary in vocabularies], "separator": separator}, {"values": text}
