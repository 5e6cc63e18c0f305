"""What memory, and so CPU, does to the classify function: cold and warm time, billed milliseconds, and peak memory.

The built function in the runtime emulator, once for every memory size and round, under the CPU quota that Lambda gives
for that memory, with its registry on S3 over HTTP (which has no quota, as S3 has none). The usual stack (scikit-learn,
FastAPI, Mangum, boto3), as plain `sam build` leaves it and with its bytecode shipped, likewise, where its memory lets it.
Lambda is said to lift the quota during initialization; here it holds, so that cold starts of small sizes look their worst.
"""

import argparse
import json
import statistics
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks import report, s3
from benchmarks.billing import billed
from benchmarks.lambdas import Contest, Function, contest
from benchmarks.peers import install
from benchmarks.quota import QuotaError, quota
from benchmarks.workload import api_event, arguments, subject
from cli.emulator import Emulator

SIZES = (256, 512, 1024, 1769, 3008)  # MiB
NAMES = ("firesteel", "usual_stack", "usual_stack_bytecode")
PAUSE = 0.05  # seconds between the requests of an environment that is not busy
SPARE = 1.2  # a size is safe when it has a fifth more than the peak that was measured


def one(entrants: Contest, name: str, memory: int, requests: int) -> dict[str, float]:
    """One environment from its start: its cold start, requests with pauses, requests without, and its peak memory."""
    function, event = entrants.functions[name], entrants.event
    environment, layers = dict(function.environment), list(function.layers)
    emulator = Emulator(function.artifact, function.handler, environment, layers, memory=memory, timeout=300)
    with quota(memory) as limited:
        with limited.applied():
            emulator.__enter__()
        try:
            answer, cold = emulator.invoke(event)
            function.check(answer)
            spaced = [after_a_pause(emulator, event) for _ in range(requests // 2)]
            busy = [emulator.invoke(event)[1] for _ in range(requests)]
            time.sleep(PAUSE)  # the last line of the log
            bills = billed(emulator.log())
            peak = peak_mib()
            if name == "firesteel":
                for page in pages(event):
                    answer, _ = emulator.invoke(page)
                    if answer["statusCode"] != 200:
                        raise RuntimeError(f"{page['rawPath']} answered {answer!r:.500}")
            whole = peak_mib()
        finally:
            emulator.__exit__(None, None, None)
    if len(bills) != 1 + len(spaced) + len(busy):
        raise RuntimeError(f"{name}: {1 + len(spaced) + len(busy)} requests, {len(bills)} of them in the log")
    return {
        "cold ms": cold * 1e3,
        "cold billed ms": bills[0],
        "warm p50 ms": statistics.median(spaced) * 1e3,
        "warm billed ms": statistics.median(bills[1 : 1 + len(spaced)]),  # a mean would bill the neighbours' work
        "busy p50 ms": statistics.median(busy) * 1e3,
        "busy billed ms": statistics.mean(bills[1 + len(spaced) :]),
        "peak MiB": peak,
        "peak MiB with all pages": whole,
    }


def after_a_pause(emulator: Emulator, event: Mapping[str, object]) -> float:
    time.sleep(PAUSE)
    return emulator.invoke(event)[1]


def pages(event: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What loads the most: the documentation's application, and an explanation."""
    row = json.loads(event["body"])
    described: dict[str, Any] = api_event({}, "/openapi.json")
    described["requestContext"]["http"]["method"] = "GET"
    return [described | {"body": None}, api_event(row, "/explain")]


def peak_mib() -> float:
    """The most memory that the function's runtime, started by this process, has held so far."""
    for process in descendants(Path("/proc/self").resolve()):
        if b"awslambdaric" in (process / "cmdline").read_bytes().split(b"\0"):
            (line,) = (line for line in (process / "status").read_text().splitlines() if line.startswith("VmHWM"))
            return int(line.split()[1]) / 1024
    raise RuntimeError("no runtime is running")


def descendants(process: Path) -> list[Path]:
    children = [Path("/proc", pid) for file in process.glob("task/*/children") for pid in file.read_text().split()]
    # the emulator first, then what it started
    return [one for child in children for one in [*descendants(child), child]] if children else []


def entrants_of(store: s3.S3, options: argparse.Namespace) -> Contest:
    known = contest(store, subject(options), ("firesteel", "usual_stack"))
    usual: Function = known.functions["usual_stack"]
    compiled = replace(usual, artifact=install.artifact("usual_stack", bytecode=True))
    return Contest({**known.functions, "usual_stack_bytecode": compiled}, known.event)


def main() -> None:
    parser = arguments(__doc__, rounds=5)
    parser.add_argument("--requests", type=int, default=100, help="requests of a busy environment")
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES, help="leave the others out")
    parser.add_argument("--sizes", nargs="+", type=int, default=SIZES, help="MiB [default: %(default)s]")
    options = parser.parse_args()
    with s3.serve() as store:
        entrants = entrants_of(store, options)
        largest = max(options.sizes)
        try:
            peaks = {name: one(entrants, name, largest, 10)["peak MiB"] for name in options.only}
        except QuotaError as error:
            raise SystemExit(f"skipped: {error}") from None
        safe = [f"{name} {size}" for name in options.only for size in options.sizes if size >= peaks[name] * SPARE]
        samples = report.alternate(
            safe,
            options.rounds,
            lambda each: one(entrants, each.rpartition(" ")[0], int(each.rpartition(" ")[2]), options.requests),
        )
    notes = {"rounds": options.rounds, "requests": options.requests, "left out below, MiB": SPARE}
    report.finish("memory", samples, (), notes=notes)


if __name__ == "__main__":
    main()
