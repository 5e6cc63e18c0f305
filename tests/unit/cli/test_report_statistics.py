"""The statistics of a report, against scikit-learn and scipy and against what is known of how the rows were made."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import f1_score, log_loss, mean_poisson_deviance

from cli.reporting import compare, slices
from cli.reporting.answers import Labelled, Measured
from cli.reporting.rows import signed
from firesteel.definition import Definition
from firesteel.program.results import Estimate
from functions.train.dataset import Dataset

ROWS = 2000
LABELS = ("a", "b", "c")


def definition(task):
    target = {"task": task, "labels": list(LABELS)} if task == "classification" else {"task": task}
    inputs = {
        "title": {"kind": "text", "max_length": 100, "example": "x"},
        "size": {"kind": "number", "example": 1.0, "required": False},
        "kind": {"kind": "category", "values": ["x", "y", "z"], "example": "x", "required": False},
    }
    features = {"size": {"step": "number", "inputs": ["size"], "fill": "mean"}}
    return Definition.model_validate(
        {
            "model": "tests",
            "inputs": inputs,
            "targets": {"target": target},
            "features": features,
            "estimator": ESTIMATORS[task],
        }
    )


ESTIMATORS = {"classification": {"kind": "logistic"}, "regression": {"kind": "linear"}}


def dataset(rng, rows=ROWS):
    sizes = rng.normal(size=rows)
    sizes[: rows // 10] = np.nan
    kinds = [("x", "y", "z", None)[place % 4] for place in range(rows)]
    inputs = {"title": ["word " * (1 + place % 7) for place in range(rows)], "size": sizes, "kind": kinds}
    return Dataset("rows.csv", "0" * 64, rows, inputs, {}, np.ones(rows), np.arange(2, rows + 2))


def labelled(rng, wrong):
    """Answers that are wrong with these chances [rows]."""
    truth = rng.integers(0, 3, len(wrong)).astype(np.int32)
    predicted = np.where(rng.random(len(wrong)) < wrong, (truth + 1) % 3, truth)
    probability = np.full((len(wrong), 3), 0.1)
    probability[np.arange(len(wrong)), predicted] = 0.8
    return Labelled(LABELS, truth, predicted, probability, None)


def measured(rng, spread, *, is_count=False):
    """Answers that are off by normal errors of these spreads [rows]; of counts, too, the truth is what is off."""
    predicted = rng.uniform(1, 5, len(spread))
    truth = (
        rng.poisson(predicted * spread).astype(float) if is_count else predicted + rng.normal(size=len(spread)) * spread
    )
    estimates = [Estimate(value, None, None, None, None) for value in predicted.tolist()]
    return Measured(truth, estimates, np.ones(len(spread)), is_count, None)


def found(answers, rows, min_rows=30):
    task = "classification" if isinstance(answers, Labelled) else "regression"
    return slices.find(definition(task), rows, answers, min_rows=min_rows, seed=0)


def test_the_worst_slice_comes_first_and_is_significant():
    rng = np.random.default_rng(1)
    rows = dataset(rng)
    answers = labelled(rng, np.where(np.array(rows.inputs["kind"]) == "y", 0.3, 0.05))
    worst, *others = found(answers, rows)
    assert (worst.field, worst.value, worst.rows) == ("kind", "y", ROWS // 4)
    assert worst.is_significantly_worse
    assert worst.low < worst.measure < worst.high < worst.elsewhere
    assert {one.field for one in others} == {"kind", "size", "characters of title", "predicted label"}


def test_rows_without_a_value_are_a_slice():
    rng = np.random.default_rng(2)
    rows = dataset(rng)
    answers = measured(rng, np.where(np.isnan(rows.inputs["size"]), 4.0, 1.0))
    worst = found(answers, rows)[0]
    assert (worst.field, worst.value, worst.rows) == ("size", "(missing)", ROWS // 10)
    assert worst.is_significantly_worse
    assert worst.low <= worst.measure <= worst.high


def test_without_a_worse_slice_none_is_called_so_but_in_one_report_of_twenty():
    alarms = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        rows = dataset(rng, 400)
        alarms += any(one.is_significantly_worse for one in found(labelled(rng, np.full(400, 0.2)), rows))
    assert alarms <= 8  # of 60, at 5 %: more has a chance of less than 1 %


def test_small_slices_and_those_that_leave_few_are_left_out():
    rng = np.random.default_rng(3)
    rows = dataset(rng, 100)
    assert {one.field for one in found(labelled(rng, np.full(100, 0.2)), rows, min_rows=40)} <= {"predicted label"}
    assert found(labelled(rng, np.full(100, 0.2)), rows, min_rows=51) == []


def test_parts_by_a_number_hold_every_row_once_and_equal_numbers_together():
    values = np.array([0.0] * 50 + [1.0] * 10 + [2.0, 3.0, np.nan] * 10)
    masks = [mask for _, _, mask in slices._by_number("x", values)]
    assert (np.sum(masks, axis=0) == 1).all()
    for value in (0.0, 1.0, 2.0, 3.0):
        assert sum(mask[values == value].any() for mask in masks) == 1


def test_a_slice_whose_typical_error_is_smaller_is_not_worse_for_a_large_one():
    """One row makes the mean of these errors the larger one, while all others of them are smaller than elsewhere."""
    rng = np.random.default_rng(13)
    error = np.concatenate([[600.0], rng.normal(0.5, 0.1, 199), rng.normal(1, 0.1, 800)])
    mask = np.arange(1000) < 200
    [p_value] = slices.permuted(error, [mask], rng)
    estimates = [Estimate(value, None, None, None, None) for value in (-error).tolist()]
    one = slices._measured(
        "x", "y", mask, Measured(np.zeros(1000), estimates, np.ones(1000), False, None), p_value, rng
    )
    assert one.is_worse
    assert not one.is_significantly_worse


def test_the_test_of_a_mean_error_is_scipys():
    rng = np.random.default_rng(14)
    error = rng.lognormal(size=300)
    masks = [np.arange(300) < 60, np.arange(300) >= 260]
    error[:60] *= 1.4
    error[260:] *= 0.8
    for mask, p_value in zip(masks, slices.permuted(error, masks, rng), strict=True):
        tail = "greater" if error[mask].mean() > error[~mask].mean() else "less"
        scipys = stats.permutation_test(
            (error[mask], error[~mask]), lambda x, y: x.mean() - y.mean(), alternative=tail, vectorized=False, rng=rng
        )
        assert p_value == pytest.approx(2 * scipys.pvalue, rel=0.2)


def test_skewed_errors_call_no_slice_worse_that_leaves_few_rows():
    """The mean of few skewed errors is often far too small: a t-test calls one in five of all others worse."""
    rng, worse = np.random.default_rng(15), 0
    mask = np.arange(300) < 270
    for _ in range(40):
        error = rng.lognormal(sigma=1.5, size=300)
        [p_value] = slices.permuted(error, [mask], rng)
        worse += p_value < 0.05 and error[mask].mean() > error[~mask].mean()
    assert worse <= 5  # of 40, at 2.5 %: more has a chance of less than 1 in 1,000


def test_slices_of_numbers_are_called_worse_by_chance_in_one_report_of_twenty():
    alarms = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        rows = dataset(rng, 300)
        alarms += any(one.is_significantly_worse for one in found(measured(rng, np.ones(300)), rows))
    assert alarms <= 4  # of 20, at 2.5 %: more has a chance of less than 1 in 1,000


def test_the_test_of_a_slice_is_scipys():
    rng = np.random.default_rng(4)
    rows = dataset(rng, 400)
    answers = labelled(rng, np.full(400, 0.2))
    mask = np.array(rows.inputs["kind"]) == "x"
    one = slices._labelled("kind", "x", mask, answers)
    table = [[(answers.right & side).sum(), (~answers.right & side).sum()] for side in (mask, ~mask)]
    assert one.p_value == pytest.approx(stats.fisher_exact(table).pvalue)
    interval = stats.binomtest(int((answers.right & mask).sum()), int(mask.sum())).proportion_ci(0.95, method="wilson")
    assert (one.low, one.high) == pytest.approx((interval.low, interval.high))


def test_compared_metrics_are_scikit_learns():
    rng = np.random.default_rng(5)
    old = labelled(rng, np.full(500, 0.3))
    new = Labelled(LABELS, old.truth, np.where(rng.random(500) < 0.2, 0, old.truth), old.probability, None)
    told = {one.metric: one for one in compare.compare({"t": old}, {"t": new}, groups=None, seed=0)}
    assert told["accuracy"].old == pytest.approx(old.right.mean())
    assert told["macro F1"].new == pytest.approx(f1_score(new.truth, new.predicted, average="macro", labels=range(3)))
    assert told["log loss"].old == pytest.approx(log_loss(old.truth, old.probability))


def test_compared_numbers_are_scikit_learns():
    rng = np.random.default_rng(6)
    old = measured(rng, np.ones(500), is_count=True)
    new = Measured(old.truth, [one._replace(value=one.value * 1.3) for one in old.estimates], old.exposure, True, None)
    told = {one.metric: one for one in compare.compare({"t": old}, {"t": new}, groups=None, seed=0)}
    assert told["Poisson deviance"].new == pytest.approx(mean_poisson_deviance(new.truth, new.predicted))
    assert told["RMSE"].old == pytest.approx(float(np.sqrt(((old.truth - old.predicted) ** 2).mean())))
    assert (told["Poisson deviance"].verdict, told["Poisson deviance"].less_is_better) == ("worse", True)


def test_a_better_version_is_found_better_and_the_same_again_for_the_same_seed():
    rng = np.random.default_rng(7)
    old = labelled(rng, np.full(800, 0.3))
    new = Labelled(LABELS, old.truth, np.where(rng.random(800) < 0.5, old.truth, old.predicted), old.probability, None)
    [accuracy, *_] = first = compare.compare({"t": old}, {"t": new}, groups=None, seed=3)
    assert accuracy.verdict == "better"
    assert accuracy.low < accuracy.difference < accuracy.high
    assert accuracy.p_value < 0.01
    assert compare.compare({"t": old}, {"t": new}, groups=None, seed=3) == first


def test_the_interval_is_that_of_the_paired_difference():
    rng = np.random.default_rng(8)
    old = labelled(rng, np.full(1000, 0.2))
    flipped = rng.random(1000) < 0.05
    new = Labelled(LABELS, old.truth, np.where(flipped, (old.predicted + 1) % 3, old.predicted), old.probability, None)
    accuracy = compare.compare({"t": old}, {"t": new}, groups=None, seed=0)[0]
    difference = new.right.astype(float) - old.right
    error = difference.std() / np.sqrt(1000)
    assert (accuracy.low, accuracy.high) == pytest.approx(
        (difference.mean() - 1.96 * error, difference.mean() + 1.96 * error), abs=0.3 * error
    )


def test_the_same_version_twice_is_no_different():
    old = labelled(np.random.default_rng(9), np.full(300, 0.2))
    for one in compare.compare({"t": old}, {"t": old}, groups=None, seed=0):
        assert (one.difference, one.p_value, one.verdict) == (0, 1.0, "no significant difference")
    assert compare.mcnemar({"t": old}, {"t": old})[0].p_value == 1.0


def test_rows_of_a_group_are_drawn_together():
    """Of groups whose rows are all alike, only the groups are evidence: the interval is as wide as theirs."""
    rng = np.random.default_rng(10)
    groups = np.repeat(np.arange(40), 50)
    old = labelled(rng, np.full(2000, 0.0))
    wrong = (rng.random(40) < 0.5)[groups]
    new = Labelled(LABELS, old.truth, np.where(wrong, (old.truth + 1) % 3, old.truth), old.probability, None)
    alone = compare.compare({"t": old}, {"t": new}, groups=None, seed=0)[0]
    together = compare.compare({"t": old}, {"t": new}, groups=groups, seed=0)[0]
    assert together.high - together.low > 5 * (alone.high - alone.low)


def test_mcnemars_test_counts_rows_that_one_version_alone_has_right():
    truth = np.zeros(30, np.int32)
    old = Labelled(LABELS, truth, np.array([1] * 10 + [0] * 20), np.full((30, 3), 1 / 3), None)
    new = Labelled(LABELS, truth, np.array([0] * 10 + [1] * 2 + [0] * 18), np.full((30, 3), 1 / 3), None)
    [one] = compare.mcnemar({"t": old}, {"t": new})
    assert (one.only_old, one.only_new) == (2, 10)
    assert one.p_value == pytest.approx(stats.binomtest(2, 12).pvalue)


def test_labels_that_only_the_new_version_has_are_wrong():
    old = labelled(np.random.default_rng(11), np.full(100, 0.2))
    new = Labelled(("a", "d"), old.truth, np.ones(100, np.intp), np.full((100, 2), 0.5), None)
    told = {one.metric: one.new for one in compare.compare({"t": old}, {"t": new}, groups=None, seed=0)}
    assert told == {"accuracy": 0.0, "macro F1": 0.0}


def test_targets_that_only_one_version_has_are_left_out():
    old = labelled(np.random.default_rng(12), np.full(100, 0.2))
    told = compare.compare({"t": old, "u": old}, {"t": old}, groups=None, seed=0)
    assert {one.target for one in told} == {"t"}


def test_differences_have_a_sign_and_the_digits_that_count() -> None:
    told = {-0.00002: "-0.000020", 0.00013: "+0.00013", -1e-17: "0", 0.0312: "+0.0312", -0.5: "-0.5000"}
    assert {value: signed(value) for value in told} == told
