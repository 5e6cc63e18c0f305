"""Numbers relative to the mean of their group."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from firesteel.program.steps.parts import LIMIT, fields, numbers, table, vocabularies


class Ratio:
    """Each number divided by its mean in the row's group; by the mean of all, if the group is missing or unknown.

    `means` [groups + 1, numbers] has the means of all in its last line. Divided by a mean of 0, every number is 1.
    """

    def __init__(self, meta: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> None:
        self.inputs = fields(meta["inputs"])
        *names, self._group = self.inputs
        self._numbers = fields(names)
        self.size = len(names)
        self.kinds = (*("number",) * self.size, "category")
        [groups] = vocabularies(meta, tensors, 1)
        self._find = {group: place for place, group in enumerate(groups)}.get
        means = table(tensors, "means", (len(groups) + 1, self.size))
        self._zero = np.abs(means) < 1 / LIMIT
        self._divisors = np.where(self._zero, 1.0, means)
        self._zeros = bool(self._zero.any())

    @property
    def names(self) -> list[str]:
        return [f"{name} / mean of {self._group}" for name in self._numbers]

    def fill(self, rows: Sequence[Mapping[str, Any]], out: np.ndarray) -> None:
        unknown = len(self._divisors) - 1
        places = [self._find(row[self._group], unknown) for row in rows]
        np.maximum(numbers(rows, self._numbers), -LIMIT, out=out)
        np.minimum(out, LIMIT, out=out)
        out /= self._divisors.take(places, 0)
        if self._zeros:
            np.copyto(out, 1.0, where=self._zero.take(places, 0) & ~np.isnan(out))

    def owners(self, row: Mapping[str, Any]) -> np.ndarray:  # noqa: ARG002 - the same for every row
        return self._owners

    @cached_property
    def _owners(self) -> np.ndarray:
        """A ratio belongs to its number, not to the group."""
        return np.eye(self.size, len(self.inputs))
