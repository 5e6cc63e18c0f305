"""A line becomes inferences: whatever it is, never an error, and never one that is not what its type says."""

import json
import math
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from firesteel.monitor.inferences import Inference, parse_line
from tests.unit.monitor.lines import NOON, batch, line

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
JSON = st.recursive(
    SCALARS, lambda some: st.lists(some, max_size=4) | st.dictionaries(st.text(max_size=5), some, max_size=4)
)
SHARE = st.floats(0, 1)
ANSWER = st.fixed_dictionaries(
    {
        "review": st.booleans(),
        "labels": st.dictionaries(st.sampled_from(["priority", "department"]), st.text(max_size=5)),
        "value": st.floats(-1e9, 1e9),
        "lower": st.none() | st.floats(-1e9, 1e9),
        "channel": st.none() | st.text(max_size=5),
    }
)


def parse(said):
    return list(parse_line(json.dumps(said)))


def test_a_line_of_one_row_is_one_inference():
    estimates = {"hours": {"value": 3, "lower": None, "upper": 4.5}}
    inputs = {"channel": "mail", "size": None}
    [found] = parse(line(side="canary", estimates=estimates, inputs=inputs, correlation_id="gateway-1"))
    assert found == Inference(
        request_id="r-1",
        row=None,
        when=NOON,
        model="tickets",
        version="1.2.0",
        digest="d" * 64,
        side="canary",
        labels={"priority": "High"},
        confidences={"priority": 0.75},
        review=False,
        estimates={"hours": {"value": 3.0, "lower": None, "upper": 4.5}},
        inputs={"channel": "mail", "size": None},
        status=200,
        correlation_id="gateway-1",
    )


def test_a_line_of_a_batch_is_one_inference_a_row_that_was_answered():
    first, last = parse(batch())
    assert (first.row, last.row) == (0, 2)
    assert (first.labels, first.confidences, first.review) == ({"priority": "High"}, {"priority": 0.5}, True)
    assert last.estimates == {"hours": {"value": 2.0, "lower": None, "upper": None}}
    assert (first.inputs, last.inputs) == ({"channel": "mail"}, {"channel": None})
    assert (first.version, first.digest, first.when) == ("1.2.0", "d" * 64, NOON)
    assert first.correlation_id == last.correlation_id == "r-2"


def test_a_batch_without_any_answer_is_none():
    nothing = {"review": [None, None], "labels": {"priority": [None, None]}}
    assert parse(batch(answers=nothing)) == parse(batch(answers={"review": []})) == []


def test_bytes_and_text_are_read_alike():
    text = json.dumps(line())
    assert list(parse_line(text.encode())) == list(parse_line(text)) != []


@given(st.lists(st.none() | ANSWER, max_size=20))
def test_what_stands_in_columns_is_found_in_rows(rows):
    def column(of):
        return [None if row is None else of(row) for row in rows]

    answers = {
        "review": column(lambda row: row["review"]),
        "labels": {name: column(lambda row, name=name: row["labels"].get(name)) for name in ("priority", "department")},
        "estimates": {
            "hours": {
                "value": column(lambda row: row["value"]),
                "lower": column(lambda row: row["lower"]),
                "upper": column(lambda row: row["lower"]),
            }
        },
        "inputs": {"channel": column(lambda row: row["channel"])},
    }
    found = parse(batch(answers=answers))
    assert [one.row for one in found] == [number for number, row in enumerate(rows) if row]
    for one in found:
        row = rows[one.row]
        assert (one.labels, one.review, one.confidences) == (row["labels"], row["review"], {})
        assert one.estimates == {"hours": {"value": row["value"], "lower": row["lower"], "upper": row["lower"]}}
        assert one.inputs == {"channel": row["channel"]}


@given(st.binary(max_size=200) | st.text(max_size=200) | JSON.map(json.dumps))
def test_what_is_no_line_of_ours_is_no_inference(junk):
    assert list(parse_line(junk)) == []


MEMBERS = sorted({*line(), *batch(), "estimates", "inputs", "side", "segments"})
COLUMNS = sorted({*batch()["answers"], "models", "digests"})


@given(st.sampled_from([line(), batch()]), st.dictionaries(st.sampled_from(MEMBERS), JSON, min_size=1, max_size=3))
def test_members_that_are_not_what_they_should_be_never_raise(said, changes):
    for one in parse(said | changes):
        assert_is_what_it_says(one)


@given(st.dictionaries(st.sampled_from(COLUMNS), JSON, min_size=1, max_size=2))
def test_nor_do_columns(changes):
    for one in parse(batch(answers=batch()["answers"] | changes)):
        assert_is_what_it_says(one)


def test_a_line_nested_without_end_is_no_inference():
    assert list(parse_line("[" * 100_000)) == []
    assert list(parse_line('{"message":"request","answers":' + "[" * 100_000)) == []


def assert_is_what_it_says(one):
    assert type(one) is Inference
    texts = (one.request_id, one.model, one.version, one.digest, one.side, *one.labels, *one.labels.values())
    assert all(type(text) is str for text in texts)
    assert type(one.when) is datetime
    assert one.when.tzinfo is UTC
    assert type(one.review) is bool
    assert type(one.status) is int
    assert one.row is None or type(one.row) is int
    assert all(type(share) is float and math.isfinite(share) for share in one.confidences.values())
    for ends in one.estimates.values():
        assert ends.keys() == {"value", "lower", "upper"}
        assert all(end is None or math.isfinite(end) for end in ends.values())
    assert type(one.inputs) is dict
