"""What reads strangers' bytes: each parser with what it may raise, what must be true of what it accepts, and seeds.

A target takes any bytes. It raises nothing but what it finds: an error that is not documented, or an AssertionError where
another reading of the same bytes says otherwise.
"""

import base64
import json
import math
import re
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from firesteel import strictjson
from firesteel.errors import DataError, IntegrityError, ProgramError
from firesteel.program import predictor
from firesteel.registry import bundle, entry
from functions.classify import answers, body, events, negotiated, v2_tensors
from functions.classify.answers import Refused
from functions.classify.events import Request
from functions.train import csvfile
from tests.proofs.requests_events import KINDS, ODD, Sent
from tests.proofs.requests_world import GOLDEN, Endpoint

DEPTH = 16
ROWS = ("tickets", "g2g", "gifts", "recruits/qb")
_DIGEST = "0" * 64


class Target(NamedTuple):
    """A parser. Of a million runs it gets this `share`."""

    run: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]
    share: float


def strict(data: bytes) -> None:
    """strictjson.parse accepts exactly what means one thing only, and reads it as Python's json does."""
    try:
        value = strictjson.parse(data)
    except ValueError as error:
        assert not means_one_thing(data), error
        return
    assert means_one_thing(data), "accepted, and should not be"
    again = strictjson.parse(json.dumps(value, allow_nan=False, ensure_ascii=False).encode())
    assert again == value == json.loads(data, parse_int=_integer)


def _integer(digits: str) -> float:
    value = int(digits)
    return value if -(1 << 63) <= value < 1 << 64 else float(digits)


