"""Estimators as ONNX: raw scores [rows, scores] of features [rows, features], in doubles."""

from collections.abc import Mapping

import numpy as np
from onnx import numpy_helper

from cli.peers.onnx.graph import ML, Graph
from firesteel.program.estimators.conditions import ZERO

Tensors = Mapping[str, np.ndarray]


def scores(graph: Graph, kind: str, tensors: Tensors, X: str, size: int) -> str:
    """The raw scores of an estimator of `size` features, by its kind: linear, trees or oblivious."""
    if kind == "linear":
        raw = graph.op("MatMul", X, graph.constant(tensors["weights"]))
    elif kind == "trees":
        raw = _trees(graph, tensors, X, size)
    else:
        raw = _oblivious(graph, tensors, X)
    return graph.op("Add", raw, graph.constant(tensors["intercept"]))


def _known(graph: Graph, tensors: Tensors, X: str, size: int) -> str:
    """The features, NaN where a zero counts as missing."""
    if not len(tensors.get("zeros", ())):
        return X
    such = np.zeros((1, size), np.bool_)
    such[0, tensors["zeros"]] = True
    zero = graph.op("LessOrEqual", graph.op("Abs", X), graph.constant(ZERO))
    return graph.op("Where", graph.op("And", zero, graph.constant(such, np.bool_)), graph.constant(np.nan), X)


def _outside(graph: Graph, tensors: Tensors, X: str) -> str:
    """[rows, sets]: 1 where a code is not in a set, 0 where it is. Each set has one bit more, for all other codes."""
    begins, members = tensors["set.begins"], tensors["set.members"]
    bits = np.unpackbits(members, bitorder="little").astype(np.float64)
    widths = np.diff(begins)
    firsts = begins[:-1] + np.arange(len(widths))  # where each set's bits begin, now that each has one more
    outside = [
        1 - np.append(bits[begin : begin + width], missing)
        for begin, width, missing in zip(begins, widths, tensors["set.missing"], strict=False)
    ]
    codes = graph.op("Gather", X, graph.constant(tensors["set.features"], np.int64), axis=1)
    above = graph.op("Greater", codes, graph.constant(-1.0))
    known = graph.op("And", above, graph.op("Less", codes, graph.constant(widths)))
    place = graph.cast(graph.op("Where", known, codes, graph.constant(0.0)), 7)  # whole, towards zero, as the program
    place = graph.op("Where", known, place, graph.constant(widths, np.int64))
    place = graph.op("Add", place, graph.constant(firsts, np.int64))
    return graph.op("Gather", graph.constant(np.concatenate(outside)), place, axis=0)


def _trees(graph: Graph, tensors: Tensors, X: str, size: int) -> str:
    """One TreeEnsemble. Its nodes are those with a condition; a condition of a set asks a column that tells its outcome."""
    tests = tensors["tests"].astype(np.int64)
    ordered = len(tensors["thresholds"])
    X = _known(graph, tensors, X, size)
    if (tests >= ordered).any():
        X = graph.joined([X, _outside(graph, tensors, X)])
    by_set = np.arange(len(tensors.get("set.features", ())))
    features = np.concatenate([tensors["features"], size + by_set])
    thresholds = np.concatenate([tensors["thresholds"], np.full(len(by_set), 0.5)])
    missing = np.concatenate([tensors["missing"], np.zeros(len(by_set), np.int64)])

    roots = int(tensors["begins"][-1])
    inner = np.flatnonzero(tests >= 0)
    is_leaf = tests < 0
    number = np.where(
        is_leaf, np.cumsum(is_leaf) - 1, np.cumsum(~is_leaf) - 1
    )  # among leaves, or nodes with conditions
    passed = roots + 2 * np.arange(len(inner))
    alone = np.flatnonzero(is_leaf[:roots])  # trees of one leaf: a node whose two sides are that leaf
    number_of_root = number[:roots].copy()
    number_of_root[alone] = len(inner) + np.arange(len(alone))
    sides = {
        side: np.concatenate([number[children], number[alone]])
        for side, children in (("true", passed), ("false", passed + 1))
    }
    leafs = {
        side: np.concatenate([is_leaf[children], np.ones(len(alone), np.bool_)])
        for side, children in (("true", passed), ("false", passed + 1))
    }
    asked = tests[inner]
    padding = np.zeros(len(alone), np.int64)
    return graph.op(
        "TreeEnsemble",
        X,
        domain=ML,
        nodes_featureids=np.concatenate([features[asked], padding]).tolist(),
        nodes_splits=numpy_helper.from_array(np.concatenate([thresholds[asked], padding]).astype(np.float64)),
        nodes_modes=numpy_helper.from_array(np.zeros(len(asked) + len(alone), np.uint8)),  # all are: at most
        nodes_missing_value_tracks_true=np.concatenate([missing[asked], padding]).tolist(),
        nodes_truenodeids=sides["true"].tolist(),
        nodes_trueleafs=leafs["true"].astype(int).tolist(),
        nodes_falsenodeids=sides["false"].tolist(),
        nodes_falseleafs=leafs["false"].astype(int).tolist(),
        leaf_targetids=_score_of_leaves(tests, inner, tensors["begins"]).tolist(),
        leaf_weights=numpy_helper.from_array(tensors["values"].astype(np.float64)),
        tree_roots=number_of_root.tolist(),
        n_targets=len(tensors["intercept"]),
        aggregate_function=1,  # the sum
        post_transform=0,
    )


def _score_of_leaves(tests: np.ndarray, inner: np.ndarray, begins: np.ndarray) -> np.ndarray:
    """Which score each leaf [leaves] adds to. A node's children stand after it, two by two."""
    roots = int(begins[-1])
    score = np.empty(len(tests), np.int64)
    score[:roots] = np.repeat(np.arange(len(begins) - 1), np.diff(begins))
    for child in range(roots, len(tests)):
        score[child] = score[inner[(child - roots) // 2]]
    return score[tests < 0]


def _oblivious(graph: Graph, tensors: Tensors, X: str) -> str:
    """Each tree's leaf is the number whose bits are the answers of its levels."""
    depth, trees = tensors["tests"].shape
    values = np.asarray(tensors["values"], np.float64)
    asked = graph.op("Gather", X, graph.constant(tensors["features"], np.int64), axis=1)
    passed = graph.op("LessOrEqual", asked, graph.constant(tensors["thresholds"]))
    gone = graph.op("And", graph.missing(asked), graph.constant(tensors["missing"], np.bool_))
    bits = graph.cast(graph.op("Or", passed, gone), 7)
    of_levels = graph.op("Gather", bits, graph.constant(tensors["tests"], np.int64), axis=1)  # [rows, depth, trees]
    weighed = graph.op("Mul", of_levels, graph.constant((1 << np.arange(depth))[:, None], np.int64))
    leaf = graph.op("ReduceSum", weighed, graph.constant([1], np.int64), keepdims=0)
    place = graph.op("Add", leaf, graph.constant(np.arange(trees) << depth, np.int64))
    constant = np.zeros((trees << depth, len(tensors["intercept"]) - values.shape[2]))  # scores that no leaf adds to
    table = np.hstack([constant, values.reshape(trees << depth, -1)])
    return graph.op(
        "ReduceSum", graph.op("Gather", graph.constant(table), place, axis=0), graph.constant([1], np.int64), keepdims=0
    )
