"""Metrics say what they are called."""

import math

import numpy as np
import pytest

from firesteel.program.results import Estimate
from functions.train import evaluate

TRUTH = np.array([0, 0, 1, 1, 2, 2])
PREDICTED = np.array([0, 1, 1, 1, 2, 0])
PROBABILITY = np.array(
    [[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.1, 0.9, 0.0], [0.2, 0.6, 0.2], [0.0, 0.0, 1.0], [0.5, 0.2, 0.3]]
)
SURE = Estimate(0.0, None, None, None, None)


def estimates(values, width=None):
    return [
        SURE._replace(value=value, lower=None if width is None else value - width, upper=width and value + width)
        for value in values
    ]


def test_metrics_of_a_small_case_worked_by_hand():
    metrics = evaluate.classification(("a", "b", "c"), TRUTH, PREDICTED, PROBABILITY)
    assert metrics["accuracy"] == 4 / 6
    assert metrics["confusion_matrix"] == [[1, 1, 0], [0, 2, 0], [1, 0, 1]]
    assert np.isclose(metrics["macro_f1"], (0.5 + 0.8 + 2 / 3) / 3)
    assert metrics["report"]["b"]["recall"] == 1
    assert metrics["rows"] == 6


def test_a_label_that_never_occurs_counts_as_zero_and_has_no_curve():
    metrics = evaluate.classification(("a", "b", "c"), TRUTH % 2, PREDICTED % 2, PROBABILITY)
    assert metrics["report"]["c"]["f1-score"] == 0
    assert len(metrics["confusion_matrix"]) == 3
    assert "roc_auc" not in metrics


def test_the_area_under_the_curve_is_that_of_either_of_two_labels_and_a_mean_over_more():
    truth = np.array([0, 0, 1, 1])
    second = np.array([0.1, 0.6, 0.5, 0.9])
    metrics = evaluate.classification(("no", "yes"), truth, truth, np.column_stack([1 - second, second]))
    assert metrics["roc_auc"] == 0.75
    many = evaluate.classification(("a", "b", "c"), TRUTH, PREDICTED, PROBABILITY)
    assert many["roc_auc"] == pytest.approx(np.mean([6.5 / 8, 7 / 8, 1]))


def test_the_calibration_error_is_the_mean_gap_weighted_by_rows():
    confidence = np.array([0.95, 0.95, 0.55, 0.55])
    assert np.isclose(evaluate.calibration_error(confidence, np.array([True, True, True, False])), 0.05)
    assert np.isclose(evaluate.calibration_error(np.array([1.0, 1.0]), np.array([False, False])), 1)


def test_the_review_curve_ends_with_every_answer_and_begins_with_the_surest():
    curve = evaluate.review_curve(np.array([0.6, 0.9, 0.7, 0.8]), np.array([False, True, False, True]))
    assert [point["share"] for point in curve] == [0.25, 0.5, 0.75, 1.0]
    assert [point["accuracy"] for point in curve] == [1, 1, 2 / 3, 0.5]
    assert [point["threshold"] for point in curve] == [0.9, 0.8, 0.7, 0.6]


def test_a_regression_worked_by_hand():
    metrics = evaluate.regression(np.array([1.0, 2.0, 3.0, 6.0]), estimates([1.0, 2.5, 2.0, 6.5], 0.5), 0.9)
    assert metrics["rows"] == 4
    assert metrics["rmse"] == pytest.approx(math.sqrt(1.5 / 4))
    assert metrics["mae"] == 0.5
    assert metrics["r2"] == pytest.approx(1 - 1.5 / 14)
    assert (metrics["interval_stated"], metrics["interval_coverage"], metrics["interval_width"]) == (0.9, 0.75, 1.0)
    assert (metrics["interval_below"], metrics["interval_above"]) == (0.0, 0.25)
    assert (metrics["residual_quantiles"][0], metrics["residual_quantiles"][-1]) == (-0.5, 1.0)


def test_without_intervals_and_without_spread_what_cannot_be_told_is_absent():
    metrics = evaluate.regression(np.array([1.0, 1.0]), estimates([1.0, 2.0]))
    assert not {"r2", "interval_coverage", "interval_width"} & metrics.keys()
    assert metrics["mae"] == 0.5


def test_tenths_part_the_rows_by_their_prediction():
    predicted = np.arange(100.0)
    metrics = evaluate.regression(predicted + (predicted >= 90), estimates(predicted, 0.5))
    assert [tenth["rows"] for tenth in metrics["calibration"]] == [10] * 10
    first, last = metrics["calibration"][0], metrics["calibration"][-1]
    assert (first["predicted"], first["observed"], first["coverage"], first["width"]) == (4.5, 4.5, 1.0, 1.0)
    assert (last["predicted"], last["observed"], last["coverage"]) == (94.5, 95.5, 0.0)


def test_equal_predictions_stand_in_one_tenth():
    metrics = evaluate.regression(np.arange(50.0), estimates([7.0] * 50))
    assert [tenth["rows"] for tenth in metrics["calibration"]] == [50]


def test_a_count_worked_by_hand():
    truth, exposure = np.array([0.0, 2.0, 4.0]), np.array([1.0, 2.0, 1.0])
    metrics = evaluate.count(truth, exposure, estimates([1.0, 1.0, 5.0], 1.0))
    by_rate = [2 * 1, 2 * (math.log(2) - 1 + 0.5), 2 * (4 * math.log(0.8) - 4 + 5)]  # of 0 as 1, 1 as 0.5, 4 as 5
    assert metrics["poisson_deviance"] == pytest.approx(np.average(by_rate, weights=exposure))
    assert metrics["mape"] == pytest.approx((0.5 * 2 + 0.25 * 1) / 3)
    assert metrics["mae"] == 1
    assert metrics["calibration_error"] == pytest.approx((1 + 1 + 1) / 6)
    assert metrics["exposure"] == 4
    assert metrics["interval_coverage"] == 1
    assert metrics["interval_least_coverage"] == 0


def test_the_tenths_of_counts_are_of_rates():
    exposure = np.array([1.0, 100.0] * 50)
    metrics = evaluate.count(2 * exposure, exposure, estimates(2 * exposure))
    assert [(tenth["rows"], tenth["observed"]) for tenth in metrics["calibration"]] == [(100, 2.0)]
    assert metrics["calibration_error"] == 0


def test_where_nothing_was_counted_what_is_relative_is_absent():
    metrics = evaluate.count(np.zeros(3), np.ones(3), estimates([0.5, 0.25, 0.25]))
    assert not {"mape", "calibration_error", "r2"} & metrics.keys()
    assert metrics["poisson_deviance"] == pytest.approx(2 / 3)
