"""Contributions are the Shapley values of path-dependent TreeSHAP, and add up to the score."""

import warnings
from itertools import combinations
from math import factorial

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from firesteel.errors import InputError
from firesteel.program.estimators import shapley, trees
from functions.train.compile.trees import compile_trees
from tests.unit.program import boosted

SHAP = [
    "histogram",
    "histogram large",
    "histogram poisson",
    "histogram stumps",
    "lightgbm",
    "lightgbm zero is missing",
    "lightgbm sets",
    "lightgbm large",
    "lightgbm classes",
    "catboost",
    "catboost never missing",
    "catboost binary",
    "catboost classes",
    "catboost depthwise",
]


@pytest.fixture(scope="module")
def explainer():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from shap import TreeExplainer

    return lambda model: TreeExplainer(model, feature_perturbation="tree_path_dependent")


@pytest.mark.parametrize("name", SHAP)
def test_contributions_are_those_of_shap(name, explainer):
    case = boosted.case(name)
    made = boosted.compiled(case.model)
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore")
        theirs = explainer(case.model)
        X = case.X[:60]
        expected = np.asarray(theirs.shap_values(X)).reshape(60, boosted.FEATURES, -1)
    scores = expected.shape[2]
    np.testing.assert_allclose(made.contributions(X)[:, :, -scores:], expected, rtol=0, atol=1e-9)
    np.testing.assert_allclose(made.base[-scores:], np.ravel(theirs.expected_value)[-scores:], rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", ["lightgbm", "lightgbm sets", "lightgbm binary", "lightgbm dart", "lightgbm classes"])
def test_contributions_are_lightgbms_own(name):
    case = boosted.case(name)
    made = boosted.compiled(case.model)
    X = boosted.probes(made, 100)
    own = case.model.booster_.predict(X, pred_contrib=True).reshape(100, -1, boosted.FEATURES + 1)
    scores = own.shape[1]
    np.testing.assert_allclose(made.contributions(X)[:, :, -scores:], own[:, :, :-1].swapaxes(1, 2), atol=1e-9)
    np.testing.assert_allclose(made.base[-scores:], own[0, :, -1], atol=1e-9)


@pytest.mark.parametrize("name", ["catboost deep", "catboost poisson", "catboost leafwise classes"])
def test_contributions_are_catboosts_own(name):
    import catboost

    case = boosted.case(name)
    made = boosted.compiled(case.model)
    X = case.X[:100]
    own = case.model.get_feature_importance(catboost.Pool(X), type="ShapValues").reshape(100, -1, boosted.FEATURES + 1)
    np.testing.assert_allclose(made.contributions(X), own[:, :, :-1].swapaxes(1, 2), atol=1e-9)
    np.testing.assert_allclose(made.base, own[0, :, -1], atol=1e-9)


@pytest.mark.parametrize("name", boosted.NAMES)
def test_base_and_contributions_add_up_to_the_score(name):
    made = boosted.compiled(boosted.case(name).model)
    X = np.concatenate([boosted.probes(made, 150), boosted.case(name).X[:150]])
    contributions = made.contributions(X)
    assert contributions.shape == (300, boosted.FEATURES, len(made.base))
    np.testing.assert_allclose(made.base + contributions.sum(1), made.score(X), rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", boosted.NAMES)
def test_a_row_alone_is_explained_as_in_a_batch(name):
    made = boosted.compiled(boosted.case(name).model)
    X = boosted.probes(made, 100)
    alone = np.concatenate([made.contributions(X[row : row + 1]) for row in range(10)])
    np.testing.assert_allclose(alone, made.contributions(X)[:10], rtol=0, atol=1e-11)
    assert made.contributions(X[:0]).shape == (0, boosted.FEATURES, len(made.base))


def expected(made: trees.Trees, passed: np.ndarray, node: int, known: frozenset[int]) -> float:
    """What a tree is expected to say from the node on if only the known features are: the definition, by recursion."""
    test = made.tests[node]
    if test < 0:
        return float(made.values[np.count_nonzero(made.tests[:node] < 0)])
    left = made.roots + 2 * np.count_nonzero(made.tests[:node] >= 0)
    if made.conditions.features[test] in known:
        return expected(made, passed, left + (not passed[test]), known)
    return sum(made.shares[child] * expected(made, passed, child, known) for child in (left, left + 1))


def by_definition(made: trees.Trees, row: np.ndarray, root: int) -> np.ndarray:
    """The Shapley values [features] of one tree, by enumeration of all coalitions."""
    passed = made.conditions.passed(row[None])[:, 0]
    features = range(made.size)
    worth = {
        frozenset(known): expected(made, passed, root, frozenset(known))
        for count in range(made.size + 1)
        for known in combinations(features, count)
    }
    values = np.zeros(made.size)
    for known, value in worth.items():
        size = len(known)
        for feature in features:
            if feature in known:
                values[feature] += value * factorial(size - 1) * factorial(made.size - size) / factorial(made.size)
            else:
                values[feature] -= value * factorial(size) * factorial(made.size - size - 1) / factorial(made.size)
    return values


@pytest.mark.parametrize("name", ["histogram sets", "lightgbm sets", "lightgbm zero is missing", "catboost leafwise"])
def test_contributions_are_shapley_values_by_their_definition(name):
    """CatBoost's own, of trees that are not oblivious and deep, do not add up to its score."""
    made = boosted.compiled(boosted.case(name).model)
    for row in boosted.probes(made, 3):
        values = sum(by_definition(made, row, root) for root in range(made.roots))
        np.testing.assert_allclose(made.contributions(row[None])[0, :, 0], values, atol=1e-10)


def ladder(features: int) -> trees.Trees:
    """One tree whose longest path has a split on each of the features, and then a second on each."""
    splits = 2 * features
    tests = np.concatenate([[0], *([-1, number] for number in range(1, splits)), [-1, -1]]).astype(np.int32)
    rng = np.random.default_rng(3)
    tensors = {
        "features": np.tile(np.arange(features), 2).astype(np.int32),
        "thresholds": rng.normal(size=splits),
        "missing": np.zeros(splits, np.uint8),
        "tests": tests,
        "values": rng.normal(size=splits + 1),
        "covers": rng.integers(1, 50, splits + 1).astype(np.float64),
        "begins": np.array([0, 1], np.int32),
        "intercept": np.zeros(1),
    }
    return trees.Trees({"columns": {"y": (0, 1)}}, tensors, features)


def test_a_path_of_a_few_features_twice_is_explained_by_definition():
    made = ladder(7)
    for row in np.random.default_rng(5).normal(size=(4, 7)) + 1:
        np.testing.assert_allclose(made.contributions(row[None])[0, :, 0], by_definition(made, row, 0), atol=1e-12)


def test_a_path_of_many_features_is_explained_alike_alone_and_in_a_batch():
    made = ladder(60)
    X = np.random.default_rng(5).normal(size=(50, 60)) + 2
    together = made.contributions(X)
    alone = np.concatenate([made.contributions(row[None]) for row in X])
    np.testing.assert_allclose(together, alone, atol=1e-13)
    np.testing.assert_allclose(made.base + together.sum(1), made.score(X), atol=1e-12)


def test_nothing_is_kept_when_there_is_no_room(monkeypatch):
    case = boosted.case("histogram sets")
    kept = boosted.compiled(case.model).contributions(case.X[:50])
    monkeypatch.setattr(shapley, "_KEPT", 0)
    made = boosted.compiled(case.model)
    np.testing.assert_array_equal(made.contributions(case.X[:50]), kept)
    np.testing.assert_allclose(made.contributions(case.X[:1]), kept[:1], atol=1e-12)


def test_trees_too_large_to_be_explained_still_score(monkeypatch):
    made = boosted.compiled(boosted.case("histogram").model)
    monkeypatch.setattr(shapley, "_LIMIT", 100)
    assert np.isfinite(made.score(np.zeros((1, boosted.FEATURES)))).all()
    with pytest.raises(InputError, match="too large to be explained"):
        made.contributions(np.zeros((1, boosted.FEATURES)))


def test_a_feature_that_is_never_asked_for_contributes_nothing():
    X, y = boosted.data(missing=True)
    X[:, 4] = 1.0
    model = HistGradientBoostingRegressor(max_iter=5).fit(X, y)
    made = compile_trees(model, np.arange(boosted.FEATURES), "y")
    contributions = trees.load(made.meta | {"columns": {"y": [0, 1]}}, made.tensors, boosted.FEATURES).contributions(X)
    assert not contributions[:, 4].any()
    assert contributions[:, 0].any()
