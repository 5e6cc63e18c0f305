"""The libraries' own forms of trees, node by node: what is read of each, and what is none of ours."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor

from firesteel.errors import CompileError
from firesteel.program.estimators.conditions import ZERO
from functions.train.compile import boosters

LARGEST = np.finfo(np.float64).max


def plain(read):
    """What was read as lists, with its sets by node."""
    if isinstance(read, dict):
        return {node: members.astype(int).tolist() for node, members in read.items()}
    if isinstance(read, np.ndarray):
        return read.tolist()
    return {name: plain(value) for name, value in read._asdict().items()} if isinstance(read, tuple) else read


# scikit-learn


def histogram(X, y, **settings):
    defaults = {"max_iter": 1, "learning_rate": 1.0, "min_samples_leaf": 1, "early_stopping": False}
    model = HistGradientBoostingRegressor(**defaults | settings).fit(np.array(X), y)
    return boosters.histogram(model, "y.trees")


def test_a_tree_of_scikit_learns_has_its_thresholds_values_and_counts():
    read = histogram([[7, 0], [7, 1], [7, 2], [7, 3], [7, np.nan]], [0, 0, 6, 6, 8], max_leaf_nodes=3)
    assert (plain(read.intercept), read.zeros) == ([4.0], ())
    tree = read.trees[0][0]
    assert plain(tree.value) == pytest.approx([0.0, -4.0, 8 / 3, 2.0, 4.0])
    assert plain(tree._replace(value=np.array([]))) == {
        "feature": [1, -1, 1, -1, -1],
        "threshold": [1.5, 0.0, LARGEST, 0.0, 0.0],
        "missing": [0, 0, 0, 0, 0],
        "sets": {},
        "left": [1, 0, 3, 0, 0],
        "right": [2, 0, 4, 0, 0],
        "value": [],
        "cover": [5.0, 2.0, 3.0, 2.0, 1.0],
    }


def test_a_set_of_scikit_learns_is_of_codes_and_its_column_the_one_that_was_given():
    codes = np.repeat([2.0, 3.0, 5.0], 20)
    X = np.column_stack([np.zeros(60), codes])
    tree = histogram(X, codes != 2, categorical_features=[1], max_leaf_nodes=2).trees[0][0]
    of_two, missing = bool(tree.value[tree.left[0]] < 0), bool(tree.missing[0])
    assert plain(tree.feature) == [1, -1, -1]
    assert plain(tree.sets) == {0: [missing, missing, of_two, not of_two, missing, not of_two]}


def test_a_set_goes_as_far_as_its_last_code_and_beyond_are_missing_values():
    codes = np.repeat([0.0, np.nan], 20)
    tree = histogram(codes[:, np.newaxis], np.isnan(codes), categorical_features=[0], max_leaf_nodes=2).trees[0][0]
    missing_goes_left = bool(tree.value[tree.left[0]] > 0)
    assert (plain(tree.sets[0]), bool(tree.missing[0])) == ([not missing_goes_left], missing_goes_left)


@pytest.mark.parametrize("codes", [(0.5, 1.0), (-1.0, 1.0), (-1.5, 1.0)])
def test_categories_that_are_no_codes_are_refused(codes):
    with pytest.raises(CompileError, match=r"^y\.trees: a categorical feature has values that are not codes 0, 1, 2"):
        boosters._codes(np.array(codes), "y.trees")


@pytest.mark.parametrize("kind", [float, int, np.uint8])
def test_codes_are_whole_numbers_from_0_on_whatever_they_are_held_in(kind):
    assert boosters._codes(np.array([0, 1, 7], kind), "y.trees").tolist() == [0, 1, 7]
    assert boosters._codes(np.array([3.0, np.nan]), "y.trees").tolist() == [3]


# LightGBM


def lightgbm(*trees, scores=1, averaged=False):
    """Reads trees in LightGBM's text form."""
    head = f"tree\nversion=v4\nnum_tree_per_iteration={scores}\nlabel_index=0" + "\naverage_output" * averaged
    blocks = [
        f"\nTree={number}\n" + "\n".join(f"{key}={value}" for key, value in tree.items()) + "\nnote=a=b\nno more\n"
        for number, tree in enumerate(trees)
    ]
    text = head + "\n" + "\n".join(blocks) + "\nend of trees\n\nTree=none of them\nfeature_importances:\n"
    model = SimpleNamespace(booster_=SimpleNamespace(model_to_string=lambda: text))
    return boosters.lightgbm(model, "y.trees")


