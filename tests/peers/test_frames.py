"""Fitted scikit-learn models over columns become programs that answer alike; what cannot be expressed is named."""

import warnings
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import ElasticNet, Lasso, LinearRegression, LogisticRegression, PoissonRegressor, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
)

from cli.peers import foreign
from cli.peers.foreign import Foreign
from firesteel.errors import CompileError
from firesteel.program.schema import Category, Number, Text


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    generator = np.random.default_rng(0)
    notes = ["late payment again", "great service", "cancel my plan", "hello"]
    made = {
        "age": generator.normal(40, 10, 400),
        "income": generator.lognormal(10, 1, 400),
        "plan": generator.choice(["basic", "plus", "pro"], 400),
        "tier": generator.choice(["low", "high"], 400),
        "note": generator.choice(notes, 400),
    }
    table = pd.DataFrame(made)
    table.loc[::7, "age"] = np.nan
    return table


@pytest.fixture(scope="module")
def labels(frame: pd.DataFrame) -> np.ndarray:
    return np.where(frame.note.str.contains("cancel") | (frame.income > 40_000), "goes", "stays")


@pytest.fixture(scope="module")
def amounts(frame: pd.DataFrame) -> np.ndarray:
    return np.asarray(frame.income / 1000)


def translated(fitted: Any, names: list[str] | None = None) -> tuple[Foreign, float]:
    """The program of a fitted model, and how far its answers are from the model's on hostile rows."""
    model = foreign.translate("m", fitted, target="answer", text="text", names=names)
    rows, difference = foreign.prove(model, [model.loaded.check(foreign.example(model.loaded))])
    assert rows > 1000
    return model, difference


def test_numbers_categories_and_texts_side_by_side(frame: pd.DataFrame, labels: np.ndarray) -> None:
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    columns = ColumnTransformer(
        [
            ("numbers", numbers, ["age", "income"]),
            ("plans", OneHotEncoder(handle_unknown="ignore", drop="first"), ["plan"]),
            ("words", TfidfVectorizer(ngram_range=(1, 2)), "note"),
            ("tiers", OrdinalEncoder(), ["tier"]),
        ]
    )
    model, difference = translated(
        Pipeline([("columns", columns), ("model", LogisticRegression(max_iter=500))]).fit(frame, labels)
    )
    assert difference < 1e-6
    fields = {field.name: field for field in model.loaded.inputs.fields}
    assert [*fields] == ["age", "income", "plan", "tier", "note"]
    assert fields["age"] == Number("age", False, None, None, False, None)  # the imputer fills what is missing
    assert fields["plan"] == Category("plan", True, None, 10_000)
    assert fields["tier"] == Category(
        "tier", True, ["high", "low"], 10_000
    )  # an unknown one is an error of scikit-learn's
    assert isinstance(fields["note"], Text)
    row = {"age": None, "income": 90_000, "plan": "pro", "tier": "low", "note": "hello"}
    assert model.loaded.predict(model.loaded.check(row)).labels == {"answer": "goes"}


@pytest.mark.parametrize(
    "chain",
    [
        [MinMaxScaler()],
        [MaxAbsScaler()],
        [RobustScaler()],
        [StandardScaler(with_mean=False)],
        [StandardScaler(with_std=False)],
        [StandardScaler(), SimpleImputer(strategy="constant", fill_value=-1.0)],
        [SimpleImputer(), MinMaxScaler(), StandardScaler()],
    ],
    ids=lambda chain: " ".join(type(step).__name__ for step in chain),
)
def test_scalers_and_imputers_in_any_order(chain: list[Any], frame: pd.DataFrame, amounts: np.ndarray) -> None:
    fitted = make_pipeline(*chain, HistGradientBoostingRegressor(max_iter=5)).fit(frame[["age", "income"]], amounts)
    assert translated(fitted)[1] < 1e-6


