"""Gates let nothing through that is worse than the definition allows, or that cannot be told."""

import pytest

from firesteel.definition import Gate
from functions.train import gate

COUNTED = {"repeated_rows": {"priority": 0}}
METRICS = {"targets": {"priority": {"rows": 100, "macro_f1": 0.70, "log_loss": 0.5}}} | COUNTED
LATEST = {"targets": {"priority": {"macro_f1": 0.72, "log_loss": 0.4}}}


def verdict(metrics=METRICS, latest=LATEST, version="1.0.0", **bound):
    (one,) = gate.judge([Gate(**{"metric": "priority.macro_f1", **bound})], metrics, latest, version)
    return one


@pytest.mark.parametrize(
    ("bound", "passes"),
    [
        ({"at_least": 0.70}, True),
        ({"at_least": 0.71}, False),
        ({"at_most": 0.70}, True),
        ({"at_most": 0.69}, False),
        ({"max_drop": 0.03}, True),
        ({"max_drop": 0.01}, False),
        ({"metric": "priority.log_loss", "max_rise": 0.2}, True),
        ({"metric": "priority.log_loss", "max_rise": 0.05}, False),
    ],
)
def test_a_bound_is_held_and_the_verdict_names_value_and_bound(bound, passes):
    one = verdict(**bound)
    assert one.passed is passes
    assert one.sentence().startswith("passed" if passes else "FAILED")
    assert f"{one.value:.4f}" in one.sentence()


@pytest.mark.parametrize("bound", [{"at_least": 0.0}, {"at_most": 1.0}, {"max_drop": 1.0}, {"max_rise": 1.0}])
@pytest.mark.parametrize("metrics", [{}, {"targets": {}}, {"targets": {"priority": {"macro_f1": float("nan")}}}])
def test_a_missing_metric_or_one_that_is_no_number_fails(bound, metrics):
    assert not verdict(metrics=metrics, **bound).passed


@pytest.mark.parametrize("bound", [{"max_drop": 0.0}, {"max_rise": 0.0}])
def test_the_first_version_has_nothing_to_be_compared_with(bound):
    first = verdict(latest=None, version=None, **bound)
    assert first.passed
    assert "there is none yet" in first.sentence()


@pytest.mark.parametrize("latest", [None, {"targets": {}}])
def test_a_latest_version_without_the_metric_cannot_be_compared_with(latest):
    one = verdict(latest=latest, max_drop=0.5)
    assert not one.passed
    assert "latest 1.0.0, which has no such metric" in one.sentence()


def test_the_comparison_names_the_version_it_compares_with():
    assert "latest 1.0.0 has 0.7200" in verdict(max_drop=0.01).sentence()


@pytest.mark.parametrize("rows", [0, 9, None])
def test_what_was_measured_on_a_few_rows_is_not_believed(rows):
    few = {"targets": {"priority": {"rows": rows, "macro_f1": 0.99}}}
    one = verdict(metrics=few, at_least=0.6)
    assert not one.passed
    assert "wanted >= 0.6, measured on at least 10 held-out rows" in one.sentence()
    assert verdict(metrics={"targets": {"priority": {"rows": 10, "macro_f1": 0.99}}} | COUNTED, at_least=0.6).passed


def test_what_was_measured_on_rows_that_were_trained_on_is_not_believed():
    one = verdict(metrics=METRICS | {"repeated_rows": {"priority": 11}}, at_least=0.6)
    assert not one.passed
    assert "at most 10% repeat one that was trained on (these: 11 of 100; remove copies" in one.sentence()
    assert verdict(metrics=METRICS | {"repeated_rows": {"priority": 10}}, at_least=0.6).passed


@pytest.mark.parametrize("counted", [None, {}, 0, [], {"other": 0}, {"priority": -5}, {"priority": None}])
def test_what_was_measured_on_rows_that_nobody_compared_is_not_believed(counted):
    one = verdict(metrics=METRICS | {"repeated_rows": counted}, at_least=0.6)
    assert not one.passed
    assert "(these: unknown; " in one.sentence()
    assert not verdict(metrics={"targets": METRICS["targets"]}, at_least=0.6).passed
