"""What the body of an inference request means, and what of it is refused."""

import json
import math
import re
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tritonclient.utils import serialize_byte_tensor

from functions.classify import v2_tensors
from functions.classify.answers import Refused
from functions.classify.events import Request


def tensor(name="age", datatype="FP64", data=(1.5,), **changes):
    return {"name": name, "datatype": datatype, "shape": [len(data)], "data": list(data), **changes}


def binary(name, datatype, rows, size, **changes):
    return {"name": name, "datatype": datatype, "shape": [rows], "parameters": {"binary_data_size": size}, **changes}


def request(*inputs, tail=None, headers=None, **members):
    head = json.dumps({"inputs": list(inputs), **members}).encode()
    lengths = {} if tail is None else {"inference-header-content-length": str(len(head))}
    return Request("POST", "/v2/models/m/infer", {**lengths, **(headers or {})}, head + (tail or b""), "a", "a")


def read(*inputs, **options):
    return v2_tensors.read(request(*inputs, **options))


def refusal(*inputs, **options):
    with pytest.raises(Refused) as caught:
        read(*inputs, **options)
    return caught.value.code, caught.value.detail


def texts(*values):
    return b"".join(struct.pack("<I", len(value)) + value for value in values)


def test_tensors_become_columns():
    inference = read(tensor("age", "FP64", [1.5, None]), tensor("town", "BYTES", ["Linz", ""]), id="42")
    assert inference.columns == {"age": [1.5, None], "town": ["Linz", None]}
    assert (inference.rows, inference.id, inference.outputs) == (2, "42", None)


@pytest.mark.parametrize(("shape", "data"), [([2], [1.0, 2.0]), ([2, 1], [1.0, 2.0]), ([2, 1], [[1.0], [2.0]])])
def test_rows_may_stand_in_a_line_or_in_a_column(shape, data):
    assert read(tensor(shape=shape, data=data)).columns == {"age": [1.0, 2.0]}


@pytest.mark.parametrize(
    ("datatype", "sent", "means"),
    [("FP32", 2, 2), ("FP16", 0.5, 0.5), ("INT8", -3, -3), ("UINT64", 3, 3), ("BOOL", True, 1), ("BYTES", "x", "x")],
)
def test_values_in_json_are_of_their_datatype(datatype, sent, means):
    assert read(tensor(datatype=datatype, data=[sent])).columns == {"age": [means]}


NUMPY = {name: name.lower().replace("fp", "float") for name in v2_tensors.NUMBERS}


@pytest.mark.parametrize("datatype", v2_tensors.NUMBERS)
def test_binary_numbers_are_little_endian(datatype):
    values = np.array([0, 1, 1, 0], NUMPY[datatype])
    raw = values.astype(values.dtype.newbyteorder("<")).tobytes()
    assert read(binary("age", datatype, 4, len(raw)), tail=raw).columns == {"age": [0, 1, 1, 0]}


def test_nan_is_missing_and_infinity_is_not():
    raw = np.array([math.nan, math.inf, -0.0], "<f8").tobytes()
    assert read(binary("age", "FP64", 3, 24), tail=raw).columns == {"age": [None, math.inf, 0.0]}


def test_binary_tensors_follow_the_json_in_the_order_of_the_inputs():
    town, year = texts("Grüße".encode(), b""), struct.pack("<2q", 5, -6)
    inference = read(
        binary("town", "BYTES", 2, len(town)),
        tensor("age", "FP64", [1.0, 2.0]),
        binary("year", "INT64", 2, len(year)),
        tail=town + year,
    )
    assert inference.columns == {"town": ["Grüße", None], "age": [1.0, 2.0], "year": [5, -6]}


@given(st.lists(st.text(st.characters(codec="utf-8")), min_size=1, max_size=20))
def test_texts_arrive_as_the_usual_client_packs_them(values):
    raw = serialize_byte_tensor(np.array(values, object)).item()
    inference = read(binary("town", "BYTES", len(values), len(raw)), tail=raw)
    assert inference.columns == {"town": [value or None for value in values]}


def test_outputs_are_asked_for_by_name_and_in_their_order():
    inference = read(tensor(), outputs=[{"name": "b", "parameters": {"binary_data": True}}, {"name": "a"}])
    assert inference.outputs == ["b", "a"]
    assert read(tensor(), outputs=[]).outputs is None


@pytest.mark.parametrize(
    "media_type", ["", "application/json", "application/octet-stream", "Application/JSON; charset=utf-8"]
)
def test_the_usual_clients_are_understood_whatever_they_call_the_body(media_type):
    assert read(tensor(), headers={"content-type": media_type}).rows == 1


@pytest.mark.parametrize("headers", [{"content-type": "text/plain"}, {"content-encoding": "gzip"}])
def test_other_media_and_compressed_bodies_are_refused(headers):
    assert refusal(tensor(), headers=headers)[0] == "unsupported_media_type"


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"inputs":NaN}', b'{"a":1,"a":2}', b"[" * 20])
def test_what_is_not_strict_json_is_refused(body):
    with pytest.raises(Refused) as caught:
        v2_tensors.read(Request("POST", "/", {}, body, "a", "a"))
    assert caught.value.code == "invalid_json"


