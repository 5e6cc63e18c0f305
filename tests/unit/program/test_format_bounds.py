"""The program file to the byte: its layout, its limits and what each refusal says."""

import json
import re

import numpy as np
import pytest

from firesteel.errors import ProgramError
from firesteel.program import format


def packed(header, data=b""):
    text = json.dumps(header).encode() if isinstance(header, dict) else header
    return len(text).to_bytes(8, "little") + text + data


def header(**tensors):
    return {"__metadata__": {"firesteel": '{"format": 2}'}, **tensors}


def entry(begin=0, end=4, shape=(4,), dtype="U8"):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


def test_the_layout_is_a_length_a_header_of_whole_words_and_the_arrays_the_widest_first():
    data = format.write({"a": 1}, {"b": np.array([1, 2], "u1"), "a": np.array([3], "<u4"), "c": np.array([4.0], "<f8"),
                                   "d": np.array([5], "<u4")})  # fmt: skip
    length = int.from_bytes(data[:8], "little")
    assert length % 8 == 0
    text = data[8 : 8 + length].decode()
    assert re.sub(" +$", "", text) == (
        '{"__metadata__":{"firesteel":"{\\"a\\": 1, \\"format\\": 2}"},'
        '"c":{"dtype":"F64","shape":[1],"data_offsets":[0,8]},"a":{"dtype":"U32","shape":[1],"data_offsets":[8,12]},'
        '"d":{"dtype":"U32","shape":[1],"data_offsets":[12,16]},"b":{"dtype":"U8","shape":[2],"data_offsets":[16,18]}}'
    )
    assert len(text) - len(text.rstrip(" ")) < 8
    assert data[8 + length :] == np.float64(4).tobytes() + b"\3\0\0\0\5\0\0\0\1\2"


@pytest.mark.parametrize("size", range(9))
def test_a_header_is_filled_up_to_the_next_word_and_no_further(size):
    data = format.write({"a": "x" * size}, {})
    length = int.from_bytes(data[:8], "little")
    assert length % 8 == 0
    assert len(data) - len(data.rstrip(b" ")) < 8


@pytest.mark.parametrize(
    ("dtype", "code"), [("F64", "<f8"), ("F32", "<f4"), ("U64", "<u8"), ("U32", "<u4"), ("I32", "<i4"), ("U8", "|u1")]
)
def test_a_type_has_its_name(dtype, code):
    data = format.write({}, {"a": np.array([1, 2], code)})
    assert f'"dtype":"{dtype}"'.encode() in data
    assert format.read(data).tensors["a"].dtype == np.dtype(code)


def test_the_contiguous_bytes_of_an_array_are_written():
    array = np.arange(6, dtype="<f4").reshape(2, 3).T
    assert np.array_equal(format.read(format.write({}, {"a": array})).tensors["a"], array)


def test_an_array_of_no_dimension_is_one_number():
    assert format.read(packed(header(a=entry(0, 1, ())), b"\7")).tensors["a"] == 7


def test_four_dimensions_are_read_and_the_order_in_the_header_is_free():
    data = packed(header(b=entry(4, 5, (1, 1, 1, 1)), a=entry()), bytes(range(5)))
    tensors = format.read(data).tensors
    assert (tensors["b"].item(), tensors["a"].tolist()) == (4, [0, 1, 2, 3])


def test_an_array_of_nothing_may_stand_between():
    data = packed(header(a=entry(), b=entry(4, 4, (0,)), c=entry(4, 8)), bytes(8))
    assert format.read(data).tensors["b"].size == 0


@pytest.mark.parametrize("name", ["a", "a" * 100, "0_.z"])
def test_a_name_of_a_tensor_has_up_to_a_hundred_letters(name):
    assert name in format.read(packed(header(**{name: entry()}), bytes(4))).tensors


@pytest.mark.parametrize("name", ["", "a" * 101, "A", "a-b", "a\n", "a b"])
def test_another_name_is_refused(name):
    with pytest.raises(ProgramError, match="name out of form"):
        format.read(packed(header(**{name: entry()}), bytes(4)))


def test_two_hundred_and_fifty_six_tensors_are_read_and_one_more_is_not():
    many = {f"t{number:03}": entry(number, number + 1, (1,)) for number in range(256)}
    assert len(format.read(packed(header(**many), bytes(256))).tensors) == 256
    with pytest.raises(ProgramError, match="the program has 257 tensors, more than 256"):
        format.read(packed(header(**many, last=entry(256, 257, (1,))), bytes(257)))


@pytest.mark.parametrize("size", [0, 7])
def test_what_is_shorter_than_the_length_is_told_so(size):
    with pytest.raises(ProgramError, match="shorter than its header's length"):
        format.read(bytes(size))


