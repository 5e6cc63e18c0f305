"""One column for each category seen often enough."""

from hypothesis import given, settings
from hypothesis import strategies as st

from functions.train.steps.onehot import OneHot
from tests.unit.steps.served import CATEGORIES, check_parity, columns_of, filled

ROWS = st.lists(st.fixed_dictionaries({"region": CATEGORIES, "kind": CATEGORIES}), min_size=1, max_size=15)


@settings(deadline=None)
@given(ROWS, ROWS, st.integers(1, 3))
def test_program_and_transformer_agree_whatever_the_categories(training, rows, min_count):
    step = OneHot(("region", "kind"), min_count).fit(columns_of(training))
    check_parity(step, training + rows)


def test_columns_stand_input_by_input_in_the_alphabets_order():
    columns = {"region": ["US", "EU", "US"], "kind": ["b", "a", "a"]}
    step = OneHot(["region", "kind"]).fit(columns)
    assert step.transform(columns).tolist() == [[0, 1, 0, 1], [1, 0, 1, 0], [0, 1, 1, 0]]
    program = check_parity(step, [{"region": "US", "kind": "b"}])
    assert program.names == ["region=EU", "region=US", "kind=a", "kind=b"]
    assert program.owners({}).tolist() == [[1, 0], [1, 0], [0, 1], [0, 1]]


def test_missing_unseen_and_rare_categories_are_all_zeros():
    step = OneHot(["region"], min_count=2).fit({"region": ["EU", "EU", "US", None, None]})
    program = check_parity(step, [{"region": value} for value in ("EU", "US", "Mars", None)])
    assert program.names == ["region=EU"]
    assert filled(program, [{"region": value} for value in ("EU", "US", "Mars", None)]).tolist() == [[1], [0], [0], [0]]


def test_twenty_thousand_categories_are_no_burden_for_the_metadata():
    values = [f"category {number}" for number in range(20_000)]
    program = check_parity(OneHot(["region"]).fit({"region": values}), [{"region": values[7]}])
    assert program.size == 20_000


def test_categories_may_contain_every_likely_separator():
    values = [chr(point) for point in range(0x3000)]
    program = check_parity(OneHot(["region"]).fit({"region": values}), [{"region": value} for value in values[:40]])
    assert program.size == 0x3000
