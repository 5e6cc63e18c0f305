"""The statistics are scipy's of the raw data."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial import distance

from functions.train.drift import cells, tests

COUNTS = st.lists(st.integers(1, 500), min_size=2, max_size=8).flatmap(
    lambda had: st.tuples(st.just(np.array(had)), st.lists(st.integers(1, 500), min_size=len(had), max_size=len(had)))
)


def samples(had, has):
    return np.repeat(np.arange(len(had)), had), np.repeat(np.arange(len(has)), has)


@settings(deadline=None)
@given(COUNTS)
def test_kolmogorov_smirnov_is_scipys(counts):
    had, has = counts[0], np.array(counts[1])
    exact = stats.ks_2samp(*samples(had, has), method="asymp")
    assert tests.ks(had, has) == pytest.approx((exact.statistic, exact.pvalue), rel=1e-9, abs=1e-12)


def test_kolmogorov_smirnov_of_continuous_data_is_near_the_exact_one():
    random = np.random.default_rng(2)
    reference, current = random.normal(size=400), random.normal(0.15, size=300)
    edges = np.sort(reference)
    ours = tests.ks(cells.count(edges, reference), cells.count(edges, current))
    exact = stats.ks_2samp(reference, current, method="exact")
    assert ours.statistic == pytest.approx(exact.statistic)
    assert ours.p == pytest.approx(exact.pvalue, rel=0.05)


@settings(deadline=None)
@given(COUNTS)
def test_chi_squared_is_scipys_where_no_category_is_rare(counts):
    had, has = counts[0] + 100, np.array(counts[1]) + 100
    exact = stats.chi2_contingency([had, has], correction=False)
    assert tests.chi_squared(had, has) == pytest.approx((exact.statistic, exact.pvalue), rel=1e-9, abs=1e-300)


def test_rare_categories_count_as_one():
    had, has = np.array([500, 400, 3, 7, 4]), np.array([250, 200, 1, 2, 1])
    exact = stats.chi2_contingency([[500, 400, 14], [250, 200, 4]], correction=False)
    assert tests.chi_squared(had, has) == pytest.approx((exact.statistic, exact.pvalue))


def test_rare_categories_that_are_rare_together_count_with_the_next_larger_one():
    had, has = np.array([0, 500, 400, 2]), np.array([0, 250, 100, 3])
    exact = stats.chi2_contingency([[500, 402], [250, 103]], correction=False)
    assert tests.chi_squared(had, has) == pytest.approx((exact.statistic, exact.pvalue))


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 600), min_size=4, max_size=4), min_size=1, max_size=9))
def test_many_fourfold_tables_at_once_are_the_same_test(tables):
    had, has = np.array(tables)[:, :2] + 1, np.array(tables)[:, 2:] + 1
    one_by_one = [tests.chi_squared(*pair) for pair in zip(had, has, strict=True)]
    statistics, p = tests.fourfold(had, has)
    assert statistics == pytest.approx([test.statistic for test in one_by_one], rel=1e-9, abs=1e-12)
    assert p == pytest.approx([test.p for test in one_by_one], rel=1e-9, abs=1e-300)


def test_one_category_alone_says_nothing():
    assert tests.chi_squared(np.array([100, 0]), np.array([50, 0])) == (0, 1)


@settings(deadline=None)
@given(COUNTS)
def test_jensen_shannon_is_scipys_of_the_raw_data_to_the_base_2(counts):
    had, has = counts[0], np.array(counts[1])
    with np.errstate(invalid="ignore"):
        exact = distance.jensenshannon(had, has, base=2)
    assert tests.jensen_shannon(had, has) == pytest.approx(0 if math.isnan(exact) else exact)


def test_jensen_shannon_is_one_where_nothing_is_in_common_and_zero_for_equal_shares():
    assert tests.jensen_shannon(np.array([7, 0]), np.array([0, 9])) == 1
    assert tests.jensen_shannon(np.array([1, 2, 4]), np.array([10, 20, 40])) == 0


def test_psi_is_the_sum_of_both_relative_entropies():
    had, has = np.array([10, 20, 70]), np.array([30, 30, 40])
    assert tests.psi(had, has) == pytest.approx(stats.entropy(had, has) + stats.entropy(has, had))


def test_an_empty_bin_makes_no_infinite_psi():
    assert tests.psi(np.array([50, 50]), np.array([100, 0])) == pytest.approx(
        0.5 * math.log(2) + (0.5 - 1e-4) * math.log(5000)
    )


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_holm_rejects_what_the_step_down_rejects(p):
    corrected = tests.holm(p)
    for alpha in (0.01, 0.05, 0.5):
        rejected = set()
        for step, place in enumerate(sorted(range(len(p)), key=lambda place: p[place])):
            if p[place] * (len(p) - step) > alpha:
                break
            rejected.add(place)
        assert {place for place, value in enumerate(corrected) if value <= alpha} == rejected


def test_holms_own_example():
    assert tests.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_no_tests_need_no_correction():
    assert tests.holm([]) == []


def test_wilsons_interval():
    assert tests.wilson(9, 10) == pytest.approx((0.9, 0.5958, 0.9821), abs=1e-4)
    assert tests.wilson(0, 20).low == 0
