"""Tensors of the Open Inference Protocol v2: what a request brings, as columns.

A tensor's values stand in the JSON, or follow it as bytes (Triton's binary tensor data extension): in the order of the
inputs, little-endian, and of BYTES each value as its length in 4 bytes and then UTF-8. The header
`Inference-Header-Content-Length` says where the JSON ends.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from firesteel import strictjson
from functions.classify.answers import Refused
from functions.classify.body import CONTAINERS, LIMIT
from functions.classify.events import Request

HEADER = "inference-header-content-length"
MEDIA_TYPES = ("", "application/json", "application/octet-stream")  # the usual client sends none

NUMBERS = {
    **{f"{sign}INT{bits}": f"<{sign.lower() or 'i'}{bits // 8}" for sign in ("", "U") for bits in (8, 16, 32, 64)},
    **{f"FP{bits}": f"<f{bits // 8}" for bits in (16, 32, 64)},
    "BOOL": "<u1",
}
"""NumPy's name of each datatype that is a number. BOOL is one: 0 or 1."""

_IN_JSON: dict[str, tuple[type, ...]] = {
    **{name: (int, float) if name.startswith("FP") else (int,) for name in NUMBERS},
    "BOOL": (bool,),
    "BYTES": (str,),
}
_LENGTH = re.compile(r"[0-9]{1,9}\Z")
_PLAIN = re.compile(r"[A-Za-z0-9_.-]{1,64}\Z")


class Inference(NamedTuple):
    """A request for predictions: columns of `rows` values each, None where one is missing.

    `outputs` are the names of the tensors to answer with, in their order; None asks for all.
    """

    id: str | None
    rows: int
    columns: dict[str, list[Any]]
    outputs: list[str] | None


def read(request: Request) -> Inference:
    """The inference that a request asks for. Raises Refused, naming the tensor and the row that is wrong."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in MEDIA_TYPES:
        raise Refused("unsupported_media_type", f"The body must be sent as {' or '.join(MEDIA_TYPES[1:])}.")
    if request.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise Refused("unsupported_media_type", "The body must be sent as it is, not compressed.")
    head, tail = _parts(request)
    body = parse(head)
    match body:
        case {"inputs": [_, *_] as inputs}:
            columns, rows = _columns(inputs, tail)
        case _:
            raise _unfit("The body must be an object with inputs: an array of at least one tensor.")
    identity = body.get("id")
    if not isinstance(identity, str | None):
        raise _unfit("id must be a string.")
    return Inference(identity, rows, columns, _wanted(body.get("outputs")))


def _unfit(sentence: str) -> Refused:
    return Refused("invalid_input", sentence)


def _parts(request: Request) -> tuple[bytes, bytes | None]:
    """The JSON, and the bytes after it; None when the header says that there are none."""
    sent = request.headers.get(HEADER)
    if sent is None:
        return request.body, None
    if not _LENGTH.match(sent) or int(sent) > len(request.body):
        raise _unfit("Inference-Header-Content-Length must be the number of bytes of JSON that the body begins with.")
    return request.body[: int(sent)], request.body[int(sent) :]


def parse(data: bytes) -> Any:
    """Strict JSON. Raises Refused."""
    try:
        return strictjson.parse(data, containers=CONTAINERS)
    except ValueError as error:
        raise Refused("invalid_json", f"The body cannot be read: {error}.") from None


def _columns(inputs: list[Any], tail: bytes | None) -> tuple[dict[str, list[Any]], int]:
    """The values of all tensors, and how many each has."""
    columns: dict[str, list[Any]] = {}
    rows, offset = None, 0
    for number, tensor in enumerate(inputs):
        what = called(tensor.get("name") if isinstance(tensor, dict) else None, f"inputs[{number}]")
        match tensor:
            case {"name": str(name), "datatype": str(datatype), "shape": list(shape)}:
                count = _count(shape, what)
            case _:
                raise _unfit(f"{what} must be an object with name, datatype, shape, and data.")
        if name in columns:
            raise _unfit(f"{what} stands twice among the inputs.")
        if rows not in (None, count):
            raise _unfit(f"{what} has {count} rows; the tensors before it have {rows}.")
        rows = count
        if datatype not in _IN_JSON:
            raise _unfit(f"{what} has a datatype that is none of {', '.join(_IN_JSON)}.")
        size = _binary_size(tensor, what)
        if size is None:
            columns[name] = _listed(tensor, datatype, count, what)
            continue
        if tail is None or offset + size > len(tail):
            raise _unfit(f"{what} has fewer bytes after the JSON than its binary_data_size says.")
        columns[name] = _decoded(tail[offset : offset + size], datatype, count, what)
        offset += size
    if tail and offset != len(tail):
        raise _unfit(f"After the tensors {len(tail) - offset} bytes of the body are left over.")
    assert rows is not None
    return columns, rows


def called(name: object, otherwise: str) -> str:
    """A tensor by its name, if that is a plain one, so that no refusal repeats what else was sent."""
    return f"tensor {name}" if isinstance(name, str) and _PLAIN.match(name) else otherwise


def _count(shape: list[Any], what: str) -> int:
    match shape:
        case [int(count)] | [int(count), 1] if not any(isinstance(size, bool) for size in shape):
            if 1 <= count <= LIMIT:
                return count
            raise _unfit(f"{what} must have between 1 and {LIMIT} rows.")
    raise _unfit(f"{what} must have the shape [rows] or [rows, 1].")


def _parameters(of: Mapping[str, Any], what: str) -> Mapping[str, Any]:
    parameters = of.get("parameters")
    if not isinstance(parameters, dict | None):
        raise _unfit(f"{what}: parameters must be an object.")
    return parameters or {}


def _binary_size(tensor: Mapping[str, Any], what: str) -> int | None:
    """How many bytes after the JSON are the tensor's; None for one whose data is in the JSON."""
    size = _parameters(tensor, what).get("binary_data_size")
    if size is None:
        return None
    if type(size) is not int or size < 0 or "data" in tensor:
        raise _unfit(f"{what} needs either data or a binary_data_size that is a number of bytes.")
    return size