def chain(feature, threshold, decision, **more):
    """A tree in which every node has a leaf on its left, and the next node, or the last leaf, on its right."""
    nodes = len(feature.split())
    return {
        "num_leaves": nodes + 1,
        "split_feature": feature,
        "threshold": threshold,
        "decision_type": decision,
        "left_child": " ".join(str(-1 - node) for node in range(nodes)),
        "right_child": " ".join(str(node) for node in [*range(1, nodes), -1 - nodes]),
        "leaf_value": " ".join(str(leaf / 2) for leaf in range(nodes + 1)),
        "leaf_count": " ".join(str(leaf + 10) for leaf in range(nodes + 1)),
        **more,
    }


def test_a_tree_of_lightgbms_has_its_nodes_first_and_then_its_leaves():
    read = lightgbm(chain("2 0 1", "0.5 1.5 -inf", "10 8 10"))
    assert (len(read.trees), plain(read.intercept), read.zeros) == (1, [0.0], [])
    assert plain(read.trees[0][0]) == {
        "feature": [2, 0, 1, -1, -1, -1, -1],
        "threshold": [0.5, 1.5, -LARGEST, 0, 0, 0, 0],
        "missing": [1, 0, 1, 0, 0, 0, 0],
        "sets": {},
        "left": [3, 4, 5, 0, 0, 0, 0],
        "right": [1, 2, 6, 0, 0, 0, 0],
        "value": [0, 0, 0, 0.0, 0.5, 1.0, 1.5],
        "cover": [0, 0, 0, 10, 11, 12, 13],
    }


def test_where_a_missing_value_goes_is_said_by_the_decision_or_by_0_where_none_was_ever_missing():
    nan_right, nan_left, zero_right, zero_left, never = "8", "10", "4", "6", ("0", "2")
    told = lightgbm(chain("0 1 2 3", "-1 1 -1 1", f"{nan_right} {nan_left} {zero_right} {zero_left}"))
    assert plain(told.trees[0][0].missing[:4]) == [0, 1, 0, 1]
    assert told.zeros == [2, 3]
    for decision in never:
        of_zero = lightgbm(chain("0 1 2 3", "-1 0 0.5 1", " ".join([decision] * 4)))
        assert plain(of_zero.trees[0][0].missing[:4]) == [0, 1, 1, 1]
        assert of_zero.zeros == []


def test_what_is_as_near_to_0_as_lightgbm_sees_is_0():
    below = np.nextafter(-ZERO, -1)
    near = [0.0, 1e-36, -1e-36, ZERO, -ZERO, below, 2 * ZERO]
    read = lightgbm(chain("0 " * len(near), " ".join(map(repr, map(float, near))), "8 " * len(near)))
    assert plain(read.trees[0][0].threshold[: len(near)]) == [ZERO, ZERO, below, ZERO, below, below, 2 * ZERO]


def test_a_set_of_lightgbms_is_the_bits_of_its_words_and_has_no_missing_value():
    sets = {"cat_boundaries": "0 1 3", "cat_threshold": f"{0b101} {1 << 31} 2"}
    tree = lightgbm(chain("4 1 0", "1 0.5 0", "3 10 1", **sets)).trees[0][0]
    assert {node: np.flatnonzero(members).tolist() for node, members in tree.sets.items()} == {0: [31, 33], 2: [0, 2]}
    assert [len(members) for members in tree.sets.values()] == [64, 32]
    assert plain(tree.missing[:3]) == [0, 1, 0]


