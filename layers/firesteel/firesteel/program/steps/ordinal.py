"""Categories as their place in a list."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from firesteel.program.steps.parts import fields, vocabularies


class Ordinal:
    """The place of each field's category in its list, from 0; NaN for one that is missing or unknown."""

    def __init__(self, meta: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> None:
        self.inputs = fields(meta["inputs"])
        self.kinds = ("category",) * len(self.inputs)
        self.size = len(self.inputs)
        lists = vocabularies(meta, tensors, len(self.inputs))
        places = [{value: float(place) for place, value in enumerate(values)} for values in lists]
        self._finders = [(name, known.get) for name, known in zip(self.inputs, places, strict=True)]

    @property
    def names(self) -> list[str]:
        return list(self.inputs)

    def fill(self, rows: Sequence[Mapping[str, Any]], out: np.ndarray) -> None:
        places = [find(row[name], np.nan) for row in rows for name, find in self._finders]
        out[...] = np.array(places).reshape(len(rows), self.size)

    def owners(self, row: Mapping[str, Any]) -> np.ndarray:  # noqa: ARG002 - the same for every row
        return self._owners

    @cached_property
    def _owners(self) -> np.ndarray:
        return np.eye(len(self.inputs))
