"""Rows that count for more than one: in every estimator, in class weights and in calibration."""

import numpy as np
import pytest

from functions.train import calibrate, estimators, models
from tests.unit.train.problems import ESTIMATORS, TREES, define, problem


def weighted(task):
    X, data = problem(task, 300)
    weight = np.random.default_rng(1).integers(1, 4, 300).astype(float)
    return X, data, weight


def fitted(task, kind, X, y, exposure, weight):
    definition = define(task, kind)
    settings, aim = definition.estimator, definition.targets["y"].task
    sample = estimators.sample(settings, X, y, exposure, weight)
    return estimators.fit(estimators.make(settings, aim, y, 3, None, weight), aim, sample)


LINEAR = [(task, kind) for task in ESTIMATORS for kind in ESTIMATORS[task] if kind not in TREES]


@pytest.mark.parametrize(("task", "kind"), LINEAR)
def test_a_row_of_weight_3_is_three_rows(task, kind):
    X, data, weight = weighted(task)
    times = weight.astype(int)
    y, exposure = data.targets["y"], data.exposure
    one = fitted(task, kind, X, y, exposure, weight)
    other = fitted(task, kind, np.repeat(X, times, axis=0), np.repeat(y, times), np.repeat(exposure, times), None)
    assert np.allclose(one.coef_, other.coef_, rtol=5e-2, atol=5e-3)
    ignored = fitted(task, kind, X, y, exposure, None)
    assert np.abs(one.coef_ - other.coef_).max() < np.abs(ignored.coef_ - other.coef_).max()


@pytest.mark.parametrize(
    ("task", "kind"), [(task, kind) for task in ESTIMATORS for kind in ESTIMATORS[task] if kind in TREES]
)
def test_trees_see_the_weights_too(task, kind):
    X, data, _ = weighted(task)
    heavy = np.where(data.targets["y"] > np.median(data.targets["y"]), 50.0, 1.0)
    light = fitted(task, kind, X, data.targets["y"], data.exposure, None)
    heavier = fitted(task, kind, X, data.targets["y"], data.exposure, heavy)
    scores = [models.raw_scores(one, X)[:, -1].mean() for one in (light, heavier)]
    assert scores[1] > scores[0]


def test_class_weights_are_made_of_weighted_counts_and_multiply():
    y, weight = np.array([0, 0, 0, 1]), np.array([1.0, 1.0, 1.0, 3.0])
    settings = define("binary", "logistic").estimator.model_copy(update={"class_weight": 1.0})
    assert estimators.make(settings, "classification", y, 0).class_weight == {0: pytest.approx(2 / 3), 1: 2.0}
    assert estimators.make(settings, "classification", y, 0, None, weight).class_weight == {0: 1.0, 1: 1.0}


def test_calibration_of_weighted_rows_is_that_of_repeated_ones():
    generator = np.random.default_rng(0)
    scores, labels = generator.normal(size=(300, 3)), generator.integers(0, 3, 300)
    times = generator.integers(1, 4, 300)
    one = calibrate.fit(scores, labels, times.astype(float))
    other = calibrate.fit(np.repeat(scores, times, axis=0), np.repeat(labels, times))
    assert one.scale == pytest.approx(other.scale, rel=1e-3)
    assert one.bias == pytest.approx(other.bias, abs=1e-3)
