"""Hashed interactions, as scikit-learn's FeatureHasher makes them."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction import FeatureHasher
from sklearn.utils import murmurhash3_32

from firesteel.program.steps.hash import LONGEST, REMEMBERED, token
from firesteel.program.steps.murmur import murmur3
from functions.train.steps.hash import Hash
from tests.unit.steps.served import CATEGORIES, check_parity, columns_of, filled, served

ROWS = st.lists(st.fixed_dictionaries({"a": CATEGORIES, "b": CATEGORIES, "c": CATEGORIES}), min_size=1, max_size=10)
PAIRS = (("a", "b"), ("b", "c"), ("c", "a"))


@settings(deadline=None)
@given(st.binary(max_size=70))
def test_murmur3_is_that_of_scikit_learn_for_any_bytes(data):
    assert murmur3(data) == murmurhash3_32(data, seed=0)


def test_murmur3_of_the_reference_values():
    assert murmur3(b"") == 0
    assert murmur3(b"hello") & 0xFFFFFFFF == 0x248BFA47
    assert murmur3(b"The quick brown fox jumps over the lazy dog") & 0xFFFFFFFF == 0x2E4FF723


@settings(deadline=None)
@given(ROWS, st.sampled_from([2, 7, 32, 1 << 10]))
def test_program_and_transformer_agree_whatever_the_categories(rows, width):
    check_parity(Hash(PAIRS, width).fit(columns_of(rows)), rows)


@settings(deadline=None)
@given(ROWS)
def test_the_columns_are_feature_hashers(rows):
    tokens = [[token(first, row[first], second, row[second]) for first, second in PAIRS] for row in rows]
    expected = FeatureHasher(32, input_type="string", alternate_sign=True).transform(tokens).toarray()
    np.testing.assert_array_equal(filled(served(Hash(PAIRS, 32)), rows), expected)


@settings(deadline=None)
@given(st.tuples(CATEGORIES, CATEGORIES), st.tuples(CATEGORIES, CATEGORIES))
def test_no_two_pairs_have_one_token(one, other):
    assert (token("a", one[0], "b", one[1]) == token("a", other[0], "b", other[1])) == (one == other)


def test_tokens_are_unambiguous_where_it_is_hard():
    tokens = {
        token("a", "x", "b", "y x b=z"),
        token("a", "x x b=y", "b", "z"),
        token("a", None, "b", "z"),
        token("a", "", "b", "z"),
        token("a", "z", "b", None),
        token("a", "z", "b", ""),
        token("b", "z", "a", "z"),
        token("a", "z", "b", "z"),
    }
    assert len(tokens) == 8


def test_a_missing_category_is_one_of_its_own():
    step = Hash([("a", "b")], 1 << 16)
    program = check_parity(step, [{"a": value, "b": "x"} for value in (None, "", "None")])
    out = filled(program, [{"a": value, "b": "x"} for value in (None, "", "None")])
    assert len({int(np.flatnonzero(line)[0]) for line in out}) == 3


def test_names_say_the_pairs_and_the_column():
    assert served(Hash([("a", "b"), ("c", "a")], 2)).names == ["a x b, c x a #0", "a x b, c x a #1"]


def test_a_column_belongs_to_the_pairs_that_fell_into_it():
    row = {"a": "x", "b": "y", "c": "z"}
    program = served(Hash([("a", "b")], 1 << 10))
    [column] = np.flatnonzero(filled(program, [row])[0])
    owners = program.owners(row)
    assert program.inputs == ("a", "b")
    assert owners[column].tolist() == [0.5, 0.5]
    both = served(Hash([("a", "b"), ("a", "c"), ("a", "a")], 1)).owners(row)  # all in one column
    assert both.tolist() == [[4 / 6, 1 / 6, 1 / 6]]
    three = served(Hash(PAIRS, 1 << 12)).owners(row)
    assert np.isclose(three, 1 / 3).all(axis=1).sum() == (1 << 12) - 3  # columns no pair fell into belong to all alike


def test_pairs_that_cancel_each_other_still_own_their_column():
    """The same pair in both directions until one is +1 and the other -1 in a single column."""
    program = served(Hash([("a", "b"), ("b", "a")], 1))
    rows = [{"a": f"v{number}", "b": "w"} for number in range(20)]
    values = [filled(program, [row])[0, 0] for row in rows]
    assert {0.0} < set(values)
    assert program.owners(rows[values.index(0.0)]).tolist() == [[0.5, 0.5]]


def test_what_is_remembered_is_bounded_and_changes_nothing():
    program = served(Hash([("a", "b")], 32))
    rows = [{"a": f"v{number}", "b": "w" * (number % 3)} for number in range(2 * REMEMBERED)]
    once, again = filled(program, rows), filled(program, rows)
    np.testing.assert_array_equal(once, again)
    assert 0 < len(program._remembered) <= REMEMBERED


def test_long_categories_are_not_remembered():
    program = served(Hash([("a", "b")], 32))
    filled(program, [{"a": "x" * LONGEST, "b": "y"}, {"a": None, "b": "y" * (LONGEST + 1)}])
    assert not program._remembered
    filled(program, [{"a": "x" * LONGEST, "b": None}])
    assert len(program._remembered) == 1
