"""Pipelines over the columns of a frame, told in the words of a definition: names, inputs, numbers, and what is refused."""

import re

import lightgbm
import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    StandardScaler,
)

from firesteel.errors import CompileError
from firesteel.program import schema
from functions.train.compile import frames
from functions.train.models import CountModel

FRAME = pd.DataFrame(
    {
        "age": [20.0, np.nan, 40.0, 60.0, 35.0, np.nan],
        "income": [1.0, 2.0, 4.0, 8.0, 16.0, 32.0],
        "size": [3.0, 1.0, 4.0, 1.0, 5.0, 9.0],
        "plan": ["basic", "plus", "pro", "basic", "plus", "pro"],
        "note": ["late again", "great", "cancel it", "hello", "late", "great again"],
    }
)
Y = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])


def translated(*transformers, estimator=None, table=FRAME):
    columns = ColumnTransformer(list(transformers))
    return frames.translate(Pipeline([("columns", columns), ("last", estimator or Ridge())]).fit(table, Y))


def parts(made):
    (_, union), (_, model) = made.pipeline.steps
    return [name for name, _ in union.transformer_list], [step for _, step in union.transformer_list], model


def inputs(made):
    return schema.load(made.inputs).fields


def test_a_translation_has_features_and_a_model_and_each_step_its_place_as_name():
    made = translated(("num", StandardScaler(), ["income", "size"]), ("words", TfidfVectorizer(), "note"))
    assert [name for name, _ in made.pipeline.steps] == ["features", "model"]
    names, (numbers, words), model = parts(made)
    assert names == ["features.columns.num", "features.columns.words."]
    assert isinstance(model, Ridge)
    assert numbers.inputs == ["income", "size"]
    assert [name for name, _ in words.steps] == ["join", ""]
    assert made.columns == list(FRAME)


def test_inputs_are_required_unless_they_may_be_missing():
    made = translated(("num", StandardScaler(), ["income"]), ("words", CountVectorizer(), "note"))
    assert inputs(made) == (
        schema.Number("income", True, None, None, False, None),
        schema.Text("note", True, 1, 10_000),
    )
    trees = frames.translate(HistGradientBoostingRegressor(max_iter=2).fit(FRAME[["income", "size"]], Y))
    assert [field.required for field in inputs(trees)] == [False, False]
    filled = translated(("num", SimpleImputer(), ["age"]))
    assert [field.required for field in inputs(filled)] == [False]


def test_an_estimator_alone_and_what_passes_through_are_understood():
    numbers = FRAME[["income", "size"]]
    columns = {name: numbers[name].to_numpy() for name in numbers}
    for fitted in (Ridge(), Pipeline([("same", FunctionTransformer()), ("skip", "passthrough"), ("m", Ridge())])):
        _, (step,), _ = parts(frames.translate(fitted.fit(numbers, Y)))
        assert step.transform(columns).tolist() == numbers.to_numpy().tolist()


def test_one_output_may_be_written_as_a_list_of_one():
    fitted = LinearRegression().fit(FRAME[["income"]], Y[:, np.newaxis])
    assert fitted.coef_.shape == (1, 1)
    assert [field.name for field in inputs(frames.translate(fitted))] == ["income"]


def test_what_drops_every_column_is_refused():
    fitted = make_pipeline(ColumnTransformer([("all", "passthrough", ["income"])]), Ridge()).fit(FRAME, Y)
    fitted[0].transformers_ = [("all", "drop", ["income"])]
    with pytest.raises(CompileError, match="^the pipeline drops every column$"):
        frames.translate(fitted)


@pytest.mark.parametrize(
    ("fitted", "texts"),
    [
        (TfidfVectorizer(), True),
        (make_pipeline(CountVectorizer(), Ridge()), True),
        (FeatureUnion([("a", CountVectorizer())]), True),
        (make_pipeline(FeatureUnion([("a", CountVectorizer())]), Ridge()), True),
        (make_pipeline(StandardScaler(), CountVectorizer()), False),
        (FeatureUnion([("a", StandardScaler())]), False),
        (Pipeline([]), False),
        (Ridge(), False),
    ],
)
def test_what_reads_texts_begins_with_a_vectorizer(fitted, texts):
    assert frames.reads_texts(fitted) is texts


class Rates(RegressorMixin, BaseEstimator):
    """Says how it was fitted, under one name or another."""


@pytest.mark.parametrize("name", ["loss", "objective", "objective_"])
def test_a_model_of_rates_is_known_by_what_it_minimizes(name):
    estimator = Rates()
    setattr(estimator, name, "poisson")
    assert isinstance(frames._as_answered(estimator), CountModel)
    setattr(estimator, name, "squared_error")
    assert frames._as_answered(estimator) is estimator


def number_of(*steps, columns=("age", "income")):
    """The one step that a chain over numbers becomes, and what the chain itself makes of them."""
    chain = Pipeline([*steps, ("last", LinearRegression())])
    table = FRAME[list(columns)]
    table = table if any(isinstance(step, SimpleImputer | Pipeline) for _, step in steps) else table.fillna(0.0)
    made = frames.translate(chain.fit(table, Y))
    _, (step,), _ = parts(made)
    return step.transform({name: table[name].to_numpy() for name in table}), chain[:-1].transform(table)


