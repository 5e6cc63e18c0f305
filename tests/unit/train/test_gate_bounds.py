"""Gates to the digit: what a verdict says, and where exactly one begins to fail."""

import pytest

from firesteel.definition import Gate
from functions.train import gate

AT_LEAST = {"at_least": 0.7}


def metrics(value=0.7, rows=100, repeated=0):
    return {"targets": {"priority": {"rows": rows, "macro_f1": value}}, "repeated_rows": {"priority": repeated}}


def verdict(new=None, latest=None, version="1.0.0", **bound):
    (one,) = gate.judge([Gate(metric="priority.macro_f1", **bound)], metrics() if new is None else new, latest, version)
    return one


@pytest.mark.parametrize(
    ("bound", "value", "passed", "sentence"),
    [
        ({"at_least": 0.7}, 0.7, True, "passed: priority.macro_f1 = 0.7000, wanted >= 0.7"),
        ({"at_least": 0.7}, 0.69, False, "FAILED: priority.macro_f1 = 0.6900, wanted >= 0.7"),
        ({"at_most": 0.7}, 0.7, True, "passed: priority.macro_f1 = 0.7000, wanted <= 0.7"),
        ({"at_most": 0.7}, 0.71, False, "FAILED: priority.macro_f1 = 0.7100, wanted <= 0.7"),
        ({"max_drop": 0.25}, 0.25, True,
         "passed: priority.macro_f1 = 0.2500, wanted >= 0.2500 (latest 1.0.0 has 0.5000, may drop by 0.25)"),
        ({"max_drop": 0.25}, 0.24, False,
         "FAILED: priority.macro_f1 = 0.2400, wanted >= 0.2500 (latest 1.0.0 has 0.5000, may drop by 0.25)"),
        ({"max_rise": 0.25}, 0.75, True,
         "passed: priority.macro_f1 = 0.7500, wanted <= 0.7500 (latest 1.0.0 has 0.5000, may rise by 0.25)"),
        ({"max_rise": 0.25}, 0.76, False,
         "FAILED: priority.macro_f1 = 0.7600, wanted <= 0.7500 (latest 1.0.0 has 0.5000, may rise by 0.25)"),
    ],
)  # fmt: skip
def test_a_verdict_says_what_was_wanted_and_what_was_there(bound, value, passed, sentence):
    one = verdict(metrics(value), metrics(0.5), **bound)
    assert (one.passed, one.value, one.sentence()) == (passed, value, sentence)
    assert one.metric == "priority.macro_f1"


@pytest.mark.parametrize("bound", [{"at_least": 0.0}, {"at_most": 1.0}, {"max_drop": 1.0}, {"max_rise": 1.0}])
def test_a_value_that_is_missing_fails_whatever_is_wanted(bound):
    for version, latest in (("1.0.0", metrics(0.5)), (None, None)):
        one = verdict({"targets": {"priority": {"rows": 100}}}, latest, version, **bound)
        assert (one.passed, one.value) == (False, None)
        assert one.sentence().startswith("FAILED: priority.macro_f1 is missing, wanted ")


@pytest.mark.parametrize(
    "value", [True, "0.9", None, [0.9], float("nan"), float("inf"), float("-inf"), 10**400], ids=lambda value: str(value)[:9]
)  # fmt: skip
def test_what_is_no_finite_number_is_missing(value):
    assert verdict(metrics(value), **AT_LEAST).value is None
    assert not verdict(latest=metrics(value), max_drop=1.0).passed


def test_a_whole_number_is_one():
    assert verdict(metrics(1), **AT_LEAST).value == 1.0


@pytest.mark.parametrize(
    ("rows", "passed"), [(9, False), (10, True), (None, False), (True, False), (100.0, False), ("100", False)]
)
def test_ten_rows_are_believed_and_nine_are_not(rows, passed):
    one = verdict(metrics(rows=rows), **AT_LEAST)
    assert one.passed is passed
    told = rows if rows == 9 else "unknown"
    assert passed or one.bound == f">= 0.7, measured on at least 10 held-out rows (these: {told})"


@pytest.mark.parametrize(
    ("repeated", "passed"),
    [(0, True), (10, True), (11, False), (-1, False), (True, False), (None, False), (5.0, False)],
)
def test_a_tenth_of_the_rows_may_be_known(repeated, passed):
    one = verdict(metrics(repeated=repeated), **AT_LEAST)
    assert one.passed is passed
    told = "11 of 100" if repeated == 11 else "unknown"
    assert (
        passed
        or f">= 0.7, measured on rows of which at most 10% repeat one that was trained on (these: {told}; " in one.bound
    )


@pytest.mark.parametrize(
    "broken", [{}, {"targets": {}}, {"targets": []}, {"targets": {"priority": []}}, {"targets": {"other": {}}}]
)
def test_metrics_of_another_shape_have_none(broken):
    assert verdict(broken, **AT_LEAST).value is None


def test_of_a_metric_that_is_missing_nothing_is_doubted():
    assert verdict({}, **AT_LEAST).bound == ">= 0.7"


def test_verdicts_come_in_the_order_of_the_gates():
    gates = [Gate(metric="priority.macro_f1", at_least=0.9), Gate(metric="priority.log_loss", at_most=1.0)]
    assert [one.metric for one in gate.judge(gates, metrics(), None, None)] == [
        "priority.macro_f1",
        "priority.log_loss",
    ]
