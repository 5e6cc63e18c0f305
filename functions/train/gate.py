"""Whether a version is good enough to be served: the definition's gates against its metrics and those of `latest`."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from firesteel.definition import Gate


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

    A value that is missing or not a number fails, on either side. Without a `latest_version`, gates that compare with it
    pass.
    """
    return [_judge(gate, metrics, latest, latest_version) for gate in gates]


def _judge(gate: Gate, metrics: Mapping[str, Any], latest: Mapping[str, Any] | None, version: str | None) -> Verdict:
    value = _value(metrics, gate.metric)
    if gate.at_least is not None:
        return Verdict(gate.metric, value, f">= {gate.at_least:g}", value is not None and value >= gate.at_least)
    if gate.at_most is not None:
        return Verdict(gate.metric, value, f"<= {gate.at_most:g}", value is not None and value <= gate.at_most)
    if version is None:
        return Verdict(gate.metric, value, "as good as latest (there is none yet)", value is not None)
    before = _value(latest, gate.metric) if latest is not None else None
    if before is None:
        return Verdict(gate.metric, value, f"a comparison with latest {version}, which has no such metric", False)
    if gate.max_drop is not None:
        bound = before - gate.max_drop
        words = f">= {bound:.4f} (latest {version} has {before:.4f}, may drop by {gate.max_drop:g})"
        return Verdict(gate.metric, value, words, value is not None and value >= bound)
    assert gate.max_rise is not None
    bound = before + gate.max_rise
    words = f"<= {bound:.4f} (latest {version} has {before:.4f}, may rise by {gate.max_rise:g})"
    return Verdict(gate.metric, value, words, value is not None and value <= bound)


def _value(metrics: Mapping[str, Any], path: str) -> float | None:
    target, name = path.split(".")
    value = metrics.get("targets", {}).get(target, {}).get(name)
    return float(value) if isinstance(value, int | float) and value == value else None
