"""Fitted boosted trees of scikit-learn, LightGBM and CatBoost, read into one plain form. Each library compares in its own way."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np

from firesteel.errors import CompileError
from firesteel.program.estimators.conditions import ZERO

_LARGEST = np.finfo(np.float64).max


class Tree(NamedTuple):
    """A binary tree, the root first; arrays [nodes].

    A row goes left where feature <= threshold, or where its code is in the node's set; `missing` says whether it does
    where the feature is missing, or its code beyond the set. Leaves have feature -1.
    """

    feature: np.ndarray
    threshold: np.ndarray
    missing: np.ndarray
    sets: Mapping[int, np.ndarray]
    left: np.ndarray
    right: np.ndarray
    value: np.ndarray
    cover: np.ndarray


class Boosted(NamedTuple):
    """The trees that add to each score, the scores without them, and the features whose zeros are missing values."""

    trees: list[list[Tree]]
    intercept: np.ndarray
    zeros: Sequence[int] = ()


class Symmetric(NamedTuple):
    """Oblivious trees: features, thresholds and missing [depth, trees], values [trees, leaves, scores], covers [trees, leaves].

    Bit l of a leaf's number is 1 where the row goes left at level l; the highest level is the root.
    """

    feature: np.ndarray
    threshold: np.ndarray
    missing: np.ndarray
    values: np.ndarray
    covers: np.ndarray
    intercept: np.ndarray


def leaf(value: float) -> Tree:
    """The tree of one leaf."""
    zero = np.zeros(1, np.intp)
    return Tree(zero - 1, np.zeros(1), zero.astype(bool), {}, zero, zero, np.array([value]), np.ones(1))


def histogram(model: Any, name: str) -> Boosted:
    """scikit-learn's HistGradientBoosting, which puts categorical columns first and numbers their values."""
    categorical = model.is_categorical_
    columns = np.arange(model.n_features_in_)
    codes: dict[int, np.ndarray] = {}
    if categorical is not None and categorical.any():
        columns = np.concatenate([columns[categorical], columns[~categorical]])
        encoder = model._preprocessor.named_transformers_["encoder"]  # noqa: SLF001 - no public way
        codes = {place: _codes(values, name) for place, values in enumerate(encoder.categories_)}
    iterations = model._predictors  # noqa: SLF001
    trees = [[_of_histogram(one[k], columns, codes) for one in iterations] for k in range(len(iterations[0]))]
    return Boosted(trees, np.ravel(model._baseline_prediction).astype(np.float64))  # noqa: SLF001


def _codes(values: np.ndarray, name: str) -> np.ndarray:
    if values.dtype.kind in "fiu":
        known = values[~np.isnan(values)]
        codes: np.ndarray = known.astype(np.intp)
        if (codes >= 0).all() and (codes == known).all():
            return codes
    raise CompileError(f"{name}: a categorical feature has values that are not codes 0, 1, 2, ...")


def _of_histogram(predictor: Any, columns: np.ndarray, codes: Mapping[int, np.ndarray]) -> Tree:
    nodes = predictor.nodes
    inner = nodes["is_leaf"] == 0
    sets = {}
    for node in np.flatnonzero(inner & (nodes["is_categorical"] == 1)):
        bits = predictor.raw_left_cat_bitsets[nodes["bitset_idx"][node]].astype("<u4").view(np.uint8)
        known = codes[int(nodes["feature_idx"][node])]
        sets[int(node)] = np.full(known.max(initial=-1) + 1, bool(nodes["missing_go_to_left"][node]))
        sets[int(node)][known] = np.unpackbits(bits, bitorder="little")[: len(known)]
    return Tree(
        np.where(inner, columns[np.where(inner, nodes["feature_idx"], 0)], -1),
        np.minimum(nodes["num_threshold"], _LARGEST),  # infinite where only missing values go right
        nodes["missing_go_to_left"].astype(bool),
        sets,
        nodes["left"].astype(np.intp),
        nodes["right"].astype(np.intp),
        nodes["value"].astype(np.float64),
        nodes["count"].astype(np.float64),
    )


