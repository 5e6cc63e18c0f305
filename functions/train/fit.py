"""One target's classifier: tuned by cross-validation, calibrated on out-of-fold scores, fitted on all training rows."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_predict

from firesteel.definition import ClassificationTarget, Logistic, Search
from firesteel.errors import DataError
from functions.train import calibrate

_SCORERS = {"macro_f1": "f1_macro", "accuracy": "accuracy", "log_loss": "neg_log_loss"}


class Fitted(NamedTuple):
    """A target's calibrated classifier and how it came about."""

    classifier: calibrate.CalibratedLinear
    settings: Logistic
    trials: list[dict[str, float]]
    out_of_fold: np.ndarray
    """Calibrated probabilities of shape [rows, classes] of each training row, by a model that had not seen it."""
    out_of_fold_labels: np.ndarray
    """The label index [rows] that such a model gives it."""
    iterations: int


def fit(
    X: csr_matrix,
    y: np.ndarray,
    target: ClassificationTarget,
    settings: Logistic,
    search: Search | None,
    *,
    folds: int,
    seed: int,
    report: Callable[[str], None],
) -> Fitted:
    """Fit one target on features X [rows, features] and labels y [rows]. Raises DataError for a class without rows."""
    present = np.bincount(y, minlength=len(target.label_names))
    if (present < folds).any():
        rare = ", ".join(f"{target.label_names[k]} ({present[k]})" for k in np.flatnonzero(present < folds))
        raise DataError(f"too few rows to train and calibrate with {folds} folds: {rare}")
    trials: list[dict[str, float]] = []
    if search:
        if (present < search.folds).any():
            raise DataError(f"a class has {present.min()} training rows, too few to tune with {search.folds} folds")
        report("tune")
        settings, trials = _tune(X, y, settings, search, seed)
    report("calibrate")
    cross = StratifiedKFold(folds, shuffle=True, random_state=seed)
    scores = calibrate.both_sides(cross_val_predict(_logistic(settings, y), X, y, cv=cross, method="decision_function"))
    calibration = calibrate.fit(scores, y)
    report("fit")
    classifier = _logistic(settings, y).fit(X, y)
    # The values that are served: float32, half the size, and the same in pipeline and program.
    classifier.coef_ = classifier.coef_.astype(np.float32).astype(np.float64)
    labelled = calibrate.CalibratedLinear(classifier, calibration, list(target.label_names))
    out_of_fold = calibration.probabilities(scores)
    return Fitted(labelled, settings, trials, out_of_fold, scores.argmax(1), int(classifier.n_iter_.max()))


def _tune(
    X: csr_matrix, y: np.ndarray, settings: Logistic, search: Search, seed: int
) -> tuple[Logistic, list[dict[str, float]]]:
    """The best point of the grid by the search's metric, and all of them with their means."""
    weights = search.class_weight or (settings.class_weight,)
    by_weights = [(weight, _class_weights(weight, y)) for weight in weights]
    grid = GridSearchCV(
        _logistic(settings, y),
        {"C": list(search.C or (settings.C,)), "class_weight": [weights for _, weights in by_weights]},
        scoring=_SCORERS[search.metric],
        cv=StratifiedKFold(search.folds, shuffle=True, random_state=seed),
        refit=False,
    ).fit(X, y)
    trials: list[dict[str, Any]] = []
    for parameters, mean in zip(grid.cv_results_["params"], grid.cv_results_["mean_test_score"], strict=True):
        weight = next(weight for weight, weights in by_weights if weights == parameters["class_weight"])
        trials.append({"C": parameters["C"], "class_weight": weight, search.metric: float(mean)})
    if not all(np.isfinite(trial[search.metric]) for trial in trials):
        raise DataError(f"tuning gave no finite {search.metric}: {trials}")
    best = max(trials, key=lambda trial: trial[search.metric])
    return Logistic(C=best["C"], class_weight=best["class_weight"]), trials


def _logistic(settings: Logistic, y: np.ndarray) -> LogisticRegression:
    return LogisticRegression(C=settings.C, class_weight=_class_weights(settings.class_weight, y), max_iter=1000)


def _class_weights(power: float, y: np.ndarray) -> dict[int, float] | None:
    """(rows / (classes * rows of the class)) ** power for each class."""
    if power == 0:
        return None
    counts = np.bincount(y)
    return {k: float((len(y) / (len(counts) * count)) ** power) for k, count in enumerate(counts)}
