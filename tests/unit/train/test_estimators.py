"""A definition's settings become the library's, and the same rows and seed become the same trees on any machine."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.metrics import mean_poisson_deviance

from firesteel.definition import Logistic
from firesteel.errors import DataError, DefinitionError
from functions.train import estimators, models
from tests.unit.train.problems import ESTIMATORS, TREES, define, problem

ROOT = Path(__file__).parents[3]


def fitted(task, kind, X=None, **settings):
    given, rows = problem(task)
    X = given if X is None else X
    definition = define(task, kind)
    chosen = definition.estimator_of("y").model_copy(update=settings)
    aim = definition.targets["y"].task
    sample = estimators.sample(chosen, X, rows.targets["y"], rows.exposure)
    return estimators.fit(estimators.make(chosen, aim, sample.y, 7), aim, sample), X, rows


@pytest.mark.parametrize(("task", "kind"), [(task, kind) for task in ESTIMATORS for kind in ESTIMATORS[task]])
def test_every_estimator_learns_its_task(task, kind):
    estimator, X, rows = fitted(task, kind)
    raw, y = models.raw_scores(estimator, X), rows.targets["y"]
    if task in {"classification", "binary"}:
        assert (raw.argmax(1) == y).mean() > np.bincount(y).max() / len(y) + 0.1
    elif task == "regression":
        assert np.square(raw[:, 0] - y).mean() < 0.75 * y.var()
    else:
        rates = y / rows.exposure
        constant = np.full(len(y), np.average(rates, weights=rows.exposure))
        found, guessed = (
            mean_poisson_deviance(rates, one, sample_weight=rows.exposure) for one in (models.rates(raw), constant)
        )
        assert found < 0.9 * guessed
    assert 1 <= estimators.iterations(estimator) <= 1000


@pytest.mark.parametrize("kind", ESTIMATORS["count"])
def test_a_row_of_twice_the_exposure_counts_as_two(kind):
    X, rows = problem("count", rows=300)
    definition = define("count", kind)
    settings, y, exposure = definition.estimator_of("y"), rows.targets["y"], rows.exposure
    apart = estimators.Sample(np.vstack([X, X]), np.concatenate([y, y]), np.concatenate([exposure, exposure]))
    together = estimators.Sample(X, 2 * y, 2 * exposure)
    if kind != "poisson":  # a row is a row when leaves must not be too small, and where bins begin
        settings = settings.model_copy(update={"iterations": 3, "learning_rate": 1.0})
        settings = settings.model_copy(update={"min_samples_leaf": 1, "max_leaf_nodes": 2, "depth": 1})
    rates = [
        models.rates(models.raw_scores(estimators.fit(estimators.make(settings, "count", y, 0), "count", sample), X))
        for sample in (apart, together)
    ]
    assert np.average(rates[0], weights=exposure) == pytest.approx(np.average(rates[1], weights=exposure), rel=0.02)


@pytest.mark.parametrize("kind", ["gradient_boosting", "lightgbm"])
@pytest.mark.parametrize("by_sets", [True, False])
def test_trees_split_categories_by_sets_where_they_may(kind, by_sets):
    X, rows = problem("regression", rows=3000)
    X[:, 0] = np.random.default_rng(0).integers(0, 12, len(X))
    chosen = np.isin(X[:, 0], [1, 4, 7, 11])
    rows.targets["y"][:] = chosen
    settings = define("regression", kind).estimator_of("y")
    settings = settings.model_copy(update={"iterations": 1, "learning_rate": 1.0, "max_leaf_nodes": 2})
    mask = np.array([by_sets, False, False, False])
    sample = estimators.Sample(X, rows.targets["y"], rows.exposure)
    tree = estimators.fit(estimators.make(settings, "regression", sample.y, 0, mask), "regression", sample, mask)
    assert np.array_equal(tree.predict(X) > chosen.mean(), chosen) is by_sets


@pytest.mark.parametrize("kind", TREES)
def test_trees_take_missing_numbers(kind):
    X, _ = problem("regression")
    X[::7, 0] = np.nan
    estimator, _, _ = fitted("regression", kind, X)
    assert np.isfinite(models.raw_scores(estimator, X)).all()


@pytest.mark.parametrize("form", [np.asarray, csr_matrix])
def test_linear_estimators_refuse_missing_numbers_and_say_what_to_do(form):
    X, rows = problem("binary")
    X[3, 1] = np.nan
    with pytest.raises(DataError, match=r"logistic cannot take missing numbers.*fill"):
        estimators.sample(Logistic(), form(X), rows.targets["y"], rows.exposure)


@pytest.mark.parametrize("kind", ["lightgbm", "catboost"])
def test_an_extra_that_is_not_installed_is_asked_for_by_name(kind, monkeypatch):
    monkeypatch.setitem(sys.modules, kind, None)
    with pytest.raises(DefinitionError, match=f"pip install {kind}"):
        estimators.make(define("regression", kind).estimator_of("y"), "regression", np.zeros(3), 0)


FINGERPRINT = """
import sys
from functions.train import models
from tests.unit.train.test_estimators import fingerprint
models._LARGE = int(sys.argv[2])
print(fingerprint(sys.argv[1]))
"""


def fingerprint(kind):
    """Of all scores that a subsampling, feature-sampling model of each task gives."""
    settings = {"max_features": 0.5} | ({"subsample": 0.7} if kind == "lightgbm" else {})
    digest = hashlib.sha256()
    for task in ESTIMATORS:
        estimator, X, _ = fitted(task, kind, **settings)
        digest.update(models.raw_scores(estimator, X).tobytes())
    return digest.hexdigest()


@pytest.mark.parametrize("kind", TREES)
def test_the_trees_are_the_same_in_any_process_and_with_one_thread_or_two(kind):
    surroundings = {**os.environ, "PYTHONHASHSEED": "1", "OMP_NUM_THREADS": "2", "OMP_WAIT_POLICY": "passive"}
    surroundings["PYTHONPATH"] = f"{ROOT}:{ROOT / 'layers/firesteel'}"
    command = [sys.executable, "-c", FINGERPRINT, kind, "0"]
    ran = subprocess.run(command, cwd=ROOT, env=surroundings, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == fingerprint(kind)
