"""Drift: how often days without any raise an alarm, how soon a small shift is seen, and how long a million lines take.

A model of 10 numbers, 3 categories and a text (characters, words, known words, terms), which answers a label with a confidence
and asks for reviews. Its baseline is 2,000 held-out rows, and once more 300; 500 rows are asked a day. Every world has a
baseline of its own, so that the chance of the baseline's own draw is in the rates, and worlds, not days, are drawn for the
interval of false alarms: days of a world share its baseline and, in windows of a week, each other's rows. A shift moves one
number by 0.3 of its standard deviations.
"""

import argparse
import gzip
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import report
from benchmarks.report import Target
from firesteel.definition import Definition
from firesteel.registry import alias, bundle
from firesteel.registry.seal import open_registry
from firesteel.registry.store import Store, open_store
from functions.train import reference
from functions.train.dataset import Dataset
from functions.train.drift import baseline, decide, look, tests
from functions.train.drift.cells import Counts
from functions.train.reference import Said

NUMBERS, ROWS_A_DAY, BASELINE, SMALL = 10, 500, 2_000, 300
OF_WORLD = 10  # days without drift
SHIFT, WITHIN = 0.3, 3  # standard deviations; days
WINDOWS = (1, 7)
LINES = 1_000_000
NOW = datetime(2026, 11, 21, 6, tzinfo=UTC)
TARGETS = (
    Target("false alarms", "measured", "allowed", 1.0, 0.5),
    Target("caught", "measured", "wanted", 1.0, 1.02, higher_is_better=True),
    Target("seconds", "measured", "allowed", 1.0, 0.5),
    Target("MiB", "measured", "allowed", 1.0, 0.5),
)
_LINE = {"level": "INFO", "message": "request", "service": "firesteel", "correlation_id": "", "method": "POST"} | {
    "status": 200, "latency_ms": 1.234, "route": "/predict", "model": "drifting", "model_version": "1.0.0"
}  # fmt: skip
_WORDS = np.array([f"word{number:03}" for number in range(400)])
_LABELS = ("Low", "Middle", "High")
Columns = dict[str, list[Any]]
_MATRIX = [[400, 50, 50], [100, 800, 100], [50, 50, 400]]


def definition() -> Definition:
    names = [f"n{number}" for number in range(NUMBERS)]
    inputs: dict[str, Any] = {name: {"kind": "number", "example": 1.0, "log": "plain"} for name in names}
    inputs |= {f"c{size}": {"kind": "category", "example": "0", "log": "plain"} for size in (2, 6, 30)}
    inputs["text"] = {"kind": "text", "example": "word000", "log": "plain"}
    targets = {"y": {"task": "classification", "labels": list(_LABELS)}}
    features = {"numbers": {"step": "number", "inputs": names}}
    return Definition.model_validate({"model": "drifting", "inputs": inputs, "targets": targets, "features": features})


class World:
    """Draws rows. Numbers are normal, skewed, clamped at zero and whole in turn; a shift is added before that."""

    def __init__(self, seed: int, rows: int = BASELINE) -> None:
        self.random = np.random.default_rng(seed)
        self.definition = definition()
        self.reference = self._reference(rows)
        self.baseline = baseline.read("drifting", self.reference)

    def rows(self, count: int, shift: float = 0.0, shifted: int = 0) -> tuple[Columns, Columns]:
        """Inputs as they are logged, and answers, column by column."""
        random = self.random
        drawn = random.standard_normal((NUMBERS, count))
        drawn[shifted] += shift
        shapes = (lambda x: x, np.exp, lambda x: np.maximum(x, 0), lambda x: np.round(3 * x))
        inputs = {f"n{number}": shapes[number % 4](values).tolist() for number, values in enumerate(drawn)}
        for size in (2, 6, 30):
            weights = 1 / np.arange(1, size + 1)
            inputs[f"c{size}"] = random.choice(size, count, p=weights / weights.sum()).astype(str).tolist()
        lengths = 3 + random.poisson(9, count)
        words = _WORDS[np.minimum(random.zipf(1.4, lengths.sum()) - 1, 399)]
        texts = [" ".join(part) for part in np.split(words, lengths.cumsum()[:-1])]
        known = np.round(random.binomial(lengths, 0.9) / lengths, 6).tolist()
        inputs["text"] = [
            {"text": text, "characters": len(text), "words": int(size), "known": share}
            for text, size, share in zip(texts, lengths, known, strict=True)
        ]
        score = drawn.sum(0) / np.sqrt(NUMBERS) + random.standard_normal(count)
        confidence = np.round(1 - 0.6 * np.exp(-np.abs(score)), 6)
        answers: Columns = {
            "label": np.digitize(score, (-0.8, 0.8)).tolist(),
            "confidence": confidence.tolist(),
            "review": (confidence < 0.6).tolist(),
        }
        return inputs, answers

    def day(self, shift: float = 0.0, shifted: int = 0) -> dict[tuple[str, str], Counts]:
        """The counts of a day."""
        inputs, answers = self.rows(ROWS_A_DAY, shift, shifted)
        seen = {("input", name): values for name, values in inputs.items()}
        seen["prediction", "y"] = [_LABELS[number] for number in answers["label"]]
        seen["confidence", "y"] = answers["confidence"]
        seen["review", "review"] = ["review" if one else "automatic" for one in answers["review"]]
        return {one.key: one.tally(seen[one.of, one.source]) for one in self.baseline}

    def _reference(self, count: int) -> dict[str, Any]:
        inputs, answers = self.rows(count)
        texts = inputs["text"]
        columns: dict[str, Any] = {
            name: np.array(values) if name.startswith("n") else values for name, values in inputs.items()
        }
        columns["text"] = [text["text"] for text in texts]
        rows = Dataset(
            source="", sha256="", rows_read=count, inputs=columns, targets={}, exposure=np.ones(count),
            lines=np.arange(count),
        )  # fmt: skip
        said = {"y": Said(np.array(answers["label"]), confidence=np.array(answers["confidence"]))}
        known = {"text": np.array([text["known"] for text in texts])}
        return reference.reference(self.definition, rows, said, np.array(answers["review"]), known)