WRONG = {
    "no tensor": ((), "an array of at least one tensor"),
    "a tensor that is none": ((5,), r"inputs\[0\] must be an object"),
    "no shape": (({"name": "age", "datatype": "FP64", "data": [1]},), "tensor age must be an object with"),
    "a name that is none": ((tensor(5),), r"inputs\[0\] must be"),
    "the same twice": ((tensor(), tensor()), "tensor age stands twice"),
    "two lengths": ((tensor(), tensor("size", data=[1, 2])), "tensor size has 2 rows; the tensors before it have 1"),
    "no rows": ((tensor(data=[]),), "between 1 and 1000 rows"),
    "too many rows": ((tensor(data=[1] * 1001),), "between 1 and 1000 rows"),
    "two columns": ((tensor(shape=[1, 2], data=[1, 2]),), r"the shape \[rows\] or \[rows, 1\]"),
    "a shape of truth": ((tensor(shape=[True]),), "the shape"),
    "a shape of fractions": ((tensor(shape=[1.0]),), "the shape"),
    "an unknown datatype": ((tensor(datatype="FP8"),), "tensor age has a datatype that is none of INT8, .*, BYTES"),
    "no data": ((tensor() | {"data": None},), "must have data: an array of 1 values"),
    "too little data": ((tensor(shape=[2]),), "must have data: an array of 2 values"),
    "brackets without a column": ((tensor(data=[[1.5]]),), "tensor age, row 0: the value is not FP64"),
    "a text as a number": ((tensor(data=[1, "x"]),), "tensor age, row 1: the value is not FP64"),
    "truth as a number": ((tensor(data=[True]),), "row 0: the value is not FP64"),
    "a number as a text": ((tensor(datatype="BYTES", data=[1]),), "row 0: the value is not BYTES"),
    "a fraction as a whole number": ((tensor(datatype="INT32", data=[1.5]),), "row 0: the value is not INT32"),
    "a number as truth": ((tensor(datatype="BOOL", data=[1]),), "row 0: the value is not BOOL"),
    "bytes where there are none": ((binary("age", "FP64", 1, 8),), "fewer bytes after the JSON"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_refusal_names_the_tensor_and_the_row(name):
    inputs, said = WRONG[name]
    code, detail = refusal(*inputs)
    assert code == "invalid_input"
    assert re.search(said, detail), detail


BROKEN = {
    "too few bytes": (binary("t", "FP64", 2, 16), bytes(8), "tensor t has fewer bytes after the JSON"),
    "bytes left over": (binary("t", "FP64", 1, 8), bytes(9), "1 bytes of the body are left over"),
    "another size than the shape's": (binary("t", "FP32", 2, 16), bytes(16), "16 bytes; 2 values of FP32 are 8"),
    "neither true nor false": (binary("t", "BOOL", 2, 2), b"\1\2", "a byte of BOOL is 0 or 1"),
    "a negative size": (binary("t", "FP64", 1, -8), bytes(8), "a number of bytes"),
    "a size that is none": (binary("t", "FP64", 1, "8"), bytes(8), "a number of bytes"),
    "bytes and data": (binary("t", "FP64", 1, 8, data=[1.0]), bytes(8), "either data or a binary_data_size"),
    "a text cut off": (binary("t", "BYTES", 1, 5), texts(b"xy")[:5], "tensor t, row 0: the bytes end within"),
    "a length cut off": (binary("t", "BYTES", 2, 7), texts(b"x") + b"\0\0", "tensor t, row 1: the bytes end within"),
    "a text too many": (binary("t", "BYTES", 1, 10), texts(b"x", b"y"), "5 bytes more than its 1 values"),
    "no UTF-8": (binary("t", "BYTES", 2, 10), texts(b"x", b"\xff"), "tensor t, row 1: the value is not UTF-8"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_bytes_that_are_not_the_tensor_are_refused(name):
    sent, tail, said = BROKEN[name]
    code, detail = refusal(sent, tail=tail)
    assert code == "invalid_input"
    assert said in detail


@pytest.mark.parametrize("length", ["", "-1", "1e3", "999999", "9" * 5000, "٣", "1_0"])
def test_the_length_of_the_json_must_be_one(length):
    assert refusal(tensor(), tail=b"", headers={"inference-header-content-length": length})[0] == "invalid_input"


@pytest.mark.parametrize(
    "members",
    [
        {"id": 5},
        {"outputs": {}},
        {"outputs": [{}]},
        {"outputs": ["a"]},
        {"outputs": [{"name": "a"}, {"name": "a"}]},
        {"outputs": [{"name": "a", "parameters": {"classification": 2}}]},
        {"outputs": [{"name": "a", "parameters": {"shared_memory_region": "r"}}]},
        {"outputs": [{"name": "a", "parameters": 5}]},
    ],
)
def test_what_would_change_the_answer_otherwise_than_we_can_is_refused(members):
    assert refusal(tensor(), **members)[0] == "invalid_input"


def test_no_refusal_repeats_a_name_that_is_none():
    assert "<script>" not in refusal(tensor("<script>", "FP8"))[1]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=4,
)
MEMBER = st.sampled_from(["name", "datatype", "shape", "data", "parameters"])


@given(MEMBER, JSON, st.binary(max_size=20) | st.none())
def test_whatever_is_sent_is_read_whole_or_refused(member, value, tail):
    sent = binary("t", "BYTES", 1, len(tail)) if tail is not None else tensor()
    try:
        inference = read(sent | {member: value}, tail=tail)
    except Refused as refused:
        assert refused.code == "invalid_input"
    else:
        assert all(len(column) == inference.rows for column in inference.columns.values())


@given(st.sampled_from(sorted(v2_tensors.NUMBERS)), st.binary(max_size=64))
def test_any_bytes_are_values_of_their_datatype_or_refused(datatype, raw):
    rows = max(1, len(raw) // np.dtype(v2_tensors.NUMBERS[datatype]).itemsize)
    try:
        [column] = read(binary("t", datatype, rows, len(raw)), tail=raw).columns.values()
    except Refused as refused:
        assert refused.code == "invalid_input"
    else:
        assert all(type(value) in (int, float, type(None)) for value in column)