def test_a_header_of_its_limit_is_read_and_of_a_byte_more_is_not():
    text = json.dumps(header()).encode()
    full = text + b" " * (format.HEADER_LIMIT - len(text))
    assert format.HEADER_LIMIT == 1048576
    assert format.read(packed(full)).meta == {"format": 2}
    with pytest.raises(ProgramError, match=r"says 1048577 bytes; at most 1048576"):
        format.read(packed(full + b" "))


def test_a_header_may_end_where_the_file_does_and_not_behind():
    data = packed(header())
    assert format.read(data).tensors == {}
    with pytest.raises(ProgramError, match="header says"):
        format.read(data[:-1])


def test_what_is_written_has_a_header_of_the_limit_at_the_most():
    empty = format.write({"a": ""}, {})
    room = format.HEADER_LIMIT - len(empty.rstrip(b" ")) + 8
    assert len(format.write({"a": "x" * room}, {})) == 8 + format.HEADER_LIMIT
    with pytest.raises(
        ProgramError, match=f"would have {format.HEADER_LIMIT + 8} bytes, more than {format.HEADER_LIMIT}"
    ):
        format.write({"a": "x" * (room + 1)}, {})


@pytest.mark.parametrize("number", [1, 2])
def test_formats_one_and_two_are_read(number):
    text = {"__metadata__": {"firesteel": json.dumps({"format": number})}}
    assert format.read(packed(text)).meta == {"format": number}


@pytest.mark.parametrize("number", [0, 3, "2", None, 1.5])
def test_other_formats_are_named(number):
    text = {"__metadata__": {"firesteel": json.dumps({"format": number})}}
    with pytest.raises(
        ProgramError, match=re.escape(f"the program has format {number!r}; this version reads formats 1 to 2")
    ):
        format.read(packed(text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"[]", "the program's header is not an object"),
        (b"{", "the program's header cannot be read: it is not valid JSON"),
        (b"{}", "the program has no metadata"),
        (b'{"__metadata__": []}', "the program has no metadata"),
        (b'{"__metadata__": {"firesteel": null}}', "the program has no metadata"),
        (b'{"__metadata__": {"firesteel": "["}}', "the program's metadata cannot be read: it is not valid JSON"),
        (b'{"__metadata__": {"firesteel": "[]"}}', "the program's metadata is not an object"),
    ],
)
def test_what_is_wrong_with_a_header_is_told(text, message):
    with pytest.raises(ProgramError, match=f"^{re.escape(message)}"):
        format.read(packed(text))


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (entry(1, 5), "tensor a: offsets 1..5 do not follow 0 by 4 bytes"),
        (entry(0, 3), "tensor a: offsets 0..3 do not follow 0 by 4 bytes"),
        (entry(0, 5), "tensor a: offsets 0..5 do not follow 0 by 4 bytes"),
        (entry(0, 8, (8,)), "tensor a: ends at 8 of 4 bytes"),
        (entry(0, 5, (5,)), "tensor a: ends at 5 of 4 bytes"),
        (entry(0, 2, (2,)), "the program has 2 bytes that belong to no tensor"),
        (entry(0, 4, (2, 2, 1, 1, 1)), "tensor a: sizes are not at most 4 natural numbers"),
        (entry(0, 4, (-2, -2)), "tensor a: sizes are not at most 4 natural numbers"),
        (entry(0, 4, (4.0,)), "tensor a: sizes are not at most 4 natural numbers"),
        (entry(0.0, 4), "tensor a: sizes are not at most 4 natural numbers"),
        (entry(0, True, (1,)), "tensor a: sizes are not at most 4 natural numbers"),
        (entry(0, 4, (4,), "U16"), "a tensor's entry is not {dtype, shape, data_offsets}"),
        (entry(0, 0, (0, 2**63)), "a tensor's entry is not {dtype, shape, data_offsets}"),
        (entry() | {"more": 1}, "a tensor has an unknown field or a name out of form"),
        ({"data_offsets": [0, 4]}, "a tensor's entry is not {dtype, shape, data_offsets}"),
        (None, "a tensor's entry is not {dtype, shape, data_offsets}"),
    ],
)
def test_what_is_wrong_with_a_tensor_is_told(tensor, message):
    with pytest.raises(ProgramError, match=f"^{re.escape(message)}$"):
        format.read(packed(header(a=tensor), bytes(4)))


def test_eight_bytes_are_a_length_and_no_header():
    with pytest.raises(ProgramError, match="^the program's header cannot be read"):
        format.read(bytes(8))


def test_two_arrays_of_nothing_may_stand_at_one_place():
    tensors = format.read(packed(header(b=entry(4, 4, (0,)), a=entry(), c=entry(4, 4, (0, 1))), bytes(4))).tensors
    assert (tensors["b"].size, tensors["c"].size) == (0, 0)
