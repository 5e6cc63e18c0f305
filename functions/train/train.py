"""From a dataset to everything a bundle holds: split, fit, compile, prove, evaluate. The story of a training run."""

import io
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import joblib
import numpy as np
from sklearn.pipeline import FeatureUnion, Pipeline
from threadpoolctl import threadpool_limits

from firesteel.definition import Definition
from firesteel.errors import DataError
from firesteel.program import predictor
from firesteel.program.predictor import Predictor
from functions.train import compile, evaluate, features, parity, reference
from functions.train.dataset import Dataset
from functions.train.fit import Fitted, fit
from functions.train.parity import Expected
from functions.train.review import Answers
from functions.train.split import split

FUZZ_ROWS = 500

Progress = Callable[[str, int, int], None]
"""Told before each stage: what begins, how many stages are done, and how many there are."""


def silent(_stage: str, _done: int, _total: int) -> None:
    """The progress of nobody watching."""


@dataclass(frozen=True)
class Trained:
    """A finished run. `metrics` and `reference` are the same for the same data, definition and seed; `durations` not."""

    definition: Definition
    dataset: Dataset
    program: bytes
    pipelines: dict[str, Pipeline]
    metrics: dict[str, Any]
    reference: dict[str, Any]
    golden: dict[str, Any]
    split: dict[str, int]
    settings: dict[str, dict[str, Any]]
    durations: dict[str, float]


@dataclass
class _Stages:
    """Counts the stages off and times them."""

    progress: Progress
    total: int
    done: int = 0
    durations: dict[str, float] = field(default_factory=dict)
    _current: tuple[str, float] | None = None

    def begin(self, name: str) -> None:
        self.end()
        self.progress(name, self.done, self.total)
        self._current = (name, time.perf_counter())

    def end(self) -> None:
        if self._current:
            name, began = self._current
            self.durations[name] = round(time.perf_counter() - began, 3)
            self.done += 1
            self._current = None


def train(
    definition: Definition,
    dataset: Dataset,
    *,
    tune: bool = True,
    hold_out: bool = True,
    test: Dataset | None = None,
    progress: Progress = silent,
) -> Trained:
    """Train all targets of a definition.

    Evaluation uses the rows held out by the definition's split, or `test` where a set is given; with `hold_out=False`
    every row trains and nothing is evaluated. Raises DataError, CompileError and ParityError; publishes nothing.
    """
    tuned = [name for name in definition.targets if tune and definition.search_of(name)]
    stages = _Stages(progress, total=3 + 2 * len(definition.targets) + len(tuned))
    train_rows, test_rows = _parts(definition, dataset, test, hold_out)
    with threadpool_limits(1):
        stages.begin("features")
        union = features.build(definition)
        X = _transform(union, train_rows)
        fitted = {name: _fit(definition, name, X, train_rows, tune, stages) for name in definition.targets}
        features.widen(union)
        pipelines = {
            name: Pipeline([("features", union), ("classifier", fitted[name].classifier)])
            for name in definition.targets
        }
        stages.begin("evaluate")
        judged = _judge(definition, pipelines, fitted, train_rows, test_rows)
        stages.begin("compile")
        schema = compile.request_schema(definition)
        program = compile.to_program(definition.model, schema, pipelines, judged.thresholds)
        loaded = predictor.load(program)
        proof = _prove(loaded, pipelines, test_rows or train_rows, judged.answers)
        stages.end()
    metrics = {"format": 1, "model": definition.model, "evaluated": test_rows is not None, "parity": proof}
    metrics |= {"targets": judged.metrics, "review": judged.review}
    return Trained(
        definition=definition,
        dataset=dataset,
        program=program,
        pipelines=pipelines,
        metrics=metrics,
        reference=judged.reference,
        golden=golden(loaded, definition),
        split={"train": len(train_rows), "test": len(test_rows) if test_rows else 0},
        settings={
            name: {**one.settings.model_dump(), "trials": one.trials, "iterations": one.iterations}
            for name, one in fitted.items()
        },
        durations=stages.durations,
    )


def _parts(
    definition: Definition, dataset: Dataset, test: Dataset | None, hold_out: bool
) -> tuple[Dataset, Dataset | None]:
    if test is not None:
        return dataset, test
    if not hold_out:
        return dataset, None
    train_indices, test_indices = split(dataset, definition)
    return dataset.take(train_indices), dataset.take(test_indices)


