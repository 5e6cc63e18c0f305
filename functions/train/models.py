"""What a bundle's joblib files hold as the last step: a library's fitted estimator, and what makes its scores an answer."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from scipy.sparse import issparse
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, is_classifier
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import PoissonRegressor
from threadpoolctl import threadpool_limits

from firesteel.errors import DataError
from firesteel.program.targets import EXPONENT, LARGEST
from functions.train.calibrate import Calibration

DENSE_LIMIT = 2 << 30  # bytes
_LARGE = 1 << 20  # cells, from which on a second thread is worth its while


def needs_dense(estimator: object) -> bool:
    """Whether it is of trees, which take dense features."""
    return isinstance(estimator, HistGradientBoostingClassifier | HistGradientBoostingRegressor) or _library(
        estimator
    ) in (
        "lightgbm",
        "catboost",
    )


def dense(X: Any) -> np.ndarray:
    """Features as a dense float64 array. Raises DataError above 2 GiB."""
    rows, features = X.shape
    if (size := rows * features * 8) > DENSE_LIMIT:
        raise DataError(
            f"trees need {rows} rows x {features} features at once: {size / 2**30:.1f} GiB, more than "
            f"{DENSE_LIMIT >> 30} GiB. Lower max_features of tfidf steps or width of hash steps, raise min_df or "
            "min_count, use fewer rows, or choose a linear estimator"
        )
    return np.asarray(X.toarray() if issparse(X) else X, np.float64)


def threads(estimator: object, X: Any) -> threadpool_limits:
    """A context with one thread, or two for trees over many rows. The results are the same with any number."""
    return threadpool_limits(2 if is_large(X) and needs_dense(estimator) else 1)


def is_large(X: Any) -> bool:
    return bool(X.shape[0] * X.shape[1] >= _LARGE)


def raw_scores(estimator: Any, X: Any) -> np.ndarray:
    """Scores [rows, scores] before link and calibration: one for each class, two for two; the number; the log of the rate.

    As the compiled program has them; the first of two classes has the score 0.
    """
    X = dense(X) if needs_dense(estimator) else X
    with threads(estimator, X):
        scores = np.asarray(_scores(estimator, X), np.float64)
    if scores.ndim == 2:
        return scores
    return np.column_stack([np.zeros_like(scores), scores]) if is_classifier(estimator) else scores[:, np.newaxis]


def _scores(estimator: Any, X: Any) -> Any:
    match _library(estimator):
        case "lightgbm":
            return estimator.predict(X, raw_score=True)
        case "catboost":
            return estimator.predict(X, prediction_type="RawFormulaVal")
    if is_classifier(estimator):
        return estimator.decision_function(X)
    if isinstance(estimator, PoissonRegressor):
        return X @ estimator.coef_ + estimator.intercept_
    predicted = estimator.predict(X)
    return np.log(predicted) if getattr(estimator, "loss", None) == "poisson" else predicted


def _library(estimator: object) -> str:
    return type(estimator).__module__.partition(".")[0]


class _Fitted(BaseEstimator):  # type: ignore[misc]
    """Holds an `estimator` that comes fitted."""

    estimator: Any

    def fit(self, X: object, y: object = None) -> Self:  # noqa: ARG002
        """Nothing: the parts come fitted, from different rows."""
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def raw(self, X: object) -> np.ndarray:
        """Raw scores [rows, scores]."""
        return raw_scores(self.estimator, X)


class CalibratedClassifier(ClassifierMixin, _Fitted):  # type: ignore[misc]
    """A classifier with its calibration. The label is that of the highest raw score, whatever the probabilities are."""

    def __init__(self, estimator: Any, calibration: Calibration, labels: Sequence[str]) -> None:
        self.estimator = estimator
        self.calibration = calibration
        self.labels = labels

    @property
    def classes_(self) -> np.ndarray:
        return np.array(self.labels, dtype=object)

    def decision_function(self, X: object) -> np.ndarray:
        """Raw scores of shape [rows, classes]."""
        return self.raw(X)

    def predict(self, X: object) -> np.ndarray:
        return self.classes_[self.raw(X).argmax(1)]

    def predict_proba(self, X: object) -> np.ndarray:
        """Calibrated probabilities of shape [rows, classes]."""
        return self.calibration.probabilities(self.raw(X))


class RegressionModel(RegressorMixin, _Fitted):  # type: ignore[misc]
    """A regressor whose predictions are clamped to `range`, if there is one."""

    def __init__(self, estimator: Any, range: tuple[float, float] | None) -> None:  # noqa: A002 - as in definitions
        self.estimator = estimator
        self.range = range

    def predict(self, X: object) -> np.ndarray:
        """Numbers of shape [rows]."""
        return clamped(self.raw(X)[:, 0], self.range)


class CountModel(RegressorMixin, _Fitted):  # type: ignore[misc]
    """A model of rates: of the expected count for an exposure of 1."""

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    def predict(self, X: object) -> np.ndarray:
        """Rates of shape [rows]."""
        return rates(self.raw(X))


def clamped(values: np.ndarray, bounds: tuple[float, float] | None) -> np.ndarray:
    return np.clip(values, *bounds) if bounds else values


def rates(raw: np.ndarray) -> np.ndarray:
    """Rates [rows] of raw scores [rows, 1], finite however large these are."""
    return np.asarray(np.minimum(np.exp(np.minimum(raw[:, 0], EXPONENT)), LARGEST))


def probabilities(raw: np.ndarray) -> np.ndarray:
    """Uncalibrated probabilities [rows, classes] of raw scores."""
    return np.asarray(softmax(raw, axis=1))
