"""Numbers that requests do not send, looked up by a category."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from firesteel.errors import ProgramError
from firesteel.program.steps.parts import fields, table, vocabularies


class Lookup:
    """Each column's mean by the key; where training had none, by the first fall-back that has one; else its default.

    `means` [categories + 1, columns] has NaN where there is none, and the defaults in its last line.
    """

    def __init__(self, meta: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> None:
        self.inputs = fields(meta["inputs"])
        self.kinds = ("category",) * len(self.inputs)
        self._columns = fields(meta["columns"])
        self.size = len(self._columns)
        lists = vocabularies(meta, tensors, len(self.inputs))
        begins = np.cumsum([0, *map(len, lists)]).tolist()
        self._finders = [
            (number, name, {value: begin + place for place, value in enumerate(values)}.get)
            for number, (name, values, begin) in enumerate(zip(self.inputs, lists, begins, strict=False))
        ]
        self._means = table(tensors, "means", (begins[-1] + 1, self.size), gaps=True)
        self._known = ~np.isnan(self._means)
        self._complete = self._known.all(1).tolist()
        if not self._complete[-1]:
            raise ProgramError("a look-up step has a column without a default")

    @property
    def names(self) -> list[str]:
        return [f"{column} of {self.inputs[0]}" for column in self._columns]

    def fill(self, rows: Sequence[Mapping[str, Any]], out: np.ndarray) -> None:
        for line, row in zip(out, rows, strict=True):
            for _, place in reversed(list(self._found(row))):  # better choices are written over worse ones
                np.copyto(line, self._means[place], where=self._known[place])

    def owners(self, row: Mapping[str, Any]) -> np.ndarray:
        """A column belongs to the field that found its mean; a default to the key."""
        shares = np.zeros((self.size, len(self.inputs)))
        for number, place in self._found(row):
            shares[~shares.any(1) & self._known[place], number] = 1
        return shares

    def _found(self, row: Mapping[str, Any]) -> Iterator[tuple[int, int]]:
        """Whose means the row's columns take: fields and lines of `means`, first choice first, until none is missing."""
        for number, name, find in self._finders:
            place = find(row[name])
            if place is not None:
                yield number, place
                if self._complete[place]:
                    return
        yield 0, len(self._means) - 1
