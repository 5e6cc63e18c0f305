"""Bounds that metrics must keep."""

from typing import NamedTuple

from cli.evaluation.metrics import Evaluation


class Bound(NamedTuple):
    """What a metric must be: at least, or at most, a value."""

    metric: str
    value: float
    at_least: bool

    def __str__(self) -> str:
        return f"at {'least' if self.at_least else 'most'} {self.value:g}"


class Verdict(NamedTuple):
    """How a metric stands to its bound. `value` is None when there was nothing to measure, which is no pass.

    `refused` rows are in no metric of numbers, so such a metric passes only when there are none.
    """

    metric: str
    wanted: str
    value: float | None
    refused: int
    passed: bool

    def sentence(self) -> str:
        found = "cannot be measured" if self.value is None else f"is {self.value:.4f}"
        without = f" without {self.refused} refused rows" if self.refused else ""
        return f"{self.metric} {found}{without}, wanted {self.wanted}"


def judge(evaluation: Evaluation, bound: Bound) -> Verdict:
    """Whether a metric is what it must be."""
    value = evaluation.metrics[bound.metric]
    name = bound.metric.partition(".")[0]
    numeric = name in evaluation.definition.targets and name not in evaluation.definition.labelled
    refused = len(evaluation.refused) if numeric else 0
    kept = value is not None and (value >= bound.value if bound.at_least else value <= bound.value)
    return Verdict(bound.metric, str(bound), value, refused, kept and not refused)
