"""Fitted boosted trees of every kind that is compiled, and rows that probe where they decide."""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from firesteel.program import format
from firesteel.program.estimators import trees
from functions.train.compile.trees import compile_trees

ROWS, FEATURES, CODES = 600, 6, (0, 1)  # the first two features are codes 0 to 8 and 0 to 4


class Case(NamedTuple):
    """A fitted model, its own raw scores, and the rows it was fitted on."""

    model: Any
    raw: Callable[[np.ndarray], np.ndarray]
    X: np.ndarray


def data(missing: bool) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(7)
    X = rng.normal(size=(ROWS, FEATURES))
    X[:, 0], X[:, 1] = rng.integers(0, 9, ROWS), rng.integers(0, 5, ROWS)
    X[:, 2] = np.round(X[:, 2], 1)
    y = np.sin(2 * X[:, 3]) + X[:, 4] * X[:, 5] + (X[:, 0] % 3) * (X[:, 2] > 0) - 0.5 * X[:, 1]
    if missing:
        X[rng.random(X.shape) < 0.08] = np.nan
    return X, y + rng.normal(size=ROWS) / 4


def _histogram(kind: type = HistGradientBoostingRegressor, *, classes: int = 2, **settings: Any) -> Case:
    X, y = data(missing=True)
    model = kind(**{"max_iter": 20, "random_state": 0, "early_stopping": False, **settings})
    model.fit(X, _target(y, kind, settings.get("loss"), classes))
    return Case(model, lambda rows: model._raw_predict(rows, n_threads=1), X)


def _target(y: np.ndarray, kind: type, loss: Any = None, classes: int = 2) -> np.ndarray:
    if "Classifier" in kind.__name__:
        return np.digitize(y, np.quantile(y, np.arange(1, classes) / classes))
    return np.floor(np.exp(y / 2)) if loss in ("poisson", "Poisson") else y


def _lightgbm(kind: str = "LGBMRegressor", *, missing: bool = True, classes: int = 2, **settings: Any) -> Case:
    import lightgbm

    X, y = data(missing)
    make = getattr(lightgbm, kind)
    fit = {"categorical_feature": list(CODES)} if settings.pop("categorical", False) else {}
    model = make(**{"n_estimators": 20, "verbosity": -1, "n_jobs": 1, "random_state": 0, **settings})
    model.fit(X, _target(y, make, settings.get("objective"), classes), **fit)
    raw = settings.get("boosting_type") != "rf"  # LightGBM's raw score of a forest is the sum, its prediction the mean
    return Case(model, lambda rows: model.booster_.predict(rows, raw_score=raw, num_threads=1), X)


def _catboost(
    kind: str = "CatBoostRegressor", *, missing: bool = True, classes: int = 2, scale: float = 1.0, **settings: Any
) -> Case:
    import catboost

    X, y = data(missing)
    make = getattr(catboost, kind)
    model = make(
        **{"iterations": 20, "thread_count": 1, "allow_writing_files": False, "logging_level": "Silent", **settings}
    )
    model.fit(X, _target(y, make, settings.get("loss_function"), classes))
    if kind == "CatBoostRegressor":
        model.set_scale_and_bias(scale, -3.0)
    return Case(model, lambda rows: model.predict(rows, prediction_type="RawFormulaVal", thread_count=1), X)


_CASES: dict[str, Callable[[], Case]] = {
    "histogram": _histogram,
    "histogram sets": lambda: _histogram(categorical_features=list(CODES)),
    "histogram large": lambda: _histogram(max_leaf_nodes=None, min_samples_leaf=2, max_iter=8),
    "histogram poisson": lambda: _histogram(loss="poisson"),
    "histogram binary": lambda: _histogram(HistGradientBoostingClassifier, categorical_features=[1, 0]),
    "histogram classes": lambda: _histogram(HistGradientBoostingClassifier, classes=4, max_iter=8),
    "histogram stumps": lambda: _histogram(max_leaf_nodes=2),
    "lightgbm": _lightgbm,
    "lightgbm never missing": lambda: _lightgbm(missing=False),
    "lightgbm zero is missing": lambda: _lightgbm(zero_as_missing=True),
    "lightgbm sets": lambda: _lightgbm(categorical=True, min_data_per_group=5, cat_smooth=1),
    "lightgbm large": lambda: _lightgbm(num_leaves=200, min_child_samples=2, n_estimators=6),
    "lightgbm poisson": lambda: _lightgbm(objective="poisson"),
    "lightgbm binary": lambda: _lightgbm("LGBMClassifier"),
    "lightgbm classes": lambda: _lightgbm("LGBMClassifier", classes=4, categorical=True),
    "lightgbm dart": lambda: _lightgbm(boosting_type="dart"),
    "lightgbm forest": lambda: _lightgbm(boosting_type="rf", subsample=0.7, subsample_freq=1),
    "lightgbm constant": lambda: _lightgbm(min_child_samples=ROWS),
    "catboost": _catboost,
    "catboost scaled": lambda: _catboost(scale=0.5),
    "catboost never missing": lambda: _catboost(missing=False),
    "catboost largest when missing": lambda: _catboost(nan_mode="Max"),
    "catboost deep": lambda: _catboost(depth=10, iterations=4),
    "catboost shallow": lambda: _catboost(depth=8, border_count=1, rsm=0.3, random_seed=3),
    "catboost binary": lambda: _catboost("CatBoostClassifier"),
    "catboost classes": lambda: _catboost("CatBoostClassifier", classes=3),
    "catboost poisson": lambda: _catboost(loss_function="Poisson"),
    "catboost depthwise": lambda: _catboost(grow_policy="Depthwise", depth=3),
    "catboost leafwise": lambda: _catboost(grow_policy="Lossguide"),
    "catboost leafwise classes": lambda: _catboost("CatBoostClassifier", classes=3, grow_policy="Lossguide", depth=3),
}
NAMES = list(_CASES)


@cache
def case(name: str) -> Case:
    with threadpool_limits(1):
        return _CASES[name]()


def compiled(model: object, columns: np.ndarray | None = None, size: int = FEATURES) -> trees.Ensemble:
    """The model as a program file would give it back."""
    made = compile_trees(model, np.arange(FEATURES) if columns is None else columns, "y.estimator")
    data = format.write(made.meta | {"columns": {"y": [0, made.scores]}}, made.tensors)
    return trees.load(*format.read(data), size)


def probes(made: trees.Ensemble, rows: int) -> np.ndarray:
    """Random rows of values on, and just beside, the thresholds; missing, zero and huge ones; known and unknown codes."""
    rng = np.random.default_rng(11)
    X = rng.normal(size=(rows, FEATURES))
    conditions = made.conditions
    for feature in range(FEATURES):
        own = conditions.thresholds[conditions.features[: len(conditions.thresholds)] == feature]
        own = np.clip(own, -1e38, 1e38)
        narrow = own.astype(np.float32).astype(np.float64)
        near = [own, narrow, np.nextafter(own, -np.inf), np.nextafter(own, np.inf)]
        special = [np.nan, 0.0, -0.0, 1e-35, -1e-35, 1.0000000180025095e-35, 2e-35, 1e-300, 1e30, -1e30]
        values = np.concatenate([*near, special])
        chosen = rng.random(rows) < 0.7
        X[chosen, feature] = rng.choice(values, chosen.sum())
    for feature in CODES:
        X[:, feature] = rng.choice([*range(12), 31, 32, 255, 256, 300, 1000, 1e9, -1, np.nan], rows)
    return X
