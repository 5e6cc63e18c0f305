"""JSON that can mean one thing only."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firesteel import strictjson

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=12,
)


@given(VALUES, st.booleans())
def test_what_json_writes_is_read_back(value, ascii_only):
    assert strictjson.parse(json.dumps(value, ensure_ascii=ascii_only).encode(), depth=100) == value


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b"{'a': 1}", "not valid JSON"),
        (b'{"a": 1,}', "not valid JSON"),
        (b'{"a": 01}', "not valid JSON"),
        (b'{"a": 1} x', "not valid JSON"),
        (b'\xef\xbb\xbf{"a": 1}', "not valid JSON"),
        (b'{"a": "\xff"}', "not valid UTF-8"),
        (b'{"a": "\xed\xa0\x80"}', "not valid UTF-8"),
        (b'{"a": NaN}', "NaN and Infinity are none at line 1, column [78]"),
        (b'{"a": Infinity}', "NaN and Infinity are none at line 1, column [78]"),
        (b'{"a": -Infinity}', "NaN and Infinity are none at line 1, column [78]"),
        (b'{"a": 1e400}', "number is infinity"),
        (b'{"a": -1e400}', "number is infinity"),
        (b'{"a": 1, "a": 2}', "same key twice"),
        (b'{"a": {"b": 1, "\\u0062": 2}}', "same key twice"),
        (rb'{"a": "\ud800"}', "not valid JSON: .* surrogate"),
        (rb'{"\udc00": 1}', "not valid JSON: .* surrogate"),
        (rb'[["x", "\ud83d"]]', "not valid JSON: .* surrogate"),
        (b"[" * 17 + b"]" * 17, "deeper than 16"),
        (b'{"a":' * 17 + b"1" + b"}" * 17, "deeper than 16"),
        (b"[" * 100_000, "deeper than 16"),
        (b"1" * 5000, "number is infinity"),
    ],
)
def test_what_is_ambiguous_or_broken_is_refused_in_words_that_quote_nothing(body, message):
    with pytest.raises(ValueError, match=message):
        strictjson.parse(body)


@pytest.mark.parametrize(
    "body",
    [b"[" + b"[]," * 17 + b'"' + rb"\"" * 500_000, b'{"a":"' + b"[" * 1_000_000, b"[" * 17 + b'"' * 1_000_001],
)
def test_a_megabyte_made_to_be_slow_is_refused_in_one_pass(body):
    """Quadratic work would take hours here; one pass takes milliseconds."""
    started = time.process_time()
    with pytest.raises(ValueError, match="nested deeper|not valid JSON"):
        strictjson.parse(body)
    assert time.process_time() - started < 5


def test_containers_are_counted_outside_of_strings():
    within = json.dumps([{"a": '{\\"{' * 100}] * 20).encode()
    assert len(strictjson.parse(within, containers=21)) == 20
    with pytest.raises(ValueError, match="more than 20 arrays and objects"):
        strictjson.parse(within, containers=20)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 16 + b"{}" + b"]" * 16,
        b'["\\\\",' + b"[" * 16 + b"]" * 17,
        b"[[]," * 15 + b"[[[]]]" + b"]" * 15,
        b"{" * 40,
    ],
)
def test_depth_is_what_stands_outside_of_strings(body):
    with pytest.raises(ValueError, match="nested deeper than 16"):
        strictjson.parse(body)


@pytest.mark.parametrize("number", [b"1" * 350 + b".5", b"1" * 250 + b"e99", b"1" * 250 + b"E+99", b"-1e309"])
def test_a_number_beyond_floats_is_refused_however_it_is_written(number):
    with pytest.raises(ValueError, match="number is infinity"):
        strictjson.parse(b"[1, %s]" % number)


def test_sixteen_levels_and_brackets_within_strings_are_fine():
    assert strictjson.parse(b"[" * 16 + b"]" * 16) is not None
    text = '[[" \\" ] ' * 50
    assert strictjson.parse(json.dumps({"a": text, "b": [text]}).encode()) == {"a": text, "b": [text]}


def test_a_pair_of_surrogate_escapes_is_one_character():
    assert strictjson.parse(rb'{"a": "\ud83d\ude42"}') == {"a": "🙂"}
