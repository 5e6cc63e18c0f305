"""What the queries of /admin say, and how much an answer holds."""

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.classify import query


@pytest.mark.parametrize(
    ("text", "last"), [("30m", timedelta(minutes=30)), ("24h", timedelta(days=1)), ("90d", timedelta(days=90))]
)
def test_a_time_is_a_number_and_its_unit(text, last):
    problems = []
    assert query.last({"last": text}, problems) == last
    assert query.last({}, problems, usual=text) == last
    assert problems == []


@pytest.mark.parametrize("text", ["", "h", "0h", "24", "91d", "-1h", "1w", "\u00b2h", "9999999m", "1 h"])
def test_what_is_no_time_is_said_and_not_repeated(text):
    problems = []
    assert query.last({"last": text}, problems) == query.LONGEST
    assert [(one.field, one.kind) for one in problems] == [("last", "out_of_range")]


@pytest.mark.parametrize(
    ("text", "fits"),
    [("1", True), ("50", True), ("51", False), ("0", False), ("", False), ("-1", False), ("\u00b2", False),
     ("1e1", False), ("9999999", False)],
)  # fmt: skip
def test_a_limit_is_a_whole_number_up_to_the_most(text, fits):
    problems = []
    found = query.limit({"limit": text}, problems, usual=20, most=50)
    assert found == (int(text) if fits else 20)
    assert [one.field for one in problems] == ([] if fits else ["limit"])
    assert query.limit({}, [], usual=20, most=50) == 20


ITEMS = st.lists(st.dictionaries(st.text(max_size=5), st.text(max_size=20) | st.none(), max_size=3), max_size=8)


@given(items=ITEMS, room=st.integers(0, 300))
def test_as_many_items_are_taken_as_fit_into_a_text_within_json(items, room):
    def written(value):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    def size(some):
        return sum(len(written(written(one)).encode()) for one in some)

    taken, complete = query.filled(items, room)
    assert taken == items[: len(taken)]
    assert complete is (len(taken) == len(items))
    assert size(taken) <= room
    assert complete or size(items[: len(taken) + 1]) > room


def test_items_are_asked_for_only_as_long_as_there_is_room():
    asked = []
    query.filled((asked.append(number) or {"text": "x" * 100} for number in range(1000)), 1000)
    assert len(asked) < 12
