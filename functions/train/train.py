"""From a dataset to everything a bundle holds: split, fit, compile, prove, evaluate. The story of a training run."""

import io
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from pydantic import ValidationError
from scipy.sparse import issparse
from sklearn.pipeline import FeatureUnion, Pipeline

from firesteel.definition import Definition
from firesteel.errors import DataError
from firesteel.program import predictor
from firesteel.program.predictor import Predictor
from functions.train import compile, corrected, explain, features, leaks, parity
from functions.train import fit as fitting
from functions.train.compile.program import log_policy
from functions.train.corrections import Corrections
from functions.train.dataset import Dataset
from functions.train.fit import Fitted, Judged, fit
from functions.train.judge import described, judge
from functions.train.parity import Expected
from functions.train.split import describe_split, split

FUZZ_ROWS = 500

Progress = Callable[[str, int, int], None]
"""Told before each stage: what begins, how many stages are done, and how many there are."""


def silent(_stage: str, _done: int, _total: int) -> None:
    """The progress of nobody watching."""


@dataclass(frozen=True)
class Trained:
    """A finished run. Program, metrics and reference are the same for the same data, definition and seed; `durations` not."""

    definition: Definition
    dataset: Dataset
    program: bytes
    signature: str
    pipelines: dict[str, Pipeline]
    metrics: dict[str, Any]
    reference: dict[str, Any]
    golden: dict[str, Any]
    split: dict[str, Any]
    settings: dict[str, dict[str, Any]]
    trials: dict[str, list[dict[str, Any]]]
    durations: dict[str, float]
    feedback: dict[str, Any] | None = None
    """Which corrections had a part in it; None if none were asked for."""


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

    def report(self, target: str) -> Callable[[str, int, int], None]:
        """For the fit of one target: a stage begins once, however often it tells how far it is."""

        def told(stage: str, done: int, total: int) -> None:
            name = f"{stage} {target}"
            if not self._current or self._current[0] != name:
                self.begin(name)
            if total:
                self.progress(f"{name} {done}/{total}", self.done, self.total)

        return told

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
    journal: Path | None = None,
    judged: Mapping[str, Sequence[Judged]] | None = None,
    corrections: Corrections | None = None,
    progress: Progress = silent,
) -> Trained:
    """Train all targets of a definition.

    Evaluation uses the rows held out by the definition's split, or `test` where a set is given; with `hold_out=False`
    every row trains and nothing is evaluated. `journal` is a file where a search writes its trials down, and goes on
    from when it was interrupted; `judged` are candidates, by target, whose scores `judge_candidate` found elsewhere.
    `corrections` are learned from beside the rows to train on, and measured nowhere. Raises DataError, CompileError and
    ParityError; publishes nothing.
    """
    tuned = [name for name in definition.targets if tune and definition.search_of(name)]
    stages = _Stages(progress, total=5 + 2 * len(definition.targets) + len(tuned))
    stages.begin("features")
    own_rows, test_rows, parted = _parts(definition, dataset, test, hold_out)
    train_rows, told = _corrected(corrections, definition, own_rows, test_rows)
    union = features.build(definition)
    X, categorical = _transform(union, train_rows), features.categorical(union)
    fitted = {
        name: fit(
            X, train_rows, name, definition,
            tune=tune, journal=journal, judged=(judged or {}).get(name, ()),
            categorical=categorical, report=stages.report(name),
        )
        for name in definition.targets
    }  # fmt: skip
    features.widen(union)
    pipelines = {name: Pipeline([("features", union), ("model", one.model)]) for name, one in fitted.items()}
    stages.begin("evaluate")
    own_rows = train_rows.take(np.flatnonzero(train_rows.of_file)) if told else train_rows
    verdict = judge(definition, pipelines, fitted, own_rows, test_rows)
    stages.begin("compile")
    program = _compile(definition, pipelines, fitted, verdict.thresholds, np.asarray(X.mean(axis=0)).ravel())
    loaded = predictor.load(program)
    assert isinstance(loaded, Predictor)
    stages.begin("prove")
    proof = _prove(loaded, pipelines, test_rows or own_rows, verdict.answers)
    stages.begin("explain")
    importance = explain.importance(loaded, test_rows or own_rows)
    stages.end()
    metrics = {"format": 1, "model": definition.address, "evaluated": test_rows is not None, "parity": proof}
    metrics |= {"review": verdict.review, "importance": importance}
    if test_rows:
        metrics["repeated_rows"] = leaks.repeated(definition, own_rows, test_rows)
    metrics |= {"targets": {name: {**own, "importance": importance[name]} for name, own in verdict.metrics.items()}}
    return Trained(
        definition=definition,
        dataset=dataset,
        program=program,
        signature=loaded.signature,
        pipelines=pipelines,
        metrics=metrics,
        reference=verdict.reference,
        golden=golden(loaded, definition),
        split=parted,
        settings={name: {**one.settings.model_dump(), "iterations": one.iterations} for name, one in fitted.items()},
        trials={name: one.trials for name, one in fitted.items() if one.trials},
        durations=stages.durations,
        feedback=told,
    )


