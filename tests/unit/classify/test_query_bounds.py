"""Where exactly the queries of /admin end."""

from datetime import timedelta

import pytest

from functions.classify import query


def test_a_query_that_says_nothing_looks_back_a_day():
    problems = []
    assert query.last({}, problems) == timedelta(days=1)
    assert problems == []


@pytest.mark.parametrize(("text", "fits"), [("129600m", True), ("129601m", False), ("2160h", True), ("1m", True)])
def test_ninety_days_are_the_longest_in_any_unit(text, fits):
    problems = []
    query.last({"last": text}, problems)
    assert (problems == []) is fits


def test_leading_zeros_do_not_make_a_time_long():
    assert query.last({"last": "000030m"}, []) == timedelta(minutes=30)
    assert query.last({"last": "0000030m"}, []) == query.LONGEST
    assert query.limit({"limit": "000030"}, [], 20, 50) == 30
    assert query.limit({"limit": "0000030"}, [], 20, 50) == 20


def test_a_limit_that_is_none_is_out_of_range():
    problems = []
    query.limit({"limit": "0"}, problems, 20, 50)
    assert [(one.field, one.kind) for one in problems] == [("limit", "out_of_range")]


def test_an_item_that_just_fits_is_taken():
    size = len('"{\\"a\\":1}"')
    assert query.filled([{"a": 1}], size) == ([{"a": 1}], True)
    assert query.filled([{"a": 1}], size - 1) == ([], False)


def test_an_answer_holds_four_mebibytes():
    item = {"a": "x" * (1024 - len('"{\\"a\\":\\"\\"}"'))}
    taken, complete = query.filled([item] * 4097)
    assert (len(taken), complete) == (4096, False)


def test_an_item_counts_as_it_is_sent():
    item = {"a": "é", "b": [1, 2]}
    room = len('"{\\"a\\":\\"é\\",\\"b\\":[1,2]}"'.encode())  # as Lambda's own JSON has it
    assert query.filled([item], room) == ([item], True)
    assert query.filled([item], room - 1) == ([], False)
