"""Where exactly strict JSON ends: depth is that of the deepest place, however many places there are."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firesteel import strictjson

DEEPEST = b"[" * 16 + b"]" * 16


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"[" + b",".join([b"[]"] * 40) + b"]", id="many beside each other"),
        pytest.param(b"[" + b",".join([b"{}"] * 40) + b"]", id="many objects"),
        pytest.param(DEEPEST, id="as deep as may be"),
        pytest.param(b"[" + b"[" * 15 + b"]" * 15 + b",[]]", id="as deep as may be, and another"),
        pytest.param(b'{"a":' * 16 + b"1" + b"}" * 16, id="objects as deep as may be"),
        pytest.param(b'["' + b"[" * 40 + b'"]', id="brackets in a string"),
        pytest.param(b'["' + b'\\"' * 20 + b"[" * 40 + b'"]', id="brackets after quotes in a string"),
        pytest.param(b'["' + b"]" * 20 + b'",' + b"[" * 15 + b"]" * 15 + b"]", id="closing brackets in a string"),
    ],
)
def test_sixteen_levels_may_be_nested(text):
    strictjson.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"[" + DEEPEST + b"]", id="arrays"),
        pytest.param(b'{"a":' * 17 + b"1" + b"}" * 17, id="objects"),
        pytest.param(b"[[]," * 17 + b"1" + b"]" * 17, id="with shallow ones between"),
        pytest.param(b"[" + b"[]," * 5 + DEEPEST + b"]", id="after shallow ones"),
        pytest.param(b'["' + b"]" * 20 + b'",' + DEEPEST + b"]", id="after closing brackets in a string"),
    ],
)
def test_seventeen_levels_are_too_many(text):
    with pytest.raises(ValueError, match="nested deeper than 16"):
        strictjson.parse(text)


def test_the_caller_may_ask_for_another_depth():
    assert strictjson.parse(b"[[]]", depth=2) == [[]]
    with pytest.raises(ValueError, match="nested deeper than 1"):
        strictjson.parse(b"[[]]", depth=1)


def test_sixteen_that_are_left_open_are_not_deep_but_broken():
    with pytest.raises(ValueError, match="it is not valid JSON"):
        strictjson.parse(b"[[]," + b"[" * 15)


def test_a_number_may_have_any_digits_after_the_point():
    text = f"[0.{'1' * 5000}, 1e-{'0' * 500}1]"
    assert strictjson.parse(text.encode()) == [float("0." + "1" * 20), 0.1]


@pytest.mark.parametrize(
    ("number", "value"), [(2**64 - 1, 2**64 - 1), (2**64, 2.0**64), (-(2**63), -(2**63)), (-(2**63) - 1, -(2.0**63))]
)
def test_an_integer_beyond_64_bits_is_a_float(number, value):
    read = strictjson.parse(str(number).encode())
    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize(
    "number", ["1e400", "1E400", "1e+400", "1E+999", "-1e+309", "9" * 310 + ".0", "9" * 310, "9" * 210 + "e99"]
)
def test_a_number_beyond_every_float_is_refused_however_it_is_written(number):
    with pytest.raises(ValueError, match="number is infinity"):
        strictjson.parse(f"[{number}]".encode())


@pytest.mark.parametrize("number", ["1e+300", "1E-400", "9" * 200 + "e+99", "1e99"])
def test_a_number_that_is_a_float_is_read(number):
    assert strictjson.parse(number.encode()) == float(number)


def test_as_many_containers_as_the_caller_allows():
    text = b"[" + b",".join([b"{}"] * 39) + b"]"
    assert len(strictjson.parse(text, containers=40)) == 39
    with pytest.raises(ValueError, match="it has more than 39 arrays and objects"):
        strictjson.parse(text, containers=39)


ESCAPES = st.lists(
    st.sampled_from([r"\\", r"\"", r"\ud83d", r"\uDE42", r"\u00e9", "ude42", "d83d", "u"]), max_size=8
).map("".join)


@given(st.lists(ESCAPES, max_size=3))
def test_half_a_pair_of_surrogates_is_told_from_the_bytes_as_from_the_text(texts):
    body = f"[{','.join(f'"{text}"' for text in texts)}]".encode()
    value = json.loads(body)
    try:
        for text in value:
            text.encode()
    except UnicodeEncodeError:
        with pytest.raises(ValueError, match="not valid JSON: .* surrogate in string"):
            strictjson.parse(body)
    else:
        assert strictjson.parse(body) == value


@pytest.mark.parametrize(
    "body", ['[1, {"a": [1e999]}]', '{"a": {"b": -1e999}}', "[[], [[0, 1e999]]]", "1e999", '["a", -1e999]']
)
def test_a_number_beyond_every_float_is_found_wherever_it_stands(body):
    with pytest.raises(ValueError, match="number is infinity"):
        strictjson.parse(body.encode())


def test_digits_within_a_text_are_no_number():
    text = "9" * 1000 + "e999" + '\\"' + "1e999"
    assert strictjson.parse(json.dumps([text, 1e300]).encode()) == [text, 1e300]
