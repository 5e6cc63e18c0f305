"""The program of fitted pipelines to the field: what a target says, what stands in the metadata, and in which order."""

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline

from firesteel import definition_file
from firesteel.errors import CompileError
from firesteel.program import format, predictor, schema
from firesteel.program.router import Router
from functions.train import compile
from functions.train.calibrate import Calibration
from functions.train.compile import program as compiled
from functions.train.models import CalibratedClassifier, CountModel, RegressionModel
from functions.train.steps.number import Number
from functions.train.steps.tfidf import JoinInputs

ROOT = Path(__file__).parents[3]
TEXTS = ["one two", "two three", "three four", "four one"] * 3
LABELS = ["a", "b", "a", "b"] * 3
SCHEMA = compile.text_schema("text", 100)
NUMBERS = [schema.described(schema.Number("size", True, None, None, False, None))]
COLUMNS = {"text": TEXTS, "size": np.arange(12.0)}


def fitted(text=("b", "a")):
    return make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(TEXTS, [text[label == "a"] for label in LABELS])


def meta(data):
    return format.read(data).meta


@pytest.mark.parametrize(
    ("estimator", "told"),
    [
        (CalibratedClassifier(None, Calibration(2.0, np.array([0.5, -0.5])), ["no", "yes"]),
         {"task": "classification", "labels": ["no", "yes"], "scale": 2.0, "bias": [0.5, -0.5], "threshold": None}),
        (RegressionModel(None, (0, 1)), {"task": "regression", "range": [0.0, 1.0], "unit": None, "interval": None}),
        (RegressionModel(None, None), {"task": "regression", "range": None, "unit": None, "interval": None}),
        (CountModel(None), {"task": "count", "exposure": None, "unit": None, "interval": None}),
        (LinearRegression(), {"task": "regression", "range": None, "unit": None, "interval": None}),
        (LogisticRegression().fit([[0], [1], [2]], [7, 8, 9]),
         {"task": "classification", "labels": ["7", "8", "9"], "scale": 1.0, "bias": [0.0, 0.0, 0.0], "threshold": None}),
    ],
    ids=["calibrated", "range", "no range", "count", "plain", "classes"],
)  # fmt: skip
def test_a_target_says_what_its_estimator_is(estimator, told):
    assert compile.target("t", estimator, {}) == {"name": "t", **told}
    assert compile.target("t", estimator, {"unit": "kg"}) == {"name": "t", **told, "unit": "kg"}


def test_a_text_is_required_and_not_empty():
    assert SCHEMA == [{"kind": "text", "name": "text", "required": True, "min_length": 1, "max_length": 100}]


def test_what_a_definition_lets_be_logged():
    definition = definition_file.load(ROOT / "models" / "recruits.yaml")
    plain = {"log": "plain"}
    inputs = {
        name: one.model_copy(update=plain if name in ("position", "height_in") else {"log": "no"})
        for name, one in definition.inputs.items()
    }
    some = definition.model_copy(update={"inputs": inputs})
    assert compiled.log_policy(some) == {
        "sample": definition.inferences.sample, "inputs": {"position": "plain", "height_in": "plain"}
    }  # fmt: skip
    none = {name: one.model_copy(update={"log": "no"}) for name, one in definition.inputs.items()}
    assert compiled.log_policy(definition.model_copy(update={"inputs": none})) is None


@pytest.mark.parametrize("fallback", [None, "QB"])
def test_a_model_of_segments_says_which_field_chooses(fallback):
    definition = definition_file.load(ROOT / "models" / "recruits.yaml").model_copy(update={"fallback": fallback})
    data = compile.to_router(definition)
    content = format.read(data)
    assert content.tensors == {}
    assert content.meta == {
        "format": format.FORMAT,
        "model": "recruits",
        "inputs": [json.loads(json.dumps(schema.described(definition.inputs["position"].field("position"))))],
        "segment_by": "position",
        "segments": {"QB": "qb", "RB": "rb", "WR": "wr"},
        "fallback": "qb" if fallback else None,
    }
    assert isinstance(predictor.load(data), Router)


def test_the_log_policy_is_there_when_there_is_one():
    policy = {"sample": 1.0, "inputs": {"text": "plain"}}
    assert meta(compile.to_program("m", SCHEMA, {"label": fitted()}, log=policy))["log"] == policy
    assert "log" not in meta(compile.to_program("m", SCHEMA, {"label": fitted()}))


