"""The program file: a JSON header of bounded size, then raw little-endian arrays; the layout of safetensors.

    8 bytes   length of the header, unsigned little-endian
    header    JSON: tensor name -> {dtype, shape, data_offsets}, and `__metadata__` = {"firesteel": <JSON text>}
    data      the arrays, contiguous, in the order of their offsets, nothing between and nothing after

Everything is checked before anything is used, and reading copies nothing: arrays are views of the caller's bytes.
The content of `__metadata__.firesteel` is described in docs/format.md. To change it: raise FORMAT, tell the old one in
the new one's words in old.py, add a file of the new one to tests/golden/.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from firesteel import strictjson
from firesteel.errors import ProgramError

FORMAT = 2
READABLE = (1, 2)
HEADER_LIMIT = 1 << 20
TENSOR_LIMIT = 256
_DTYPES = {"F64": "<f8", "F32": "<f4", "U64": "<u8", "U32": "<u4", "I32": "<i4", "U8": "|u1"}
_NAMES = {np.dtype(code): name for name, code in _DTYPES.items()}
_TENSOR_NAME = re.compile(r"[a-z0-9_.]{1,100}\Z")


class Content(NamedTuple):
    """A checked program file: its metadata and its arrays (read-only views)."""

    meta: dict[str, Any]
    tensors: dict[str, np.ndarray]


def write(meta: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> bytes:
    """The file. The same content always gives the same bytes."""
    ordered = sorted(tensors.items(), key=lambda item: (-item[1].dtype.itemsize, item[0]))
    header: dict[str, Any] = {"__metadata__": {"firesteel": json.dumps({**meta, "format": FORMAT}, sort_keys=True)}}
    offset = 0
    for name, array in ordered:
        end = offset + array.nbytes
        header[name] = {"dtype": _NAMES[array.dtype], "shape": list(array.shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    if len(text) > HEADER_LIMIT:
        raise ProgramError(f"the program's header would have {len(text)} bytes, more than {HEADER_LIMIT}")
    return b"".join(
        [len(text).to_bytes(8, "little"), text, *(np.ascontiguousarray(array).tobytes() for _, array in ordered)]
    )


def read(data: bytes | memoryview) -> Content:
    """Check a program file and give its content without copying. Raises ProgramError."""
    view = memoryview(data)
    if len(view) < 8:
        raise ProgramError("the program is shorter than its header's length")
    length = int.from_bytes(view[:8], "little")
    if length > min(HEADER_LIMIT, len(view) - 8):
        raise ProgramError(
            f"the program's header says {length} bytes; at most {HEADER_LIMIT} and no more than the file"
        )
    header = _json(bytes(view[8 : 8 + length]), "header")
    try:
        meta = _json(header.pop("__metadata__")["firesteel"].encode(), "metadata")
    except (KeyError, TypeError, AttributeError):
        raise ProgramError("the program has no metadata") from None
    if meta.get("format") not in READABLE:
        raise ProgramError(f"the program has format {meta.get('format')!r}; this version reads formats 1 to {FORMAT}")
    return Content(meta, _tensors(header, view[8 + length :]))


def _json(data: bytes, what: str) -> dict[str, Any]:
    try:
        value = strictjson.parse(data)
    except ValueError as error:
        raise ProgramError(f"the program's {what} cannot be read: {error}") from None
    if not isinstance(value, dict):
        raise ProgramError(f"the program's {what} is not an object")
    return value


def _tensors(header: Mapping[str, Any], data: memoryview) -> dict[str, np.ndarray]:
    if len(header) > TENSOR_LIMIT:
        raise ProgramError(f"the program has {len(header)} tensors, more than {TENSOR_LIMIT}")
    tensors, position = {}, 0
    try:
        ordered = sorted(header.items(), key=lambda item: (item[1]["data_offsets"], item[0]))
        for name, entry in ordered:
            dtype, shape, (begin, end) = entry["dtype"], entry["shape"], entry["data_offsets"]
            if set(entry) != {"dtype", "shape", "data_offsets"} or not _TENSOR_NAME.match(name):
                raise ProgramError("a tensor has an unknown field or a name out of form")
            if len(shape) > 4 or not all(type(n) is int and n >= 0 for n in (*shape, begin, end)):
                raise ProgramError(f"tensor {name}: sizes are not at most 4 natural numbers")
            size = np.dtype(_DTYPES[dtype]).itemsize
            for n in shape:
                size *= n
            if begin != position or end - begin != size:
                raise ProgramError(f"tensor {name}: offsets {begin}..{end} do not follow {position} by {size} bytes")
            if end > len(data):
                raise ProgramError(f"tensor {name}: ends at {end} of {len(data)} bytes")
            tensors[name] = np.frombuffer(data[begin:end], _DTYPES[dtype]).reshape(shape)
            position = end
    except (KeyError, TypeError, ValueError, OverflowError):  # the last: an array of 0 x huge
        raise ProgramError("a tensor's entry is not {dtype, shape, data_offsets}") from None
    if position != len(data):
        raise ProgramError(f"the program has {len(data) - position} bytes that belong to no tensor")
    return tensors
