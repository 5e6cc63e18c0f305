"""Whether a version is good enough to be served: the definition's gates against its metrics and those of `latest`."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from firesteel.definition import Gate

FEWEST = 10  # held-out rows that a gate believes: of fewer, each is worth more than a tenth
REPEATED = 0.1  # share of the held-out rows that may repeat trained ones: what is known by heart proves nothing


class Verdict(NamedTuple):
    """One gate, the value it saw, the bound it held it against and whether that passed."""

    metric: str
    value: float | None
    bound: str
    passed: bool

    def sentence(self) -> str:
        value = "is missing" if self.value is None else f"= {self.value:.4f}"
        return f"{'passed' if self.passed else 'FAILED'}: {self.metric} {value}, wanted {self.bound}"


def judge(
    gates: Sequence[Gate], metrics: Mapping[str, Any], latest: Mapping[str, Any] | None, latest_version: str | None
) -> list[Verdict]:
    """All verdicts, in the definition's order. `metrics` and `latest` are contents of metrics.json.

    A value that is missing or no finite number fails, on either side, and so does any that was measured on fewer than
    FEWEST rows, or on rows of which more than the share REPEATED repeat trained ones (`functions.train.leaks`), or of which
    nobody counted that; of `latest` neither is asked. Without a `latest_version`, gates that
    compare with it pass.
    """
    return [_judge(gate, metrics, latest, latest_version) for gate in gates]


def _judge(gate: Gate, metrics: Mapping[str, Any], latest: Mapping[str, Any] | None, version: str | None) -> Verdict:
    value = _number(metrics, gate.metric)
    bound, passed = _held(gate, value, latest, version)
    doubt = _doubt(metrics, gate.metric) if value is not None else ""
    return Verdict(gate.metric, value, bound + doubt, passed and not doubt)


def _held(gate: Gate, value: float | None, latest: Mapping[str, Any] | None, version: str | None) -> tuple[str, bool]:
    """What was wanted, in words, and whether the value is that."""
    if gate.at_least is not None:
        return f">= {gate.at_least:g}", value is not None and value >= gate.at_least
    if gate.at_most is not None:
        return f"<= {gate.at_most:g}", value is not None and value <= gate.at_most
    if version is None:
        return "as good as latest (there is none yet)", value is not None
    before = _number(latest, gate.metric)
    if before is None:
        return f"a comparison with latest {version}, which has no such metric", False
    if gate.max_drop is not None:
        bound = before - gate.max_drop
        words = f">= {bound:.4f} (latest {version} has {before:.4f}, may drop by {gate.max_drop:g})"
        return words, value is not None and value >= bound
    assert gate.max_rise is not None
    bound = before + gate.max_rise
    words = f"<= {bound:.4f} (latest {version} has {before:.4f}, may rise by {gate.max_rise:g})"
    return words, value is not None and value <= bound


def _doubt(metrics: Mapping[str, Any], path: str) -> str:
    """Why a value is not believed, as the end of what was wanted; empty if it is."""
    rows, repeated = _count(_measured(metrics, path).get("rows")), _repeated(metrics, path)
    if rows is None or rows < FEWEST:
        return f", measured on at least {FEWEST} held-out rows (these: {'unknown' if rows is None else rows})"
    if repeated is None or repeated > REPEATED * rows:
        return (
            f", measured on rows of which at most {REPEATED:.0%} repeat one that was trained on (these: "
            f"{'unknown' if repeated is None else f'{repeated} of {rows}'}; remove copies from the data, or keep them "
            "together with split.kind: group)"
        )
    return ""


def _repeated(metrics: Mapping[str, Any], path: str) -> int | None:
    """How many rows repeat trained ones, by what was counted for the metric's target."""
    counted = metrics.get("repeated_rows")
    return _count(counted.get(path.partition(".")[0])) if isinstance(counted, Mapping) else None


def _measured(metrics: Mapping[str, Any] | None, path: str) -> Mapping[str, Any]:
    """What was measured of a metric's target; nothing where that is not what metrics.json is made of."""
    target = path.partition(".")[0]
    match metrics:
        case {"targets": {**targets}} if isinstance(own := targets.get(target), Mapping):
            return own
    return {}


def _number(metrics: Mapping[str, Any] | None, path: str) -> float | None:
    """A metric, or None for what is missing or no finite number; true and false are none."""
    value = _measured(metrics, path).get(path.partition(".")[2])
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:  # a whole number beyond every float
        return None


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
