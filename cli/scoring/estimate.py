"""What a run would take, before it: rows, parts and seconds here; Lambda, Step Functions and S3 by their list prices."""

import math
from itertools import islice
from typing import Any, NamedTuple

from cli import prices
from cli.scoring import worker
from cli.scoring.source import Source
from cli.scoring.worker import Job
from functions.classify.scoring import cells
from functions.classify.scoring.cut import PART_ROWS

_COUNTED = 20  # parts whose rows are counted; beyond them, rows are estimated by their bytes
_TIMED = 2.0  # seconds of scoring a sample
MEMORY_MIB = 1769  # at which Lambda gives one whole core

_TRANSITIONS = 4  # of the machine itself
_PART_TRANSITIONS = 2  # of a part, which is an execution of one state
_PUTS, _GETS = 3, 3  # a part: answers, failed rows, record; run, rows, record


class Estimate(NamedTuple):
    """`is_counted` says whether all rows were counted; `rate` is rows a second of one core, measured on a sample."""

    rows: int
    is_counted: bool
    parts: int
    rate: float

    def seconds(self, workers: int) -> float:
        """On this machine."""
        return self._busy() / workers

    def to_json(self, workers: int) -> dict[str, Any]:
        return {
            **self._asdict(),
            "workers": workers,
            "seconds": round(self.seconds(workers), 1),
            "usd": {name: round(usd, 9) for name, usd in self.cost().items()},
            "prices": prices.SAID,
        }

    def cost(self) -> dict[str, float]:
        """On AWS in USD by service, if Lambda's core is as quick as this machine's."""
        return {
            "lambda": self._busy() * MEMORY_MIB / 1024 * prices.GB_SECOND["x86_64"] + self.parts * prices.INVOCATION,
            "step_functions": (self.parts * _PART_TRANSITIONS + _TRANSITIONS) * prices.TRANSITION,
            "s3": self.parts * (_PUTS * prices.PUT + _GETS * prices.GET),
        }

    def _busy(self) -> float:
        """Seconds of one core."""
        return self.rows / self.rate if self.rows else 0.0


def of(source: Source, job: Job) -> Estimate:
    """Answer a sample of the file's first rows, and count or estimate all. Raises DataError."""
    rate = _rate(source, job)
    if source.is_parquet:
        return Estimate(source.total, True, math.ceil(source.total / PART_ROWS), rate)
    fields = ()  # no cell needs to be read: rows are only counted
    parts = islice(source.parts(), _COUNTED)
    seen = [(cut.end, sum(1 for _ in cells.rows(cut.data, cut.line, source.layout, fields))) for cut in parts]
    counted, end = sum(rows for _, rows in seen), seen[-1][0] if seen else source.start.byte
    if end >= source.total:
        return Estimate(counted, True, len(seen), rate)
    share = (source.total - source.start.byte) / (end - source.start.byte)
    return Estimate(round(counted * share), False, math.ceil(len(seen) * share), rate)


def _rate(source: Source, job: Job) -> float:
    """Rows a second of one core; the first of several parts warms it up and does not count."""
    scorer = worker.scorer_of(job)
    samples: list[tuple[int, float]] = []
    for cut in source.parts(PART_ROWS // 10):
        answered = worker.answer(scorer, cut)
        samples.append((answered.scored.rows, answered.seconds))
        if sum(seconds for _, seconds in samples) > _TIMED:
            break
    timed = samples[1:] or samples or [(0, 1.0)]
    return sum(rows for rows, _ in timed) / sum(seconds for _, seconds in timed)