def means_one_thing(data: bytes) -> bool:
    """Python's own parser, asked in another way: whether these bytes are strict JSON."""
    try:
        text = data.decode("utf-8")
        pairs: list[list[tuple[str, Any]]] = []
        constants: list[str] = []

        def finite(digits: str) -> float:
            if not math.isfinite(value := float(digits)):
                constants.append(digits)
            return value

        value = json.loads(
            text,
            object_pairs_hook=lambda found: pairs.append(found) or dict(found),
            parse_int=finite,
            parse_float=finite,
            parse_constant=constants.append,
        )
        json.dumps(value, ensure_ascii=False).encode()
        json.dumps(pairs, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return False
    once = all(len({name for name, _ in found}) == len(found) for found in pairs)
    return once and not constants and _depth(text) <= DEPTH


def _depth(text: str) -> int:
    deepest = level = 0
    for mark in re.sub(r'"(?:[^"\\]|\\.)*"', "", text, flags=re.DOTALL):
        level += (mark in "[{") - (mark in "]}")
        deepest = max(deepest, level)
    return deepest


def event(data: bytes) -> None:
    """events.read makes a request of any event, or refuses it; `nameless` stands in for it then."""
    said = Bytes(data)
    made = said.event()
    try:
        request = events.read(made)
    except Refused as refused:
        assert refused.code in ("unsupported_event", "invalid_base64"), refused
        request = events.nameless(made)
    assert re.fullmatch(r"[!-~]{1,128}", request.request_id), request
    assert re.fullmatch(r"[!-~]{1,128}", request.correlation_id), request
    texts = (*request.query, *request.query.values(), request.caller)
    assert all(text.encode() or text == "" for text in texts), request
    assert len(request.query) <= events.QUERY_PARAMETERS, request


class Bytes:
    """Bytes as a row of choices, so that a change of one byte is a change of one choice."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def choice(self, count: int) -> int:
        byte = self._data[self._at] if self._at < len(self._data) else 0
        self._at += 1
        return byte % count

    def event(self) -> Any:
        """One of the kinds of events, some of its keys taken out or changed, the body of what is left."""
        whole: Any = tuple(KINDS.values())[self.choice(len(KINDS))](_SENT)
        for _ in range(self.choice(6)):
            if not isinstance(whole, dict) or not whole:
                break
            inside, name = whole, tuple(whole)[self.choice(len(whole))]
            while isinstance(inside[name], dict) and inside[name] and self.choice(3):
                inside = inside[name]
                name = tuple(inside)[self.choice(len(inside))]
            how = self.choice(len(ODD) + 3)
            if how == len(ODD):
                del inside[name]
            elif how > len(ODD):
                inside[name] = self._data[self._at :].decode("utf-8", "surrogateescape")
            else:
                inside[name] = ODD[how]
        return whole


_SENT = Sent("POST", "/classify", b'{"title":"a","description":"b"}', query="last=24h&limit=5")


def query(data: bytes) -> None:
    """parse_query reads what the standard library reads; and no more than its bounds."""
    text = data.decode("latin-1")
    found = events.parse_query(text)
    assert len(found) <= events.QUERY_PARAMETERS
    assert all(name and len(name) <= events.QUERY_LENGTH >= len(value) for name, value in found.items())
    if len(text) <= events.QUERY_LENGTH and text.count("&") < events.QUERY_PARAMETERS:
        known = parse_qsl(text, keep_blank_values=True, errors="replace", max_num_fields=None)
        sound = {name: value for name, value in known if name}
        assert found == {name.encode("utf-8", "replace").decode(): value for name, value in sound.items()}, found


def encoded(data: bytes) -> None:
    """A body is Base64 in its one form, or it is refused."""
    text = data.decode("latin-1")
    try:
        read = events.read({"resource": "/", "httpMethod": "POST", "path": "/", "body": text, "isBase64Encoded": True})
    except Refused as refused:
        assert refused.code == "invalid_base64", refused
        return
    assert len(read.body) == len(text) // 4 * 3 - text.count("=")
    assert base64.b64encode(read.body)[:-4] == data[: len(base64.b64encode(read.body)) - 4]


def headers(data: bytes) -> None:
    """What headers say of media types and of what is known is read or left; none of it raises."""
    text = data.decode("latin-1")
    assert negotiated.prefers_html(text) in (True, False)
    request = Request("GET", "/", {"content-type": text, "if-none-match": text}, b"", "r", "r")
    answer = negotiated.unless_known(request, answers.ok({}), "tag")
    assert answer.status in (200, 304)
    try:
        body.read(request)
    except Refused as refused:
        assert refused.code in ("unsupported_media_type", "invalid_json"), refused


@cache
def _endpoint() -> Endpoint:
    return Endpoint()


def row(data: bytes) -> None:
    """A body for one of the models is answered or refused, and never with a fault."""
    live = _endpoint().serving.live_of(ROWS[data[0] % len(ROWS)] if data else ROWS[0])
    told = _endpoint().lane(KINDS["function URL"](Sent("POST", f"/models/{live.model}/predict", data[1:])))
    _endpoint().lines()
    assert told["statusCode"] in (200, 400, 413, 422), told
    strictjson.parse(told["body"].encode(), depth=64)


def tensors(data: bytes) -> None:
    """An inference is read as columns of one length, or refused. The first two bytes say where the JSON ends."""
    length = int.from_bytes(data[:2], "little")
    sent = {} if length == 0 else {v2_tensors.HEADER: str(length)}
    try:
        found = v2_tensors.read(Request("POST", "/v2", sent, data[2:], "r", "r"))
    except Refused as refused:
        assert refused.code in ("invalid_json", "invalid_input"), refused
        refused.detail.encode()
        return
    assert 1 <= found.rows <= body.LIMIT
    assert found.columns
    assert all(len(column) == found.rows for column in found.columns.values())


def program(data: bytes) -> None:
    """A program is loaded or refused."""
    try:
        predictor.load(data)
    except ProgramError as error:
        assert str(error).isprintable(), error


def alias_entry(data: bytes) -> None:
    """An alias entry is one of its alias and generation, or refused."""
    try:
        found = entry.parse(data, "models/tickets/aliases/latest/00000001.json", "latest", 1)
    except IntegrityError:
        return
    assert (found.alias, found.generation) == ("latest", 1)


class _One:
    """A store with one object, whatever is asked for."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def get(self, key: str, *, limit: int) -> bytes:
        if len(self._data) > limit:
            raise IntegrityError(key)
        return self._data


def manifest(data: bytes) -> None:
    """A manifest is one of its bundle, or refused."""
    try:
        found = bundle.read_manifest(_One(data), "tickets", "1.0.0")  # type: ignore[arg-type]
    except IntegrityError:
        return
    assert found.files
    assert all("/" not in name and not name.startswith(".") for name in found.files)


@cache
def _scratch() -> Path:
    return Path(tempfile.mkdtemp()) / "rows.csv"


def table(data: bytes) -> None:
    """A table is read row by row, or refused."""
    _scratch().write_bytes(data)
    try:
        with csvfile.opened(_scratch(), ["title", "text"]) as file:
            lines = [line for line, _ in file.rows]
    except DataError:
        return
    assert lines == sorted(set(lines))


def _golden(name: str) -> list[bytes]:
    return [path.read_bytes() for path in sorted(GOLDEN.rglob(name))]


def _rows() -> list[bytes]:
    found = []
    for number, model in enumerate(ROWS):
        [first, *_] = json.loads((GOLDEN / "models" / model / "v1.0.0" / "golden.json").read_text())["rows"]
        found.append(bytes([number]) + json.dumps(first["input"]).encode())
    return found


def _tensors() -> list[bytes]:
    named = {"name": "a", "datatype": "FP64", "shape": [1]}
    plain = json.dumps({"inputs": [{**named, "data": [1.5]}], "outputs": [{"name": "b"}]}).encode()
    text = {"name": "t", "datatype": "BYTES", "shape": [1, 1], "parameters": {"binary_data_size": 6}}
    head = json.dumps({"inputs": [{**named, "parameters": {"binary_data_size": 8}}, text]}).encode()
    tail = b"\0\0\0\0\0\0\xf8\x3f" + b"\2\0\0\0hi"
    return [b"\0\0" + plain, len(head).to_bytes(2, "little") + head + tail]


JSONS = (
    b'{"a":[1,-2.5e3,true,null,"\\u00e9\\ud83d\\ude42"]}',
    b'{"a":{"a":1},"b":"\\""}',
    b"[" * 16 + b"]" * 16,
    b"1e308",
)
QUERIES = (b"last=24h&limit=5", b"a=b&a=c+d&%20=%C3%A9&&=x", b"a&b=%&c=%ff")
ACCEPTS = (b"text/html,application/json;q=0.9,*/*;q=0.1", b'application/json; charset="utf-8"', b'W/"tag", *')
TABLES = (b"title,text\r\na,b\n", b'\xef\xbb\xbftitle;text\n"a\n""b""";c\n', b"title\ttext\n\n\na\tb")
TARGETS = {
    "strictjson": Target(strict, lambda: list(JSONS), 0.2),
    "event": Target(event, lambda: [bytes([kind, 1, 2, 3, 4, 5, 6]) for kind in range(len(KINDS))], 0.15),
    "query": Target(query, lambda: list(QUERIES), 0.15),
    "base64": Target(encoded, lambda: [b"e30=", b"YWI=", b"YQ==", b"YWJj"], 0.1),
    "headers": Target(headers, lambda: list(ACCEPTS), 0.1),
    "tensors": Target(tensors, _tensors, 0.1),
    "row": Target(row, _rows, 0.05),
    "program": Target(program, lambda: _golden("program.safetensors"), 0.02),
    "alias entry": Target(alias_entry, lambda: _golden("0000*.json"), 0.06),
    "manifest": Target(manifest, lambda: _golden("manifest.json"), 0.05),
    "table": Target(table, lambda: list(TABLES), 0.02),
}
"""By what they are called in a report."""
