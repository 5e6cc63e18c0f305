"""Compiled trees give the library's own raw scores for every row, and a file that is not well formed is refused."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor, RandomForestRegressor

from firesteel.errors import CompileError, ProgramError
from firesteel.program.estimators import trees
from functions.train.compile.trees import compile_trees
from tests.unit.program import boosted


def as_scores(raw: np.ndarray, made: trees.Ensemble) -> np.ndarray:
    """The library's raw scores as the program has them: of two classes the first has the score 0."""
    raw = np.asarray(raw).reshape(len(raw), -1)
    return np.column_stack([np.zeros(len(raw)), raw]) if raw.shape[1] < len(made.intercept) else raw


@pytest.mark.parametrize("name", boosted.NAMES)
def test_scores_are_the_librarys_own_wherever_it_decides(name):
    case = boosted.case(name)
    made = boosted.compiled(case.model)
    X = boosted.probes(made, 10_000)
    np.testing.assert_allclose(made.score(X), as_scores(case.raw(X), made), rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", boosted.NAMES)
def test_a_row_alone_scores_as_in_a_batch(name):
    made = boosted.compiled(boosted.case(name).model)
    X = boosted.probes(made, 520)
    alone = np.concatenate([made.score(X[row : row + 1]) for row in range(40)])
    few = np.concatenate([made.score(X[row : row + 20]) for row in range(0, 520, 20)])
    np.testing.assert_allclose(alone, made.score(X)[:40], rtol=0, atol=1e-12)
    np.testing.assert_allclose(few, made.score(X), rtol=0, atol=1e-12)
    assert made.score(X[:0]).shape == (0, len(made.intercept))


@pytest.mark.parametrize("name", ["histogram sets", "lightgbm sets", "lightgbm zero is missing", "catboost"])
def test_features_may_stand_elsewhere_in_the_program(name):
    case = boosted.case(name)
    columns = np.array([7, 3, 0, 9, 2, 4])
    X = np.full((200, 10), np.nan)
    X[:, columns] = boosted.probes(boosted.compiled(case.model), 200)
    moved = boosted.compiled(case.model, columns, 10)
    np.testing.assert_allclose(moved.score(X), boosted.compiled(case.model).score(X[:, columns]), atol=1e-12)


@pytest.mark.parametrize("name", ["histogram sets", "lightgbm sets", "catboost"])
def test_infinity_gives_a_finite_score(name):
    made = boosted.compiled(boosted.case(name).model)
    X = np.array([[np.inf] * boosted.FEATURES, [-np.inf] * boosted.FEATURES])
    assert np.isfinite(made.score(X)).all()
    assert np.isfinite(made.score(X.repeat(20, 0))).all()


def test_a_split_between_missing_and_present_values_is_kept():
    X = np.linspace(0, 1, 200)[:, None]
    X[::3] = np.nan
    y = np.isnan(X[:, 0]).astype(float)
    model = HistGradientBoostingRegressor(max_iter=3, max_leaf_nodes=2).fit(X, y)
    made = compile_trees(model, np.arange(1), "y")
    loaded = trees.load(made.meta | {"columns": {"y": [0, 1]}}, made.tensors, 1)
    rows = np.array([[np.nan], [0.0], [1e300]])
    np.testing.assert_allclose(loaded.score(rows), model.predict(rows)[:, None], atol=1e-12)
    assert loaded.score(rows)[0] > loaded.score(rows)[1] == loaded.score(rows)[2]


def test_categories_need_not_be_numbered_without_gaps():
    rng = np.random.default_rng(0)
    X = rng.choice([3.0, 8.0, 40.0, 41.0, np.nan], (400, 1))
    y = np.where(np.isin(X[:, 0], [3.0, 41.0]), 1.0, 0.0) + np.isnan(X[:, 0])
    model = HistGradientBoostingRegressor(max_iter=5, categorical_features=[0]).fit(X, y)
    made = compile_trees(model, np.arange(1), "y")
    loaded = trees.load(made.meta | {"columns": {"y": [0, 1]}}, made.tensors, 1)
    rows = np.array([[code] for code in [*range(50), 255, 300, np.nan]])
    np.testing.assert_allclose(loaded.score(rows), model.predict(rows)[:, None], atol=1e-12)


def fit(model, y=None, **settings):
    X, target = boosted.data(missing=False)
    return model.fit(X, target if y is None else y(target), **settings)


def linear_trees():
    import lightgbm

    return fit(lightgbm.LGBMRegressor(n_estimators=2, linear_tree=True, verbosity=-1))


def catboost_with_categories():
    import catboost

    X, y = boosted.data(missing=False)
    X = X.astype(object)
    X[:, 0] = X[:, 0].astype(int).astype(str)
    model = catboost.CatBoostRegressor(
        iterations=5, allow_writing_files=False, logging_level="Silent", cat_features=[0]
    )
    return model.fit(X, y)


def catboost_of_two_outputs():
    import catboost

    model = catboost.CatBoostRegressor(
        iterations=2, loss_function="MultiRMSE", allow_writing_files=False, logging_level="Silent"
    )
    return fit(model, lambda y: np.column_stack([y, -y]))


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (linear_trees, "linear_tree"),
        (catboost_with_categories, "cat_features"),
        (catboost_of_two_outputs, "2 outputs"),
        (HistGradientBoostingClassifier, "not fitted"),
        (object, "not fitted, or no estimator"),
        (lambda: fit(RandomForestRegressor(n_estimators=2)), "RandomForestRegressor"),
        (lambda: fit(HistGradientBoostingRegressor(max_iter=1, categorical_features=[2])), "codes 0, 1, 2"),
    ],
)
def test_what_cannot_be_expressed_is_refused_by_name(make, told):
    with pytest.raises(CompileError, match=told) as refused:
        compile_trees(make(), np.arange(boosted.FEATURES), "y.trees")
    assert "y.trees" in str(refused.value)