def test_lightgbms_trees_take_turns_at_the_scores_and_a_forest_has_their_mean():
    trees = [{"num_leaves": 1, "leaf_value": value} for value in ("1", "2", "3", "4")]
    for averaged, values in ((False, [[1.0, 3.0], [2.0, 4.0]]), (True, [[0.5, 1.5], [1.0, 2.0]])):
        read = lightgbm(*trees, scores=2, averaged=averaged)
        assert [[one.value.tolist() for one in own] for own in read.trees] == [[[v] for v in own] for own in values]
        assert plain(read.intercept) == [0.0, 0.0]


def test_a_tree_of_one_leaf_has_one_of_everything():
    assert plain(boosters.leaf(2.0)) == {
        "feature": [-1],
        "threshold": [0.0],
        "missing": [False],
        "sets": {},
        "left": [0],
        "right": [0],
        "value": [2.0],
        "cover": [1.0],
    }


@pytest.mark.parametrize(("linear", "refused"), [({}, False), ({"is_linear": 0}, False), ({"is_linear": 1}, True)])
def test_linear_trees_are_refused(linear, refused):
    if not refused:
        assert len(lightgbm(chain("0", "1", "8", **linear)).trees[0]) == 1
        return
    with pytest.raises(CompileError, match=r"^y\.trees: LightGBM's linear trees cannot be compiled"):
        lightgbm(chain("0", "1", "8"), chain("0", "1", "8", **linear))


def test_a_features_zeros_are_missing_in_all_trees_or_in_none():
    zero, nan = chain("3 1", "1 1", "4 6"), chain("2", "1", "8")
    assert lightgbm(zero, nan).zeros == [1, 3]
    by_set = chain("3", "0", "1", cat_boundaries="0 1", cat_threshold="1")
    for other in (chain("1", "1", "8"), chain("3", "1", "0"), by_set):
        with pytest.raises(CompileError, match=r"^y\.trees: LightGBM takes a feature's zeros as missing in some trees"):
            lightgbm(zero, nan, other)


# CatBoost

FEATURES = [
    {"feature_index": 0, "flat_feature_index": 2, "nan_value_treatment": "AsIs"},
    {"feature_index": 1, "flat_feature_index": 5, "nan_value_treatment": "AsFalse"},
    {"feature_index": 2, "flat_feature_index": 7, "nan_value_treatment": "AsTrue"},
]


def catboost(bias, scale=1.0, **trees):
    """Reads trees in CatBoost's JSON form."""
    content = {"features_info": {"float_features": FEATURES}, "scale_and_bias": [scale, bias], **trees}

    def save_model(path, **form):
        assert form == {"format": "json"}
        Path(path).write_text(json.dumps(content), encoding="utf-8")

    return boosters.catboost(SimpleNamespace(save_model=save_model), "y.trees")


def split(feature, border, kind="FloatFeature"):
    return {"split_type": kind, "float_feature_index": feature, "border": border}


def oblivious(splits, values, weights):
    return {"splits": [split(*one) for one in splits], "leaf_values": values, "leaf_weights": weights}


def test_oblivious_trees_of_fewer_levels_ask_their_first_question_again():
    half, one, two = (boosters._as_double(border) for border in (0.5, 1.0, 2.0))
    read = catboost(
        [3.0],
        2.0,
        oblivious_trees=[
            {"splits": None, "leaf_values": [9.0], "leaf_weights": [6]},
            oblivious([(2, 2.0)], [1.0, 2.0], [2, 4]),
            oblivious([(0, 0.5), (1, 1.0)], [1.0, 2.0, 3.0, 4.0], [0, 1, 2, 3]),
        ],
    )
    assert isinstance(read, boosters.Symmetric)
    assert plain(read) == {
        "feature": [[7, 7, 2], [7, 7, 5]],
        "threshold": [[two, two, half], [two, two, one]],
        "missing": [[False, False, True], [False, False, True]],
        "values": [[[18.0]] * 4, [[4.0], [2.0], [4.0], [2.0]], [[8.0], [6.0], [4.0], [2.0]]],
        "covers": [[6.0] * 4, [4.0, 2.0, 4.0, 2.0], [3.0, 2.0, 1.0, 0.0]],
        "intercept": [3.0],
    }


