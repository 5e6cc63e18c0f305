"""What a bundle's joblib files hold: a library's estimator whose raw scores mean the same, whichever library it is."""

import io

import joblib
import numpy as np
import pytest
from scipy.sparse import csr_matrix
from scipy.special import softmax
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

from firesteel.errors import DataError
from functions.train import estimators, models
from functions.train.calibrate import Calibration
from functions.train.models import CalibratedClassifier, CountModel, RegressionModel
from tests.unit.train.problems import ESTIMATORS, define, problem


def fitted(task, kind):
    X, rows = problem(task)
    definition = define(task, kind)
    settings, aim = definition.estimator_of("y"), definition.targets["y"].task
    sample = estimators.sample(settings, X, rows.targets["y"], rows.exposure)
    return X, rows, estimators.fit(estimators.make(settings, aim, sample.y, 0), aim, sample)


@pytest.mark.parametrize(("task", "kind"), [(task, kind) for task in ESTIMATORS for kind in ESTIMATORS[task]])
def test_raw_scores_lead_to_what_the_library_itself_predicts(task, kind):
    X, _, estimator = fitted(task, kind)
    raw = models.raw_scores(estimator, X)
    if task in {"classification", "binary"}:
        assert raw.shape == (len(X), 3 if task == "classification" else 2)
        assert np.allclose(softmax(raw, axis=1), estimator.predict_proba(X), atol=1e-9)
        assert task == "classification" or not raw[:, 0].any()
    elif task == "regression":
        assert np.array_equal(raw[:, 0], estimator.predict(X))
    else:
        assert np.allclose(np.exp(raw[:, 0]), estimator.predict(X), rtol=1e-12)


@pytest.mark.parametrize("kind", ESTIMATORS["count"])
def test_rates_are_of_an_exposure_of_one_and_right_on_the_whole(kind):
    X, rows, estimator = fitted("count", kind)
    expected = rows.exposure * CountModel(estimator).predict(X)
    assert expected.sum() == pytest.approx(rows.targets["y"].sum(), rel=0.02)


@pytest.mark.parametrize("kind", ["logistic", "gradient_boosting"])
def test_sparse_features_give_the_same_scores(kind):
    X, _, estimator = fitted("classification", kind)
    assert np.allclose(models.raw_scores(estimator, csr_matrix(X)), models.raw_scores(estimator, X), atol=1e-12)


def test_labels_follow_the_scores_and_not_the_calibrated_probabilities():
    X, y = np.eye(2), np.array([0, 1])
    model = CalibratedClassifier(LogisticRegression().fit(X, y), Calibration(1.0, np.array([5.0, -5.0])), ["no", "yes"])
    assert list(model.predict(X)) == ["no", "yes"]
    assert model.predict_proba(X).argmax(1).tolist() == [0, 0]
    assert model.decision_function(X).shape == (2, 2)


def test_numbers_are_clamped_to_the_range():
    X, _, estimator = fitted("regression", "linear")
    predicted = RegressionModel(estimator, (0.4, 0.6)).predict(X)
    assert (predicted.min(), predicted.max()) == (0.4, 0.6)
    assert np.ptp(RegressionModel(estimator, None).predict(X)) > 0.2


def test_a_rate_stays_finite_however_large_its_logarithm_is():
    assert np.isfinite(models.rates(np.array([[1e6], [-1e6]]))).all()


@pytest.mark.parametrize(("task", "kind"), [("binary", "logistic"), ("regression", "linear"), ("count", "catboost")])
def test_a_model_survives_joblib_and_is_cloned_as_scikit_learn_does_it(task, kind):
    X, _, estimator = fitted(task, kind)
    model = {
        "binary": lambda: CalibratedClassifier(estimator, Calibration(1.0, np.zeros(2)), ["no", "yes"]),
        "regression": lambda: RegressionModel(estimator, None),
        "count": lambda: CountModel(estimator),
    }[task]()
    file = io.BytesIO()
    joblib.dump(model, file)
    file.seek(0)
    assert np.array_equal(joblib.load(file).predict(X), model.predict(X))
    assert type(clone(model)) is type(model)


def test_trees_refuse_features_that_do_not_fit_into_memory_and_say_what_to_lower():
    wide = csr_matrix((100_000, 3000))
    with pytest.raises(DataError, match=r"100000 rows x 3000 features at once: 2\.2 GiB.*max_features"):
        models.dense(wide)
