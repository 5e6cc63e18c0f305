"""One target's model: tuned by cross-validation, calibrated on out-of-fold scores, fitted on all training rows."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from firesteel.definition import ClassificationTarget, Definition, Estimator, RegressionTarget, Search, Target
from firesteel.errors import DataError
from functions.train import calibrate, estimators, evaluate, interval, models
from functions.train.dataset import Dataset
from functions.train.estimators import Sample
from functions.train.folds import folds
from functions.train.models import CalibratedClassifier, CountModel, RegressionModel
from functions.train.tune import Journal, Point, Report, search_settings, with_point

_LIBRARIES = ("numpy", "scipy", "scikit-learn", "lightgbm", "catboost", "optuna")


class Judged(NamedTuple):
    """A candidate of a search and its scores, one a fold."""

    settings: Point
    scores: Sequence[float]


class Fitted(NamedTuple):
    """A target's model and how it came about."""

    model: CalibratedClassifier | RegressionModel | CountModel
    settings: Estimator
    trials: list[dict[str, Any]]
    raw: np.ndarray
    """Raw scores [rows, scores] of each training row of the file, by a model that had not seen it."""
    out_of_fold: np.ndarray
    """What follows from them: calibrated probabilities [rows, classes], or numbers or expected counts [rows]."""
    interval: dict[str, Any] | None
    """As the program's metadata has it; None for classifications."""
    iterations: int

    @property
    def out_of_fold_labels(self) -> np.ndarray:
        """The label index [rows] of each training row of the file, of a classification."""
        return self.raw.argmax(1)


def fit(
    X: Any,
    dataset: Dataset,
    target: str,
    definition: Definition,
    *,
    tune: bool = True,
    journal: Path | None = None,
    judged: Sequence[Judged] = (),
    categorical: np.ndarray | None = None,
    report: Report,
) -> Fitted:
    """Fit one target on features X [rows, features] of the dataset's rows, each counted by its weight.

    Corrections among the rows are learned from and calibrated on; what is measured, scores of a search and intervals, is
    measured on the file's own rows.

    A search that was interrupted goes on from what it left in the file `journal`, and judges no candidate that `judged`
    has already. `categorical` [features] says which features trees may split by sets. Raises DataError for rows that
    cannot be learned from, DefinitionError for settings that cannot be had.
    """
    settings = definition.estimator_of(target)
    trials: list[dict[str, Any]] = []
    work = _work(X, dataset, target, definition, categorical)
    if tune and (search := definition.search_of(target)):
        metric, known = definition.metric_of(target), Journal(journal, work.key)
        for one in judged:
            known.know(with_point(settings, one.settings), one.scores)
        settings, trials = search_settings(
            settings, search, metric, work.judge(search.folds, metric),
            seed=definition.split.seed, journal=known, report=report,
        )  # fmt: skip
    report("calibrate", 0, 0)
    raw = np.empty((len(work.dataset), work.scores))
    for rows, scores in work.cross(settings, definition.calibration.folds):
        raw[rows] = scores
    report("fit", 0, 0)
    estimator = work.fitted(settings, work.sample)
    if hasattr(estimator, "coef_"):
        # The values that are served: float32, half the size, and the same in pipeline and program.
        estimator.coef_ = estimator.coef_.astype(np.float32).astype(np.float64)
    return _finished(work, settings, trials, raw, estimator)


def judge(
    X: Any,
    dataset: Dataset,
    target: str,
    definition: Definition,
    search: Search,
    point: Point,
    categorical: np.ndarray | None,
) -> list[float]:
    """One candidate's scores, one a fold: what `fit` finds of it. Raises DataError, ValidationError."""
    work, settings = _work(X, dataset, target, definition, categorical), definition.estimator_of(target)
    scores: list[float] = work.judge(search.folds, definition.metric_of(target))(with_point(settings, point))
    return scores


