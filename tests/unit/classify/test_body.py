"""What a body is taken for: its media type, its rows and its flags."""

import gzip

import pytest

from firesteel.errors import InputError
from functions.classify import body
from functions.classify.answers import Refused
from functions.classify.events import Request


def request(content_type, data=b'{"a": [1]}'):
    known = dict.fromkeys(Request._fields, "")
    headers = {} if content_type is None else {"content-type": content_type}
    return Request(**known | {"method": "POST", "path": "/", "headers": headers, "body": data})


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "Application/JSON", " application/json ", "application/problem+json", "application/json; charset=utf-8",
     'application/json;charset="UTF-8"', "application/json; charset=utf8", "application/json; charset = utf-8",
     "application/json; profile=x; charset=utf-8", "application/json; version"],
)  # fmt: skip
def test_json_in_utf8_is_read(content_type):
    assert body.read(request(content_type)) == {"a": [1]}


@pytest.mark.parametrize(
    "content_type",
    [None, "", "text/plain", "text/x+json", "application/jsonp", "application/x+jsonp", "json", "application/json; charset=latin-1",
     "application/json; charset=", "application/json; a=b; charset=utf-16", "application/problem+json;charset=ascii"],
)  # fmt: skip
def test_anything_else_is_refused(content_type):
    with pytest.raises(Refused) as refused:
        body.read(request(content_type))
    assert refused.value.code == "unsupported_media_type"


def test_what_is_no_strict_json_is_refused_with_the_reason():
    with pytest.raises(Refused, match=r"The body cannot be read: an object has the same key twice\.$") as refused:
        body.read(request("application/json", b'{"a": 1, "a": 1}'))
    assert refused.value.code == "invalid_json"


def blamed(found, *options):
    with pytest.raises(InputError) as refused:
        body.rows(found, "cases", *options)
    return [(one.field, one.kind, one.message) for one in refused.value.problems]


@pytest.mark.parametrize(
    ("found", "field", "kind", "message"),
    [
        ([], "", "wrong_type", "must be an object with the field cases"),
        (None, "", "wrong_type", "must be an object with the field cases"),
        ({}, "cases", "missing", "is required"),
        ({"other": 1}, "cases", "missing", "is required"),
        ({"cases": {}}, "cases", "wrong_type", "must be an array"),
        ({"cases": [1], "other": 1}, "", "unknown_field", "has a field that is not cases"),
        ({"cases": []}, "cases", "wrong_length", "must have between 1 and 1000 rows"),
        ({"cases": [1] * 1001}, "cases", "wrong_length", "must have between 1 and 1000 rows"),
    ],
)
def test_what_has_no_rows_is_told_so(found, field, kind, message):
    assert blamed(found) == [(field, kind, message)]


def test_options_may_stand_beside_the_rows():
    assert body.rows({"cases": [1], "explain": True}, "cases", "explain") == [1]
    assert body.rows({"cases": [1] * 1000}, "cases", "explain") == [1] * 1000
    assert blamed({"cases": [1], "other": 1}, "explain", "top") == [
        ("", "unknown_field", "has a field that is not cases or explain or top")
    ]


def test_a_flag_is_yes_or_no_and_no_when_it_is_not_there():
    assert body.flag({}, "explain") is False
    assert body.flag({"explain": True}, "explain") is True
    assert body.flag({"explain": False}, "explain") is False
    for value in (None, 0, 1, "true", []):
        with pytest.raises(InputError) as refused:
            body.flag({"explain": value}, "explain")
        assert [(one.field, one.kind) for one in refused.value.problems] == [("explain", "wrong_type")]


def test_what_nobody_unpacked_is_refused_as_packed_and_what_somebody_did_is_read():
    """It was called JSON that is not valid UTF-8. API Gateway unpacks, and may leave the header."""
    packed = request("application/json", gzip.compress(b"{}"))
    packed.headers["content-encoding"] = "gzip"
    with pytest.raises(Refused, match="compressed") as refused:
        body.read(packed)
    assert refused.value.code == "unsupported_media_type"
    assert body.read(packed._replace(body=b"{}")) == {}


def test_a_media_type_has_a_thousand_letters_at_the_most():
    longest = "application/json;" + "x" * (1024 - len("application/json;"))
    assert body.read(request(longest)) == {"a": [1]}
    with pytest.raises(Refused) as refused:
        body.read(request(longest + "x"))
    assert refused.value.code == "unsupported_media_type"


def test_a_body_has_twenty_thousand_arrays_and_objects_at_the_most():
    full = b"[" + b",".join([b"[]"] * 19_999) + b"]"
    assert len(body.read(request("application/json", full))) == 19_999
    with pytest.raises(Refused) as refused:
        body.read(request("application/json", full[:-1] + b",[]]"))
    assert refused.value.code == "invalid_json"
