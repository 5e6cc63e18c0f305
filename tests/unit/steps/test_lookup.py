"""Columns that requests do not send, looked up by key, fall-backs and defaults."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from functions.train.steps.lookup import Lookup
from tests.unit.steps.served import CATEGORIES, NUMBERS, check_parity, columns_of, filled, served

NAN = np.nan
ROWS = st.lists(
    st.fixed_dictionaries({"shop": CATEGORIES, "branch": CATEGORIES, "volume": NUMBERS, "share": NUMBERS}),
    min_size=1,
    max_size=12,
)
COLUMNS = {
    "shop": ["A", "A", "B", "C", None],
    "branch": ["bank", "bank", "bank", "farm", "mill"],
    "volume": np.array([10.0, 20.0, 60.0, NAN, 5.0]),
    "share": np.array([0.5, NAN, 0.25, NAN, NAN]),
}
STEP = Lookup("shop", ("branch",), {"volume": "mean", "share": -1.0}).fit(COLUMNS)


def looked_up(shop, branch):
    row = {"shop": shop, "branch": branch}
    return filled(check_parity(STEP, [row]), [row])[0].tolist()


@settings(deadline=None)
@given(ROWS, ROWS, st.sampled_from([(), ("branch",)]), st.sampled_from(["mean", 0.0, 1e300]))
def test_program_and_transformer_agree_whatever_the_rows(training, rows, fallback, default):
    columns = columns_of(training, ("volume", "share"))
    assume(not np.isnan(columns["share"]).all() and not (default == "mean" and np.isnan(columns["volume"]).all()))
    step = Lookup("shop", fallback, {"volume": default, "share": "mean"}).fit(columns)
    check_parity(step, training + rows)


def test_a_known_key_has_its_mean_over_the_training_rows_with_a_number():
    assert looked_up("A", "farm") == [15.0, 0.5]


def test_an_unknown_or_missing_key_falls_back():
    assert looked_up("Z", "bank") == [30.0, 0.375] == looked_up(None, "bank")


def test_each_column_falls_back_for_itself():
    assert looked_up("C", "bank") == [30.0, 0.375]  # the shop is known, but had no number
    assert looked_up("Z", "mill") == [5.0, -1.0]


def test_last_come_the_defaults_and_mean_is_that_of_the_keys():
    assert looked_up("Z", "zoo") == [37.5, -1.0] == looked_up(None, None)  # A has 15, B has 60


def test_the_default_mean_counts_every_key_once():
    columns = {"shop": ["A", "A", "A", "B", "C"], "volume": np.array([9.0, 9.0, 9.0, 1.0, 2.0])}
    assert Lookup("shop", (), {"volume": "mean"}).fit(columns).transform({"shop": ["Z"], "volume": []}).tolist() == [
        [4]
    ]


def test_rounding_leads_no_mean_beyond_the_limit():
    columns = {"shop": ["A"] * 10, "volume": np.full(10, 1e308)}
    step = Lookup("shop", (), {"volume": "mean"}).fit(columns)
    row = {"shop": "A"}
    assert filled(check_parity(step, [row]), [row]).tolist() == [[1e100]]


def test_training_rows_are_looked_up_like_any_other():
    np.testing.assert_array_equal(
        Lookup("shop", ("branch",), {"volume": "mean", "share": -1.0}).fit_transform(COLUMNS), STEP.transform(COLUMNS)
    )


def test_names_say_what_is_looked_up_by_what():
    assert served(STEP).names == ["volume of shop", "share of shop"]


def test_a_column_belongs_to_the_field_that_found_it_and_defaults_to_the_key():
    program = served(STEP)
    assert program.inputs == ("shop", "branch")
    assert program.owners({"shop": "A", "branch": "bank"}).tolist() == [[1, 0], [1, 0]]
    assert program.owners({"shop": "C", "branch": "bank"}).tolist() == [[0, 1], [0, 1]]
    assert program.owners({"shop": None, "branch": "mill"}).tolist() == [[0, 1], [1, 0]]
    assert program.owners({"shop": None, "branch": None}).tolist() == [[1, 0], [1, 0]]


def test_a_column_without_a_number_needs_a_default_that_is_one():
    empty = {"shop": ["A"], "volume": np.array([np.nan])}
    with pytest.raises(ValueError, match="'volume' has no number in any row: its default must be one"):
        Lookup("shop", [], {"volume": "mean"}).fit(empty)
    assert Lookup("shop", [], {"volume": 7.0}).fit(empty).transform({"shop": ["A", "B"]}).tolist() == [[7.0], [7.0]]