def test_a_leaf_of_catboosts_has_a_value_for_each_score():
    read = catboost([], oblivious_trees=[oblivious([(0, 1.0)], [1.0, 2.0, 3.0, 4.0], [5, 6])])
    assert (plain(read.values), plain(read.covers)) == ([[[3.0, 4.0], [1.0, 2.0]]], [[6.0, 5.0]])


@pytest.mark.parametrize(("bias", "intercept"), [([], [0.0, 0.0]), ([1.0, 2.0], [1.0, 2.0]), (4.0, [4.0, 4.0])])
def test_the_bias_is_each_scores_own_or_of_all_or_none(bias, intercept):
    tree = oblivious([(0, 1.0)], [1, 2, 3, 4], [1, 2])
    leafwise = {"split": split(0, 1.0), "left": {"value": [1, 2]}, "right": {"value": [3, 4]}}
    assert plain(catboost(bias, oblivious_trees=[tree]).intercept) == intercept
    assert plain(catboost(bias, trees=[leafwise]).intercept) == intercept
    assert plain(catboost(bias, oblivious_trees=[{"leaf_values": [1, 2]}]).intercept) == intercept


def test_trees_without_any_split_are_a_leaf_for_each_score():
    read = catboost([], 2.0, oblivious_trees=[{"leaf_values": [1.0, 2.0]}, {"splits": [], "leaf_values": [3.0, 4.0]}])
    assert [[plain(tree) for tree in own] for own in read.trees] == [
        [plain(boosters.leaf(value)) for value in own] for own in ((2.0, 6.0), (4.0, 8.0))
    ]
    none = catboost([1.0], oblivious_trees=[])
    assert (none.trees, plain(none.intercept)) == ([[]], [1.0])


def test_a_tree_of_catboosts_that_is_not_oblivious_has_each_nodes_children():
    inner = {"split": split(2, 2.0), "left": {"value": 1.0, "weight": 3}, "right": {"value": 2.0, "weight": 4}}
    read = catboost([1.5], 2.0, trees=[{"split": split(0, 0.5), "left": inner, "right": {"value": 5.0, "weight": 6}}])
    assert plain(read.intercept) == [1.5]
    assert plain(read.trees[0][0]) == {
        "feature": [2, 7, -1, -1, -1],
        "threshold": [boosters._as_double(0.5), boosters._as_double(2.0), 0.0, 0.0, 0.0],
        "missing": [True, False, False, False, False],
        "sets": {},
        "left": [1, 2, 0, 0, 0],
        "right": [4, 3, 0, 0, 0],
        "value": [0.0, 0.0, 2.0, 4.0, 10.0],
        "cover": [0.0, 0.0, 3.0, 4.0, 6.0],
    }


def test_what_catboost_splits_by_that_is_no_number_is_refused():
    for trees in (
        {"oblivious_trees": [oblivious([(0, 1.0, "OneHotFeature")], [1, 2], [1, 2])]},
        {"trees": [{"split": split(0, 1.0, "OneHotFeature"), "left": {"value": 1}, "right": {"value": 2}}]},
    ):
        with pytest.raises(CompileError, match=r"^y\.trees: CatBoost's OneHotFeature splits .* cannot be compiled"):
            catboost([0.0], **trees)


def test_without_the_weights_of_leaves_there_would_be_no_explanations():
    tree = oblivious([(0, 1.0)], [1, 2], [1, 2])
    del tree["leaf_weights"]
    with pytest.raises(CompileError, match=r"^y\.trees: this CatBoost model has no leaf weights"):
        catboost([0.0], oblivious_trees=[tree])


@pytest.mark.parametrize(
    "border", [0.0, 1.0, -1.0, 0.1, 1 / 3, 1e-45, -1e-45, 1e-30, 16777216.0, 3.4028235e38, -3.4028235e38, 1.7e38]
)
def test_a_double_is_not_above_a_border_if_it_is_not_once_it_is_single(border):
    low, border = np.float32(border), boosters._as_double(border)
    with np.errstate(over="ignore"):
        assert np.float32(border) <= low < np.float32(np.nextafter(border, np.inf))
