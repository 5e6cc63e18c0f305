"""A loaded program: from a checked row to labels, confidences and whether a person should look."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from firesteel.errors import ProgramError
from firesteel.program import format, schema
from firesteel.program.linear import Linear
from firesteel.program.tfidf import Tfidf


class Target(NamedTuple):
    """One classification: its labels, how its scores become a confidence, and below which one a person looks.

    The label is that of the highest score. Its confidence is the softmax of scale * score + bias at that label.
    """

    name: str
    labels: tuple[str, ...]
    scale: float
    bias: tuple[float, ...]
    threshold: float | None

    def probabilities(self, scores: Sequence[float]) -> list[float]:
        """Calibrated probabilities of all labels."""
        shifted = [self.scale * score + bias for score, bias in zip(scores, self.bias, strict=True)]
        top = max(shifted)
        exponentials = [math.exp(value - top) for value in shifted]
        total = sum(exponentials)
        return [value / total for value in exponentials]

    def answer(self, scores: Sequence[float]) -> tuple[str, float]:
        """The label of the highest score and its calibrated probability."""
        best = scores.index(max(scores))
        return self.labels[best], self.probabilities(scores)[best]


class Prediction(NamedTuple):
    """The answer for one row, by target name."""

    labels: dict[str, str]
    confidences: dict[str, float]
    review: bool


class Predictor:
    """Scores rows of one model. Holds no state between calls; safe to use from several threads."""

    def __init__(self, content: format.Content) -> None:
        meta, tensors = content
        self.model: str = meta["model"]
        self.inputs = schema.load(meta["inputs"])
        self.targets = tuple(_target(entry) for entry in meta["targets"])
        self._steps = [
            _STEPS[step["kind"]](step, _under(tensors, f"steps.{number}.")) for number, step in enumerate(meta["steps"])
        ]
        sizes = [step.size for step in self._steps]
        self._estimators = [
            _ESTIMATORS[entry["kind"]](entry, _under(tensors, f"estimators.{number}."), sizes)
            for number, entry in enumerate(meta["estimators"])
        ]
        self._offsets = np.cumsum([0, *sizes])
        self._columns = [
            (name, number, *span) for number, part in enumerate(self._estimators) for name, span in part.columns.items()
        ]
        widths = {name: end - begin for name, _, begin, end in self._columns}
        for target in self.targets:
            if not len(target.labels) == len(target.bias) == widths[target.name]:
                raise ProgramError(
                    f"target {target.name} has {len(target.labels)} labels for {widths[target.name]} scores"
                )
        if used := {name for step in self._steps for name in step.inputs} - {
            field.name for field in self.inputs.fields
        }:
            raise ProgramError(f"a step reads {', '.join(sorted(used))}, which is no input")

    def check(self, row: object) -> dict[str, Any]:
        """The row's values, ready for `predict`. Raises InputError with one problem a field."""
        return self.inputs.check(row)

    def scores(self, row: Mapping[str, Any]) -> dict[str, list[float]]:
        """The raw scores of each target, before calibration, of a checked row."""
        ids, values, bounds = self._features(row)
        scored = []
        for part in self._estimators:
            begin, end = bounds[part.begin], bounds[part.end]
            scored.append(part.score(ids[begin:end] - self._offsets[part.begin], values[begin:end]))
        return {name: scored[number][begin:end] for name, number, begin, end in self._columns}

    def _features(self, row: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray, list[int]]:
        """The row's non-zero features: ids ascending over all steps, values, and where each step's begin and end."""
        prepared: dict[object, str] = {}
        found = []
        for step, offset in zip(self._steps, self._offsets, strict=False):
            text = prepared.get(step.preparation)
            if text is None:
                text = prepared[step.preparation] = step.prepare(row)
            found.append(step.lookup(text) + offset)
        every = np.concatenate(found)
        every.sort()
        changes = np.empty(len(every) + 1, bool)
        changes[0] = changes[-1] = True
        np.not_equal(every[1:], every[:-1], changes[1:-1])
        starts = changes.nonzero()[0]
        ids = every.take(starts[:-1])
        values = np.empty(len(ids))
        np.subtract(starts[1:], starts[:-1], values)
        bounds = ids.searchsorted(self._offsets).tolist()
        for number, step in enumerate(self._steps):
            begin, end = bounds[number], bounds[number + 1]
            if begin < end:
                step.weigh(values[begin:end], ids[begin:end] - self._offsets[number])
        return ids, values, bounds

    def predict(self, row: Mapping[str, Any]) -> Prediction:
        """Labels and calibrated confidences of a checked row."""
        scores = self.scores(row)
        labels, confidences, review = {}, {}, False
        for target in self.targets:
            label, confidence = target.answer(scores[target.name])
            labels[target.name], confidences[target.name] = label, confidence
            if target.threshold is not None and confidence < target.threshold:
                review = True
        return Prediction(labels, confidences, review)

    def predict_batch(self, rows: Iterable[Mapping[str, Any]]) -> list[Prediction]:
        """`predict` for each row, in order."""
        return [self.predict(row) for row in rows]


def load(data: bytes | memoryview) -> Predictor:
    """Check a program file and make it ready to score. Raises ProgramError; copies no array."""
    content = format.read(data)
    try:
        return Predictor(content)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise ProgramError(
            f"the program's content is not what its format says: {type(error).__name__}: {error}"
        ) from None


def _target(entry: Mapping[str, Any]) -> Target:
    return Target(
        name=entry["name"],
        labels=tuple(entry["labels"]),
        scale=float(entry["scale"]),
        bias=tuple(float(value) for value in entry["bias"]),
        threshold=entry["threshold"],
    )


def _under[Value](tensors: Mapping[str, Value], prefix: str) -> dict[str, Value]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


_STEPS = {"tfidf": Tfidf}
_ESTIMATORS = {"linear": Linear}
