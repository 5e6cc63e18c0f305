"""Warm latency of `/classify` while a canary runs, and while a shadow is there that nothing scores, against neither.

The same artifact over three registries with the same two bundles: one alias names the first alone, one lets the second
answer half of the request keys, one has it as a shadow. All three stay started and take turns request by request, so
that what else the machine does falls upon all of them; a round is so many requests of each. Every request has another
key, and every answer is checked to come from the side that its key belongs to.
"""

import itertools
import json
import shutil
import statistics
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import report
from benchmarks.lambdas import BUILD, FIRESTEEL_HANDLER
from benchmarks.report import Samples, Target
from benchmarks.workload import api_event, arguments, subject
from cli.emulator import Emulator
from firesteel.registry import alias, bundle
from firesteel.registry.seal import open_registry
from firesteel.registry.store import Store
from functions.classify.live import place

WEIGHT = 0.5
TARGETS = (
    Target("p50 ms", "canary", "alone", 1.1, 1.05),
    Target("p50 ms", "shadow not scored", "alone", 1.05, 1.02),
)
NAMES = ("alone", "canary", "shadow not scored")


def prepared(registry: Path, folder: Path, name: str) -> Store:
    """A copy of the registry whose newest bundle of tickets is published once more, beside it as `name` says."""
    shutil.copytree(registry, folder / "store")
    store = open_registry(f"file://{folder}/store")
    entry = alias.current(store, "tickets", "latest")
    manifest = bundle.read_manifest(store, "tickets", entry.version, entry.digest)
    files = {file: bundle.read_file(store, manifest, file) for file in manifest.files}
    challenger = bundle.next_version(store, "tickets", "minor")
    bundle.publish(store, "tickets", challenger, files, who="benchmark", signature=manifest.signature)
    if name == "canary":
        alias.canary(store, "tickets", "latest", challenger, weight=WEIGHT, who="benchmark")
    elif name == "shadow not scored":
        alias.shadow(store, "tickets", "latest", challenger, who="benchmark")
    return store


class Entrant:
    """One started function, what its alias names, and the keys that its requests have."""

    def __init__(self, emulator: Emulator, entry: alias.Entry, event: dict[str, Any]) -> None:
        self._emulator, self._entry, self._event = emulator, entry, event
        self._keys = map("customer-{}".format, itertools.count())

    def ask(self) -> float:
        """Milliseconds of one request. Raises RuntimeError for an answer of the wrong side."""
        key = next(self._keys)
        headers = {**self._event["headers"], "x-canary-key": key}
        answer, seconds = self._emulator.invoke({**self._event, "headers": headers})
        version = json.loads(answer["body"]).get("model_version")
        if (answer["statusCode"], version) != (200, self._expected(key)):
            raise RuntimeError(f"{key} was answered {answer!r:.300}, not by {self._expected(key)}")
        return seconds * 1e3

    def _expected(self, key: str) -> str:
        canary = self._entry.canary
        return canary.version if canary and place(key, canary.digest) < canary.weight else self._entry.version


def measured(entrants: dict[str, Entrant], rounds: int, requests: int) -> Samples:
    """Median and 99th percentile of each round. Each turn begins with the next one, so that nobody follows itself."""
    samples: Samples = {name: {"p50 ms": [], "p99 ms": []} for name in entrants}
    for number in range(rounds):
        times: dict[str, list[float]] = {name: [] for name in entrants}
        for turn in range(requests):
            first = turn % len(NAMES)
            for name in NAMES[first:] + NAMES[:first]:
                times[name].append(entrants[name].ask())
        for name, own in times.items():
            samples[name]["p50 ms"].append(round(statistics.median(own), 4))
            samples[name]["p99 ms"].append(round(statistics.quantiles(own, n=100)[98], 4))
        print(f"round {number + 1}/{rounds}", file=sys.stderr, flush=True)
    return samples


def main() -> None:
    parser = arguments(__doc__, rounds=15)
    parser.add_argument("--requests", type=int, default=200, help="requests a round")
    parser.add_argument("--build", type=Path, default=BUILD, help="folder of the built functions")
    options = parser.parse_args()
    asked = subject(options)
    event = api_event(asked.tickets()[0])
    with TemporaryDirectory() as folder, ExitStack() as stack:
        entrants: dict[str, Entrant] = {}
        for name in NAMES:
            place_of = Path(folder) / name.replace(" ", "-")
            store = prepared(asked.registry, place_of, name)
            environment = {"FIRESTEEL_STORE": f"file://{place_of}/store"}
            layers = [options.build / "FiresteelLayer"]
            emulator = Emulator(options.build / "ClassifyFunction", FIRESTEEL_HANDLER, environment, layers)
            entrants[name] = Entrant(stack.enter_context(emulator), alias.current(store, "tickets", "latest"), event)
        measured(entrants, 1, options.requests)  # warms up
        samples = measured(entrants, options.rounds, options.requests)
    notes = {"rounds": options.rounds, "requests a round": options.requests, "share of the canary": WEIGHT}
    report.finish("canary", samples, TARGETS, notes=notes)


if __name__ == "__main__":
    main()
