"""Calibration makes confidence mean what it says."""

import numpy as np
from scipy.special import softmax

from functions.train import calibrate, evaluate


def sample(rows=4000, seed=0):
    generator = np.random.default_rng(seed)
    scores = generator.normal(size=(rows, 3)) * 2
    labels = np.array([generator.choice(3, p=p) for p in softmax(0.5 * scores + [0.8, 0.0, -0.8], axis=1)])
    return scores, labels


def test_the_scale_and_bias_that_made_the_labels_are_found_again():
    found = calibrate.fit(*sample(20_000))
    assert abs(found.scale - 0.5) < 0.03
    assert np.abs(found.bias - [0.8, 0.0, -0.8]).max() < 0.08
    assert abs(found.bias.sum()) < 1e-9


def test_calibrated_confidence_is_right_as_often_as_it_says():
    scores, labels = sample()
    fresh, truth = sample(seed=1)
    found = calibrate.fit(scores, labels)

    def error(probability):
        chosen = fresh.argmax(1)
        return evaluate.calibration_error(probability[np.arange(len(chosen)), chosen], chosen == truth)

    assert error(softmax(found.scale * fresh + found.bias, axis=1)) < 0.04 < error(softmax(fresh, axis=1))


def test_a_class_that_is_hardly_ever_right_keeps_a_finite_bias():
    scores, labels = sample(200)
    labels[labels == 2] = 0
    assert np.isfinite(calibrate.fit(scores, labels).bias).all()
