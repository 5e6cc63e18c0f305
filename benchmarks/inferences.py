"""What the inference log adds to `/classify`: nothing for a model that logs no inputs, and how much for one that does.

Three programs that differ in their log policy alone: no inputs, all as digests, all as they are. As the built function in
the runtime emulator; in process, through the lane; and as servers with a spool, beside one without. All contenders stay
started and take turns request by request, so that what else the machine does falls upon all of them.
"""

import json
import math
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import report
from benchmarks.lambdas import BUILD, FIRESTEEL_HANDLER
from benchmarks.process import LOGS, LOOPBACK, free_port, running
from benchmarks.report import Samples, Target
from benchmarks.servers import Server, wait
from benchmarks.workload import ROOT, api_event, arguments, subject
from cli.emulator import Emulator
from firesteel.program import format as program_format
from firesteel.registry import alias, bundle
from firesteel.registry.seal import open_registry

FIELDS = ("title", "description", "customer_email")
POLICIES: dict[str, dict[str, str]] = {
    "no inputs": {},
    "hash": dict.fromkeys(FIELDS, "hash"),
    "plain": dict.fromkeys(FIELDS, "plain") | {"customer_email": "hash"},
}
SPOOLS = {"no spool": ("no inputs", False), "spool": ("no inputs", True), "spool, hash": ("hash", True)}
TARGETS = (
    Target("p50 ms", "function, hash", "function, no inputs", 1.02, 1.01),
    Target("p50 ms", "function, plain", "function, no inputs", 1.02, 1.01),
    Target("p50 ms", "server, spool", "server, no spool", 1.02, 1.01),
    Target("p50 ms", "server, spool, hash", "server, no spool", 1.02, 1.01),
    Target("fastest ms", "function, hash", "function, no inputs", 1.02, 1.01),
    Target("fastest ms", "function, plain", "function, no inputs", 1.02, 1.01),
    Target("fastest ms", "server, spool", "server, no spool", 1.02, 1.01),
    Target("fastest ms", "server, spool, hash", "server, no spool", 1.02, 1.01),
)
Ask = Callable[[int], None]
"""Asks for the ticket of a number; raises when the answer is not good."""


def registry(source: Path, folder: Path, fields: Mapping[str, str]) -> str:
    """The URL of a registry with the source's newest tickets, whose program logs these fields."""
    theirs = open_registry(source.as_uri())
    entry = alias.current(theirs, "tickets", "latest")
    manifest = bundle.read_manifest(theirs, "tickets", entry.version, entry.digest)
    files = {file: bundle.read_file(theirs, manifest, file) for file in manifest.files}
    meta, tensors = program_format.read(files["program.safetensors"])
    if fields:
        meta["log"] = {"sample": 1.0, "inputs": dict(fields)}
    files["program.safetensors"] = program_format.write(meta, tensors)
    ours = open_registry(folder.as_uri())
    bundle.publish(ours, "tickets", entry.version, files, who="benchmark", signature=manifest.signature)
    alias.promote(ours, "tickets", "latest", entry.version, who="benchmark")
    return folder.as_uri()


@contextmanager
def functions(urls: Mapping[str, str], events: Sequence[Any], build: Path) -> Iterator[dict[str, Ask]]:
    """The built function in the runtime emulator, once a policy."""
    with ExitStack() as stack:

        def asking(url: str) -> Ask:
            layers = [build / "FiresteelLayer"]
            emulator = stack.enter_context(
                Emulator(build / "ClassifyFunction", FIRESTEEL_HANDLER, {"FIRESTEEL_STORE": url}, layers)
            )
            return lambda number: check(emulator.invoke(events[number])[0])

        yield {f"function, {name}": asking(url) for name, url in urls.items()}


