"""Records to the byte: how they are written, and what is read as one."""

import json
import re
from datetime import UTC, datetime

import pytest

from firesteel.errors import IntegrityError
from firesteel.registry import record

FIELDS = {"format": int, "name": str, "before": (str, type(None))}
GOOD = {"format": 1, "name": "\u00e4", "before": None}


def written(**changed):
    return json.dumps(GOOD | changed).encode()


def test_a_record_is_written_a_field_a_line_in_their_order_as_people_write():
    assert record.encode(GOOD) == '{\n "before": null,\n "format": 1,\n "name": "\u00e4"\n}\n'.encode()


def test_what_is_no_number_is_not_written():
    with pytest.raises(ValueError, match="Out of range float"):
        record.encode({"a": float("nan")})


def test_what_was_written_is_read():
    assert record.decode(record.encode(GOOD), FIELDS, "it") == GOOD
    assert record.decode(written(before="x"), FIELDS, "it") == GOOD | {"before": "x"}


@pytest.mark.parametrize(
    "data",
    [b"[]", b"null", b'"a"', b"1", written(more=1), written(name=1), written(before=1), written(name=None), written(format=True),
     b'{"format": 1}'],
)  # fmt: skip
def test_other_fields_or_types_are_refused(data):
    with pytest.raises(IntegrityError, match=r"^it has (other fields than its format says|format True;)"):
        record.decode(data, FIELDS, "it")


def test_optional_fields_may_be_there_and_are_of_their_type():
    optional = {"canary": dict}
    assert record.decode(written(canary={}), FIELDS, "it", optional=optional) == GOOD | {"canary": {}}
    assert record.decode(written(), FIELDS, "it", optional=optional) == GOOD
    with pytest.raises(IntegrityError, match="other fields"):
        record.decode(written(canary=[]), FIELDS, "it", optional=optional)
    with pytest.raises(IntegrityError, match="other fields"):
        record.decode(b"[]", FIELDS, "it", optional=optional)


@pytest.mark.parametrize(("told", "said"), [(2, "2"), ("1", "'1'"), (None, "None"), (10**30, "1e+30")])
def test_another_format_is_told_and_what_this_release_reads(told, said):
    with pytest.raises(IntegrityError, match=re.escape(f"it has format {said}; this release reads format 1")):
        record.decode(written(format=told), FIELDS, "it")


def test_what_is_no_json_is_told():
    with pytest.raises(IntegrityError, match="^it cannot be read: it is not valid JSON"):
        record.decode(b"{", FIELDS, "it")


def test_a_record_is_four_deep_at_the_most():
    deep = b'{"format": 1, "name": "", "before": [[[]]]}'
    with pytest.raises(IntegrityError, match="other fields"):
        record.decode(deep, FIELDS, "it")
    with pytest.raises(IntegrityError, match="nested deeper than 4"):
        record.decode(deep.replace(b"[]", b"[[]]"), FIELDS, "it")


def test_a_text_becomes_one_printable_line_that_is_cut():
    assert record.one_line(" a\tb\n\n c\x00d\u202e ", 80) == "a b cd"
    assert record.one_line("abcdef", 3) == "abc"


def test_a_sha256_is_sixty_four_hexadecimal_digits():
    assert record.is_sha256("0123456789abcdef" * 4)
    for text in (
        "",
        "a" * 63,
        "a" * 65,
        "A" * 64,
        "X" + "a" * 63,
        "g" + "a" * 63,
        "a" * 63 + "g",
        "a" * 31 + "x" + "a" * 32,
    ):
        assert not record.is_sha256(text), text


def test_a_time_is_now_in_utc():
    before = datetime.now(UTC).replace(microsecond=0)
    assert before <= datetime.fromisoformat(record.timestamp()) <= datetime.now(UTC)
    assert record.timestamp().endswith("Z")


def test_a_write_id_is_128_random_bits():
    first, second = record.new_write_id(), record.new_write_id()
    assert first != second
    assert len(bytes.fromhex(first)) == 16


def test_a_record_has_eight_kibibytes_at_the_most():
    assert (record.LIMIT, record.FORMAT) == (8192, 1)
