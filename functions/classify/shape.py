"""The shape of an answer: from a row and its prediction to the fields that are sent back.

A definition may say its own: each field and what it is made of. The usual shape of a classification is its texts, labels,
confidences, identifiers and whether a person should look; that of numbers is values, intervals and identifiers.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from firesteel.errors import ProgramError
from firesteel.program.predictor import Predictor
from firesteel.program.results import Prediction
from firesteel.program.schema import Identifier, Text
from firesteel.registry import record

if TYPE_CHECKING:
    from functions.classify.live import Live

DIGITS = 6  # after the point, of every number in an answer
_SMALL = 0.1

Row = Mapping[str, Any]
Source = Callable[[Row, Prediction, "Live"], Any]
Shape = Mapping[str, Source]
"""What each field of an answer is made of, in the order in which they are sent."""


def answer(row: Row, prediction: Prediction, live: "Live") -> dict[str, Any]:
    """The answer to one row."""
    return {name: source(row, prediction, live) for name, source in live.shape.items()}


def of(predictor: Predictor) -> Shape:
    """The shape of a program's answers. Raises ProgramError when it names what there is not."""
    return {name: _source(predictor, source) for name, source in sources(predictor).items()}


def sources(predictor: Predictor) -> Mapping[str, str]:
    """The fields of an answer and what they are: `input.gid`, `score.value`, `model_version`."""
    if predictor.answer is not None:
        return predictor.answer
    labelled = [target.name for target in predictor.targets if target.task == "classification"]
    measured = [target.name for target in predictor.targets if target.task != "classification"]
    texts = [field.name for field in predictor.inputs.fields if isinstance(field, Text)] if labelled else []
    identifiers = [field.name for field in predictor.inputs.fields if isinstance(field, Identifier)]
    fields = {name: f"input.{name}" for name in texts}
    fields |= {f"predicted_{name}": f"{name}.label" for name in labelled}
    fields |= {f"{name}_confidence": f"{name}.confidence" for name in labelled}
    for name in measured:
        fields |= {name: f"{name}.value", f"{name}_lower": f"{name}.lower", f"{name}_upper": f"{name}.upper"}
    fields |= {name: f"input.{name}" for name in identifiers}
    return fields | ({"review": "review"} if labelled else {}) | {"model_version": "model_version"}


def rounded(value: float | None) -> float | None:
    """Six digits after the point; no -0."""
    return None if value is None else round(value, DIGITS) + 0.0


def measured(value: float | None) -> float | None:
    """As `rounded`; but of a number near 0, which may be small by its unit, six digits that matter."""
    return rounded(value) if value is None or abs(value) >= _SMALL else float(f"{value:.{DIGITS}g}") + 0.0


def _source(predictor: Predictor, source: str) -> Source:
    if source in _GENERAL:
        return _GENERAL[source]
    owner, _, aspect = source.partition(".")
    if owner == "input" and any(field.name == aspect for field in predictor.inputs.fields):
        return lambda row, _prediction, _live: row.get(aspect)
    tasks = {target.name: target.task for target in predictor.targets}
    aspects = _OF_LABELS if tasks.get(owner) == "classification" else _OF_NUMBERS
    if owner not in tasks or aspect not in aspects:
        raise ProgramError(f"the answer has a field of {source!r}, which this program does not have")
    return aspects[aspect](owner)


_GENERAL: dict[str, Source] = {
    "review": lambda _row, prediction, _live: prediction.review,
    "model": lambda _row, _prediction, live: live.model,
    "model_version": lambda _row, _prediction, live: live.version,
    "timestamp": lambda _row, _prediction, _live: record.timestamp(),
}
_OF_LABELS: dict[str, Callable[[str], Source]] = {
    "label": lambda name: lambda _row, prediction, _live: prediction.labels[name],
    "confidence": lambda name: lambda _row, prediction, _live: round(prediction.confidences[name], DIGITS),
}
_OF_NUMBERS: dict[str, Callable[[str], Source]] = {
    "value": lambda name: lambda _row, prediction, _live: measured(prediction.estimates[name].value),
    "lower": lambda name: lambda _row, prediction, _live: measured(prediction.estimates[name].lower),
    "upper": lambda name: lambda _row, prediction, _live: measured(prediction.estimates[name].upper),
    "level": lambda name: lambda _row, prediction, _live: prediction.estimates[name].level,
    "score": lambda name: lambda _row, prediction, _live: rounded(prediction.estimates[name].score),
}
