"""What is kept of every answer of a load test, and the outcome made of it. Imports nothing but the standard library."""

import json
import math
from array import array
from collections import Counter
from collections.abc import Sequence

from cli.load.plan import Outcome, Second

QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
_OK, _LIMITED = 200, 429


class Record:
    """Answers as they come: 16 bytes for each that succeeded, a count for every other."""

    def __init__(self) -> None:
        self._when = array("d")
        self._milliseconds = array("d")
        self._errors: Counter[str] = Counter()
        self._ended: Counter[tuple[int, bool]] = Counter()  # by second, and whether it was only rate limited
        self.limited = 0

    def add(self, when: float, milliseconds: float, status: int, body: str, fault: BaseException | None) -> None:
        """One answer, `when` seconds after the beginning; a `status` of 0 says that none came, and `fault` why."""
        if status == _OK:
            self._when.append(when)
            self._milliseconds.append(milliseconds)
            return
        self._ended[int(when), status == _LIMITED] += 1
        if status == _LIMITED:
            self.limited += 1
        else:
            self._errors[_named(status, body, fault)] += 1

    @property
    def succeeded(self) -> int:
        return len(self._when)

    @property
    def failed(self) -> int:
        return self._errors.total()

    def outcome(self, seconds: float, *, busy: bool = False) -> Outcome:
        """All of it, of a run that took so long."""
        ordered = sorted(self._milliseconds)
        latencies = {name: quantile(ordered, share) for name, share in QUANTILES.items()} if ordered else {}
        if ordered:
            latencies |= {"mean": math.fsum(ordered) / len(ordered), "max": ordered[-1]}
        errors = dict(self._errors.most_common())
        return Outcome(seconds, self.succeeded, self.limited, errors, latencies, self._course(), busy)

    def _course(self) -> list[Second]:
        by_second: dict[int, list[float]] = {}
        for when, milliseconds in zip(self._when, self._milliseconds, strict=True):
            by_second.setdefault(int(when), []).append(milliseconds)
        last = max([*by_second, *(second for second, _ in self._ended)], default=-1)
        return [self._second(second, sorted(by_second.get(second, []))) for second in range(last + 1)]

    def _second(self, second: int, ordered: Sequence[float]) -> Second:
        p50, p95 = (quantile(ordered, share) if ordered else None for share in (0.5, 0.95))
        return Second(second, len(ordered), self._ended[second, False], self._ended[second, True], p50, p95)


def quantile(ordered: Sequence[float], share: float) -> float:
    """The smallest of ascending numbers that at least this share of them does not exceed (nearest rank)."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def _named(status: int, body: str, fault: BaseException | None) -> str:
    """A failure as it is counted: the status and the code of the catalog, or what kept the answer from coming."""
    if not status:
        return type(fault).__name__ if fault else "no answer"
    try:
        code = json.loads(body).get("code")
    except (ValueError, AttributeError):
        code = None
    return f"{status} {code}" if isinstance(code, str) else str(status)
