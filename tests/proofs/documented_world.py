"""The OpenAPI documents that are proved, and the two ways to the endpoint that they describe."""

import base64
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from functions.classify.asgi import App, Receive, Scope, Send
from functions.classify.serving import SIGNATURE
from tests.proofs.requests_events import KINDS, Sent
from tests.proofs.requests_world import Endpoint

MODELS = ("tickets", "g2g", "gifts", "recruits/qb")
"""Each is served in turn: what a row of the served model is, its document says exactly."""
FILES = ("metrics.json", "golden.json", "model_card.md")
EXACT = {"AnyRequest": "Request", "AnyCases": "Cases"}
"""What the document says of a request to any model, and what it says of one to the served model."""


def document(endpoint: Endpoint) -> dict[str, Any]:
    """The endpoint's document, about the served model: a path that names one names it, or a segment if it is one.

    The feature signature, too, is the model's own. So a request that fits the document fits the model; any other name or
    signature is answered with 404 or 409, whatever else is wrong.
    """
    name, _, segment = endpoint.serving.model.partition("/")
    names = {"name": (name,), "segment": (segment,), "version": ("1.0.0",), "file": FILES}
    names[SIGNATURE.title()] = (endpoint.serving.live().predictor.signature,)
    whole = deepcopy(endpoint.document)
    about_segments = {path: "{segment}" in path for path in whole["paths"] if "{name}" in path}
    whole["paths"] = {
        path: item for path, item in whole["paths"].items() if about_segments.get(path, bool(segment)) == bool(segment)
    }
    for item in whole["paths"].values():
        for operation in item.values():
            for parameter in operation.get("parameters", ()):
                if known := names.get(parameter["name"]):
                    parameter["schema"] = {"type": "string", "enum": list(known)}
    return _exact(whole)


def _exact(value: Any) -> Any:
    """With references to what any model takes turned into those to what the served one takes."""
    if isinstance(value, dict):
        if "$ref" in value:
            folder, _, name = value["$ref"].rpartition("/")
            return {"$ref": f"{folder}/{EXACT.get(name, name)}"}
        return {name: _exact(one) for name, one in value.items()}
    return [_exact(one) for one in value] if isinstance(value, list) else value


def through_lambda(endpoint: Endpoint) -> App:
    """An ASGI app that makes an event of each request, of every kind in turn, and gives what the function answers."""
    kinds, count = tuple(KINDS.values()), [0]

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        event = kinds[count[0] % len(kinds)](_sent(scope, body))
        count[0] += 1
        told = endpoint.lane(event)
        endpoint.lines()
        headers = [(name.encode(), value.encode("latin-1")) for name, value in _headers(told).items()]
        content = base64.b64decode(told["body"]) if told["isBase64Encoded"] else told["body"].encode()
        await send({"type": "http.response.start", "status": told["statusCode"], "headers": headers})
        await send({"type": "http.response.body", "body": content})

    return app


def _sent(scope: Scope, body: bytes) -> Sent:
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    raw = scope.get("raw_path") or scope["path"].encode()
    return Sent(scope["method"], raw.decode("latin-1"), body, headers, scope["query_string"].decode("latin-1"))


def _headers(told: Mapping[str, Any]) -> dict[str, str]:
    several = told.get("multiValueHeaders", {})
    return told.get("headers") or {name: ", ".join(values) for name, values in several.items()}
