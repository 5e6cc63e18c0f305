"""Numbers as counts: exact at edges, of bounded size, and added up."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from functions.train.drift import cells, tests
from functions.train.drift.cells import MOST

NUMBERS = st.one_of(st.none(), st.sampled_from([0.0, 1.0, -0.0]), st.floats(allow_nan=False, allow_infinity=False))


@given(st.lists(NUMBERS, min_size=1, max_size=60), st.lists(NUMBERS, max_size=60), st.lists(NUMBERS, max_size=60))
def test_the_counts_of_two_samples_are_those_of_both_together(reference, one, other):
    values = cells.numbers(reference)
    edges = cells.edges_of(values[~np.isnan(values)])
    assert (np.diff(edges) > 0).all()
    together = cells.count(edges, cells.numbers(one + other))
    assert together.sum() == len(one + other)
    assert (cells.count(edges, cells.numbers(one)) + cells.count(edges, cells.numbers(other)) == together).all()


@given(st.lists(NUMBERS, max_size=60), st.lists(st.integers(-3, 3), min_size=1, max_size=8, unique=True))
def test_a_cell_has_what_its_place_says(values, some):
    edges, numbers = np.array(sorted(some), float), cells.numbers(values)
    missing, *counts = cells.count(edges, numbers).tolist()
    assert missing == np.isnan(numbers).sum()
    assert counts[1::2] == [int((numbers == edge).sum()) for edge in edges]
    assert counts[0] == (numbers < edges[0]).sum()
    assert counts[-1] == (numbers > edges[-1]).sum()


def test_a_million_values_have_few_edges_and_their_cells_are_small():
    values = np.random.default_rng(0).lognormal(size=1_000_000)
    edges = cells.edges_of(values)
    assert len(edges) == MOST - 1
    assert cells.count(edges, values).max() <= 1_000_000 / MOST


def test_few_values_have_edges_that_hide_single_ones():
    assert len(cells.edges_of(np.arange(50.0))) == 9
    assert len(cells.edges_of(np.arange(9.0))) == 0


def test_what_is_no_number_is_left_out():
    kept = cells.numbers([1, 2.5, None, "3", True, {"sha256": "ab"}, [1], float("inf"), 10**400])
    assert kept.tolist()[:2] == [1, 2.5]
    assert len(kept) == 3
    assert np.isnan(kept[2])


@pytest.mark.parametrize("kind", ["normal", "zeros", "whole"])
def test_a_tenth_is_a_tenth_but_for_values_that_more_rows_have(kind):
    random = np.random.default_rng(1)
    values = random.normal(size=2000)
    values = {"normal": values, "zeros": np.maximum(values, 0), "whole": np.round(values)}[kind]
    counts = cells.count(cells.edges_of(values), values)
    sizes = [int(counts[part].sum()) for part in cells.bins(counts, 10)]
    assert (sizes[0], sum(sizes)) == (0, 2000)
    assert min(sizes[1:]) >= 200
    if kind == "normal":
        assert sizes[1:] == pytest.approx([200] * 10, abs=11)


def test_no_values_are_no_bins_but_missing_and_all():
    assert cells.bins(np.array([5, 0]), 10) == [slice(0, 1), slice(1, 2)]


class TestAgreement:
    """What the cells say of two samples, and what the samples themselves say."""

    @pytest.mark.parametrize("rows", [200, 2000, 20_000])
    @pytest.mark.parametrize("shift", [0.0, 0.1, 0.3])
    @pytest.mark.parametrize("shape", [lambda x: x, np.exp, lambda x: x**3])
    def test_the_largest_gap_is_never_more_and_hardly_less(self, rows, shift, shape):
        random = np.random.default_rng(rows)
        reference, current = shape(random.normal(size=rows)), shape(random.normal(shift, size=700))
        edges = cells.edges_of(reference)
        ours = tests.ks(cells.count(edges, reference), cells.count(edges, current)).statistic
        exact = stats.ks_2samp(reference, current, method="asymp").statistic
        assert 0 <= exact - ours <= 0.7 / min(MOST, rows // cells.RARE) + 1e-12

    def test_where_values_repeat_it_is_exact(self):
        random = np.random.default_rng(5)
        reference, current = random.poisson(4.0, 3000).astype(float), random.poisson(4.3, 900).astype(float)
        edges = cells.edges_of(reference)
        ours = tests.ks(cells.count(edges, reference), cells.count(edges, current))
        exact = stats.ks_2samp(reference, current, method="asymp")
        assert ours == pytest.approx((exact.statistic, exact.pvalue), rel=1e-12)

    def test_missing_values_are_below_all_others(self):
        reference, current = np.array([np.nan] * 100 + [1.0] * 900), np.array([np.nan] * 300 + [1.0] * 700)
        edges = cells.edges_of(reference[100:])
        assert tests.ks(cells.count(edges, reference), cells.count(edges, current)).statistic == pytest.approx(0.2)
