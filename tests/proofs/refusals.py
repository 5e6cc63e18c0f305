"""What is refused costs little: at most 50 ms of CPU for each megabyte that was sent, and in proportion to its size.

The full part measures CPU time, the least of some attempts, from 64 KiB to the 6 MiB that Lambda lets in, over what a request
of two bytes costs. For fractions, for which Python's own parser alone takes about as long on slow machines, half more than what
it takes is the bound, and both figures are kept. The quick part measures nothing: it sees that every kind is refused, and
that what has more bytes than a body may have is never parsed.
"""

import json
import math
import time
from statistics import median
from typing import Any
from unittest.mock import patch

from firesteel import strictjson
from tests.proofs.proof import Run
from tests.proofs.refusals_cases import FRACTIONS, KINDS, SMALLEST, Make
from tests.proofs.requests_world import Endpoint

MB = 1_000_000
SIZES = (64 << 10, 256 << 10, 1 << 20, 3 << 20, 6 << 20)
MOST = 0.050  # seconds of CPU for each MB
STEEPEST = 1.25  # of cost over size, both as logarithms: 1 is linear, 2 quadratic
OVER_PARSER = 1.5  # of what that parser takes, where it is more
ATTEMPTS = 25
_CAP = 1 << 20
_FRACTIONS = f"[{'1.5,' * (16 << 10)}0]"
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
    dearest, steepest, slowest, parsers = 0.0, 0.0, "", []
    least, _ = cost(run, endpoint, "the smallest", SMALLEST, 2)
    for name, make in KINDS.items():
        grown = {}
        for size in SIZES:
            seconds, parser = cost(run, endpoint, name, make, size)
            each, most = (seconds - least) / (size / MB), max(MOST, OVER_PARSER * parser) if name in FRACTIONS else MOST
            run.check(
                each <= most, f"{name}, {size}: {each * 1e3:.1f} ms a MB, and {parser * 1e3:.1f} of the parser alone"
            )
            grown[size] = seconds / parser * MOST  # what it would be if the machine were always as quick
            parsers.append(parser)
            if each > dearest:
                dearest, slowest = each, name
        for sizes in ([size for size in SIZES if size <= _CAP], [size for size in SIZES if size >= _CAP]):
            steep = steepness({size: grown[size] for size in sizes})
            run.check(steep <= STEEPEST, f"{name} grows with the power {steep:.2f}")
            steepest = max(steepest, steep)
    run.note(
        kinds=len(KINDS),
        most_ms_of_cpu_a_MB=round(dearest * 1e3, 1),
        dearest=slowest,
        ms_of_a_request_of_two_bytes=round(least * 1e3, 2),
        ms_a_MB_of_the_parser_alone=round(median(parsers) * 1e3, 1),
        steepest=round(steepest, 2),
    )


def cost(run: Run, endpoint: Endpoint, name: str, make: Make, size: int) -> tuple[float, float]:
    """Seconds of CPU for one request, and for a MB of fractions in Python's parser: of each the least of some attempts."""
    event, mine, parser = make(size), math.inf, math.inf
    for _ in range(ATTEMPTS):
        begun = time.process_time()
        status = asked(endpoint, event)
        mine = min(mine, time.process_time() - begun)
        begun = time.process_time()
        json.loads(_FRACTIONS)
        parser = min(parser, (time.process_time() - begun) / (len(_FRACTIONS) / MB))
    run.check(400 <= status < 500, f"{name} of {size} bytes is answered with {status}")
    return mine, parser


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
