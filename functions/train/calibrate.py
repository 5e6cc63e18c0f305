"""Calibrated confidence for a classifier whose labels stay those of its highest score."""

from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

_BIAS_PENALTY = 1e-3  # keeps the bias of a class that was hardly ever confused finite


class Calibration(NamedTuple):
    """Probabilities are softmax(scale * scores + bias); `bias` has shape [classes] and sums to 0."""

    scale: float
    bias: np.ndarray

    def probabilities(self, scores: np.ndarray) -> np.ndarray:
        """Calibrated probabilities for raw scores, both of shape [rows, classes]."""
        return np.asarray(softmax(self.scale * scores + self.bias, axis=1))


def fit(scores: np.ndarray, labels: np.ndarray, weight: np.ndarray | None = None) -> Calibration:
    """The scale and bias that make out-of-fold scores [rows, classes] likeliest for the labels [rows].

    `weight` [rows] is how much each row counts for, 1 without.

    Temperature scaling (Guo et al. 2017, "On Calibration of Modern Neural Networks") with a bias for each class: the
    weights that balance classes in fitting shift the scores, and the bias takes that shift out of the confidence again.
    """
    rows, classes = scores.shape
    truth = np.zeros((rows, classes))
    truth[np.arange(rows), labels] = 1
    share = None if weight is None else weight / weight.sum()

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        log_scale, bias = parameters[0], parameters[1:]
        scale = np.exp(log_scale)
        log_probabilities = log_softmax(scale * scores + bias, axis=1)
        residual = np.exp(log_probabilities) - truth
        residual = residual / rows if share is None else residual * share[:, None]
        right = log_probabilities[np.arange(rows), labels]
        value = -(right.mean() if share is None else right @ share) + _BIAS_PENALTY * float(bias @ bias)
        gradient_scale = float((residual * scores).sum()) * scale
        return value, np.concatenate([[gradient_scale], residual.sum(0) + 2 * _BIAS_PENALTY * bias])

    solution = minimize(loss, np.zeros(classes + 1), jac=True, method="L-BFGS-B").x
    return Calibration(float(np.exp(solution[0])), solution[1:] - solution[1:].mean())
