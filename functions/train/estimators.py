"""A definition's estimator as scikit-learn, LightGBM or CatBoost has it, and how it is fitted.

The two libraries beside scikit-learn are extras: imported only when a definition names them.
"""

from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import issparse
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge

from firesteel.definition import CatBoost, Estimator, GradientBoosting, LightGBM, Linear, Logistic, Poisson
from firesteel.errors import DataError, DefinitionError
from functions.train import models

_ITERATIONS = 1000  # of solvers


class Sample(NamedTuple):
    """What is learned from: features [rows, features], target and exposure [rows]; all exposures are 1 but for counts.

    `weight` [rows] is how much each row counts for; None when all count for 1.
    """

    X: Any
    y: np.ndarray
    exposure: np.ndarray
    weight: np.ndarray | None = None

    def take(self, rows: np.ndarray) -> "Sample":
        weight = None if self.weight is None else self.weight[rows]
        return Sample(self.X[rows], self.y[rows], self.exposure[rows], weight)


def sample(
    settings: Estimator, X: Any, y: np.ndarray, exposure: np.ndarray, weight: np.ndarray | None = None
) -> Sample:
    """The sample in the form the estimator takes: dense for trees, complete for linear ones. Raises DataError."""
    if isinstance(settings, GradientBoosting | LightGBM | CatBoost):
        return Sample(models.dense(X), y, exposure, weight)
    missing = np.isnan(X.data).sum() if issparse(X) else np.isnan(X).any(0).sum()
    if missing:
        raise DataError(
            f"{settings.kind} cannot take missing numbers, and {missing} features have some: "
            "give their steps `fill: mean`, `median` or a number, or choose an estimator of trees"
        )
    return Sample(X, y, exposure, weight)


def make(
    settings: Estimator,
    task: str,
    y: np.ndarray,
    seed: int,
    categorical: np.ndarray | None = None,
    weight: np.ndarray | None = None,
) -> Any:
    """The estimator, not yet fitted. `y` are all target values and `weight` what each counts for: class weights follow.

    `categorical` says of each feature whether trees may split it by sets; CatBoost splits every feature by order.
    """
    match settings:
        case Logistic():
            weights = _class_weights(settings.class_weight, y, weight)
            return LogisticRegression(C=settings.C, class_weight=weights, max_iter=_ITERATIONS)
        case Linear():
            return Ridge(alpha=settings.alpha)
        case Poisson():
            return PoissonRegressor(alpha=settings.alpha, max_iter=_ITERATIONS)
        case GradientBoosting():
            return _gradient_boosting(settings, task, seed, categorical)
        case LightGBM():
            return _lightgbm(settings, task, seed)
        case CatBoost():
            return _catboost(settings, task, seed, classes=len(np.unique(y)))


def fit(estimator: Any, task: str, sample: Sample, categorical: np.ndarray | None = None) -> Any:
    """Fit and give the estimator. A count is learned as a rate, count / exposure, with the exposure as its weight."""
    X, y, exposure, weight = sample
    if task == "count":
        y = y / exposure
        weight = exposure if weight is None else weight * exposure
    weights = {} if weight is None else {"sample_weight": weight}
    library = type(estimator).__module__.partition(".")[0]
    if library == "sklearn" and models.needs_dense(estimator) and (absent := np.isnan(X).all(0)).any():
        X = np.where(
            absent, 0.0, X
        )  # scikit-learn's histograms cannot be made of no number; nothing is split by either
    with models.threads(estimator, X):
        if library == "lightgbm":
            sets = "auto" if categorical is None else np.flatnonzero(categorical).tolist()
            estimator.set_params(n_jobs=2 if models.is_large(X) else 1)
            return estimator.fit(X, y, categorical_feature=sets, **weights)
        if library == "catboost" and task == "count":
            return _fit_catboost_rate(estimator, X, y, weights["sample_weight"])
        return estimator.fit(X, y, **weights)


