"""Numbers: clipped, filled, standardised, in this order, and flags."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.train.steps.number import Number
from tests.unit.steps.served import NUMBERS, check_parity, columns_of, filled, served

NAN = np.nan
ROWS = st.lists(st.fixed_dictionaries({"a": NUMBERS, "b": NUMBERS}), min_size=1, max_size=12)


def fitted(values, **settings):
    return Number(["a"], **settings).fit({"a": np.array(values, float)})


def through(step, values):
    """What training and serving make of the values: the same."""
    rows = [{"a": None if np.isnan(value) else value} for value in values]
    check_parity(step, rows, ["a"])
    return step.transform({"a": np.array(values, float)}).tolist()


@settings(deadline=None)
@given(
    ROWS,
    ROWS,
    st.sampled_from([None, 0.1, 1.5, 1e300]),
    st.sampled_from([None, "mean", "median", -1.5, 1e300]),
    st.booleans(),
    st.booleans(),
)
def test_program_and_transformer_agree_whatever_the_numbers(training, rows, clip_iqr, fill, scale, missing_flags):
    step = Number(("a", "b"), clip_iqr, fill, scale, missing_flags).fit(columns_of(training, "ab"))
    check_parity(step, training + rows, "ab")


def test_numbers_pass_as_they_are_and_missing_ones_stay_missing():
    values = [3.0, -0.25, NAN, 1e-300]
    np.testing.assert_array_equal(np.ravel(through(fitted(values), values)), values)


def test_whole_numbers_of_a_request_are_numbers():
    assert filled(served(fitted([1, 2])), [{"a": 7}]).tolist() == [[7.0]]


def test_clips_to_the_quartiles_and_k_interquartile_ranges():
    step = fitted([0, 1, 2, 3, 4, NAN], clip_iqr=1.0)  # quartiles 1 and 3
    assert through(step, [-50, -1, 2, 5, 50]) == [[-1], [-1], [2], [5], [5]]


def test_a_column_of_mostly_one_number_is_not_clipped_to_it():
    step = fitted([0] * 9 + [7], clip_iqr=1.5)
    assert through(step, [0, 7, 9]) == [[0], [7], [9]]


@pytest.mark.parametrize(("fill", "expected"), [("mean", 3.0), ("median", 2.5), (-1.5, -1.5)])
def test_fills_what_is_missing(fill, expected):
    assert through(fitted([1, 2, 3, 6, NAN], fill=fill), [NAN, 5]) == [[expected], [5]]


def test_the_mean_that_fills_is_that_of_the_clipped_numbers():
    step = fitted([0, 1, 2, 3, 1000], clip_iqr=0.5, fill="mean")  # quartiles 1 and 3: clipped to [0, 4]
    assert through(step, [NAN]) == [[2.0]]


def test_standardises_the_filled_numbers():
    step = fitted([1, 3, NAN, NAN], fill=2.0, scale=True)  # of 1, 3, 2, 2: mean 2, standard deviation sqrt(1/2)
    np.testing.assert_allclose(np.ravel(through(step, [2, 3, NAN])), [0, np.sqrt(2), 0])


def test_standardises_the_known_numbers_where_nothing_fills_the_others():
    assert through(fitted([1, 3, NAN], scale=True), [1, 3]) == [[-1], [1]]


def test_a_constant_is_centred_and_not_divided():
    assert through(fitted([5, 5, 5], scale=True), [5, 7]) == [[0], [2]]


def test_flags_say_what_was_missing_and_stand_after_all_numbers():
    columns = {"a": np.array([1, NAN]), "b": np.array([NAN, 4])}
    step = Number(["a", "b"], fill=0.0, scale=True, missing_flags=True).fit(columns)
    assert step.transform(columns).tolist() == [[1, -1, 0, 1], [-1, 1, 1, 0]]
    program = check_parity(step, [{"a": 1, "b": None}, {"a": None, "b": 4}], "ab")
    assert program.names == ["a", "b", "a missing", "b missing"]
    assert program.owners({}).tolist() == [[1, 0], [0, 1], [1, 0], [0, 1]]


def test_a_column_without_a_number_fills_with_0():
    step = fitted([NAN, NAN], clip_iqr=1.5, fill="median", scale=True)
    assert through(step, [NAN, 3.0]) == [[0], [3]]


def test_numbers_that_hardly_differ_are_not_divided():
    step = fitted([0, 1e-110], scale=True)
    assert through(step, [3]) == [[3]]


@pytest.mark.parametrize("rows", range(10, 15))
def test_rounding_leads_no_mean_beyond_the_limit(rows):
    step = fitted([1e308] * rows, fill="mean", scale=True)  # the float mean of 1e100 ten times is more than 1e100
    assert through(step, [NAN, 1e308]) == [[0], [0]]


def test_the_largest_numbers_count_as_the_limit_and_nothing_becomes_infinite():
    step = fitted([1e308, -1e308, 1e308, 0], clip_iqr=3.0, fill="mean", scale=True)
    assert np.isfinite(through(step, [1.7e308, -1.7e308, NAN])).all()
    assert through(fitted([1, 2]), [1e308, -1e308]) == [[1e100], [-1e100]]
