"""Numbers divided by the mean of their group."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.train.steps.ratio import Ratio
from tests.unit.steps.served import CATEGORIES, NUMBERS, check_parity, columns_of, filled, served

NAN = np.nan
ROWS = st.lists(st.fixed_dictionaries({"price": NUMBERS, "size": NUMBERS, "shop": CATEGORIES}), min_size=1, max_size=12)
COLUMNS = {"price": np.array([2.0, 4.0, 12.0, 6.0, NAN]), "shop": ["A", "A", "A", "B", "C"]}  # the mean of all is 6
STEP = Ratio(["price"], "shop").fit(COLUMNS)


def ratio(price, shop, step=STEP):
    row = {"price": price, "shop": shop}
    return float(filled(check_parity(step, [row], ["price"]), [row])[0, 0])


@settings(deadline=None)
@given(ROWS, ROWS)
def test_program_and_transformer_agree_whatever_the_rows(training, rows):
    step = Ratio(("price", "size"), "shop").fit(columns_of(training, ("price", "size")))
    check_parity(step, training + rows, ("price", "size"))


@settings(deadline=None)
@given(ROWS)
def test_training_never_makes_an_infinite_ratio_and_keeps_what_is_missing(rows):
    columns = columns_of(rows, ("price", "size"))
    ratios = Ratio(("price", "size"), "shop").fit_transform(columns)
    assert not np.isinf(ratios).any()
    np.testing.assert_array_equal(np.isnan(ratios), np.isnan(np.column_stack([columns["price"], columns["size"]])))


def test_a_request_is_compared_with_its_group():
    assert ratio(3.0, "A") == 0.5


@pytest.mark.parametrize("shop", ["Z", None, "C"])
def test_an_unknown_group_a_missing_one_and_one_without_numbers_have_the_mean_of_all(shop):
    assert ratio(3.0, shop) == 0.5
    assert ratio(12.0, shop) == 2.0


def test_a_missing_number_stays_missing():
    assert np.isnan(ratio(None, "A"))
    assert np.isnan(ratio(None, "A", Ratio(["price"], "shop").fit({"price": np.zeros(2), "shop": ["A", "A"]})))


def test_divided_by_a_mean_of_zero_a_number_is_1():
    step = Ratio(["price"], "shop").fit({"price": np.array([-1.0, 1.0, 3.0]), "shop": ["A", "A", "B"]})
    assert ratio(5.0, "A", step) == 1.0
    assert ratio(5.0, "B", step) == 5.0 / 3.0


def test_in_training_a_row_is_compared_with_the_others_of_its_group():
    ratios = Ratio(["price"], "shop").fit_transform(COLUMNS)[:, 0]
    np.testing.assert_allclose(ratios[:3], [2 / 8, 4 / 7, 12 / 3])


def test_in_training_a_row_alone_in_its_group_is_compared_with_all():
    ratios = Ratio(["price"], "shop").fit_transform(COLUMNS)[:, 0]
    assert ratios[3] == 1.0
    assert np.isnan(ratios[4])


def test_in_training_a_row_without_a_group_is_compared_with_all():
    columns = {"price": np.array([2.0, 4.0, 6.0]), "shop": [None, None, "A"]}
    assert Ratio(["price"], "shop").fit_transform(columns)[:, 0].tolist() == [0.5, 1.0, 1.5]


@pytest.mark.parametrize("rows", range(10, 15))
def test_rounding_leads_no_mean_beyond_the_limit(rows):
    step = Ratio(["price"], "shop").fit({"price": np.full(rows, 1e308), "shop": ["A"] * rows})
    assert ratio(1e308, "A", step) == 1.0


def test_two_numbers_keep_apart():
    columns = {"price": np.array([1.0, 3.0]), "size": np.array([10.0, NAN]), "shop": ["A", "A"]}
    program = check_parity(
        Ratio(["price", "size"], "shop").fit(columns), [{"price": 4, "size": 5, "shop": "A"}], ("price", "size")
    )
    assert filled(program, [{"price": 4, "size": 5, "shop": "A"}]).tolist() == [[2.0, 0.5]]
    assert program.names == ["price / mean of shop", "size / mean of shop"]


def test_a_ratio_belongs_to_its_number():
    program = served(STEP)
    assert program.inputs == ("price", "shop")
    assert program.kinds == ("number", "category")
    assert program.owners({}).tolist() == [[1, 0]]
