"""Linear estimators as weights."""

from typing import NamedTuple

import numpy as np
from sklearn.linear_model import ElasticNet, Lasso, LinearRegression, LogisticRegression, PoissonRegressor, Ridge


class Weights(NamedTuple):
    """raw scores = features @ weights.T + intercept: weights [scores, features], intercept [scores]."""

    weights: np.ndarray
    intercept: np.ndarray


def weights_of(estimator: object) -> Weights | None:
    """The weights of a fitted linear estimator; None for what is none. Two classes have two scores: 0 and the margin."""
    if isinstance(estimator, LogisticRegression):
        weights, intercept = np.asarray(estimator.coef_, np.float64), np.asarray(estimator.intercept_, np.float64)
        if len(weights) == 1:
            weights = np.concatenate([np.zeros_like(weights), weights])
            intercept = np.concatenate([np.zeros_like(intercept), intercept])
        return Weights(weights, intercept)
    if isinstance(estimator, LinearRegression | Ridge | Lasso | ElasticNet | PoissonRegressor):
        weights = np.atleast_2d(np.asarray(estimator.coef_, np.float64))
        return Weights(weights, np.atleast_1d(np.asarray(estimator.intercept_, np.float64)))
    return None
