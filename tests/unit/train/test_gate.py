"""Gates let nothing through that is worse than the definition allows, or that cannot be told."""

import pytest

from firesteel.definition import Gate
from functions.train import gate

METRICS = {"targets": {"priority": {"macro_f1": 0.70, "log_loss": 0.5}}}
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