def test_another_number_of_features_is_refused():
    with pytest.raises(CompileError, match=r"y\.trees: the estimator has 6 features, its steps 5"):
        compile_trees(boosted.case("catboost").model, np.arange(5), "y.trees")


def parts(name):
    made = compile_trees(boosted.case(name).model, np.arange(boosted.FEATURES), "y")
    return made.meta | {"columns": {"y": [0, made.scores]}}, {key: array.copy() for key, array in made.tensors.items()}


def put(key, place, value):
    def change(meta, tensors):
        tensors[key].reshape(-1)[place] = value

    return change


def resized(key, size):
    def change(meta, tensors):
        tensors[key] = np.resize(tensors[key], size)

    return change


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        ("lightgbm sets", put("features", 0, 6), "feature is not a whole number from 0 to 5"),
        ("lightgbm sets", put("features", 0, -1), "feature is not"),
        ("lightgbm sets", put("set.features", 0, 6), "set's feature"),
        ("lightgbm sets", put("thresholds", 0, np.nan), "threshold"),
        ("lightgbm sets", put("missing", 0, 2), "flag"),
        ("lightgbm sets", put("set.begins", 1, 1 << 30), "set's first bit"),
        ("lightgbm sets", put("set.begins", -1, 0), "do not follow"),
        ("lightgbm sets", resized("set.missing", 1), "not as many"),
        ("lightgbm sets", resized("missing", 1), "not as many"),
        ("lightgbm zero is missing", put("zeros", 0, 6), "zero is missing"),
        ("lightgbm sets", put("tests", 0, 1 << 30), "node's condition"),
        ("lightgbm sets", put("tests", 0, -2), "node's condition"),
        ("lightgbm sets", put("tests", 0, -1), "two for each condition"),
        ("lightgbm sets", put("begins", 0, 1), "order of their scores"),
        ("lightgbm sets", put("begins", -1, 0), "two for each condition"),
        ("lightgbm sets", put("begins", -1, 1 << 30), "first tree"),
        ("lightgbm sets", put("values", 0, np.inf), "value"),
        ("lightgbm sets", put("values", 0, np.nan), "value"),
        ("lightgbm sets", put("covers", 0, -1), "cover"),
        ("lightgbm sets", resized("covers", 3), "leaves"),
        ("lightgbm sets", put("intercept", 0, np.nan), "intercept"),
        ("lightgbm sets", lambda meta, tensors: meta.update(kind="forest"), "'forest'"),
        ("lightgbm sets", lambda meta, tensors: meta.update(columns={"y": [0, 2]}), "scores lie outside"),
        ("lightgbm sets", lambda meta, tensors: tensors.update(tests=tensors["tests"].astype(float)), "whole number"),
        ("catboost", put("tests", 0, -1), "level's condition"),
        ("catboost", put("values", 5, np.nan), "value"),
        ("catboost", put("covers", 5, np.nan), "cover"),
        ("catboost", resized("covers", (20, 32)), "other numbers"),
        ("catboost", lambda meta, tensors: tensors.update(tests=tensors["tests"][:0]), "0 levels"),
        ("catboost", lambda meta, tensors: tensors.update(tests=tensors["tests"][0]), "dimensions"),
        ("catboost", lambda meta, tensors: tensors.update(tests=np.zeros((17, 20), np.int32)), "17 levels"),
        ("catboost", lambda meta, tensors: tensors.update(intercept=np.zeros(0)), "scores lie outside"),
    ],
)
def test_a_file_that_is_not_well_formed_is_refused(name, change, told):
    meta, tensors = parts(name)
    change(meta, tensors)
    with pytest.raises(ProgramError, match=told):
        trees.load(meta, tensors, boosted.FEATURES)


