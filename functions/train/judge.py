"""What the answers to held-out rows say of a model; without such rows, what out-of-fold answers do."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from firesteel.definition import ClassificationTarget, CountTarget, Definition, TextInput
from firesteel.monitor.measures import Measures
from firesteel.program import targets
from firesteel.program.results import Estimate
from firesteel.program.steps.tfidf import Tfidf
from firesteel.program.targets import Count, Regression
from functions.train import compile, evaluate, models, reference
from functions.train.compile.pipeline import parts
from functions.train.dataset import Dataset
from functions.train.fit import Fitted
from functions.train.models import CalibratedClassifier, CountModel
from functions.train.parity import Expected
from functions.train.review import Answers


@dataclass(frozen=True)
class Judged:
    """Metrics by target, thresholds of the review policy and what they mean, and the drift baseline.

    `answers` is what the pipelines said to the held-out rows, if there were any.
    """

    metrics: dict[str, Any]
    thresholds: dict[str, float]
    review: dict[str, Any] | None
    reference: dict[str, Any]
    answers: dict[str, Expected] | None


def judge(
    definition: Definition,
    pipelines: Mapping[str, Pipeline],
    fitted: Mapping[str, Fitted],
    train_rows: Dataset,
    test_rows: Dataset | None,
) -> Judged:
    """Evaluate on the held-out rows and find the review policy's thresholds."""
    rows, said, metrics = train_rows, {name: _Said(one, one.raw) for name, one in fitted.items()}, {}
    out_of_fold = {name: said[name].right(train_rows.targets[name]) for name in definition.labelled}
    if test_rows:
        X = next(iter(pipelines.values()))["features"].transform(test_rows.columns)
        rows, said = test_rows, {name: _Said(one, one.model.raw(X)) for name, one in fitted.items()}
        metrics = {name: _metrics(definition, name, one, rows) for name, one in said.items()}
    confidence = {name: said[name].confidence for name in definition.labelled}
    thresholds: dict[str, float] = {}
    policy = None
    if definition.review:
        held_out = {name: said[name].right(rows.targets[name]) for name in definition.labelled} if test_rows else None
        thresholds, policy = evaluate.review_policy(definition.review, out_of_fold, held_out)
    needs_review = np.zeros(len(rows), bool)
    for name, threshold in thresholds.items():
        needs_review |= confidence[name] < threshold
    distributed = {name: _distributed(definition, name, one, rows) for name, one in said.items()}
    known = _known(definition, next(iter(pipelines.values())), test_rows) if test_rows else {}
    sketch = reference.reference(definition, rows, distributed, needs_review, known)
    answers = {name: one.answer for name, one in said.items()} if test_rows else None
    return Judged(metrics, thresholds, policy, sketch, answers)


def described(definition: Definition, name: str, one: Fitted) -> dict[str, Any]:
    """What a program says of a target beyond what its estimator does."""
    target = definition.targets[name]
    if isinstance(target, ClassificationTarget):
        return {}
    exposure = {"exposure": target.exposure} if isinstance(target, CountTarget) else {}
    return {"unit": target.unit, "interval": one.interval, **exposure}


@dataclass(frozen=True)
class _Said:
    """The raw scores [rows, scores] that a model gives to some rows, and what follows from them."""

    one: Fitted
    raw: np.ndarray

    @cached_property
    def answer(self) -> Expected:
        """As `parity.expected` of its pipeline."""
        if isinstance(self.one.model, CalibratedClassifier):
            return Expected(self.one.model.calibration.probabilities(self.raw), self.raw.argmax(1))
        if isinstance(self.one.model, CountModel):
            return Expected(models.rates(self.raw)[:, None], None)
        return Expected(models.clamped(self.raw, self.one.model.range), None)

    @property
    def confidence(self) -> np.ndarray:
        """The probability [rows] of each row's label."""
        return self.answer.values[np.arange(len(self.raw)), self.raw.argmax(1)]

    def right(self, truth: np.ndarray) -> Answers:
        return Answers(self.confidence, self.raw.argmax(1) == truth)


def _distributed(definition: Definition, name: str, said: _Said, rows: Dataset) -> reference.Said:
    """What the baseline holds of a target's answers."""
    if said.answer.labels is not None:
        return reference.Said(said.answer.labels, confidence=said.confidence)
    estimates, _ = _estimates(definition, name, said, rows)
    widths = [one.upper - one.lower for one in estimates if one.lower is not None and one.upper is not None]
    predicted = np.array([one.value for one in estimates])
    return reference.Said(predicted, width=np.array(widths) if widths else None)


def _known(definition: Definition, pipeline: Pipeline, rows: Dataset) -> dict[str, np.ndarray]:
    """By text input, the share of each row's words that the vocabulary has [rows], as the inference log measures it.

    Of rows that made the vocabulary it would say nothing.
    """
    steps = [Tfidf(step.meta, step.tensors) for step in parts(pipeline, ())[0] if step.meta["kind"] == "tfidf"]
    found: dict[str, np.ndarray] = {}
    for name, one in definition.inputs.items():
        if isinstance(one, TextInput):
            measure = Measures(steps, name)
            shares = np.array([measure(text or "")["known"] for text in rows.inputs[name]], float)
            found |= {} if np.isnan(shares).all() else {name: shares}
    return found


def _metrics(definition: Definition, name: str, said: _Said, rows: Dataset) -> dict[str, Any]:
    target, truth = definition.targets[name], rows.targets[name]
    if isinstance(target, ClassificationTarget):
        return evaluate.classification(target.label_names, truth, said.raw.argmax(1), said.answer.values)
    estimates, stated = _estimates(definition, name, said, rows)
    if isinstance(target, CountTarget):
        return evaluate.count(truth, rows.exposure, estimates, stated)
    return evaluate.regression(truth, estimates, stated)


def _estimates(definition: Definition, name: str, said: _Said, rows: Dataset) -> tuple[list[Estimate], float | None]:
    """What the program says of each row, and how many of its intervals hold the truth by its own account."""
    served = targets.load(compile.target(name, said.one.model, described(definition, name, said.one)))
    assert isinstance(served, Count | Regression)
    scores = said.raw[:, 0].tolist()
    if isinstance(served, Count):
        sizes = rows.exposure.tolist()
        estimates = [served.estimate(score, size) for score, size in zip(scores, sizes, strict=True)]
    else:
        estimates = [served.estimate(score) for score in scores]
    return estimates, served.interval.coverage if served.interval else None
