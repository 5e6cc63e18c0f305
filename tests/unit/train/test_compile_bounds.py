"""What fitted pipelines become: the names of their steps, and linear estimators to the number."""

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import ElasticNet, Lasso, LinearRegression, LogisticRegression, PoissonRegressor, Ridge
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import MaxAbsScaler

from firesteel.errors import CompileError
from functions.train.compile.pipeline import parts
from functions.train.compile.weights import weights_of
from functions.train.steps.number import Number

X = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0], [2.0, 1.0], [1.0, 3.0]])


@pytest.mark.parametrize(
    "estimator", [LinearRegression(), Ridge(), Lasso(0.01), ElasticNet(0.01), PoissonRegressor()], ids=repr
)
def test_what_predicts_a_number_has_one_row_of_weights(estimator):
    estimator.fit(X, [1.0, 2.0, 3.0, 0.5, 4.0, 6.0])
    weights, intercept = weights_of(estimator)
    assert (weights.shape, intercept.shape) == ((1, 2), (1,))
    assert (weights.dtype, intercept.dtype) == (np.float64, np.float64)
    raw = (X @ weights.T + intercept)[:, 0]
    assert np.allclose(np.exp(raw) if isinstance(estimator, PoissonRegressor) else raw, estimator.predict(X))


@pytest.mark.parametrize("labels", [[0, 1, 0, 1, 1, 1], [0, 1, 2, 0, 1, 2]], ids=["two", "three"])
def test_what_predicts_a_class_has_a_row_of_weights_for_each(labels):
    estimator = LogisticRegression().fit(X, labels)
    weights, intercept = weights_of(estimator)
    classes = len(set(labels))
    assert (weights.shape, intercept.shape) == ((classes, 2), (classes,))
    scores = np.exp(X @ weights.T + intercept)
    assert np.allclose(scores / scores.sum(axis=1, keepdims=True), estimator.predict_proba(X))
    if classes == 2:
        assert (weights[0].tolist(), intercept[0]) == ([0.0, 0.0], 0.0)


def test_what_is_not_linear_has_no_weights():
    assert weights_of(object()) is None


TEXTS = ["one two", "two three", "three four", "four one"] * 3
LABELS = ["a", "b", "a", "b"] * 3
COLUMNS = {"size": np.array([1.0, 2.0, 3.0, 4.0] * 3)}


def test_a_step_has_its_name_of_the_definition():
    words = Pipeline([("tfidf", TfidfVectorizer())])
    union = FeatureUnion([("words", words), ("counts", CountVectorizer())])
    fitted = Pipeline([("features", union), ("estimator", LogisticRegression())]).fit(TEXTS, LABELS)
    steps, name, estimator = parts(fitted, ["text"])
    assert [step.meta["name"] for step in steps] == ["words", "counts"]
    assert (name, estimator) == ("estimator", fitted[-1])


def test_a_pipeline_without_features_is_refused():
    fitted = Pipeline([("features", "passthrough"), ("estimator", LogisticRegression())]).fit(X, [0, 1, 0, 1, 1, 1])
    with pytest.raises(CompileError, match="^there is no vectorizer before the estimator$"):
        parts(fitted, ["text"])


@pytest.mark.parametrize(
    "features",
    [
        FeatureUnion([("number", Number(["size"], fill="mean"))], transformer_weights={"number": 2.0}),
        Pipeline([("number", Number(["size"], fill="mean")), ("scaled", MaxAbsScaler())]),
    ],
    ids=["a weight", "a step after it"],
)
def test_a_number_has_no_weight_and_nothing_after_it(features):
    fitted = Pipeline([("features", features), ("estimator", LogisticRegression())]).fit(COLUMNS, LABELS)
    with pytest.raises(
        CompileError, match=r"^step features\.number cannot be compiled with a weight or with a step after it$"
    ):
        parts(fitted, ["text"])


def test_a_number_alone_is_compiled_under_its_name():
    union = FeatureUnion([("number", Number(["size"], fill="mean"))])
    fitted = Pipeline([("features", union), ("estimator", LogisticRegression())]).fit(COLUMNS, LABELS)
    (step,), _, _ = parts(fitted, [])
    assert (step.meta["kind"], step.meta["name"]) == ("number", "number")
