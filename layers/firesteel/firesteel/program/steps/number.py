"""Numbers: clipped, filled, standardised, and flags for what is missing."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from firesteel.errors import ProgramError
from firesteel.program.steps.parts import LIMIT, fields, numbers, table


class Number:
    """Each number, and after all numbers, with `missing_flags`, a 1 for each that is missing.

    A number x is clipped to [low, high], replaced by `fill` if missing, and becomes (x - centre) / scale.
    """

    def __init__(self, meta: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> None:
        self.inputs = fields(meta["inputs"])
        count = len(self.inputs)
        self.kinds = ("number",) * count
        self._flags = bool(meta["missing_flags"])
        self.size = count * (2 if self._flags else 1)
        self._low, self._high = table(tensors, "low", (count,)), table(tensors, "high", (count,))
        self._fill = table(tensors, "fill", (count,), gaps=True)
        self._centre, self._scale = table(tensors, "centre", (count,)), table(tensors, "scale", (count,))
        if not (self._low <= self._high).all() or not (self._scale >= 1 / LIMIT).all():
            raise ProgramError("a number step clips to nothing or divides by zero")
        self._fills = not np.isnan(self._fill).all()
        self._scales = bool(self._centre.any() or (self._scale != 1).any())

    @property
    def names(self) -> list[str]:
        return [*self.inputs, *(f"{name} missing" for name in self.inputs if self._flags)]

    def fill(self, rows: Sequence[Mapping[str, Any]], out: np.ndarray) -> None:
        values = numbers(rows, self.inputs)
        np.maximum(values, self._low, out=values)
        np.minimum(values, self._high, out=values)
        if self._flags or self._fills:
            missing = np.isnan(values)
            if self._flags:
                out[:, len(self.inputs) :] = missing
            np.copyto(values, self._fill, where=missing)
        if self._scales:
            values -= self._centre
            values /= self._scale
        out[:, : len(self.inputs)] = values

    def owners(self, row: Mapping[str, Any]) -> np.ndarray:  # noqa: ARG002 - the same for every row
        return self._owners

    @cached_property
    def _owners(self) -> np.ndarray:
        return np.tile(np.eye(len(self.inputs)), (self.size // len(self.inputs), 1))