def _transform(union: FeatureUnion, rows: Dataset) -> Any:
    """Fit the steps and give the features [rows, features]. Raises DataError when a step finds nothing in the texts."""
    try:
        return union.fit_transform(rows.inputs).tocsr()
    except ValueError as error:
        raise DataError(f"the definition's features do not fit these rows: {error}") from None


def _fit(definition: Definition, name: str, X: Any, rows: Dataset, tune: bool, stages: _Stages) -> Fitted:
    return fit(
        X,
        rows.targets[name],
        definition.targets[name],
        definition.estimator_of(name),
        definition.search_of(name) if tune else None,
        folds=definition.calibration.folds,
        seed=definition.split.seed,
        report=lambda stage: stages.begin(f"{stage} {name}"),
    )


@dataclass(frozen=True)
class _Judged:
    """What the answers on held-out rows say; without such rows, what out-of-fold answers do."""

    metrics: dict[str, Any]
    thresholds: dict[str, float]
    review: dict[str, Any] | None
    reference: dict[str, Any]
    answers: dict[str, Expected] | None
    """What the pipelines said to the held-out rows."""


def _judge(
    definition: Definition,
    pipelines: Mapping[str, Pipeline],
    fitted: Mapping[str, Fitted],
    train_rows: Dataset,
    test_rows: Dataset | None,
) -> _Judged:
    rows = test_rows or train_rows
    labels = {name: target.label_names for name, target in definition.targets.items()}
    metrics: dict[str, Any] = {}
    predicted = {name: one.out_of_fold_labels for name, one in fitted.items()}
    unseen = {
        name: _answers(one.out_of_fold, predicted[name], train_rows.targets[name]) for name, one in fitted.items()
    }
    answers, said = unseen, {}
    if test_rows:
        X = next(iter(pipelines.values()))["features"].transform(rows.inputs)
        answers = {}
        for name, one in fitted.items():
            truth, probability = rows.targets[name], one.classifier.predict_proba(X)
            predicted[name] = one.classifier.decision_function(X).argmax(1)
            metrics[name] = evaluate.evaluate(labels[name], truth, predicted[name], probability)
            answers[name] = _answers(probability, predicted[name], truth)
            said[name] = Expected(probability, predicted[name])
    thresholds: dict[str, float] = {}
    policy = None
    if definition.review:
        thresholds, policy = evaluate.review_policy(definition.review, unseen, answers if test_rows else None)
    confidence = {name: one.confidence for name, one in answers.items()}
    needs_review = np.zeros(len(rows), bool)
    for name, threshold in thresholds.items():
        needs_review |= confidence[name] < threshold
    sketch = reference.reference(rows.inputs, labels, predicted, confidence, needs_review)
    return _Judged(metrics, thresholds, policy, sketch, said or None)


def _answers(probability: np.ndarray, predicted: np.ndarray, truth: np.ndarray) -> Answers:
    return Answers(probability[np.arange(len(predicted)), predicted], predicted == truth)


def _prove(
    loaded: Predictor, pipelines: Mapping[str, Pipeline], rows: Dataset, answers: Mapping[str, Expected] | None
) -> dict[str, Any]:
    """Parity on all rows, whose answers may be known already, and on hostile ones made from them."""
    worst = parity.check(loaded, rows.inputs, answers or parity.expected(pipelines, rows.inputs))
    hostile = parity.fuzz(next(iter(rows.inputs.values())), list(rows.inputs), rows=FUZZ_ROWS, seed=0)
    worst = max(worst, parity.check(loaded, hostile, parity.expected(pipelines, hostile)))
    return {"rows": len(rows), "fuzz_rows": FUZZ_ROWS, "largest_difference": worst, "tolerance": parity.TOLERANCE}


def golden(loaded: Predictor, definition: Definition) -> dict[str, Any]:
    """The definition's example rows and the answers the program must give to them wherever it is loaded."""
    examples = {name: one.example for name, one in definition.inputs.items() if one.required}
    rows = []
    for row in definition.golden or (examples,):
        answer = loaded.predict(loaded.check(dict(row)))
        rows.append({"input": dict(row), "labels": answer.labels, "confidences": answer.confidences})
    return {"format": 1, "rows": rows}


def to_json(value: Any) -> bytes:
    """Readable, and the same bytes for the same value."""
    return (json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n").encode()


def pipeline_bytes(pipeline: Pipeline) -> bytes:
    """For analysts: `joblib.load` gives the fitted pipeline. Serving never reads it."""
    buffer = io.BytesIO()
    joblib.dump(pipeline, buffer, compress=3)
    return buffer.getvalue()