@pytest.mark.parametrize(
    "steps",
    [
        [("fill", SimpleImputer()), ("scale", StandardScaler())],
        [("scale", StandardScaler()), ("fill", SimpleImputer(strategy="median"))],
        [("scale", MinMaxScaler()), ("again", StandardScaler()), ("fill", SimpleImputer(strategy="constant", fill_value=3.0))],
        [("in", Pipeline([("fill", SimpleImputer()), ("skip", "passthrough"), ("scale", StandardScaler())])),
         ("more", MinMaxScaler())],
        [("in", Pipeline([("in", Pipeline([("fill", SimpleImputer())])), ("scale", StandardScaler())]))],
    ],
)  # fmt: skip
def test_a_chain_over_numbers_is_one_step_with_the_same_numbers(steps):
    ours, theirs = number_of(*steps)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


@pytest.mark.parametrize(("chosen", "names"), [(4, ["note"]), ("note", ["note"]), (slice("age", "income"), ["age", "income"]),
                                               (slice(1, 3), ["income", "size"]), ([0, 2], ["age", "size"])])  # fmt: skip
def test_columns_are_chosen_by_name_and_place(chosen, names):
    assert frames._chosen(chosen, list(FRAME)) == names


def test_categories_become_codes_of_their_columns():
    made = translated(("codes", OrdinalEncoder(), ["plan"]), estimator=HistGradientBoostingRegressor(max_iter=2))
    _, (step,), _ = parts(made)
    assert step.transform({"plan": ["pro", "basic"]}).tolist() == [[2.0], [0.0]]
    assert step.inputs == ["plan"]
    assert inputs(made)[0].values == ["basic", "plus", "pro"]


POSSIBLE = (
    "ColumnTransformer of StandardScaler, MinMaxScaler, MaxAbsScaler, RobustScaler, SimpleImputer, OneHotEncoder, OrdinalEncoder, "
    "TfidfVectorizer and CountVectorizer"
)


@pytest.mark.parametrize(
    ("name", "step", "columns", "message"),
    [
        ("poly", make_pipeline(StandardScaler(), PolynomialFeatures(2)), ["income"],
         f"step features.columns.poly.polynomialfeatures (PolynomialFeatures) cannot be compiled; possible: {POSSIBLE}"),
        ("hot", make_pipeline(OneHotEncoder(), StandardScaler(with_mean=False)), ["plan"],
         "step features.columns.hot.standardscaler (StandardScaler) cannot be compiled after features.columns.hot.onehotencoder"),
        ("in", Pipeline([("in", Pipeline([("poly", PolynomialFeatures(2))]))]), ["income"],
         f"step features.columns.in.in.poly (PolynomialFeatures) cannot be compiled; possible: {POSSIBLE}"),
        ("gap", SimpleImputer(missing_values=-1.0), ["income"],
         "step features.columns.gap.: add_indicator and missing_values other than NaN cannot be compiled"),
        ("text", make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder()), ["plan"],
         "step features.columns.text.simpleimputer fills other columns than numbers, which cannot be compiled"),
    ],
    ids=lambda one: one if isinstance(one, str) and " " not in one else "",
)  # fmt: skip
def test_what_is_not_understood_is_named(name, step, columns, message):
    with pytest.raises(CompileError, match=f"^{re.escape(message)}$"):
        translated((name, step, columns))


@pytest.mark.filterwarnings("ignore:Skipping features without any observed values")
def test_a_column_that_was_always_missing_is_refused():
    table = FRAME.assign(age=np.nan)
    message = "step features.columns.fill. drops a column that was always missing; fit it without that column"
    with pytest.raises(CompileError, match=f"^{re.escape(message)}$"):
        translated(("fill", SimpleImputer(), ["age", "income"]), table=table)


def test_a_vectorizer_reads_one_column():
    table = FRAME.iloc[:2]
    columns = ColumnTransformer([("words", CountVectorizer(), ["note", "plan"])])
    fitted = make_pipeline(columns, LogisticRegression()).fit(table, ["a", "b"])
    message = "step features.columntransformer.words. reads 2 columns; name one as a string, not as a list"
    with pytest.raises(CompileError, match=f"^{re.escape(message)}$"):
        frames.translate(fitted)


def test_a_library_says_what_it_minimizes():
    model = lightgbm.LGBMRegressor(n_estimators=2, objective="poisson", verbosity=-1, n_jobs=1, min_child_samples=1)
    _, _, answered = parts(frames.translate(model.fit(FRAME[["income", "size"]], Y)))
    assert isinstance(answered, CountModel)


def test_steps_of_a_pipeline_that_pass_through_are_none():
    numbers = FRAME[["income", "size"]]
    fitted = Pipeline([("skip", "passthrough"), ("scale", StandardScaler()), ("m", Ridge())]).fit(numbers, Y)
    with pytest.raises(CompileError, match="^a Pipeline that does not say which columns it reads: give their names$"):
        frames.translate(fitted)
    _, (step,), _ = parts(frames.translate(fitted, list(numbers)))
    columns = {name: numbers[name].to_numpy() for name in numbers}
    np.testing.assert_allclose(step.transform(columns), fitted[1].transform(numbers))
    (part,) = frames._parts("x", [("skip", "passthrough"), ("scale", fitted[1])], list(numbers))
    assert part[0] == "x"
