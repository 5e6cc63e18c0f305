"""A category's place in a list."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.train.steps import ordinal
from functions.train.steps.ordinal import Ordinal
from tests.unit.steps.served import CATEGORIES, check_parity, columns_of, filled

ROWS = st.lists(st.fixed_dictionaries({"risk": CATEGORIES, "kind": CATEGORIES}), min_size=1, max_size=15)


@settings(deadline=None)
@given(ROWS, ROWS)
def test_program_and_transformer_agree_whatever_the_categories(training, rows):
    step = Ordinal(("risk", "kind"), {"kind": ["US", "EU", "é"]}).fit(columns_of(training))
    check_parity(step, training + rows)


def test_a_closed_list_has_its_own_order_even_for_what_training_never_saw():
    step = Ordinal(["risk"], {"risk": ("Low", "Medium", "High")}).fit({"risk": ["High", "Low"]})
    program = check_parity(step, [{"risk": value} for value in ("Low", "Medium", "High")])
    assert filled(program, [{"risk": value} for value in ("Low", "Medium", "High")]).tolist() == [[0], [1], [2]]
    assert program.names == ["risk"]


def test_an_open_list_is_in_the_alphabets_order():
    step = Ordinal(["kind"], {}).fit({"kind": ["c", None, "a", "b", "a"]})
    assert step.transform({"kind": ["a", "b", "c"]}).tolist() == [[0], [1], [2]]


def test_missing_and_unseen_categories_are_missing_numbers():
    step = Ordinal(["kind"], {}).fit({"kind": ["a", "b"]})
    program = check_parity(step, [{"kind": None}, {"kind": "z"}])
    assert np.isnan(filled(program, [{"kind": None}, {"kind": "z"}])).all()


def test_says_which_columns_are_codes_that_trees_may_split_by_sets():
    for categorical in (False, True):
        step = Ordinal(["a", "b"], {}, categorical).fit({"a": ["x"], "b": ["y"]})
        assert ordinal.compile(step).categorical.tolist() == [categorical, categorical]
