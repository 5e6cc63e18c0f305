"""Trees in process: compiled to arrays, against the libraries that grew them and shap's TreeExplainer.

One row, and 1,000 at once, of 24 numbers with missing values; scikit-learn's HistGradientBoosting and LightGBM with 200
trees of 31 leaves, CatBoost with its default of 1,000 oblivious trees of depth 6. All on one thread, explainers built
beforehand. Before anything is timed, scores and contributions must agree to 1e-6.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from catboost import CatBoostRegressor
from lightgbm import LGBMRegressor
from sklearn.ensemble import HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from benchmarks import report
from benchmarks.report import Target
from benchmarks.score import BATCH, at_once, one_by_one
from benchmarks.workload import arguments
from firesteel.program.estimators import trees
from functions.train.compile.trees import compile_trees

FEATURES = 24
ROWS = 5000
LIBRARIES = ("histogram", "lightgbm", "catboost")
TARGETS = tuple(
    Target(f"{library} {measure}", "arrays", theirs, reach, stretch)
    for library in LIBRARIES
    for measure, theirs, reach, stretch in (
        ("score one ms", "library", 1 / 2, 1 / 10),
        ("score batch ms", "library", 1.0, 1 / 2),
        ("explain one ms", "shap", 0.7, 1 / 3),
        ("explain batch ms", "shap", 1.0, 1 / 2),
    )
)

Call = Callable[[np.ndarray], object]


def data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(ROWS, FEATURES))
    X[:, :5] = rng.integers(0, 6, size=(ROWS, 5))
    y = np.sin(X[:, 6]) + X[:, 7] * X[:, 8] + X[:, 0] / 2 + (X[:, 1] > 2) * X[:, 9] + 0.3 * X[:, 10:].sum(1)
    X[rng.random(X.shape) < 0.02] = np.nan
    return X, y + rng.normal(size=ROWS) / 2


def fitted(X: np.ndarray, y: np.ndarray) -> dict[str, tuple[Any, Call]]:
    """The models, and how each predicts on one thread."""
    histogram = HistGradientBoostingRegressor(max_iter=200, early_stopping=False, random_state=0).fit(X, y)
    lightgbm = LGBMRegressor(n_estimators=200, n_jobs=1, verbosity=-1, random_state=0).fit(X, y)
    catboost = CatBoostRegressor(random_seed=0, allow_writing_files=False, logging_level="Silent").fit(X, y)
    return {
        "histogram": (histogram, histogram.predict),
        "lightgbm": (lightgbm, lambda rows: lightgbm.predict(rows, num_threads=1)),
        "catboost": (catboost, lambda rows: catboost.predict(rows, thread_count=1)),
    }


def contenders() -> tuple[dict[str, dict[str, Call]], np.ndarray]:
    """What each contender does, by measure. Raises RuntimeError when they disagree."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from shap import TreeExplainer
    X, y = data()
    calls: dict[str, dict[str, Call]] = {"arrays": {}, "library": {}, "shap": {}}
    for name, (model, predict) in fitted(X, y).items():
        made = compile_trees(model, np.arange(FEATURES), name)
        arrays = trees.load(made.meta | {"columns": {"y": [0, 1]}}, made.tensors, FEATURES)
        explain = TreeExplainer(model, feature_perturbation="tree_path_dependent").shap_values
        if abs(arrays.score(X)[:, 0] - predict(X)).max() > 1e-6:
            raise RuntimeError(f"{name}: the scores differ")
        if abs(arrays.contributions(X[:100])[:, :, 0] - explain(X[:100])).max() > 1e-6:
            raise RuntimeError(f"{name}: the contributions differ")
        calls["arrays"] |= {f"{name} score": arrays.score, f"{name} explain": arrays.contributions}
        calls["library"][f"{name} score"] = predict
        calls["shap"][f"{name} explain"] = explain
    return calls, X


def measure(calls: dict[str, Call], X: np.ndarray, singles: int) -> dict[str, float]:
    measured = {}
    rows = [X[number : number + 1] for number in range(singles)]
    for name, call in calls.items():
        measured[f"{name} one ms"] = one_by_one(call, rows)
        measured[f"{name} batch ms"] = at_once(lambda batch, call=call: call(np.array(batch)), list(X[:BATCH]))
    return measured


def main() -> None:
    parser = arguments(__doc__, rounds=7)
    parser.add_argument("--calls", type=int, default=100, help="single calls a round")
    options = parser.parse_args()
    with threadpool_limits(1):
        calls, X = contenders()
        samples = report.alternate(
            list(calls), options.rounds, lambda name: measure(calls[name], X, options.calls), warmups=1
        )
    notes = {"rounds": options.rounds, "calls": options.calls, "batch": BATCH, "features": FEATURES}
    report.finish("trees", samples, TARGETS, notes=notes)


if __name__ == "__main__":
    main()
