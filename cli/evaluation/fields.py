"""Where the API's answers have what an evaluation compares: by the definition's `answer`, or by their usual shape."""

from collections.abc import Iterator, Mapping
from typing import Any

from firesteel.definition import Definition
from firesteel.errors import DataError

_VALUE = ("value",)
_INTERVAL = ("value", "lower", "upper")
OF_TASK: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "classification": {"accuracy": ("label",), "macro_f1": ("label",), "automatic_accuracy": ("label", "review")},
    "regression": {"r2": _VALUE, "rmse": _VALUE, "mae": _VALUE, "interval_coverage": _INTERVAL},
    "count": {
        **dict.fromkeys(("poisson_deviance", "mape", "r2", "rmse", "mae", "calibration_error"), _VALUE),
        "interval_coverage": _INTERVAL,
    },
}
"""The metrics of a target, by task, and what an answer must say for them."""
AUTOMATIC = ("review.automatic_share", "review.automatic_accuracy")
"""Metrics of all labels of an answer together."""
SHARES = frozenset({"accuracy", "macro_f1", "automatic_accuracy", "automatic_share", "interval_coverage"})
"""Metrics from 0 to 1."""


class Fields:
    """The fields of an answer by what they are made of: `priority.label`, `g2g_score.upper`, `review`.

    Raises DataError when answers hold nothing that could be compared with the truth.
    """

    def __init__(self, definition: Definition) -> None:
        answer = dict(_usual(definition)) if definition.answer is None else definition.answer
        self._of = {source: name for name, source in answer.items()}
        self._needs = dict(_needs(definition))
        if not self.metrics:
            raise DataError(f"the answers of {definition.model} say no label and no value: there is nothing to compare")

    def get(self, result: Mapping[str, Any], source: str) -> Any:
        """What an answer says; None where answers leave it out. Raises KeyError where this one should say it."""
        return result[self._of[source]] if source in self._of else None

    @property
    def metrics(self) -> list[str]:
        """What can be measured, like `priority.accuracy`."""
        return [metric for metric, sources in self._needs.items() if not self._missing(sources)]

    @property
    def unmeasured(self) -> list[str]:
        """What cannot be measured, and why, in sentences."""
        lost = {metric: self._missing(sources) for metric, sources in self._needs.items()}
        return [
            f"{metric} is not measured: the answers leave out {' and '.join(of)}" for metric, of in lost.items() if of
        ]

    def _missing(self, sources: list[str]) -> list[str]:
        return [source for source in sources if source not in self._of]


def _usual(definition: Definition) -> Iterator[tuple[str, str]]:
    """The shape of answers that a definition says nothing of: fields, and what they are made of."""
    for name, target in definition.targets.items():
        if target.task == "classification":
            yield from ((f"predicted_{name}", f"{name}.label"), (f"{name}_confidence", f"{name}.confidence"))
        else:
            yield from ((name, f"{name}.value"), (f"{name}_lower", f"{name}.lower"), (f"{name}_upper", f"{name}.upper"))
    if definition.labelled:
        yield "review", "review"
    yield "model_version", "model_version"


def _needs(definition: Definition) -> Iterator[tuple[str, list[str]]]:
    """Every metric and the sources it is made of; those of reviews where the definition asks for some."""
    for name, target in definition.targets.items():
        for metric, aspects in OF_TASK[target.task].items():
            if definition.review or "review" not in aspects:
                yield f"{name}.{metric}", [one if one == "review" else f"{name}.{one}" for one in aspects]
    if definition.review:
        for metric in AUTOMATIC:
            yield metric, ["review", *(f"{name}.label" for name in definition.labelled)]