def _listed(tensor: Mapping[str, Any], datatype: str, count: int, what: str) -> list[Any]:
    """Values from JSON: flat, or one in brackets a row; null and empty texts are missing."""
    data = tensor.get("data")
    if not isinstance(data, list) or len(data) != count:
        raise _unfit(f"{what} must have data: an array of {count} values, as its shape says.")
    if len(tensor["shape"]) == 2:
        data = [cell[0] if isinstance(cell, list) and len(cell) == 1 else cell for cell in data]
    for row, value in enumerate(data):
        if value is not None and type(value) not in _IN_JSON[datatype]:
            raise _unfit(f"{what}, row {row}: the value is not {datatype}.")
    if datatype == "BOOL":
        return [None if value is None else int(value) for value in data]
    return [None if value == "" else value for value in data]


def _decoded(raw: bytes, datatype: str, count: int, what: str) -> list[Any]:
    """Values from bytes; NaN and empty texts are missing."""
    if datatype == "BYTES":
        return _texts(raw, count, what)
    dtype = np.dtype(NUMBERS[datatype])
    if len(raw) != count * dtype.itemsize:
        raise _unfit(f"{what} has {len(raw)} bytes; {count} values of {datatype} are {count * dtype.itemsize}.")
    values: list[Any] = np.frombuffer(raw, dtype).tolist()
    if datatype == "BOOL" and max(values) > 1:
        raise _unfit(f"{what}: a byte of BOOL is 0 or 1.")
    return [None if value != value else value for value in values]  # NaN alone differs from itself


def _texts(raw: bytes, count: int, what: str) -> list[str | None]:
    texts: list[str | None] = []
    offset = 0
    for row in range(count):
        begin = offset + 4
        offset = begin + int.from_bytes(raw[offset:begin], "little")
        if begin > len(raw) or offset > len(raw):
            raise _unfit(f"{what}, row {row}: the bytes end within the value.")
        try:
            texts.append(raw[begin:offset].decode() or None)
        except UnicodeDecodeError:
            raise _unfit(f"{what}, row {row}: the value is not UTF-8.") from None
    if offset != len(raw):
        raise _unfit(f"{what} has {len(raw) - offset} bytes more than its {count} values.")
    return texts


def _wanted(outputs: object) -> list[str] | None:
    """The names of the requested outputs. What would change the answer otherwise than we can is refused."""
    if outputs in (None, []):
        return None
    if not isinstance(outputs, list):
        raise _unfit("outputs must be an array of objects with a name.")
    names = []
    for number, output in enumerate(outputs):
        match output:
            case {"name": str(name)} if name not in names:
                names.append(name)
            case _:
                raise _unfit(f"outputs[{number}] must be an object with the name of another output.")
        parameters = _parameters(output, f"outputs[{number}]")
        for asked in ("classification", "shared_memory_region"):
            if asked in parameters:
                raise _unfit(f"outputs[{number}] asks for {asked}, which this server does not offer.")
    return names
