"""What several feature steps consist of, checked: field names, tables of numbers, vocabularies."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from firesteel.errors import ProgramError

LIMIT = 1e100
"""Numbers beyond it count as LIMIT, divisors below 1 / LIMIT as zero: no result of a step is ever infinite."""


def fields(names: object) -> tuple[str, ...]:
    """The names of a step's inputs, columns or parts: at least one, none twice."""
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ProgramError("a feature step's inputs, columns or parts are not a list of names")
    if not names or len(set(names)) < len(names):
        raise ProgramError("a feature step has no input, column or part, or one twice")
    return tuple(names)


def table(tensors: Mapping[str, np.ndarray], name: str, shape: tuple[int, ...], *, gaps: bool = False) -> np.ndarray:
    """The numbers `name` of a step, of that shape, none beyond LIMIT; NaN only where there may be `gaps`."""
    numbers = tensors[name]
    if numbers.shape != shape or numbers.dtype != np.float64:
        raise ProgramError(f"a feature step's {name} is {numbers.dtype} {numbers.shape}, not float64 {shape}")
    if not ((np.abs(numbers) <= LIMIT) | (gaps & np.isnan(numbers))).all():
        raise ProgramError(f"a feature step's {name} has a number that is none, or beyond {LIMIT:g}")
    return numbers


def numbers(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> np.ndarray:
    """The rows' numbers of those fields [rows, names] float64; NaN for None."""
    return np.fromiter([row[name] for row in rows for name in names], np.float64).reshape(len(rows), len(names))


def vocabularies(meta: Mapping[str, Any], tensors: Mapping[str, np.ndarray], count: int) -> list[list[str]]:
    """The `count` lists of distinct categories that a step knows: one UTF-8 text, its parts separated, and their sizes."""
    sizes = meta["sizes"]
    if len(sizes) != count or not all(type(size) is int and size >= 0 for size in sizes):
        raise ProgramError(f"a feature step's sizes are not {count} natural numbers")
    values = tensors["values"].tobytes().decode().split(meta["separator"]) if sum(sizes) else []
    if len(values) != sum(sizes):
        raise ProgramError(f"a feature step has {len(values)} categories, its sizes say {sum(sizes)}")
    lists, begin = [], 0
    for size in sizes:
        lists.append(values[begin : begin + size])
        begin += size
        if len(set(lists[-1])) < size:
            raise ProgramError("a feature step has a category twice")
    return lists
