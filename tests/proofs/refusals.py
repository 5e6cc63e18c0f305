"""What is refused costs little: at most 50 ms of CPU for each megabyte that was sent, and in proportion to its size.

The full part measures CPU time, the least of a few attempts, from 64 KiB to the 6 MiB that Lambda lets in. The quick part
measures nothing: it sees that every kind is refused, and that what has more bytes than a body may have is never parsed.
"""

import json
import math
import time
from typing import Any
from unittest.mock import patch

from firesteel import strictjson
from tests.proofs.proof import Run
from tests.proofs.refusals_cases import KINDS, Make
from tests.proofs.requests_world import Endpoint

MB = 1_000_000
SIZES = (64 << 10, 256 << 10, 1 << 20, 3 << 20, 6 << 20)
MOST = 0.050  # seconds of CPU for each MB
STEEPEST = 1.25  # of cost over size, both as logarithms: 1 is linear, 2 quadratic
ATTEMPTS = 5
_CAP = 1 << 20
_NOTICEABLE = 1e-3  # seconds: below, it is the constant part that is measured


def prove(run: Run) -> None:
    endpoint = Endpoint()
    if run.full:
        measure(run, endpoint)
    else:
        look(run, endpoint)


def look(run: Run, endpoint: Endpoint) -> None:
    """Every kind at sizes below and above what a body may have: refused, and above it unparsed."""
    for name, make in KINDS.items():
        for size in (4 << 10, _CAP + 4096):
            with patch.object(strictjson, "parse", side_effect=strictjson.parse) as parse:
                status = asked(endpoint, make(size))
            run.check(400 <= status < 500, f"{name} of {size} bytes is answered with {status}")
            longest = max((len(call.args[0]) for call in parse.call_args_list), default=0)
            run.check(longest <= _CAP, f"{name}: {longest} bytes are parsed")


def measure(run: Run, endpoint: Endpoint) -> None:
    """The cost of every kind at every size, and how it grows."""
    dearest, steepest, slowest = 0.0, 0.0, ""
    for name, make in KINDS.items():
        costs = {size: cost(run, endpoint, name, make, size) for size in SIZES}
        for size, seconds in costs.items():
            each = seconds / (size / MB)
            run.check(each <= MOST, lambda each=each, size=size, name=name: f"{name}, {size}: {each * 1e3:.1f} ms a MB")
            if each > dearest:
                dearest, slowest = each, name
        slope = steepness({size: seconds for size, seconds in costs.items() if size <= _CAP})
        above = steepness({size: seconds for size, seconds in costs.items() if size >= _CAP})
        for grown in (slope, above):
            run.check(grown <= STEEPEST, lambda grown=grown, name=name: f"{name} grows with the power {grown:.2f}")
        steepest = max(steepest, slope, above)
    run.note(
        kinds=len(KINDS), most_ms_of_cpu_a_MB=round(dearest * 1e3, 1), dearest=slowest, steepest=round(steepest, 2)
    )


def cost(run: Run, endpoint: Endpoint, name: str, make: Make, size: int) -> float:
    """Seconds of CPU for one request, the least of a few attempts."""
    event, least = make(size), math.inf
    for _ in range(ATTEMPTS):
        begun = time.process_time()
        status = asked(endpoint, event)
        least = min(least, time.process_time() - begun)
    run.check(400 <= status < 500, f"{name} of {size} bytes is answered with {status}")
    return least


def alone() -> float:
    """Seconds of CPU that Python's own parser takes for a MB of fractions on this machine, now: what the rest stands on."""
    text, least = f"[{'1.5,' * (MB // 4)}0]", math.inf
    for _ in range(ATTEMPTS):
        begun = time.process_time()
        json.loads(text)
        least = min(least, time.process_time() - begun)
    return least


def asked(endpoint: Endpoint, event: Any) -> int:
    """The status of the answer."""
    told: int = endpoint.lane(event)["statusCode"]
    endpoint.lines()
    return told


def steepness(costs: dict[int, float]) -> float:
    """The power of its size with which a cost grows, from the first that can be noticed to the last."""
    seen = [(size, seconds) for size, seconds in sorted(costs.items()) if seconds > _NOTICEABLE]
    if len(seen) < 2:
        return 0.0
    (small, less), (large, more) = seen[0], seen[-1]
    return math.log(more / less) / math.log(large / small)
