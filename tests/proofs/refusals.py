"""What is refused costs little: at most 50 ms of CPU for each megabyte that was sent, and in proportion to its size.

The full part measures CPU time, the least of attempts that lie far apart, from 64 KiB to the 6 MiB that Lambda lets in, over
what a request of two bytes costs. The quick part measures nothing: it sees that every kind is refused, and that what has more
bytes than a body may have is never parsed.
"""

import math
import time
from collections import defaultdict
from collections.abc import Mapping
from itertools import product
from typing import Any
from unittest.mock import patch

from firesteel import strictjson
from tests.proofs.proof import Run
from tests.proofs.refusals_cases import KINDS, SMALLEST, Make
from tests.proofs.requests_world import Endpoint

MB = 1_000_000
SIZES = (64 << 10, 256 << 10, 1 << 20, 3 << 20, 6 << 20)
MOST = 0.050  # seconds of CPU for each MB
STEEPEST = 1.25  # of cost over size, both as logarithms: 1 is linear, 2 quadratic
ATTEMPTS, ROUNDS = 4, 8
_CAP = 1 << 20
_NOTICEABLE = 1e-3  # seconds, and seconds a MB: below, it is the constant part or the memory that is measured


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
    costs = cheapest(run, endpoint, {"the smallest": SMALLEST} | KINDS)
    least = costs["the smallest", SIZES[0]]
    each = {case: (seconds - least) / (case[1] / MB) for case, seconds in costs.items()}
    steepest = 0.0
    for name in KINDS:
        for size in SIZES:
            run.check(each[name, size] <= MOST, f"{name}, {size}: {each[name, size] * 1e3:.1f} ms a MB")
        for sizes in ([size for size in SIZES if size <= _CAP], [size for size in SIZES if size >= _CAP]):
            steep = steepness({size: costs[name, size] for size in sizes})
            run.check(steep <= STEEPEST, f"{name} grows with the power {steep:.2f}")
            steepest = max(steepest, steep)
    dearest = max(each, key=each.__getitem__)
    run.note(
        kinds=len(KINDS),
        most_ms_of_cpu_a_MB=round(each[dearest] * 1e3, 1),
        dearest=dearest[0],
        ms_of_a_request_of_two_bytes=round(least * 1e3, 2),
        steepest=round(steepest, 2),
    )


def cheapest(run: Run, endpoint: Endpoint, kinds: Mapping[str, Make]) -> dict[tuple[str, int], float]:
    """Seconds of CPU for a request of every kind and size.

    Of each the least of some attempts, which lie far apart: what else runs on the machine can only add to a cost, for
    seconds at a time.
    """
    costs: dict[tuple[str, int], float] = defaultdict(lambda: math.inf)
    for _ in range(ROUNDS):
        for (name, make), size in product(kinds.items(), SIZES):
            event = make(size)
            for _ in range(ATTEMPTS):
                begun = time.process_time()
                status = asked(endpoint, event)
                costs[name, size] = min(costs[name, size], time.process_time() - begun)
            run.check(400 <= status < 500, f"{name} of {size} bytes is answered with {status}")
    return dict(costs)


def asked(endpoint: Endpoint, event: Any) -> int:
    """The status of the answer."""
    told: int = endpoint.lane(event)["statusCode"]
    endpoint.lines()
    return told


def steepness(costs: dict[int, float]) -> float:
    """The power of its size with which a cost grows, from the first that can be noticed to the last."""
    seen = [(size, seconds) for size, seconds in sorted(costs.items()) if seconds > _NOTICEABLE * max(1, size / MB)]
    if len(seen) < 2:
        return 0.0
    (small, less), (large, more) = seen[0], seen[-1]
    return math.log(more / less) / math.log(large / small)