def test_means_are_in_the_order_of_the_features():
    pipeline = fitted()
    means = np.arange(len(pipeline[0].vocabulary_), dtype=np.float64)
    content = format.read(compile.to_program("m", SCHEMA, {"label": pipeline}, means=means))
    found = content.tensors["estimators.0.means"]
    assert found.dtype == np.float32
    weights = content.tensors["estimators.0.weights"]
    order = [int(np.flatnonzero(np.isclose(pipeline[-1].coef_[0], row[1]))[0]) for row in weights]
    assert sorted(found) == list(means)
    assert np.allclose(pipeline[-1].coef_[0][found.astype(int)], weights[:, 1])
    assert len(order) == len(found)
    plain = format.read(compile.to_program("m", SCHEMA, {"label": pipeline})).tensors
    assert "estimators.0.means" not in plain


def test_targets_over_the_same_steps_share_them():
    said = meta(compile.to_program("m", SCHEMA, {"one": fitted(), "two": fitted(("c", "d"))}))
    assert len(said["text"]) == 1
    assert [one["columns"] for one in said["estimators"]] == [{"one": [0, 2], "two": [2, 4]}]
    assert [one["text"] for one in said["estimators"]] == [[0, 1]]


def test_targets_over_different_texts_have_their_own():
    other = make_pipeline(CountVectorizer(), LogisticRegression()).fit(TEXTS, LABELS)
    data = compile.to_program("m", SCHEMA, {"one": fitted(), "two": other})
    assert [one["text"] for one in meta(data)["estimators"]] == [[0, 1], [1, 2]]
    labels = predictor.load(data).predict({"text": "one two"}).labels
    assert labels == {"one": fitted().predict(["one two"])[0], "two": other.predict(["one two"])[0]}


def numbers(estimator, fill, y):
    features = FeatureUnion([("size", Number(["size"], fill=fill))])
    return Pipeline([("features", features), ("estimator", estimator)]).fit(COLUMNS, y)


def test_targets_over_different_numbers_are_refused():
    first, second = (numbers(LinearRegression(), fill, np.arange(12.0)) for fill in (1.0, 2.0))
    assert compile.to_program("m", NUMBERS, {"one": first, "two": first})
    with pytest.raises(CompileError, match="^targets with different steps can have no steps but those of texts$"):
        compile.to_program("m", NUMBERS, {"one": first, "two": second})


@pytest.fixture(scope="module")
def mixed():
    """A number before a text, as a pipeline has them; the program has texts first. Linear and trees beside each other."""
    words = Pipeline([("join", JoinInputs(["text"])), ("tfidf", TfidfVectorizer())])
    features = FeatureUnion([("size", Number(["size"])), ("words", words)]).fit(COLUMNS)
    dense = features.transform(COLUMNS).toarray()
    y = dense @ np.arange(dense.shape[1]) + COLUMNS["size"] ** 2
    linear = LinearRegression().fit(dense, y)
    trees = HistGradientBoostingRegressor(max_iter=5, min_samples_leaf=1).fit(dense, y)
    pipelines = {
        "trees": Pipeline([("features", features), ("estimator", RegressionModel(trees, None))]),
        "linear": Pipeline([("features", features), ("estimator", RegressionModel(linear, (-100.0, 1000.0)))]),
    }
    return pipelines, compile.to_program("m", SCHEMA + NUMBERS, pipelines), dense


def test_texts_come_before_numbers_and_linear_estimators_before_trees(mixed):
    _, data, _ = mixed
    said = meta(data)
    assert ([one["kind"] for one in said["text"]], [one["kind"] for one in said["steps"]]) == (["tfidf"], ["number"])
    assert [one["columns"] for one in said["estimators"]] == [{"linear": [0, 1]}, {"trees": [0, 1]}]
    assert said["estimators"][0]["kind"] == "linear"


def test_it_answers_as_the_estimators_do_on_their_own_columns(mixed):
    pipelines, data, dense = mixed
    program = predictor.load(data)
    for text, size, row in zip(TEXTS, COLUMNS["size"], dense, strict=True):
        answers = program.predict({"text": text, "size": size}).estimates
        for name, pipeline in pipelines.items():
            expected = pipeline[-1].estimator.predict([row])[0]
            assert answers[name].value == pytest.approx(expected, rel=1e-5), name


def test_the_inputs_of_a_definition_are_those_of_its_requests():
    definition = definition_file.load(ROOT / "models" / "recruits.yaml")
    described = compile.request_schema(definition)
    assert [one["name"] for one in described] == list(definition.inputs)
    assert described[2] == schema.described(definition.inputs["conference"].field("conference"))


def test_a_text_that_is_asked_for_is_required():
    (field,) = schema.load(compile.text_schema("text", 100)).fields
    assert field == schema.Text("text", True, 1, 100)
