"""The program file: what was written is read back without copying, and nothing else is accepted."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from safetensors.numpy import load as safetensors_load

from firesteel.errors import ProgramError
from firesteel.program import format, predictor

TENSORS = {
    "a.weights": np.arange(6, dtype=np.float32).reshape(2, 3),
    "b": np.array([7], np.uint64),
    "c": np.empty(0, np.uint8),
}
FILE = format.write({"model": "m"}, TENSORS)


def with_header(change, data=None):
    length = int.from_bytes(FILE[:8], "little")
    header = json.loads(FILE[8 : 8 + length])
    change(header)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + (FILE[8 + length :] if data is None else data)


def test_what_was_written_is_read_back():
    meta, tensors = format.read(FILE)
    assert meta["model"] == "m"
    assert all(np.array_equal(tensors[name], array) for name, array in TENSORS.items())


def test_reading_copies_nothing_and_gives_read_only_arrays():
    _, tensors = format.read(FILE)
    assert np.shares_memory(tensors["a.weights"], np.frombuffer(FILE, np.uint8))
    with pytest.raises(ValueError, match="read-only"):
        tensors["a.weights"][0, 0] = 1


def test_the_safetensors_library_reads_the_same_arrays():
    loaded = safetensors_load(FILE)
    assert all(np.array_equal(loaded[name], array) for name, array in TENSORS.items())


def test_the_same_content_gives_the_same_bytes():
    assert format.write({"model": "m"}, dict(reversed(TENSORS.items()))) == FILE


@given(
    st.dictionaries(
        st.from_regex(r"[a-z0-9_.]{1,20}", fullmatch=True),
        st.one_of(
            *(
                arrays.arrays(dtype, arrays.array_shapes(max_dims=4, max_side=4))
                for dtype in ("f4", "f8", "u8", "u4", "u1")
            )
        ),
        max_size=5,
    )
)
def test_any_arrays_survive_the_round_trip(tensors):
    read = format.read(format.write({}, tensors)).tensors
    assert read.keys() == tensors.keys()
    assert all(
        read[name].tobytes() == array.tobytes() and read[name].shape == array.shape for name, array in tensors.items()
    )


def test_every_shorter_or_longer_file_is_refused():
    for end in range(len(FILE)):
        with pytest.raises(ProgramError):
            format.read(FILE[:end])
    with pytest.raises(ProgramError, match="belong to no tensor"):
        format.read(FILE + b"\0")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda h: h["b"].update(dtype="F16"), "entry is not"),
        (lambda h: h["b"].update(dtype=["F32"]), "entry is not"),
        (lambda h: h["b"].update(shape=[2]), "do not follow"),
        (lambda h: h["b"].update(shape=[-1]), "natural numbers"),
        (lambda h: h["b"].update(shape=[True]), "natural numbers"),
        (lambda h: h["b"].update(shape=[1, 1, 1, 1, 1]), "natural numbers"),
        (lambda h: h["b"].update(shape=[1 << 40, 1 << 40]), "do not follow"),
        (lambda h: h["b"].update(data_offsets=[1, 9]), "do not follow"),
        (lambda h: h["b"].update(data_offsets=[0]), "entry is not"),
        (lambda h: h["a.weights"].update(data_offsets=[0, 24]), "do not follow"),
        (lambda h: h["b"].update(extra=1), "unknown field"),
        (lambda h: h.update({"../b": h.pop("b")}), "name out of form"),
        (lambda h: h.update(z={"dtype": "U8", "shape": [99], "data_offsets": [32, 131]}), "ends at 131"),
        (lambda h: h.update({f"t{n}": h["b"] for n in range(300)}), "more than 256"),
        (lambda h: h.pop("__metadata__"), "no metadata"),
        (lambda h: h.update(__metadata__={"firesteel": 1}), "no metadata"),
        (lambda h: h.update(__metadata__={"firesteel": "{}"}), "format None"),
        (
            lambda h: h.update(__metadata__={"firesteel": '{"format": 99}'}),
            "format 99; this version reads formats 1 to 2",
        ),
        (lambda h: h.update(__metadata__={"firesteel": "[]"}), "not an object"),
        (lambda h: h.update(__metadata__={"firesteel": '{"a":1,"a":2}'}), "same key twice"),
        (lambda h: h.update(__metadata__={"firesteel": "[" * 40}), "deeper"),
    ],
)
def test_a_header_that_lies_is_refused(change, message):
    with pytest.raises(ProgramError, match=message):
        format.read(with_header(change))


def test_a_header_longer_than_its_limit_is_refused_before_it_is_parsed():
    with pytest.raises(ProgramError, match="header says"):
        format.read((1 << 62).to_bytes(8, "little") + b"{}")
    with pytest.raises(ProgramError, match="header would have"):
        format.write({"padding": "x" * format.HEADER_LIMIT}, {})


@settings(max_examples=300)
@given(st.binary(max_size=200))
def test_no_bytes_at_all_raise_anything_but_a_program_error(data):
    for attempt in (data, FILE[:8] + data, FILE[: len(FILE) // 2] + data):
        with pytest.raises(ProgramError):
            predictor.load(attempt)
