"""Numbers, categories and timestamps of a request: what they may hold, what is said otherwise, and what OpenAPI says."""

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firesteel.errors import InputError
from firesteel.program import schema

FIELDS = (
    schema.Number("score", True, 300.0, 850.0, True, "points"),
    schema.Number("ratio", False, 0.0, None, False, None),
    schema.Number("loss", False, None, 0.0, False, None),
    schema.Category("risk", True, ("Low", "High"), 200),
    schema.Category("region", False, None, 8),
    schema.Timestamp("when", False),
)
SCHEMA = schema.Schema(FIELDS)
GOOD = {"score": 700, "risk": "Low"}


def refusals(row):
    with pytest.raises(InputError) as caught:
        SCHEMA.check(row)
    return [(problem.field, problem.kind, problem.message) for problem in caught.value.problems]


def test_a_good_row_comes_back_as_it_is_with_none_for_what_is_missing():
    row = {**GOOD, "ratio": 1.5, "when": "2024-05-17T09:30:00Z"}
    assert SCHEMA.check(row) == {**row, "loss": None, "region": None}


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"score": 299}, ("score", "out_of_range", "must be between 300 and 850 points")),
        ({"score": 851}, ("score", "out_of_range", "must be between 300 and 850 points")),
        ({"score": 700.5}, ("score", "not_whole", "must be a whole number")),
        ({"score": None}, ("score", "wrong_type", "must be a number")),
        ({"score": "700"}, ("score", "wrong_type", "must be a number")),
        ({"score": True}, ("score", "wrong_type", "must be a number")),
        ({"score": float("nan")}, ("score", "not_finite", "must be a finite number")),
        ({"ratio": float("inf")}, ("ratio", "not_finite", "must be a finite number")),
        ({"ratio": 10**400}, ("ratio", "not_finite", "must be a finite number")),
        ({"ratio": -0.1}, ("ratio", "out_of_range", "must be at least 0")),
        ({"loss": 0.1}, ("loss", "out_of_range", "must be at most 0")),
        ({"risk": "low"}, ("risk", "unknown_category", "must be one of Low, High")),
        ({"risk": 1}, ("risk", "wrong_type", "must be a string")),
        ({"region": "too long a name"}, ("region", "too_long", "must have at most 8 characters")),
        ({"region": " "}, ("region", "blank", "must not be blank")),
        ({"region": "\ud800"}, ("region", "not_unicode", "must not have lone surrogates")),
        ({"when": 1715938200}, ("when", "wrong_type", "must be a string")),
    ],
)
def test_what_does_not_fit_is_named_with_what_is_allowed(change, refusal):
    assert refusals({**GOOD, **change}) == [refusal]


@pytest.mark.parametrize("text", ["", "17.05.2024", "2024-02-30", "now", "2024-05-17T25:00", "9" * 30])
def test_what_is_no_iso_timestamp_is_refused(text):
    assert refusals({**GOOD, "when": text})[0][:2] == ("when", "not_a_timestamp")


def test_a_timestamp_without_an_offset_is_utc_and_one_before_1970_is_negative():
    assert schema.seconds("1970-01-02") == 86400
    assert schema.seconds("1970-01-01T02:00:00+02:00") == 0
    assert schema.seconds("1969-12-31T23:59:59") == -1


def test_every_fault_is_named_at_once():
    assert [field for field, _, _ in refusals({"score": "x", "risk": "x", "ratio": -1})] == ["score", "ratio", "risk"]


def test_a_long_list_of_categories_is_cut_in_the_message():
    field = schema.Category("city", True, tuple(f"city{n}" for n in range(100)), 200)
    assert field.check("x").message.endswith("city19 ... (100 in all)")


@given(
    st.fixed_dictionaries(
        {
            "score": st.one_of(st.integers(290, 860), st.floats(300, 850), st.none()),
            "risk": st.sampled_from(["Low", "High", "x", 1]),
        },
        optional={
            "ratio": st.one_of(st.none(), st.floats(-1, 2), st.booleans()),
            "loss": st.one_of(st.none(), st.integers(-2, 2)),
            "region": st.one_of(
                st.none(), st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=10)
            ),
        },
    )
)
def test_the_json_schema_allows_what_is_allowed_and_nothing_else(row):
    described = jsonschema.Draft202012Validator(SCHEMA.json_schema()).is_valid(row)
    try:
        SCHEMA.check(row)
    except InputError:
        assert not described
    else:
        assert described


def test_metadata_and_fields_are_one():
    assert schema.load([schema.described(field) for field in FIELDS]) == SCHEMA
    assert schema.described(FIELDS[3])["kind"] == "category"