@pytest.mark.parametrize(
    "estimator",
    [
        LinearRegression(),
        Ridge(),
        Lasso(),
        ElasticNet(),
        PoissonRegressor(max_iter=500),
        HistGradientBoostingRegressor(max_iter=5, loss="poisson"),
        lightgbm.LGBMRegressor(n_estimators=5, objective="poisson", verbose=-1),
    ],
    ids=lambda one: type(one).__name__,
)
def test_estimators_alone_or_after_a_scaler(estimator: Any, frame: pd.DataFrame, amounts: np.ndarray) -> None:
    model, difference = translated(make_pipeline(StandardScaler(), estimator).fit(frame[["income"]], amounts))
    assert difference < 1e-6
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert translated(estimator.fit(frame[["income"]], amounts))[1] < 1e-6
    assert model.loaded.targets[0].task in ("regression", "count")


def test_labels_that_are_numbers_become_texts(frame: pd.DataFrame, labels: np.ndarray) -> None:
    model, _ = translated(LogisticRegression().fit(frame[["income"]], (labels == "goes").astype(int)))
    assert model.loaded.targets[0].labels == ("0", "1")  # type: ignore[union-attr]


def test_an_array_without_names_takes_those_that_are_given_or_numbers(frame: pd.DataFrame, amounts: np.ndarray) -> None:
    fitted = Ridge().fit(frame[["income"]].to_numpy(), amounts)
    assert [field.name for field in translated(fitted)[0].loaded.inputs.fields] == ["x0"]
    assert [field.name for field in translated(fitted, ["income"])[0].loaded.inputs.fields] == ["income"]
    with pytest.raises(CompileError, match="2 names for 1 columns"):
        translated(fitted, ["income", "age"])


def test_columns_chosen_by_place_mask_slice_or_kind_and_those_left_over(
    frame: pd.DataFrame, amounts: np.ndarray
) -> None:
    table = frame[["age", "income"]].fillna(0)
    chosen: list[Any] = [
        [0, 1],
        [True, True],
        slice(0, 2),
        make_column_selector(dtype_include=np.number),
        slice("age", "income"),
    ]
    for columns in chosen:
        transformer = ColumnTransformer([("scaled", StandardScaler(), columns)])
        assert translated(make_pipeline(transformer, Ridge()).fit(table, amounts))[1] < 1e-6
    rest = ColumnTransformer([("gone", "drop", ["age"])], remainder="passthrough")
    model, difference = translated(make_pipeline(rest, Ridge()).fit(table, amounts))
    assert difference < 1e-6
    assert [field.name for field in model.loaded.inputs.fields] == ["income"]


def refused(*steps: tuple[str, Any, Any]) -> Pipeline:
    return make_pipeline(ColumnTransformer(list(steps)), LogisticRegression())


@pytest.mark.parametrize(
    ("pipeline", "message"),
    [
        (
            refused(("bins", KBinsDiscretizer(3, quantile_method="averaged_inverted_cdf"), ["income"])),
            r"bins.*KBinsDiscretizer",
        ),
        (refused(("rare", OneHotEncoder(min_frequency=200), ["plan"])), "rare.*infrequent"),
        (refused(("codes", OneHotEncoder(), ["count"])), "codes.*not all texts"),
        (
            refused(("minus", OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), ["plan"])),
            "minus.*NaN",
        ),
        (refused(("flags", SimpleImputer(add_indicator=True), ["age"])), "flags.*add_indicator"),
        (refused(("clipped", MinMaxScaler(clip=True), ["income"])), "clipped.*clip"),
        (refused(("code", CountVectorizer(tokenizer=str.split, token_pattern=None), "note")), "code.*is code"),
        (
            refused(("twice", OneHotEncoder(), ["plan"]), ("again", CountVectorizer(), "plan")),
            "plan is read by two steps",
        ),
        (make_pipeline(StandardScaler(), RandomForestClassifier(2)), "RandomForestClassifier"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_what_a_program_cannot_express_is_refused_by_name(
    pipeline: Pipeline, message: str, frame: pd.DataFrame, labels: np.ndarray
) -> None:
    table = frame.assign(count=1)
    given = table[["income"]] if "Forest" in message else table
    with pytest.raises(CompileError, match=message):
        translated(pipeline.fit(given, labels))


def test_a_model_that_is_not_fitted_or_has_two_outputs_is_refused(frame: pd.DataFrame, amounts: np.ndarray) -> None:
    with pytest.raises(CompileError, match="no fitted"):
        translated(LogisticRegression())
    with pytest.raises(CompileError, match="2 outputs"):
        translated(Ridge().fit(frame[["income"]], np.column_stack([amounts, amounts])))