class Watched:
    """A world day by day, and what a look at the end of each finds."""

    def __init__(self, world: World, windows: tuple[int, ...] = WINDOWS) -> None:
        self.world, self.windows = world, windows
        self._days: deque[dict[tuple[str, str], Counts]] = deque(maxlen=windows[-1])

    def live(self, shift: float = 0.0, shifted: int = 0) -> None:
        """A day goes by."""
        self._days.appendleft(self.world.day(shift, shifted))

    def drifted(self) -> list[str]:
        """The series that the look at the end of a day names."""
        findings = decide.decide(self.world.baseline, self._current, self.windows)
        return [one.series.name for one in findings if one.state == "DRIFT"]

    def _current(self, one: baseline.Series, days: int) -> Counts:
        total: Counts = np.sum([day[one.key] for day in list(self._days)[:days]], axis=0)
        return total


def false_alarms(worlds: int, of_world: int, windows: tuple[int, ...] = WINDOWS, rows: int = BASELINE) -> list[int]:
    """Of each world without drift, the days with an alarm, of `of_world`."""
    counts = []
    for seed in range(worlds):
        watched = Watched(World(seed, rows), windows)
        for _ in range(windows[-1] - 1):
            watched.live()
        alarms = 0
        for _ in range(of_world):
            watched.live()
            alarms += bool(watched.drifted())
        counts.append(alarms)
    return counts


def over_worlds(alarms: Sequence[int], of_world: int) -> tests.Interval:
    """The share of days with an alarm, with the interval of 95 % that drawing worlds again gives (percentile bootstrap)."""
    shares = np.array(alarms) / of_world
    drawn = np.random.default_rng(0).choice(shares, (10_000, len(shares))).mean(1)
    return tests.Interval(float(shares.mean()), *map(float, np.percentile(drawn, (2.5, 97.5))))


def caught(worlds: int, windows: tuple[int, ...] = WINDOWS, rows: int = BASELINE) -> list[int]:
    """Of each world whose one number moves after a quiet week, the day on which that number was named; 0 for none."""
    found = []
    for seed in range(worlds):
        watched, shifted = (
            Watched(World(10_000 + seed, rows), windows),
            4 * (seed % 3),
        )  # the normal ones: 0.3 is 0.3 there
        for _ in range(windows[-1]):
            watched.live()
        day = 0
        for number in range(1, WITHIN + 1):
            watched.live(SHIFT, shifted)
            if f"n{shifted}" in watched.drifted():
                day = number
                break
        found.append(day)
    return found


def publish(world: World, registry: Store, model: str = "drifting") -> str:
    """A version with the world's baseline, and `latest` on it. Its digest."""
    labels = {"rows": BASELINE, "labels": list(_LABELS), "accuracy": 0.8, "expected_calibration_error": 0.02}
    files = {
        "reference.json": json.dumps(world.reference).encode(),
        "metrics.json": json.dumps({"format": 1, "targets": {"y": {**labels, "confusion_matrix": _MATRIX}}}).encode(),
    }
    manifest = bundle.publish(registry, model, "1.0.0", files, who="benchmark")
    alias.promote(registry, model, "latest", "1.0.0", who="benchmark", why="", digest=manifest.digest)
    return manifest.digest


