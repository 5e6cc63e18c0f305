"""The common part of every benchmark: contenders take turns, medians and spread are kept, ratios are judged.

Absolute figures belong to the machine and the hour; a ratio of two contenders that took turns in one run does not.
"""

import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

RESULTS = Path(__file__).parent / "results"

Samples = dict[str, dict[str, list[float]]]  # contender -> measure -> one value a round


@dataclass(frozen=True)
class Spread:
    """The median of the samples, and the lowest and highest of them."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Target:
    """Which ratio is wanted: `measure` of `ours` divided by that of `theirs`."""

    measure: str
    ours: str
    theirs: str
    reach: float
    stretch: float
    higher_is_better: bool = False


@dataclass(frozen=True)
class Verdict:
    """A target and what was measured: the ratio of the medians, and the lowest and highest ratio of any one round."""

    target: Target
    ratio: Spread
    outcome: str  # "stretch", "reached" or "short"


def alternate(
    contenders: Sequence[str], rounds: int, measure: Callable[[str], Mapping[str, float]], *, warmups: int = 0
) -> Samples:
    """Measure every contender once a round, in turn, every second round in the opposite order; drop the warm-ups."""
    samples: Samples = {name: {} for name in contenders}
    for number in range(-warmups, rounds):
        for name in contenders if number % 2 == 0 else reversed(contenders):
            measured = measure(name)
            print(f"round {number + 1}/{rounds} {name}: {_inline(measured)}", file=sys.stderr, flush=True)
            if number >= 0:
                for key, value in measured.items():
                    samples[name].setdefault(key, []).append(round(value, 4))
    return samples


def spread(samples: Sequence[float]) -> Spread:
    return Spread(statistics.median(samples), min(samples), max(samples))


def judge(target: Target, samples: Samples) -> Verdict:
    """The verdict on one target. Raises KeyError when a contender or a measure of it was not sampled."""
    ours, theirs = samples[target.ours][target.measure], samples[target.theirs][target.measure]
    paired = [our / their for our, their in zip(ours, theirs, strict=True)]
    ratio = Spread(statistics.median(ours) / statistics.median(theirs), min(paired), max(paired))
    met = (ratio.median >= bound if target.higher_is_better else ratio.median <= bound for bound in _bounds(target))
    outcome = next((name for name, reached in zip(("stretch", "reached"), met, strict=True) if reached), "short")
    return Verdict(target, ratio, outcome)


def finish(name: str, samples: Samples, targets: Sequence[Target], *, notes: Mapping[str, object]) -> list[Verdict]:
    """Judge, print the tables and write `results/<name>.json`; targets whose contender did not run are left out."""
    verdicts = [judge(target, samples) for target in targets if {target.ours, target.theirs} <= samples.keys()]
    print(f"\n{name}\n\n{measures_table(samples)}\n")
    if verdicts:
        print(f"{ratios_table(verdicts)}\n")
    result = {
        "benchmark": name,
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": {"cores": os.cpu_count(), "processor": _processor(), "python": platform.python_version()},
        "notes": dict(notes),
        "samples": samples,
        "medians": {who: {key: asdict(spread(values)) for key, values in own.items()} for who, own in samples.items()},
        "verdicts": [asdict(verdict) for verdict in verdicts],
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return verdicts


def measures_table(samples: Samples) -> str:
    """One line a contender, one column a measure: `median (lowest..highest)`."""
    columns = list(dict.fromkeys(key for own in samples.values() for key in own))
    lines = [[who, *(_cell(own.get(column)) for column in columns)] for who, own in samples.items()]
    return _table(["contender", *columns], lines)


def ratios_table(verdicts: Sequence[Verdict]) -> str:
    """One line a target."""
    lines = []
    for verdict in verdicts:
        target, sign = verdict.target, ">=" if verdict.target.higher_is_better else "<="
        lines.append(
            [
                f"{target.measure}: {target.ours} / {target.theirs}",
                _cell(verdict.ratio),
                f"{sign} {_number(target.reach)}",
                f"{sign} {_number(target.stretch)}",
                verdict.outcome,
            ]
        )
    return _table(["ratio", "measured", "reach", "stretch", "outcome"], lines)


def _bounds(target: Target) -> tuple[float, float]:
    return target.stretch, target.reach


def _cell(value: Spread | Sequence[float] | None) -> str:
    if value is None:
        return "-"
    if not isinstance(value, Spread):
        value = spread(value)
    return f"{_number(value.median)} ({_number(value.low)}..{_number(value.high)})"


def _number(value: float) -> str:
    """Three digits that matter, never in scientific notation."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:#.3g}".rstrip(".")


def _inline(measured: Mapping[str, float]) -> str:
    return ", ".join(f"{key} {_number(value)}" for key, value in measured.items())


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table that also reads well in a terminal."""
    widths = [max(len(line[column]) for line in [head, *lines]) for column in range(len(head))]
    rows = [head, ["-" * width for width in widths], *lines]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else ():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()
