"""What is billed of a measured invocation, at the list prices of `cli/prices.py`.

Since August 2025 the initialization of a cold start is billed like an invocation.
"""

import math
import re
from dataclasses import dataclass

from cli.prices import GB_SECOND, INVOCATION

_REPORT = re.compile(r"^REPORT RequestId: \S+\t.*?(?<!Init )\bDuration: ([\d.]+) ms", re.MULTILINE)


@dataclass(frozen=True)
class Price:
    """Dollars for a number of invocations."""

    requests: float
    duration: float

    @property
    def total(self) -> float:
        return self.requests + self.duration


def billed(log: str) -> list[int]:
    """Billed milliseconds of every invocation in a log of the emulator; the first has the initialization in it.

    The emulator starts the runtime with the first invocation, so its duration is all that Lambda bills of a cold start.
    """
    return [math.ceil(float(duration)) for duration in _REPORT.findall(log)]


def lambda_price(invocations: int, billed_ms: float, memory: int, architecture: str = "x86_64") -> Price:
    """`billed_ms` is the mean of an invocation, `memory` is in MiB (a GB of Lambda's has 1,024 of them)."""
    seconds = invocations * billed_ms / 1e3
    return Price(invocations * INVOCATION, seconds * memory / 1024 * GB_SECOND[architecture])


def mean_billed(warm_ms: float, cold_ms: float, cold_share: float) -> float:
    """Mean billed milliseconds when that share of the invocations are cold starts."""
    return (1 - cold_share) * warm_ms + cold_share * cold_ms
