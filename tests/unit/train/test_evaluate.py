"""Metrics say what they are called."""

import numpy as np

from functions.train import evaluate

TRUTH = np.array([0, 0, 1, 1, 2, 2])
PREDICTED = np.array([0, 1, 1, 1, 2, 0])
PROBABILITY = np.array(
    [[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.1, 0.9, 0.0], [0.2, 0.6, 0.2], [0.0, 0.0, 1.0], [0.5, 0.2, 0.3]]
)


def test_metrics_of_a_small_case_worked_by_hand():
    metrics = evaluate.evaluate(("a", "b", "c"), TRUTH, PREDICTED, PROBABILITY)
    assert metrics["accuracy"] == 4 / 6
    assert metrics["confusion_matrix"] == [[1, 1, 0], [0, 2, 0], [1, 0, 1]]
    assert np.isclose(metrics["macro_f1"], (0.5 + 0.8 + 2 / 3) / 3)
    assert metrics["report"]["b"]["recall"] == 1
    assert metrics["rows"] == 6


def test_a_label_that_never_occurs_counts_as_zero():
    metrics = evaluate.evaluate(("a", "b", "c"), TRUTH % 2, PREDICTED % 2, PROBABILITY)
    assert metrics["report"]["c"]["f1-score"] == 0
    assert len(metrics["confusion_matrix"]) == 3


def test_the_calibration_error_is_the_mean_gap_weighted_by_rows():
    confidence = np.array([0.95, 0.95, 0.55, 0.55])
    assert np.isclose(evaluate.calibration_error(confidence, np.array([True, True, True, False])), 0.05)
    assert np.isclose(evaluate.calibration_error(np.array([1.0, 1.0]), np.array([False, False])), 1)


def test_the_review_curve_ends_with_every_answer_and_begins_with_the_surest():
    curve = evaluate.review_curve(np.array([0.6, 0.9, 0.7, 0.8]), np.array([False, True, False, True]))
    assert [point["share"] for point in curve] == [0.25, 0.5, 0.75, 1.0]
    assert [point["accuracy"] for point in curve] == [1, 1, 2 / 3, 0.5]
    assert [point["threshold"] for point in curve] == [0.9, 0.8, 0.7, 0.6]
