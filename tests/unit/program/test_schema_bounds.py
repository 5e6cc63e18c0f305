"""Each kind of input to the letter: the JSON Schema it is described by, the bounds it has, and what its metadata may be."""

import math
import re
import sys

import pytest

from firesteel.errors import InputError, ProgramError
from firesteel.program import schema
from firesteel.program.schema import NOT_BLANK, Category, Identifier, Number, Schema, Text, Timestamp

LARGEST = 1.7976931348623157e308
WHEN = "A date or a time in ISO 8601; without an offset it is UTC."


@pytest.mark.parametrize(
    ("field", "described"),
    [
        (Text("t", True, 2, 9), {"type": "string", "minLength": 2, "maxLength": 9, "pattern": NOT_BLANK}),
        (Text("t", False, 2, 9), {"type": ["string", "null"], "maxLength": 9, "pattern": f"^$|{NOT_BLANK}"}),
        (Identifier("i", True, 9), {"type": "string", "maxLength": 9}),
        (Identifier("i", False, 9), {"type": ["string", "null"], "maxLength": 9}),
        (Number("n", True, None, None, False, None), {"type": "number"}),
        (Number("n", True, 0.0, None, True, None), {"type": "integer", "minimum": 0.0}),
        (Number("n", False, None, 5.0, False, "kg"),
         {"type": ["number", "null"], "maximum": 5.0, "description": "In kg."}),
        (Category("c", True, None, 9), {"type": "string", "maxLength": 9, "pattern": NOT_BLANK}),
        (Category("c", False, None, 9), {"type": ["string", "null"], "maxLength": 9, "pattern": NOT_BLANK}),
        (Category("c", True, ["a", "b"], 9), {"type": "string", "enum": ["a", "b"]}),
        (Category("c", False, ["a", "b"], 9), {"type": ["string", "null"], "enum": ["a", "b", None]}),
        (Timestamp("w", True), {"type": "string", "description": WHEN}),
        (Timestamp("w", False), {"type": ["string", "null"], "description": WHEN}),
    ],
    ids=str,
)  # fmt: skip
def test_a_field_is_described(field, described):
    assert field.json_schema() == described
    entry = schema.described(field)
    assert schema.load([entry]) == Schema((field,))
    assert schema.KINDS[entry["kind"]] is type(field)


def test_what_is_blank_is_the_same_to_who_reads_the_description():
    every = "".join(map(chr, range(sys.maxunicode + 1)))
    assert set(every) - set(re.findall(NOT_BLANK, every)) == {character for character in every if character.isspace()}


def test_a_row_is_described_by_its_fields():
    row = Schema((Text("a", True, 1, 9), Timestamp("b", False)))
    plain = {
        "type": "object",
        "properties": {"a": row.fields[0].json_schema(), "b": row.fields[1].json_schema()},
        "required": ["a"],
        "additionalProperties": False,
    }
    assert row.json_schema() == row.json_schema({}) == plain
    assert row.json_schema({"a": "x"}) == plain | {"example": {"a": "x"}}
    assert row.names() == "a, b"


def test_what_is_none_of_the_fields_is_told_with_their_names():
    row = Schema((Text("a", True, 1, 9), Timestamp("b", False)))
    for sent, message in (
        ([], "must be an object with the fields a, b"),
        ({"a": "x", "c": 1}, "has a field that is none of a, b"),
    ):
        with pytest.raises(InputError) as refused:
            row.check(sent)
        assert [one.message for one in refused.value.problems] == [message]


def kind(field, value):
    problem = field.check(value)
    return problem and problem.kind


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("ab", None),
        ("a", "too_short"),
        ("", "too_short"),
        ("abcd", None),
        ("abcde", "too_long"),
        ("  ", "blank"),
        (" a", None),
    ],
)
def test_a_text_has_as_many_letters_as_it_says(value, found):
    assert kind(Text("t", True, 2, 4), value) == found


def test_an_optional_text_may_be_empty_and_not_short():
    assert kind(Text("t", False, 2, 4), "") is None
    assert kind(Text("t", False, 2, 4), "a") == "too_short"


@pytest.mark.parametrize(
    ("value", "found"),
    [(1, None), (1.0, None), (5, None), (0.99, "out_of_range"), (5.01, "out_of_range"), (True, "wrong_type"), ("1", "wrong_type"),
     (math.nan, "not_finite"), (math.inf, "not_finite"), (-math.inf, "not_finite"), (10**400, "not_finite")],
)  # fmt: skip
def test_a_number_is_within_its_bounds(value, found):
    assert kind(Number("n", True, 1, 5, False, None), value) == found


@pytest.mark.parametrize("value", [LARGEST, -LARGEST])
def test_the_largest_number_is_one(value):
    assert kind(Number("n", True, None, None, False, None), value) is None


def test_a_whole_number_may_be_written_as_a_fraction_of_none():
    field = Number("n", True, None, None, True, None)
    assert (kind(field, 2.0), kind(field, 2.5)) == (None, "not_whole")


@pytest.mark.parametrize(
    ("minimum", "maximum", "unit", "told"),
    [
        (None, 100000, None, "at most 100000"),
        (1234567, None, "kg", "at least 1234567 kg"),
        (0.5, 2, None, "between 0.5 and 2"),
    ],
)
def test_a_range_is_told_in_plain_numbers(minimum, maximum, unit, told):
    field = Number("n", True, minimum, maximum, False, unit)
    assert field._range() == told


def test_twenty_categories_are_told_and_of_more_their_number():
    values = [str(number) for number in range(21)]
    assert Category("c", True, values[:20], 9)._allowed() == ", ".join(values[:20])
    assert Category("c", True, values, 9)._allowed() == ", ".join(values[:20]) + " ... (21 in all)"


TEXT = schema.described(Text("a", True, 1, 9))
NUMBER = schema.described(Number("n", True, None, None, False, None))
CATEGORY = schema.described(Category("c", True, None, 9))


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([TEXT, TEXT], "two inputs have one name"),
        ([TEXT | {"required": 1}], "an input's required is a int"),
        ([TEXT | {"name": None}], "an input's name is a NoneType"),
        ([TEXT | {"max_length": 9.0}], "an input's max_length is a float"),
        ([TEXT | {"min_length": True}], "an input's min_length is a bool"),
        ([NUMBER | {"integer": None}], "an input's integer is a NoneType"),
        ([NUMBER | {"minimum": "0"}], "an input's minimum is a str"),
        ([NUMBER | {"unit": 1}], "an input's unit is a int"),
        ([NUMBER | {"maximum": math.inf}], "a bound of n is beyond all numbers of requests"),
        ([NUMBER | {"minimum": math.nan}], "a bound of n is beyond all numbers of requests"),
        ([NUMBER | {"minimum": -(10**400)}], "a bound of n is beyond all numbers of requests"),
        ([CATEGORY | {"values": ["a", 1]}], "the values of c are not all texts"),
        ([CATEGORY | {"values": "ab"}], "an input's values is a str"),
    ],
)
def test_metadata_of_another_form_is_refused(entries, message):
    with pytest.raises(ProgramError, match=f"^{re.escape(message)}$"):
        schema.load(entries)


def test_a_bound_may_be_the_largest_number():
    (field,) = schema.load([NUMBER | {"minimum": -LARGEST, "maximum": LARGEST}]).fields
    assert (field.minimum, field.maximum) == (-LARGEST, LARGEST)


def test_the_kinds_are_called_as_definitions_call_them():
    assert {
        "text": Text, "identifier": Identifier, "number": Number, "category": Category, "timestamp": Timestamp
    } == schema.KINDS  # fmt: skip
