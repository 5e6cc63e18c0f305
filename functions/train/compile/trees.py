"""Boosted trees as the arrays that program/estimators takes: the same comparisons, to the last bit."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import is_classifier
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from firesteel.errors import CompileError
from functions.train.compile import boosters
from functions.train.compile.boosters import Boosted, Symmetric, Tree
from functions.train.steps.step import smallest


class Compiled(NamedTuple):
    """Trees as a program has them: their description without `columns`, their arrays, and how many raw scores they give."""

    meta: dict[str, Any]
    tensors: dict[str, np.ndarray]
    scores: int


def compile_trees(model: object, columns: np.ndarray, name: str) -> Compiled:
    """The fitted HistGradientBoosting, LightGBM or CatBoost `model` as a program has it.

    `columns[i]` is the program's number of the model's feature i. A classifier has one score a class; of two classes
    the first has the score 0. Raises CompileError naming `name` and what cannot be expressed.
    """
    read = _read(model, name)
    if len(columns) != (features := _features(model)):
        raise CompileError(f"{name}: the estimator has {features} features, its steps {len(columns)}")
    scores = len(read.intercept)
    if scores > 1 and not is_classifier(model):
        raise CompileError(
            f"{name}: a {type(model).__name__} of {scores} outputs cannot be compiled; train one an output"
        )
    constant = int(scores == 1 and is_classifier(model))
    intercept = np.concatenate([np.zeros(constant), read.intercept])
    if isinstance(read, Symmetric):
        return Compiled({"kind": "oblivious"}, _oblivious(read, columns) | {"intercept": intercept}, len(intercept))
    grown = [own or [boosters.leaf(0.0)] for own in read.trees]
    trees: list[Any] = [[], *grown] if constant else grown
    tensors = _forest(trees, columns) | {"intercept": intercept}
    if read.zeros:
        tensors["zeros"] = np.sort(columns[list(read.zeros)]).astype(np.int32)
    return Compiled({"kind": "trees"}, tensors, len(intercept))


def _read(model: object, name: str) -> Boosted | Symmetric:
    kind = type(model).__name__
    library = type(model).__module__.partition(".")[0]
    try:
        check_is_fitted(model)
    except (NotFittedError, TypeError):
        raise CompileError(f"{name}: a {kind} that is not fitted, or no estimator, cannot be compiled") from None
    if isinstance(model, HistGradientBoostingClassifier | HistGradientBoostingRegressor):
        return boosters.histogram(model, name)
    if library == "lightgbm" and kind in ("LGBMClassifier", "LGBMRegressor"):
        return boosters.lightgbm(model, name)
    if library == "catboost" and kind in ("CatBoostClassifier", "CatBoostRegressor"):
        return boosters.catboost(model, name)
    raise CompileError(
        f"step {name} ({kind}) cannot be compiled; possible: LogisticRegression, LinearRegression, Ridge, "
        "Lasso, ElasticNet, PoissonRegressor, and the classifiers "
        "and regressors HistGradientBoosting, LGBM and CatBoost"
    )


def _features(model: Any) -> int:
    """How many; `n_features_in_` is 0 in a CatBoost model that came from a file."""
    return len(getattr(model, "feature_names_", ())) or int(model.n_features_in_)


def _oblivious(read: Symmetric, columns: np.ndarray) -> dict[str, np.ndarray]:
    shape = read.feature.shape
    flat = (columns[read.feature.ravel()], read.threshold.ravel(), read.missing.ravel())
    tests, tensors = _conditions(*flat, {})
    return tensors | {
        "tests": tests.reshape(shape).astype(np.int32),
        "values": smallest(read.values),
        "covers": smallest(read.covers),
    }


def _forest(by_score: Sequence[Sequence[Tree]], columns: np.ndarray) -> dict[str, np.ndarray]:
    """The trees' nodes level by level: roots, then the children of each node with a condition in turn."""
    trees = [tree for own in by_score for tree in own]
    offsets = np.cumsum([0, *(len(tree.feature) for tree in trees)])
    feature = np.concatenate([tree.feature for tree in trees])
    left, right = (
        np.concatenate([getattr(tree, side) + offset for tree, offset in zip(trees, offsets, strict=False)])
        for side in ("left", "right")
    )
    order, level = [], offsets[:-1]
    while len(level):
        order.append(level)
        inner = level[feature[level] >= 0]
        level = np.column_stack([left[inner], right[inner]]).ravel()
    nodes = np.concatenate(order)
    sets = {
        int(offset) + node: members
        for tree, offset in zip(trees, offsets, strict=False)
        for node, members in tree.sets.items()
    }
    tests, tensors = _conditions(
        np.where(feature >= 0, columns[feature], -1),
        np.concatenate([tree.threshold for tree in trees]),
        np.concatenate([tree.missing for tree in trees]),
        sets,
    )
    leaves = nodes[feature[nodes] < 0]
    return tensors | {
        "tests": tests[nodes].astype(np.int32),
        "values": smallest(np.concatenate([tree.value for tree in trees])[leaves]),
        "covers": smallest(np.concatenate([tree.cover for tree in trees])[leaves]),
        "begins": np.cumsum([0, *map(len, by_score)]).astype(np.int32),
    }


def _conditions(
    feature: np.ndarray, threshold: np.ndarray, missing: np.ndarray, sets: Mapping[int, np.ndarray]
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The number of each node's condition, -1 where there is none, and the distinct conditions: by order, then by set."""
    tests = np.full(len(feature), -1)
    by_set = np.zeros(len(feature), bool)
    by_set[list(sets)] = True
    by_order = (feature >= 0) & ~by_set
    keys = np.column_stack([missing, feature, threshold])[by_order]
    distinct, numbers = np.unique(keys, axis=0, return_inverse=True)
    tests[by_order] = numbers.ravel()
    tensors = {
        "features": distinct[:, 1].astype(np.int32),
        "thresholds": distinct[:, 2],
        "missing": distinct[:, 0].astype(np.uint8),
    }
    if sets:
        known: dict[tuple[int, bool, bytes], int] = {}
        for node, members in sets.items():
            key = int(feature[node]), bool(missing[node]), members.tobytes()
            tests[node] = len(distinct) + known.setdefault(key, len(known))
        bits = [np.frombuffer(members, bool) for _, _, members in known]
        tensors |= {
            "set.features": np.array([feature for feature, _, _ in known], np.int32),
            "set.missing": np.array([missing for _, missing, _ in known], np.uint8),
            "set.begins": np.cumsum([0, *map(len, bits)]).astype(np.int32),
            "set.members": np.packbits(np.concatenate(bits), bitorder="little"),
        }
    return tests, tensors
