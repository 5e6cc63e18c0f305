"""Parts of timestamps, in UTC."""

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from firesteel.errors import ProgramError
from firesteel.program.schema import seconds
from firesteel.program.steps.parts import fields

PARTS = ("year", "month", "day", "weekday", "hour", "days")


class Calendar:
    """The chosen `parts` of each timestamp: weekdays from Monday, 0; whole `days` since 1970-01-01. NaN if missing."""

    def __init__(self, meta: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> None:  # noqa: ARG002 - has none
        self.inputs = fields(meta["inputs"])
        self.kinds = ("timestamp",) * len(self.inputs)
        self._parts = fields(meta["parts"])
        if not set(self._parts) <= set(PARTS):
            raise ProgramError(f"a calendar step's parts are not all of: {', '.join(PARTS)}")
        self._chosen = [PARTS.index(part) for part in self._parts]
        self.size = len(self.inputs) * len(self._parts)

    @property
    def names(self) -> list[str]:
        return [f"{name} {part}" for name in self.inputs for part in self._parts]

    def fill(self, rows: Sequence[Mapping[str, Any]], out: np.ndarray) -> None:
        for line, row in zip(out, rows, strict=True):
            begin = 0
            for name in self.inputs:
                told = _parts(row[name])
                line[begin : begin + len(self._chosen)] = [told[part] for part in self._chosen]
                begin += len(self._chosen)

    def owners(self, row: Mapping[str, Any]) -> np.ndarray:  # noqa: ARG002 - the same for every row
        return self._owners

    @cached_property
    def _owners(self) -> np.ndarray:
        return np.repeat(np.eye(len(self.inputs)), len(self._parts), axis=0)


def _parts(timestamp: str | None) -> tuple[float, ...]:
    """All PARTS of a timestamp.

    The calendar is arithmetic, of Howard Hinnant's "chrono-Compatible Low-Level Date Algorithms": years begin in March
    and eras of 400 years repeat. datetime does not know the year before 1 or after 9999 that an offset can lead to.
    """
    if timestamp is None:
        return (math.nan,) * len(PARTS)
    days, second = divmod(math.floor(seconds(timestamp)), 86400)
    era, day_of_era = divmod(days + 719468, 146097)
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month_from_march = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * month_from_march + 2) // 5 + 1
    month = (month_from_march + 2) % 12 + 1
    year = era * 400 + year_of_era + (month <= 2)
    return (year, month, day, (days + 3) % 7, second // 3600, days)