def chain(depth):
    """One tree in which every node has a leaf and a node."""
    tests = np.concatenate([[0], np.tile([-1, 0], depth)]).astype(np.int32)
    tests[-1] = -1
    leaves = np.count_nonzero(tests < 0)
    return {
        "features": np.zeros(1, np.int32),
        "thresholds": np.zeros(1),
        "missing": np.zeros(1, np.uint8),
        "tests": tests,
        "values": np.ones(leaves),
        "covers": np.ones(leaves),
        "begins": np.array([0, 1], np.int32),
        "intercept": np.zeros(1),
    }


def test_a_tree_too_deep_is_refused():
    meta = {"kind": "trees", "columns": {"y": [0, 1]}}
    loaded = trees.load(meta, chain(trees.DEPTH_LIMIT - 1), 1)
    assert loaded.score(np.ones((1, 1))) == loaded.score(np.ones((20, 1)))[0] == 1
    with pytest.raises(ProgramError, match="levels"):
        trees.load(meta, chain(trees.DEPTH_LIMIT), 1)


def test_nodes_without_a_way_to_them_are_refused():
    """As many nodes as there should be, but from the third on they are nobody's children but their own."""
    tensors = chain(3) | {"tests": np.array([-1, 0, -1, 0, 0, -1, -1], np.int32)}
    with pytest.raises(ProgramError, match="no parent before it"):
        trees.load({"kind": "trees", "columns": {"y": [0, 1]}}, tensors, 1)


@settings(max_examples=150, deadline=None)
@given(st.data(), st.sampled_from(["lightgbm sets", "lightgbm zero is missing", "catboost classes"]))
def test_whatever_a_file_holds_it_is_refused_or_gives_finite_answers(drawn, name):
    meta, tensors = parts(name)
    key = drawn.draw(st.sampled_from(sorted(tensors)))
    raw = tensors[key].view(np.uint8).reshape(-1)
    places = st.lists(st.tuples(st.integers(0, len(raw) - 1), st.integers(0, 255)), min_size=1, max_size=8)
    for place, value in drawn.draw(places):
        raw[place] = value
    X = boosted.case(name).X
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            loaded = trees.load(meta, tensors, boosted.FEATURES)
        except ProgramError:
            return
        assert np.isfinite(loaded.score(X[:40])).all()
        assert np.isfinite(loaded.score(X[:1])).all()
        assert np.isfinite(loaded.contributions(X[:2])).all()
