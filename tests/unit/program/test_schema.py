"""What a request may hold, and what is said when it holds something else."""

import pytest

from firesteel.errors import InputError
from firesteel.program import schema
from firesteel.program.schema import NOT_BLANK

SCHEMA = schema.load(
    [
        {"kind": "text", "name": "title", "required": True, "min_length": 2, "max_length": 5},
        {"kind": "text", "name": "note", "required": False, "min_length": 1, "max_length": 5},
        {"kind": "identifier", "name": "email", "required": False, "max_length": 6},
        {"kind": "identifier", "name": "case", "required": True, "max_length": 6},
    ]
)
GOOD = {"title": "Hallo", "case": "4711"}


def problems(row):
    with pytest.raises(InputError) as caught:
        SCHEMA.check(row)
    return [(problem.field, problem.kind) for problem in caught.value.problems]


def test_a_good_row_comes_back_with_none_for_what_is_missing():
    assert SCHEMA.check(GOOD) == {"title": "Hallo", "note": None, "email": None, "case": "4711"}


@pytest.mark.parametrize(
    ("change", "field", "kind"),
    [
        ({"title": "abcdef"}, "title", "too_long"),
        ({"title": "a"}, "title", "too_short"),
        ({"title": ""}, "title", "too_short"),
        ({"title": " \u2003\n"}, "title", "blank"),
        ({"title": None}, "title", "wrong_type"),
        ({"title": 7}, "title", "wrong_type"),
        ({"title": ["Hallo"]}, "title", "wrong_type"),
        ({"title": "ab\ud800"}, "title", "not_unicode"),
        ({"note": 1}, "note", "wrong_type"),
        ({"email": "a@b.example"}, "email", "too_long"),
        ({"email": 3}, "email", "wrong_type"),
        ({"email": "\udfff"}, "email", "not_unicode"),
        ({"case": None}, "case", "wrong_type"),
        ({"extra": 1}, "", "unknown_field"),
    ],
)
def test_each_fault_names_its_field(change, field, kind):
    assert problems(GOOD | change) == [(field, kind)]


def test_lengths_count_characters_and_not_bytes():
    assert SCHEMA.check(GOOD | {"title": "🙂🙂🙂🙂🙂"})["title"] == "🙂🙂🙂🙂🙂"


def test_an_optional_field_may_be_null():
    assert SCHEMA.check(GOOD | {"note": None, "email": None})["note"] is None
    assert SCHEMA.check(GOOD | {"note": ""})["note"] == ""


def test_all_faults_are_told_at_once():
    assert problems({"title": "x", "extra": 1}) == [("title", "too_short"), ("case", "missing"), ("", "unknown_field")]


@pytest.mark.parametrize("row", [None, 3, "title", [GOOD]])
def test_what_is_no_object_is_no_row(row):
    assert problems(row) == [("", "wrong_type")]


def test_no_message_repeats_what_was_sent():
    secret = "s3cr3t"
    with pytest.raises(InputError) as caught:
        SCHEMA.check({"title": secret, "email": secret * 9, "case": [secret], secret: secret})
    assert secret not in str(caught.value)


def test_the_json_schema_says_the_same():
    described = SCHEMA.json_schema({"title": "Hallo"})
    assert described["required"] == ["title", "case"]
    assert described["additionalProperties"] is False
    assert described["properties"]["title"] == {"type": "string", "minLength": 2, "maxLength": 5, "pattern": NOT_BLANK}
    assert described["properties"]["email"] == {"type": ["string", "null"], "maxLength": 6}
