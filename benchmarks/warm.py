"""Warm latency of `/classify` through the runtime emulator, against a bare handler that returns a constant.

All functions stay started; they take turns in blocks of requests, and each block gives one median.
"""

import statistics
from contextlib import ExitStack

from benchmarks import report, s3
from benchmarks.lambdas import NAMES, Contest, contest
from benchmarks.report import Target
from benchmarks.workload import arguments, subject
from cli.emulator import Emulator

TARGETS = (Target("p50 ms", "firesteel", "bare", 1.3, 1.15),)


def block(entrants: Contest, emulators: dict[str, Emulator], name: str, requests: int) -> dict[str, float]:
    """Median and 99th percentile of one block of requests, in milliseconds, every answer checked."""
    function, emulator, event = entrants.functions[name], emulators[name], entrants.event
    times = []
    for _ in range(requests):
        answer, seconds = emulator.invoke(event)
        function.check(answer)
        times.append(seconds * 1e3)
    return {"p50 ms": statistics.median(times), "p99 ms": statistics.quantiles(times, n=100)[98]}


def main() -> None:
    parser = arguments(__doc__, rounds=15)
    parser.add_argument("--requests", type=int, default=200, help="requests a block")
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES, help="leave the others out")
    options = parser.parse_args()
    with s3.serve() as store, ExitStack() as stack:
        entrants = contest(store, subject(options), tuple(options.only))
        emulators = {name: stack.enter_context(entrants.functions[name].emulator()) for name in options.only}
        samples = report.alternate(
            options.only,
            options.rounds,
            lambda name: block(entrants, emulators, name, options.requests),
            warmups=2,
        )
    report.finish("warm", samples, TARGETS, notes={"rounds": options.rounds, "requests a block": options.requests})


if __name__ == "__main__":
    main()