def lightgbm(model: Any, name: str) -> Boosted:
    """LightGBM's own text form: https://github.com/microsoft/LightGBM/blob/master/src/io/tree.cpp (Tree::ToString)."""
    head, *blocks = model.booster_.model_to_string().split("\nend of trees")[0].split("\nTree=")
    entries = [dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in blocks]
    if any(entry.get("is_linear", "0") != "0" for entry in entries):
        raise CompileError(f"{name}: LightGBM's linear trees cannot be compiled; train with linear_tree=False")
    scores = int(head.split("\nnum_tree_per_iteration=")[1].split()[0])
    divisor = len(entries) / scores if "\naverage_output" in head else 1.0
    zeros: set[int] = set()
    others: set[int] = set()
    trees = [_of_lightgbm(entry, divisor, zeros, others) for entry in entries]
    if zeros & others:
        raise CompileError(f"{name}: LightGBM takes a feature's zeros as missing in some trees only (zero_as_missing)")
    return Boosted([trees[k::scores] for k in range(scores)], np.zeros(scores), sorted(zeros))


def _of_lightgbm(entry: Mapping[str, str], divisor: float, zeros: set[int], others: set[int]) -> Tree:
    """One tree. Children from 0 on are nodes, -1 is the first leaf. A decision's bits: by set, missing left, 2 of kind."""

    def numbers(key: str, kind: type) -> np.ndarray:
        return np.array(entry.get(key, "").split(), kind)

    value, feature, decision = (
        numbers("leaf_value", np.float64) / divisor,
        numbers("split_feature", np.intp),
        numbers("decision_type", np.intp),
    )
    if not len(feature):
        return leaf(value[0])
    inner, leaves = len(feature), len(value)
    threshold = numbers("threshold", np.float64)
    by_set, kind = decision & 1 == 1, decision >> 2
    zeros |= set(feature[~by_set & (kind == 1)].tolist())
    others |= set(feature[by_set | (kind != 1)].tolist())
    # Of a feature that was never missing in training, a missing value counts as 0; a set has no missing value.
    missing = np.where(kind == 0, threshold >= 0, decision & 2 == 2) & ~by_set
    begins, words = numbers("cat_boundaries", np.intp), numbers("cat_threshold", np.uint64).astype("<u4")
    sets = {}
    for node in np.flatnonzero(by_set):
        begin, end = begins[int(threshold[node]) : int(threshold[node]) + 2]
        sets[int(node)] = np.unpackbits(words[begin:end].view(np.uint8), bitorder="little").astype(bool)
    children = [numbers(key, np.intp) for key in ("left_child", "right_child")]
    left, right = (np.where(child < 0, inner + ~child, child) for child in children)
    # LightGBM predicts a number as near to 0 as this as if it were 0.
    threshold = np.where(abs(threshold) > ZERO, threshold, np.where(threshold < 0, np.nextafter(-ZERO, -1), ZERO))
    none = np.zeros(leaves, np.intp)
    return Tree(
        np.concatenate([feature, none - 1]),
        np.clip(np.concatenate([threshold, none]), -_LARGEST, _LARGEST),
        np.concatenate([missing, none]).astype(bool),
        sets,
        np.concatenate([left, none]),
        np.concatenate([right, none]),
        np.concatenate([np.zeros(inner), value]),
        np.concatenate([np.zeros(inner), numbers("leaf_count", np.float64)]),
    )


