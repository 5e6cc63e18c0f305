"""Categories as columns of zeros and ones."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import count
from typing import Any

import numpy as np

from firesteel.program.steps.parts import fields, vocabularies


class OneHot:
    """A column for each known category of each field: 1 in that of the row's; a missing or unknown one has none."""

    def __init__(self, meta: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> None:
        self.inputs = fields(meta["inputs"])
        self.kinds = ("category",) * len(self.inputs)
        column = count()
        lists = vocabularies(meta, tensors, len(self.inputs))
        self._columns = [{value: next(column) for value in values} for values in lists]
        self._finders = [(name, known.get) for name, known in zip(self.inputs, self._columns, strict=True)]
        self.size = next(column)

    @property
    def names(self) -> list[str]:
        return [f"{name}={value}" for name, known in zip(self.inputs, self._columns, strict=True) for value in known]

    def fill(self, rows: Sequence[Mapping[str, Any]], out: np.ndarray) -> None:
        for line, row in zip(out, rows, strict=True):
            for name, find in self._finders:
                column = find(row[name])
                if column is not None:
                    line[column] = 1.0

    def owners(self, row: Mapping[str, Any]) -> np.ndarray:  # noqa: ARG002 - the same for every row
        return self._owners

    @cached_property
    def _owners(self) -> np.ndarray:
        return np.repeat(np.eye(len(self.inputs)), [len(known) for known in self._columns], axis=0)
