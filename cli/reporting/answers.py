"""What a version answers to labelled rows, as arrays."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from cli.reporting.subject import Subject
from firesteel.definition import ClassificationTarget
from firesteel.program.predictor import Predictor
from firesteel.program.results import Estimate
from firesteel.program.targets import Classification, Count
from functions.train import evaluate, parity
from functions.train.dataset import Dataset

_CHUNK = 1000  # rows that are scored at once

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Labelled:
    """Answers of a classification: indices of labels [rows], and the probability [rows, labels] of each."""

    labels: tuple[str, ...]
    truth: npt.NDArray[np.int32]
    predicted: npt.NDArray[np.intp]
    probability: Floats
    threshold: float | None

    @cached_property
    def confidence(self) -> Floats:
        """The probability [rows] of each row's label."""
        sure: Floats = self.probability[np.arange(len(self.predicted)), self.predicted]
        return sure

    @property
    def right(self) -> npt.NDArray[np.bool_]:
        return np.equal(self.predicted, self.truth)

    def metrics(self) -> dict[str, Any]:
        """As in a bundle's metrics.json."""
        return evaluate.classification(self.labels, self.truth, self.predicted, self.probability)


@dataclass(frozen=True)
class Measured:
    """Answers that are numbers [rows], with intervals where the model has some. `exposure` is 1 but for counts."""

    truth: Floats
    estimates: list[Estimate]
    exposure: Floats
    is_count: bool
    stated: float | None

    @cached_property
    def predicted(self) -> Floats:
        return np.array([one.value for one in self.estimates])

    @property
    def error(self) -> Floats:
        """How wrong each row is, less is better: the absolute error, of counts the Poisson deviance."""
        if not self.is_count:
            return np.abs(self.truth - self.predicted)
        ratio = np.where(self.truth > 0, self.truth, 1) / self.predicted
        return 2 * (np.where(self.truth > 0, self.truth * np.log(ratio), 0) - (self.truth - self.predicted))

    def metrics(self) -> dict[str, Any]:
        """As in a bundle's metrics.json."""
        if self.is_count:
            return evaluate.count(self.truth, self.exposure, self.estimates, self.stated)
        return evaluate.regression(self.truth, self.estimates, self.stated)


Answers = Labelled | Measured


def of(subject: Subject, rows: Dataset) -> dict[str, Answers]:
    """The answers by target."""
    scores = _scores(subject.predictor, rows)
    return {
        target.name: _answers(subject, target.name, scores[target.name], rows) for target in subject.predictor.targets
    }


def _scores(predictor: Predictor, rows: Dataset) -> dict[str, Floats]:
    """The raw scores [rows, scores] of each target."""
    listed = list(parity.rows_of(rows.columns, predictor.inputs))
    parts = [predictor.scores_of(listed[begin : begin + _CHUNK]) for begin in range(0, len(listed), _CHUNK)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _answers(subject: Subject, name: str, scores: Floats, rows: Dataset) -> Answers:
    served = next(one for one in subject.predictor.targets if one.name == name)
    truth, described = rows.targets[name], subject.definition.targets[name]
    if isinstance(served, Classification):
        assert isinstance(described, ClassificationTarget)
        probability = np.array([served.probabilities(of_row) for of_row in scores.tolist()])
        return Labelled(described.label_names, truth, scores.argmax(1), probability, served.threshold)
    stated = served.interval.coverage if served.interval else None
    raw = scores[:, 0].tolist()
    if isinstance(served, Count):
        estimates = [served.estimate(score, size) for score, size in zip(raw, rows.exposure.tolist(), strict=True)]
        return Measured(truth, estimates, rows.exposure, True, stated)
    return Measured(truth, [served.estimate(score) for score in raw], np.ones(len(truth)), False, stated)
