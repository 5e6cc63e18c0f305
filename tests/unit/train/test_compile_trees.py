"""What ensembles of trees become: how many scores, which conditions, and which models are none of ours."""

import catboost
import lightgbm
import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor

from firesteel.errors import CompileError
from functions.train.compile import boosters, trees
from tests.unit.program import boosted

COLUMNS = np.arange(boosted.FEATURES)
QUIET = {"allow_writing_files": False, "logging_level": "Silent", "thread_count": 1}


@pytest.mark.parametrize(
    ("name", "scores"),
    [("histogram", 1), ("histogram binary", 2), ("histogram classes", 4), ("lightgbm", 1), ("lightgbm classes", 4),
     ("catboost", 1), ("catboost binary", 2), ("catboost classes", 3)],
)  # fmt: skip
def test_a_number_has_one_score_and_each_class_its_own(name, scores):
    made = trees.compile_trees(boosted.case(name).model, COLUMNS, "y.estimator")
    assert (made.scores, made.tensors["intercept"].shape) == (scores, (scores,))
    assert scores != 2 or made.tensors["intercept"][0] == 0.0


def test_a_score_without_trees_is_its_intercept(monkeypatch):
    model = boosted.case("histogram").model
    monkeypatch.setattr(trees, "_read", lambda *_: boosters.Boosted([[]], np.array([2.0])))
    assert boosted.compiled(model).score(np.zeros((3, boosted.FEATURES))).tolist() == [[2.0]] * 3


@pytest.mark.parametrize(
    "model",
    [lightgbm.LGBMRanker(n_estimators=2, verbosity=-1, n_jobs=1), catboost.CatBoostRanker(iterations=2, **QUIET)],
    ids=["lightgbm", "catboost"],
)
def test_what_ranks_is_none_of_ours_though_its_library_is(model):
    X, y = boosted.data(missing=False)
    groups = {"group": [len(X)]} if isinstance(model, lightgbm.LGBMRanker) else {"group_id": np.zeros(len(X), int)}
    model.fit(X, (y > 0).astype(int), **groups)
    with pytest.raises(
        CompileError, match=r"step y\.estimator \((LGBM|CatBoost)Ranker\) cannot be compiled; possible: "
    ):
        trees.compile_trees(model, COLUMNS, "y.estimator")


class LGBMRegressor(HistGradientBoostingRegressor):
    """Called as one of another library's."""


class CatBoostRegressor(HistGradientBoostingRegressor):
    """The same."""


@pytest.mark.parametrize("kind", [LGBMRegressor, CatBoostRegressor])
def test_a_name_alone_makes_no_model_one_of_a_library(kind):
    X, y = boosted.data(missing=False)
    made = trees.compile_trees(kind(max_iter=2).fit(X, y), COLUMNS, "y.estimator")
    assert made.meta == {"kind": "trees"}


def test_a_model_of_catboosts_from_a_file_has_its_features(tmp_path):
    model = boosted.case("catboost").model
    model.save_model(str(tmp_path / "model.cbm"))
    again = catboost.CatBoostRegressor().load_model(str(tmp_path / "model.cbm"))
    first, second = (trees.compile_trees(one, COLUMNS, "y.estimator") for one in (model, again))
    assert first.tensors.keys() == second.tensors.keys()
    assert all(np.array_equal(first.tensors[name], second.tensors[name]) for name in first.tensors)


def test_a_split_by_set_is_no_condition_by_order():
    rng = np.random.default_rng(0)
    X = rng.integers(0, 9, (400, 1)).astype(float)
    model = HistGradientBoostingRegressor(max_iter=3, categorical_features=[0]).fit(X, np.isin(X[:, 0], [1, 4, 7]))
    tensors = trees.compile_trees(model, np.arange(1), "y.estimator").tensors
    assert len(tensors["thresholds"]) == len(tensors["features"]) == len(tensors["missing"]) == 0
    assert len(tensors["set.features"])
    assert set(tensors["tests"]) <= set(range(-1, len(tensors["set.features"])))