@dataclass(frozen=True)
class _Work:
    """What fitting one target needs, again and again."""

    dataset: Dataset
    sample: Sample
    target: str
    definition: Definition
    categorical: np.ndarray | None

    def __post_init__(self) -> None:
        y, where = self.sample.y, f"{self.dataset.source}: every value of {self.target!r}"
        if self.aim.task == "count" and not y.any():
            raise DataError(f"{where} is 0: nothing can be learned from that")
        if self.aim.task == "regression" and np.ptp(y) == 0:
            raise DataError(f"{where} is {y[0]:g}: nothing can be learned from that")

    @property
    def aim(self) -> Target:
        return self.definition.targets[self.target]

    @property
    def scores(self) -> int:
        return len(self.aim.label_names) if isinstance(self.aim, ClassificationTarget) else 1

    @property
    def key(self) -> str:
        """Whose trials a journal's are: of these rows, this definition, target, seed and these libraries."""
        parts = [
            self.dataset.sha256,
            hashlib.sha256(self.dataset.lines.tobytes()).hexdigest(),
            self.definition.sha256,
            self.target,
            self.definition.split.seed,
            {name: _installed(name) for name in _LIBRARIES},
            *([self.dataset.corrected, weight.tolist()] if (weight := self.sample.weight) is not None else ()),
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def fitted(self, settings: Estimator, sample: Sample) -> Any:
        """An estimator fitted on a sample. Raises DataError when the sample lacks a label or has too many categories."""
        if self.aim.task == "count" and not sample.y.any():
            raise DataError(
                f"{self.dataset.source}: in a fold every count of {self.target!r} is 0: add rows, or use fewer folds"
            )
        made = estimators.make(
            settings, self.aim.task, self.sample.y, self.definition.split.seed, self.categorical, self.sample.weight
        )
        try:
            estimator = estimators.fit(made, self.aim.task, sample, self.categorical)
        except estimators.refusals(settings) as error:
            raise DataError(f"{settings.kind} cannot be fitted on the target {self.target!r}: {error}") from None
        if isinstance(self.aim, ClassificationTarget) and len(estimator.classes_) < self.scores:
            absent = sorted(set(range(self.scores)) - set(estimator.classes_))
            names = ", ".join(repr(self.aim.label_names[label]) for label in absent)
            raise DataError(
                f"{self.dataset.source}: among the rows to fit on, none has the {self.target} {names}: "
                "add rows or groups with it, merge labels, or use more folds"
            )
        return estimator

    def cross(self, settings: Estimator, count: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """The rows of each fold, and their raw scores by a model of the other folds."""
        parts = folds(self.dataset, self.definition, self.target, count)
        return [
            (test, models.raw_scores(self.fitted(settings, self.sample.take(train)), self.sample.X[test]))
            for train, test in parts
        ]

    def judge(self, count: int, metric: str) -> Any:
        """How good settings are on the file's rows of each fold, for a search."""
        own = self.dataset.of_file

        def scores(settings: Estimator) -> list[float]:
            crossed = [(rows[own[rows]], raw[own[rows]]) for rows, raw in self.cross(settings, count)]
            return [
                evaluate.score(metric, self.aim, self.sample.y[rows], raw, self.sample.exposure[rows])
                for rows, raw in crossed
            ]

        return scores


def _work(X: Any, dataset: Dataset, target: str, definition: Definition, categorical: np.ndarray | None) -> _Work:
    """The rows whose truth is known of this target, and what each counts for."""
    weight = dataset.weights.get(target)
    if weight is not None and not weight.all():
        known = np.flatnonzero(weight)
        X, dataset, weight = X[known], dataset.take(known), weight[known]
    settings = definition.estimator_of(target)
    sample = estimators.sample(settings, X, dataset.targets[target], dataset.exposure, weight)
    return _Work(dataset, sample, target, definition, categorical)


def _finished(
    work: _Work, settings: Estimator, trials: list[dict[str, Any]], raw: np.ndarray, estimator: Any
) -> Fitted:
    aim, policy, own = work.aim, work.definition.interval, work.dataset.of_file
    iterations, y = estimators.iterations(estimator), work.sample.y[own]
    if isinstance(aim, ClassificationTarget):
        calibration = calibrate.fit(raw, work.sample.y, work.sample.weight)
        model = CalibratedClassifier(estimator, calibration, list(aim.label_names))
        raw = raw[own]
        return Fitted(model, settings, trials, raw, calibration.probabilities(raw), None, iterations)
    raw = raw[own]
    if isinstance(aim, RegressionTarget):
        values = models.clamped(raw[:, 0], aim.range)
        bounds = interval.of_values(values, y, policy)
        return Fitted(RegressionModel(estimator, aim.range), settings, trials, raw, values, bounds, iterations)
    expected = work.sample.exposure[own] * models.rates(raw)
    bounds = interval.of_counts(expected, y, policy)
    return Fitted(CountModel(estimator), settings, trials, raw, expected, bounds, iterations)


def _installed(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None