def deliver(world: World, monitor: Store, digest: str, day: int, count: int, shift: float = 0.0, part: int = 0) -> None:
    """Log lines of the day that began `day` days ago, spread over it, as a server puts them into the monitoring store."""
    begin, (inputs, answers) = NOW - timedelta(days=day), world.rows(count, shift)
    said = []
    for number in range(count):
        when = begin + timedelta(seconds=86_399 * number / count)
        line = _LINE | {
            "timestamp": when.isoformat(timespec="milliseconds"),
            "request_id": f"{day}-{part}-{number}",
            "model_digest": digest,
            "labels": {"y": _LABELS[answers["label"][number]]},
            "confidences": {"y": answers["confidence"][number]},
            "review": answers["review"][number],
            "inputs": {field: values[number] for field, values in inputs.items()},
        }
        said.append(json.dumps(line, separators=(",", ":")))
    key = f"inferences/model=drifting/day={begin.date()}/{day}-{part:03}.jsonl.gz"
    monitor.create(key, gzip.compress("\n".join([*said, ""]).encode(), 1))


def write(folder: Path, lines: int) -> None:
    """A registry and a monitoring store under `folder`, with a week of log lines."""
    world, monitor, days = World(1), open_store(f"file://{folder}/monitor"), 7
    digest = publish(world, open_registry(f"file://{folder}/registry"))
    for day in range(1, days + 1):
        count = lines // days + (day <= lines % days)
        for part, begin in enumerate(range(0, count, 10_000)):
            deliver(world, monitor, digest, day, min(10_000, count - begin), part=part)


def measure(folder: Path) -> None:
    """In a process of its own: look at the store, print what it took."""
    began, worked = time.perf_counter(), time.process_time()
    report = look.look(
        open_registry(f"file://{folder}/registry"),
        open_store(f"file://{folder}/monitor"),
        "drifting",
        until=NOW,
        days=7,
    )
    seconds, work = time.perf_counter() - began, time.process_time() - worked
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "CPU seconds": work, "MiB": peak, "rows": report["rows"]}))


def simulated(worlds: int, rows: int) -> dict[str, Any]:
    """The rates of false alarms and of shifts that are caught, for a baseline of so many rows; as many worlds of each."""
    alarms, days = false_alarms(worlds, OF_WORLD, rows=rows), caught(worlds, rows=rows)
    with_any = sum(map(bool, alarms))
    told = {
        "false alarms": over_worlds(alarms, OF_WORLD),
        "worlds with a false alarm": tests.wilson(with_any, worlds),
        "caught": tests.wilson(sum(map(bool, days)), worlds),
    }
    for name, one in told.items():
        print(f"{rows:,} rows, {name}: {one.value:.1%} (95 %: {one.low:.1%} to {one.high:.1%})", flush=True)
    by_day = [sum(day == number for day in days) for number in range(1, WITHIN + 1)]
    return {name: one._asdict() for name, one in told.items()} | {"days": sum(alarms), "caught by day": by_day}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=100, help="without drift, and again in which a number moves")
    parser.add_argument("--lines", type=int, default=LINES)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(options.measure)
        return
    found = {rows: simulated(options.worlds, rows) for rows in (BASELINE, SMALL)}
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), options.lines)
        command = [sys.executable, "-m", "benchmarks.drift", "--measure", folder]
        done = json.loads(subprocess.run(command, check=True, capture_output=True, text=True, timeout=900).stdout)
    measured = {name: [found[BASELINE][name]["value"]] for name in ("false alarms", "caught")}
    report.finish(
        "drift",
        {
            "measured": measured | {name: [done[name]] for name in ("seconds", "CPU seconds", "MiB")},
            "allowed": {"false alarms": [0.05], "seconds": [60.0], "MiB": [1024.0]},
            "wanted": {"caught": [0.95]},
        },
        TARGETS,
        notes={
            "by baseline rows": {str(rows): one for rows, one in found.items()},
            "worlds": options.worlds,
            "days of a world": OF_WORLD,
            "shift": SHIFT,
            "rows a day": ROWS_A_DAY,
            "windows": WINDOWS,
            "lines": options.lines,
            "rows read": done["rows"],
            "load": os.getloadavg()[0],
        },
    )


if __name__ == "__main__":
    main()