def judge_candidate(
    definition: Definition,
    dataset: Dataset,
    target: str,
    point: dict[str, Any],
    corrections: Corrections | None = None,
) -> list[float]:
    """The scores of one candidate of a target's search, as the search within `train` would find them.

    Raises DataError for rows that cannot be learned from, or a target without a search, or settings that cannot be had.
    """
    if target not in definition.targets or not (search := definition.search_of(target)):
        raise DataError(f"{definition.address} has no target {target[:80]!r} with a search")
    own_rows, test_rows, _ = _parts(definition, dataset, None, hold_out=True)
    train_rows, _ = _corrected(corrections, definition, own_rows, test_rows)
    union = features.build(definition)
    X = _transform(union, train_rows)
    try:
        return fitting.judge(X, train_rows, target, definition, search, point, features.categorical(union))
    except ValidationError as error:
        raise DataError(
            f"{definition.estimator_of(target).kind} cannot have {point}: {error.errors()[0]['msg']}"
        ) from None


def _parts(
    definition: Definition, dataset: Dataset, test: Dataset | None, hold_out: bool
) -> tuple[Dataset, Dataset | None, dict[str, Any]]:
    """The rows to train on, those to evaluate on, and what the metadata says of how they were parted."""
    if test is not None:
        return dataset, test, {"kind": "given", "train": len(dataset), "test": len(test)}
    if not hold_out:
        return dataset, None, {"kind": "none", "train": len(dataset), "test": 0}
    train_indices, test_indices = split(dataset, definition)
    parted = describe_split(dataset, definition, train_indices, test_indices)
    return dataset.take(train_indices), dataset.take(test_indices), parted


def _corrected(
    corrections: Corrections | None, definition: Definition, train: Dataset, test: Dataset | None
) -> tuple[Dataset, dict[str, Any] | None]:
    """The rows to train on with the corrections among them, and the provenance of these."""
    return (train, None) if corrections is None else corrected.applied(corrections, definition, train, test)


def _transform(union: FeatureUnion, rows: Dataset) -> Any:
    """Fit the steps and give the features [rows, features]. Raises DataError when a step finds nothing in its columns."""
    try:
        X = union.fit_transform(rows.columns)
    except ValueError as error:
        raise DataError(f"{rows.source}: the definition's features do not fit these rows: {error}") from None
    if not X.shape[1]:
        raise DataError(f"{rows.source}: the features keep no column of these rows: lower min_count or min_df")
    return X.tocsr() if issparse(X) else X


def _compile(
    definition: Definition,
    pipelines: Mapping[str, Pipeline],
    fitted: Mapping[str, Fitted],
    thresholds: Mapping[str, float],
    means: np.ndarray,
) -> bytes:
    targets = {name: described(definition, name, one) for name, one in fitted.items()}
    for name, threshold in thresholds.items():
        targets[name]["threshold"] = threshold
    return compile.to_program(
        definition.model,
        compile.request_schema(definition),
        pipelines,
        targets=targets,
        means=means,
        answer=definition.answer,
        request=definition.request.model_dump() if definition.request else None,
        log=log_policy(definition),
    )


def _prove(
    loaded: Predictor, pipelines: Mapping[str, Pipeline], rows: Dataset, answers: Mapping[str, Expected] | None
) -> dict[str, Any]:
    """Parity on all rows, whose answers may be known already, and on hostile ones made from them."""
    worst = parity.check(loaded, rows.columns, answers or parity.expected(pipelines, rows.columns))
    hostile = parity.fuzz(loaded.inputs, rows.columns, rows=FUZZ_ROWS, seed=0)
    worst = max(worst, parity.check(loaded, hostile, parity.expected(pipelines, hostile)))
    return {"rows": len(rows), "fuzz_rows": FUZZ_ROWS, "largest_difference": worst, "tolerance": parity.TOLERANCE}


def golden(loaded: Predictor, definition: Definition) -> dict[str, Any]:
    """The definition's example rows and the answers the program must give to them wherever it is loaded."""
    examples = {name: one.example for name, one in definition.inputs.items() if one.required}
    rows = []
    for row in definition.golden or (examples,):
        answer = loaded.predict(loaded.check(dict(row)))
        values = {name: one.value for name, one in answer.estimates.items()}
        rows.append(
            {"input": dict(row), "labels": answer.labels, "confidences": answer.confidences}
            | ({"values": values} if values else {})
        )
    return {"format": 1, "rows": rows}


def to_json(value: Any) -> bytes:
    """Readable, and the same bytes for the same value. Raises DataError for a number that is not finite."""
    try:
        return (json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n").encode()
    except ValueError:
        raise DataError("something measured is not finite: the data hold numbers too large to compute with") from None


def pipeline_bytes(pipeline: Pipeline) -> bytes:
    """For analysts: `joblib.load` gives the fitted pipeline. Serving never reads it."""
    buffer = io.BytesIO()
    joblib.dump(pipeline, buffer, compress=3)
    return buffer.getvalue()
