"""Lambda events of API Gateway (REST and HTTP API) and function URLs become requests; anything else is refused.

An event is what the gateway makes of a stranger's request, so nothing is taken for granted: any key may be missing,
None or of another type, and all that can come of it is a request or a refusal, never another exception.
"""

import os
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from functions.classify.answers import Refused

_CALLERS_ID = re.compile(r"[A-Za-z0-9._-]{1,128}\Z")
_GATEWAYS_ID = re.compile(r"[!-~]{1,128}\Z")


class Request(NamedTuple):
    """One HTTP request, whatever brought it.

    Header names are lower-case. `request_id` is the caller's, if it sent one; `correlation_id` is the gateway's, which
    its own logs have. `client` is the peer's address or empty.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    request_id: str
    correlation_id: str
    client: str = ""
    parameters: Mapping[str, str] = {}

    @property
    def model(self) -> str | None:
        """The model that the path names, or the segment of one: `recruits`, `recruits/qb`."""
        name, segment = self.parameters.get("name"), self.parameters.get("segment")
        return f"{name}/{segment}" if segment else name


def read(event: object) -> Request:
    """The request in a Lambda event. Raises Refused: `unsupported_event` or `invalid_base64`."""
    if not isinstance(event, dict):
        raise Refused("unsupported_event")
    context = _mapping(event.get("requestContext"))
    http = _mapping(context.get("http"))
    if event.get("version") == "2.0" and http:
        method, path, client = http.get("method"), _without_stage(http.get("path"), context), http.get("sourceIp")
    elif "resource" in event and "elb" not in context:
        method, path = event.get("httpMethod"), event.get("path")
        client = _mapping(context.get("identity")).get("sourceIp")
    else:
        raise Refused("unsupported_event")
    if not isinstance(method, str) or not isinstance(path, str):
        raise Refused("unsupported_event")
    headers = _headers(event)
    request_id, correlation_id = identify(headers, context.get("requestId"))
    return Request(
        method=method,
        path=_decoded(path),
        headers=headers,
        body=_body(event),
        request_id=request_id,
        correlation_id=correlation_id,
        client=client if isinstance(client, str) else "",
    )


def identify(headers: Mapping[str, str], gateway: object = None) -> tuple[str, str]:
    """Request id and correlation id: the caller's and the gateway's if well formed, else each other's, else made."""
    sent = headers.get("x-request-id", "")
    callers = sent if _CALLERS_ID.match(sent) else ""
    gateways = gateway if isinstance(gateway, str) and _GATEWAYS_ID.match(gateway) else ""
    made = "" if callers or gateways else os.urandom(16).hex()
    return callers or gateways or made, gateways or callers or made


def nameless(event: object) -> Request:
    """What stands in for the request of an event that is none, so that it too is answered and logged."""
    keys = _mapping(event)
    headers = _headers(keys)
    request_id, correlation_id = identify(headers, _mapping(keys.get("requestContext")).get("requestId"))
    return Request("", "", headers, b"", request_id, correlation_id)


def _mapping(value: object) -> Mapping[Any, Any]:
    return value if isinstance(value, dict) else {}


def _without_stage(path: object, context: Mapping[Any, Any]) -> object:
    """HTTP APIs put a named stage before the path."""
    stage = context.get("stage")
    if isinstance(path, str) and isinstance(stage, str) and stage != "$default" and path.startswith(f"/{stage}/"):
        return path[len(stage) + 1 :]
    return path


def _decoded(path: str) -> str:
    if "%" not in path:
        return path or "/"
    from urllib.parse import unquote

    return unquote(path)


def _headers(event: Mapping[Any, Any]) -> dict[str, str]:
    """Lower-case names; a repeated header's values are joined as HTTP allows."""
    headers = {
        name.lower(): value
        for name, value in _mapping(event.get("headers")).items()
        if isinstance(name, str) and isinstance(value, str)
    }
    for name, values in _mapping(event.get("multiValueHeaders")).items():
        if isinstance(name, str) and isinstance(values, list):
            headers[name.lower()] = ", ".join([value for value in values if isinstance(value, str)])
    return headers


def _body(event: Mapping[Any, Any]) -> bytes:
    body = event.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise Refused("unsupported_event", "The event's body is not a string.")
    if event.get("isBase64Encoded") is not True:
        return body.encode("utf-8", "surrogatepass")
    from binascii import Error, a2b_base64

    try:
        return a2b_base64(body, strict_mode=True)
    except (Error, ValueError):
        raise Refused("invalid_base64") from None