def catboost(model: Any, name: str) -> Boosted | Symmetric:
    """CatBoost's JSON: https://catboost.ai/docs/en/concepts/python-reference_catboost_save_model, format json."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "model.json")
        model.save_model(str(path), format="json")
        content = json.loads(path.read_text(encoding="utf-8"))
    features = {one["feature_index"]: one for one in content["features_info"].get("float_features", ())}
    scale, bias = content["scale_and_bias"]
    if "trees" in content:
        trees = [_Leafwise(features, name).read(tree) for tree in content["trees"]]
        return _by_score(trees, scale, np.ravel(bias).astype(np.float64))
    trees = content["oblivious_trees"]
    splits = [[_split(split, features, name) for split in tree.get("splits") or ()] for tree in trees]
    depth = max(map(len, splits), default=0)
    if not depth:
        constants = [(leaf(0.0), np.ravel(tree["leaf_values"])[:, np.newaxis]) for tree in trees]
        return _by_score(constants, scale, np.ravel(bias).astype(np.float64))
    return _symmetric(trees, splits, depth, scale, np.ravel(bias).astype(np.float64), name)


_Split = tuple[int, float, bool]


def _split(split: Mapping[str, Any], features: Mapping[int, Mapping[str, Any]], name: str) -> _Split:
    """Feature, threshold, and whether a missing value goes left, that is, not above the border."""
    if split["split_type"] != "FloatFeature":
        raise CompileError(
            f"{name}: CatBoost's {split['split_type']} splits (of cat_features, text_features, embedding_features) cannot "
            "be compiled; give it numbers: categories as one_hot or ordinal steps"
        )
    feature = features[split["float_feature_index"]]
    return feature["flat_feature_index"], _as_double(split["border"]), feature["nan_value_treatment"] != "AsTrue"


def _as_double(border: float) -> float:
    """The largest float64 that, rounded to float32 as CatBoost does first, is not above the border."""
    low = np.float32(border)
    above = 2.0**128 if low == np.finfo(np.float32).max else float(np.nextafter(low, np.float32(np.inf)))
    middle = (float(low) + above) / 2
    with np.errstate(over="ignore"):
        return middle if np.float32(middle) <= low else float(np.nextafter(middle, -np.inf))


def _symmetric(
    trees: Sequence[Mapping[str, Any]],
    splits: Sequence[Sequence[_Split]],
    depth: int,
    scale: float,
    bias: np.ndarray,
    name: str,
) -> Symmetric:
    """A tree of fewer levels asks its first question again at the top, with the same leaves on both sides."""
    some = next(own[0] for own in splits if own)
    levels, values, covers = [], [], []
    for tree, own in zip(trees, splits, strict=True):
        if "leaf_weights" not in tree:
            raise CompileError(f"{name}: this CatBoost model has no leaf weights, as explanations need them")
        repeats = 1 << (depth - len(own))
        levels.append([*own, *[own[0] if own else some] * (depth - len(own))])
        of_leaves = np.reshape(tree["leaf_values"], (1 << len(own), -1))[::-1]  # CatBoost's bit is 1 above the border
        values.append(np.tile(of_leaves, (repeats, 1)))
        covers.append(np.tile(np.array(tree["leaf_weights"], np.float64)[::-1], repeats))
    every = np.array(values) * scale
    feature, threshold, missing = np.moveaxis(np.array(levels, np.float64), 2, 0)
    intercept = np.broadcast_to(bias if len(bias) else 0.0, every.shape[2:])
    return Symmetric(feature.T.astype(np.intp), threshold.T, missing.T.astype(bool), every, np.array(covers), intercept)


def _by_score(trees: Sequence[tuple[Tree, np.ndarray]], scale: float, bias: np.ndarray) -> Boosted:
    """Trees whose leaves hold a value [scores, nodes] for each score, as one tree a score."""
    scores = max([len(bias), *(len(values) for _, values in trees)])
    split = [[tree._replace(value=values[k] * scale) for tree, values in trees] for k in range(scores)]
    return Boosted(split, np.broadcast_to(bias if len(bias) else 0.0, scores).astype(np.float64))


class _Leafwise:
    """Reads one CatBoost tree that is not oblivious."""

    def __init__(self, features: Mapping[int, Mapping[str, Any]], name: str) -> None:
        self._features = features
        self._name = name

    def read(self, tree: Mapping[str, Any]) -> tuple[Tree, np.ndarray]:
        """The tree, and the values [scores, nodes]."""
        nodes = list(self._walk(tree))
        place = {id(node): number for number, node in enumerate(nodes)}
        splits = [
            _split(node["split"], self._features, self._name) if "split" in node else (-1, 0.0, False) for node in nodes
        ]
        feature, threshold, missing = (np.array(values) for values in zip(*splits, strict=True))
        left, right = (np.array([place.get(id(node.get(side)), 0) for node in nodes]) for side in ("left", "right"))
        cover = np.array([node.get("weight", 0.0) for node in nodes], np.float64)
        width = max(np.size(node.get("value", 0.0)) for node in nodes)
        values = np.array([np.broadcast_to(node.get("value", 0.0), width) for node in nodes], np.float64).T
        return Tree(feature, threshold, missing, {}, left, right, values[0], cover), values

    def _walk(self, node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        yield node
        for side in ("left", "right"):
            if side in node:
                yield from self._walk(node[side])
