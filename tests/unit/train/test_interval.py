"""Intervals hold the truth as often as they say, for small and for large predictions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firesteel.definition import Interval, Levels
from firesteel.errors import DataError
from firesteel.program import targets
from functions.train import interval

POLICY = Interval(coverage=0.9, bins=5)


def values(rows, seed):
    """Predictions in [0, 1] and a truth whose spread grows with them, leaning to the right."""
    generator = np.random.default_rng(seed)
    predicted = generator.uniform(0, 1, rows)
    return predicted, np.clip(predicted + (0.02 + 0.3 * predicted) * (generator.gamma(2, 0.5, rows) - 1), 0, 1)


def counts(rows, seed, low, high):
    """Expected counts between two numbers, and counts that are wider spread than Poisson's."""
    generator = np.random.default_rng(seed)
    expected = np.exp(generator.uniform(np.log(low), np.log(high), rows))
    return expected, generator.poisson(expected * generator.gamma(10, 0.1, rows)).astype(float)


def held(entry, predicted, truth, task):
    """Whether each truth lies in the interval that a program answers with."""
    target = targets.load(
        {"name": "y", "task": task, "range": [0.0, 1.0], "exposure": None, "unit": None, "interval": entry}
    )
    scores = predicted if task == "regression" else np.log(predicted)
    estimates = [target.estimate(score) for score in scores.tolist()]
    return np.array([one.lower <= y <= one.upper for one, y in zip(estimates, truth, strict=True)])


@pytest.mark.parametrize("coverage", [0.8, 0.9, 0.95])
def test_numbers_are_covered_as_stated_in_every_bin(coverage):
    entry = interval.of_values(*values(4000, 0), Interval(coverage=coverage))
    predicted, truth = values(20_000, 1)
    inside = held(entry, predicted, truth, "regression")
    assert inside.mean() == pytest.approx(coverage, abs=0.02)
    for number in range(5):
        of_bin = inside[np.searchsorted(entry["edges"], predicted, side="right") == number]
        assert of_bin.mean() == pytest.approx(coverage, abs=0.035)
    assert entry["above"][4] > 3 * entry["above"][0]


@pytest.mark.parametrize("coverage", [0.8, 0.9, 0.95])
@pytest.mark.parametrize(("low", "high"), [(1, 20), (20, 500)])
def test_counts_are_covered_as_stated(coverage, low, high):
    entry = interval.of_counts(*counts(6000, 0, low, high), Interval(coverage=coverage))
    assert held(entry, *counts(20_000, 1, low, high), "count").mean() == pytest.approx(coverage, abs=0.02)


def test_what_hardly_ever_happens_is_covered_by_its_likeliest_count_and_no_more():
    expected, truth = counts(20_000, 0, 0.01, 0.1)
    entry = interval.of_counts(expected, truth, POLICY)
    inside = held(entry, expected, truth, "count")
    assert inside.mean() == (truth == 0).mean() > 0.9
    assert entry["above"] == [0.0] * 5


def test_the_coverage_over_many_draws_is_at_least_the_stated_one():
    """Of one more row, over the draw of all rows: between the coverage and 1 / (rows + 1) more."""
    generator = np.random.default_rng(0)
    drawn = 0
    for _ in range(2000):
        residuals = generator.exponential(size=40)
        entry = interval.of_values(np.full(39, 0.5), 0.5 + residuals[:39], Interval(coverage=0.8, bins=1))
        drawn += residuals[39] <= entry["above"][0]
    assert drawn / 2000 == pytest.approx(0.8, abs=0.03)


@settings(deadline=None)
@given(
    st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=120, max_size=300),
    st.integers(1, 20),
    st.sampled_from([0.5, 0.9, 0.95]),
)
def test_bins_of_equal_predictions_are_merged_until_each_has_enough_rows(predicted, bins, coverage):
    predicted = np.array(predicted)
    entry = interval.of_values(predicted, predicted**2, Interval(coverage=coverage, bins=bins))
    assert entry["edges"] == sorted(set(entry["edges"]))
    assert len(entry["below"]) == len(entry["edges"]) + 1 <= bins
    rows = np.bincount(np.searchsorted(entry["edges"], predicted, side="right"), minlength=len(entry["below"]))
    assert rows.min() >= interval.LEAST or len(rows) == 1
    assert held(entry, predicted, predicted**2, "regression").mean() >= coverage


def test_too_few_rows_for_the_coverage_are_refused_with_the_number_needed():
    with pytest.raises(DataError, match=r"covers 99% needs at least 99 rows.*there are 98.*interval\.coverage"):
        interval.of_values(np.zeros(98), np.zeros(98), Interval(coverage=0.99))
    assert interval.of_values(np.zeros(99), np.arange(99.0), Interval(coverage=0.99))["above"] == [98.0]


def test_levels_are_those_of_the_definition():
    levels = Interval(levels=Levels(high=0.1, medium=0.2))
    assert interval.of_values(*values(100, 0), levels)["high"] == 0.1
    assert interval.of_values(*values(100, 0), POLICY)["medium"] is None
