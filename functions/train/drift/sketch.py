"""Inferences, streamed, as counts by day of the cells of a baseline. Memory does not grow with their number."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from firesteel.monitor.inferences import Inference
from functions.train.drift.baseline import Series
from functions.train.drift.cells import Counts

DAY = timedelta(days=1)
_AT_ONCE = 500  # rows of a day that are held before they are counted

Key = tuple[str, int | None]
"""A request's id and, in a batch, the number of the row."""


def day_of(until: datetime, when: datetime) -> int:
    """In which of the 24 hours before `until` a time is: 0 in the last ones, which `until` is no more of; -1 is later."""
    return -((when - until) // DAY) - 1


def begin(until: datetime, day: int) -> datetime:
    """When such a day begins."""
    return until - (day + 1) * DAY


class Sketch:
    """What was asked and answered in the `days` times 24 hours before `until`.

    Inputs count whatever version answered, answers only those of `version`. The rows in `wanted` are kept as they are.
    """

    def __init__(
        self,
        series: Sequence[Series],
        version: str,
        until: datetime,
        days: int,
        wanted: Collection[Key] = (),
    ) -> None:
        self.until, self.days = until, days
        self.rows = np.zeros(days, np.int64)
        self.found: dict[Key, Inference] = {}
        self._series, self._version, self._wanted = series, version, wanted
        self._counts = [{one.key: np.zeros_like(one.counts) for one in series} for _ in range(days)]
        self._inputs = sorted({one.source for one in series if one.of == "input"})
        self._targets = sorted({one.source for one in series if one.of == "prediction"})
        self._held: list[list[Inference]] = [[] for _ in range(days)]

    def add(self, one: Inference) -> None:
        """Count a row; one of another time is left out."""
        day = day_of(self.until, one.when)
        if not 0 <= day < self.days:
            return
        held = self._held[day]
        held.append(one)
        if len(held) >= _AT_ONCE:
            self._count(day)

    def of(self, series: Series, days: int) -> Counts:
        """The counts of the last `days` days."""
        for day in range(days):
            self._count(day)
        total: Counts = np.sum([self._counts[day][series.key] for day in range(days)], axis=0)
        return total

    def rows_of(self, days: int) -> int:
        """How many rows were answered in the last `days` days."""
        for day in range(days):
            self._count(day)
        return int(self.rows[:days].sum())

    def _count(self, day: int) -> None:
        held = self._held[day]
        if not held:
            return
        values = self._values(held)
        for one in self._series:
            if seen := values.get((one.of, one.source)):
                self._counts[day][one.key] += one.tally(seen)
        self.rows[day] += len(held)
        if self._wanted:
            self.found |= {key: one for one in held if (key := (one.request_id, one.row)) in self._wanted}
        held.clear()

    def _values(self, held: Sequence[Inference]) -> dict[tuple[str, str], list[Any]]:
        """What there is to count, by what it is of and where it was seen."""
        logged = [one.inputs for one in held if one.inputs]
        values: dict[tuple[str, str], list[Any]] = {
            ("input", name): [row[name] for row in logged if name in row] for name in self._inputs
        }
        own = [one for one in held if one.version == self._version]
        for name in self._targets:
            values["prediction", name] = [one.labels[name] for one in own if name in one.labels]
            values["confidence", name] = [one.confidences[name] for one in own if name in one.confidences]
            if estimates := [one.estimates[name] for one in own if name in one.estimates]:
                values["prediction", name] = [one["value"] for one in estimates]
                values["width", name] = [
                    round(one["upper"] - one["lower"], 6)
                    for one in estimates
                    if one["upper"] is not None and one["lower"] is not None
                ]
        values["review", "review"] = ["review" if one.review else "automatic" for one in own if one.labels]
        return values