@contextmanager
def lanes(urls: Mapping[str, str], events: Sequence[Any]) -> Iterator[dict[str, Ask]]:
    """The lane in this process, once a policy. Standard output goes nowhere, as a write all the same."""
    from functions.classify import serving
    from functions.classify.fetch import Source
    from functions.classify.lane import Lane
    from functions.classify.telemetry import Telemetry

    def asking(name: str, url: str) -> Ask:
        served = serving.over(Source(url, "tickets", "latest"), ttl=3600, memory=1 << 28, on_failure=print)
        served.freshness.start()
        lane = Lane(served, Telemetry(service=f"benchmark-{name}", level="INFO", namespace="Firesteel"))
        return lambda number: check(lane(events[number]))

    asks = {f"lane, {name}": asking(name, url) for name, url in urls.items()}
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield asks
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


@contextmanager
def servers(urls: Mapping[str, str], tickets: Sequence[Mapping[str, str]], folder: Path) -> Iterator[dict[str, Ask]]:
    """Servers with a spool and without, asked through a connection that stays open."""
    bodies = [json.dumps(ticket).encode() for ticket in tickets]
    with ExitStack() as stack:

        def asking(name: str, policy: str, *, spools: bool) -> Ask:
            port = free_port()
            command = (sys.executable, "-m", "cli.main", "serve", "--port", str(port))
            settings = {"FIRESTEEL_STORE": urls[policy], "FIRESTEEL_RATE_LIMIT": "0"}
            settings["FIRESTEEL_MONITOR"] = (folder / name).as_uri() if spools else "memory://"
            log = LOGS / f"inferences-{name}.log"
            process = stack.enter_context(running(command, log=log, environment=os.environ | settings, folder=ROOT))
            wait(Server(lambda _: command), port, process, tickets[0])
            connection = HTTPConnection(LOOPBACK, port, timeout=10)
            stack.callback(connection.close)

            def ask(number: int) -> None:
                connection.request("POST", "/classify", bodies[number], {"Content-Type": "application/json"})
                answer = connection.getresponse()
                check({"statusCode": answer.status, "body": answer.read()})

            return ask

        yield {f"server, {name}": asking(name, policy, spools=spools) for name, (policy, spools) in SPOOLS.items()}


def check(answer: Any) -> None:
    if answer["statusCode"] != 200:
        raise RuntimeError(f"answered {answer!r:.500}")


def in_turn(asks: Mapping[str, Ask], rounds: int, requests: int) -> Samples:
    """Of each contender, asked for one ticket at a time: the median of each round in milliseconds, and `fastest ms`.

    That is the median over the tickets of the fastest of all rounds: what it takes when nobody else wants the machine.
    """
    contenders = list(asks.items())
    samples: Samples = {name: {"p50 ms": []} for name in asks}
    fastest: dict[str, list[float]] = {name: [math.inf] * requests for name in asks}
    for turn in range(-1, rounds):
        times: dict[str, list[float]] = {name: [] for name in asks}
        for number in range(requests):
            for name, ask in contenders if number % 2 else reversed(contenders):
                started = time.perf_counter()
                ask(number)
                times[name].append((time.perf_counter() - started) * 1e3)
        for name, own in times.items() if turn >= 0 else ():
            samples[name]["p50 ms"].append(round(statistics.median(own), 5))
            fastest[name] = list(map(min, fastest[name], own))
    for name, own in fastest.items():
        samples[name]["fastest ms"] = [round(statistics.median(own), 5)]
    return samples


def main() -> None:
    parser = arguments(__doc__, rounds=15)
    parser.add_argument("--requests", type=int, default=200, help="requests of each contender a round")
    parser.add_argument("--build", type=Path, default=BUILD, help="the built function and layer [default: %(default)s]")
    options = parser.parse_args()
    chosen = subject(options)
    tickets = chosen.tickets()[: options.requests]
    events = [api_event(ticket) for ticket in tickets]
    samples: Samples = {}
    with TemporaryDirectory() as place:
        folder = Path(place)
        urls = {name: registry(chosen.registry, folder / name, fields) for name, fields in POLICIES.items()}
        for started in (
            functions(urls, events, options.build),
            lanes(urls, events),
            servers(urls, tickets, folder / "monitor"),
        ):
            with started as asks:
                samples |= in_turn(asks, options.rounds, options.requests)
    report.finish("inferences", samples, TARGETS, notes={"rounds": options.rounds, "requests a round": len(events)})


if __name__ == "__main__":
    main()
