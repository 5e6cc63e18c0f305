"""Requests that are refused, of any size: each kind is made to cost whoever reads it as much as it can."""

import base64
import json
from collections.abc import Callable
from typing import Any

from tests.proofs.requests_events import HEADERS, Sent, function_url, http_api, rest

Make = Callable[[int], Any]
"""An event of about so many bytes."""
BATCH = "/batch_predict"


def filled(unit: bytes, before: bytes = b'{"rows":[', after: bytes = b"0]}") -> Callable[[int], bytes]:
    """A body of one thing again and again, in a field that a batch does not have: it is parsed before it is refused."""
    return lambda size: before + unit * ((size - len(before) - len(after)) // len(unit)) + after


def wide(size: int) -> bytes:
    """One object of many keys."""
    return b'{"cases":0,' + b",".join(b'"%08d":1' % number for number in range(size // 13)) + b"}"


BODIES: dict[str, Callable[[int], bytes]] = {
    "deep": lambda size: b"[" * (size // 2) + b"]" * (size // 2),
    "16 deep, again and again": filled(b"[" * 13 + b"]" * 13 + b","),
    "wide": wide,
    "empty objects": filled(b"{},"),
    "small objects": filled(b'{"a":1},'),
    "objects up to the limit": filled(b'{"a":"' + b"x" * 80 + b'"},'),
    "empty arrays": filled(b"[],"),
    "a key again and again": filled(b'"a":1,', b"{", b'"a":1}'),
    "numbers": filled(b"1,"),
    "fractions": filled(b"1.5,"),
    "exponents": filled(b"1e5,"),
    "exponents of three digits": filled(b"1e-300,"),
    "numbers beyond floats at the end": filled(b"1.5,", after=b"1e999]}"),
    "300 digits": filled(b"9" * 300 + b","),
    "many digits after the point": filled(b"1." + b"9" * 5000 + b","),
    "halfway between two floats": filled(b"1.00000000000000011102230246251565404236316680908203125,"),
    "nearly no float": filled(b"2.2250738585072011e-308,"),
    "one number": lambda size: b"9" * size,
    "one text": filled(b"a", b'{"cases":"', b'"}'),
    "texts": filled(b'"",'),
    "quotes": filled(b'\\"', b'{"cases":"', b'"}'),
    "backslashes": filled(b"\\\\", b'{"cases":"', b'"}'),
    "escapes": filled(b"\\u00e9", b'{"cases":"', b'"}'),
    "pairs of surrogates": filled(b"\\ud83d\\ude42", b'{"cases":"', b'"}'),
    "texts, and an escape": filled(b'"",', after=b'"\\u00e9"]}'),
    "numbers, and one of many digits": filled(b"1,", after=b"9" * 401 + b"]}"),
    "numbers beyond floats": filled(b"1e999,"),
    "lone surrogates": filled(b"\\ud800", b'{"cases":"', b'"}'),
    "an open string of brackets": filled(b"[{", b'["', b""),
    "bad UTF-8 at the end": filled(b"a", b'{"cases":"', b'\xff"}'),
    "characters of many bytes": filled("é".encode(), b'{"cases":"', b'"}'),
    "blanks": lambda size: b" " * size,
    "too many rows": filled(b"5,", b'{"cases":['),
}
PRODUCTS = filled(
    b'{"price":-1,"product_category":5,"odd":"' + b"a" * 20 + b'"},', b'{"products":[', b'{}],"groups":[{}]}'
)


def posted(body: Callable[[int], bytes], path: str = BATCH) -> Make:
    return lambda size: http_api(Sent("POST", path, body(size)))


SMALLEST = posted(lambda _: b"{}")


def packed(size: int) -> Any:
    """Base64 of a function URL whose last character is none."""
    return {**function_url(Sent("POST", BATCH)), "body": base64.b64encode(b"a" * (size * 3 // 4)).decode()[:-1] + "%"}


def headed(**headers: Callable[[int], str]) -> Make:
    def make(size: int) -> Any:
        said = {name.replace("_", "-"): value(size) for name, value in headers.items()}
        return http_api(Sent("POST", BATCH, b"{", {**HEADERS, **said}))

    return make


def tensors(size: int) -> Any:
    """A binary tensor of texts that ends within the last one."""
    count = 1000
    each = max(1, size // count - 4)
    tail = (each.to_bytes(4, "little") + b"a" * each) * count
    tensor = {"name": "title", "datatype": "BYTES", "shape": [count], "parameters": {"binary_data_size": len(tail) - 1}}
    head = json.dumps({"inputs": [tensor]}).encode()
    sent = {**HEADERS, "inference-header-content-length": str(len(head)), "content-type": "application/octet-stream"}
    return function_url(Sent("POST", "/v2/models/tickets/infer", head + tail[:-1], sent))


def numbered(size: int) -> Any:
    """A binary tensor of numbers that are texts to the model."""
    tail = b"\0" * (size // 8 * 8)
    tensor = {"name": "title", "datatype": "FP64", "shape": [1000], "parameters": {"binary_data_size": len(tail)}}
    head = json.dumps({"inputs": [tensor]}).encode()
    sent = {**HEADERS, "inference-header-content-length": str(len(head)), "content-type": "application/octet-stream"}
    return function_url(Sent("POST", "/v2/models/tickets/infer", head + tail, sent))


def parameters(size: int) -> Any:
    event = rest(Sent("GET", "/admin/recent_inferences"))
    many = {f"name-{number}": "%41" for number in range(size // 16)}
    return {**event, "queryStringParameters": {"limit": "none"} | many, "multiValueQueryStringParameters": None}


KINDS: dict[str, Make] = {
    **{name: posted(body) for name, body in BODIES.items()},
    "many problems": posted(PRODUCTS, "/models/gifts/predict"),
    "bad Base64 at the end": packed,
    "a long path": lambda size: http_api(Sent("GET", "/" + "a" * size)),
    "a path of many parts": lambda size: http_api(Sent("GET", "/a" * (size // 2))),
    "a path of percents": lambda size: http_api(Sent("GET", "/" + "%C3%A9" * (size // 6))),
    "a path of lone percents": lambda size: http_api(Sent("GET", "/" + "%" * size)),
    "a model of percents": lambda size: http_api(Sent("GET", "/models/" + "%2e" * (size // 3))),
    "a long query": lambda size: http_api(Sent("GET", "/admin/drift/x", query="a=b&" * (size // 4))),
    "a query of percents": lambda size: http_api(Sent("GET", "/admin/review", query="limit=" + "%41" * (size // 3))),
    "many parameters": parameters,
    "many headers": lambda size: http_api(
        Sent("POST", BATCH, b"{", {**HEADERS, **{f"x-{number}": "value" for number in range(size // 14)}})
    ),
    "a long header": headed(x_odd=lambda size: "a" * size),
    "cookies": headed(cookie=lambda size: "a=b; " * (size // 5)),
    "a media type of parameters": headed(content_type=lambda size: "application/json" + ";a=b" * (size // 4)),
    "what is accepted": headed(accept=lambda size: "text/html;q=0.1," * (size // 16)),
    "many addresses": headed(x_forwarded_for=lambda size: "10.0.0.1, " * (size // 10)),
    "many ETags": headed(if_none_match=lambda size: '"a",' * (size // 4)),
    "a long signature": headed(x_feature_signature=lambda size: "a" * size),
    "a long request id": headed(x_request_id=lambda size: "a" * size),
    "binary texts": tensors,
    "binary numbers": numbered,
}