def refusals(settings: Estimator) -> tuple[type[Exception], ...]:
    """What the settings' library raises when it cannot learn from a sample."""
    match settings:
        case LightGBM():
            return (ValueError, _extra("lightgbm").basic.LightGBMError)
        case CatBoost():
            return (ValueError, _extra("catboost").CatBoostError)
    return (ValueError,)


def iterations(estimator: Any) -> int:
    """How many iterations fitting took; 1 where it is solved at once."""
    counts = estimator.tree_count_ if type(estimator).__module__.startswith("catboost") else estimator.n_iter_
    return 1 if counts is None else int(np.max(counts))


def _class_weights(power: float, y: np.ndarray, weight: np.ndarray | None) -> dict[int, float] | None:
    """(rows / (classes * rows of the class)) ** power for each class, each row counted by its weight."""
    if power == 0:
        return None
    counts = np.bincount(y, weight)
    rows = len(y) if weight is None else float(counts.sum())
    return {k: float((rows / (len(counts) * count)) ** power) for k, count in enumerate(counts)}


def _gradient_boosting(settings: GradientBoosting, task: str, seed: int, categorical: np.ndarray | None) -> Any:
    common = {
        "max_iter": settings.iterations,
        "learning_rate": settings.learning_rate,
        "max_leaf_nodes": settings.max_leaf_nodes,
        "max_depth": settings.max_depth,
        "min_samples_leaf": settings.min_samples_leaf,
        "l2_regularization": settings.l2,
        "max_features": settings.max_features,
        "max_bins": settings.max_bins,
        "categorical_features": categorical,
        "early_stopping": False,
        "random_state": seed,
    }
    if task == "classification":
        return HistGradientBoostingClassifier(**common)
    return HistGradientBoostingRegressor(loss="poisson" if task == "count" else "squared_error", **common)


def _lightgbm(settings: LightGBM, task: str, seed: int) -> Any:
    lightgbm = _extra("lightgbm")
    common = {
        "n_estimators": settings.iterations,
        "learning_rate": settings.learning_rate,
        "num_leaves": settings.max_leaf_nodes,
        "max_depth": settings.max_depth or -1,
        "min_child_samples": settings.min_samples_leaf,
        "reg_lambda": settings.l2,
        "feature_fraction_bynode": settings.max_features,
        "subsample": settings.subsample,
        "subsample_freq": int(settings.subsample < 1),
        "random_state": seed,
        "deterministic": True,
        "force_row_wise": True,  # or it times both ways and takes the quicker one
        "verbosity": -1,
    }
    if task == "classification":
        return lightgbm.LGBMClassifier(**common)
    return lightgbm.LGBMRegressor(objective="poisson" if task == "count" else "regression", **common)


def _catboost(settings: CatBoost, task: str, seed: int, classes: int) -> Any:
    catboost = _extra("catboost")
    common = {
        "iterations": settings.iterations,
        "learning_rate": settings.learning_rate,
        "depth": settings.depth,
        "l2_leaf_reg": settings.l2,
        "rsm": settings.max_features,
        "random_seed": seed,
        "thread_count": 2,
        "allow_writing_files": False,
        "logging_level": "Silent",
    }
    if task == "classification":
        return catboost.CatBoostClassifier(loss_function="Logloss" if classes == 2 else "MultiClass", **common)
    return catboost.CatBoostRegressor(loss_function="Poisson" if task == "count" else "RMSE", **common)


def _fit_catboost_rate(estimator: Any, X: np.ndarray, y: np.ndarray, weight: np.ndarray) -> Any:
    """CatBoost's Poisson trees begin at a rate of 1; so the rate is measured in its mean, which is put back as the bias."""
    mean = float(np.average(y, weights=weight))
    estimator.fit(X, y / mean, sample_weight=weight * mean)
    estimator.set_scale_and_bias(1.0, float(np.log(mean)))
    return estimator


def _extra(name: str) -> Any:
    try:
        return import_module(name)
    except ModuleNotFoundError:
        raise DefinitionError(
            f"estimator.kind: {name} needs the package {name}, which is not installed: "
            f"run `pip install {name}`, or choose gradient_boosting"
        ) from None
