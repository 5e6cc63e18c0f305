"""Lambda events of API Gateway (REST, HTTP API), function URLs and Application Load Balancers become requests.

An event is what the gateway makes of a stranger's request, so nothing is taken for granted: any key may be missing,
None or of another type, and all that can come of it is a request or a refusal, never another exception.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

from functions.classify.answers import Refused

QUERY_LENGTH = 8192  # characters of a query string that are read
QUERY_PARAMETERS = 64
PATH_LENGTH = 8192  # characters of a path that is decoded; a longer one is none of ours
HEADERS = 1000  # that are read
CALLER_LENGTH = 256  # characters of a caller's name that are kept
_CALLERS_ID = re.compile(r"[A-Za-z0-9._-]{1,128}\Z")
_GATEWAYS_ID = re.compile(r"[!-~]{1,128}\Z")


class Request(NamedTuple):
    """One HTTP request, whatever brought it.

    Header names are lower-case. `request_id` is the caller's, if it sent one, who may use it twice; `correlation_id` is
    the gateway's, which its own logs have, or the server's, and never the caller's. `client` is the peer's address or empty.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    request_id: str
    correlation_id: str
    client: str = ""
    parameters: Mapping[str, str] = {}
    query: Mapping[str, str] = {}
    """Of the query string, decoded; the last value of a name counts."""
    caller: str = ""
    """Who asks, as API Gateway made sure: an IAM identity, an authorizer's principal or an API key. Locally nobody."""

    @property
    def model(self) -> str | None:
        """The model that the path names, or the segment of one: `recruits`, `recruits/qb`."""
        name, segment = self.parameters.get("name"), self.parameters.get("segment")
        return f"{name}/{segment}" if segment else name

    @property
    def pinned(self) -> str | None:
        """The version that must answer, live or not. Under /v2, where a path can name one too, only the live one does."""
        return self.parameters.get("version") if self.path.startswith("/models/") else None


def read(event: object) -> Request:
    """The request in a Lambda event. Raises Refused: `unsupported_event` or `invalid_base64`."""
    if not isinstance(event, dict):
        raise Refused("unsupported_event")
    context, headers, query = _mapping(event.get("requestContext")), _headers(event), _query(event)
    http = _mapping(context.get("http"))
    if event.get("version") == "2.0" and http:
        method, path, client = http.get("method"), _without_stage(http.get("path"), context), http.get("sourceIp")
    elif is_balancers(event):
        method, path, client = event.get("httpMethod"), event.get("path"), _nearest(headers)
        query = parse_query("&".join(f"{name}={value}" for name, value in query.items()))  # it does not decode them
    elif "resource" in event:
        method, path = event.get("httpMethod"), event.get("path")
        client = _mapping(context.get("identity")).get("sourceIp")
    else:
        raise Refused("unsupported_event")
    if not isinstance(method, str) or not isinstance(path, str):
        raise Refused("unsupported_event")
    request_id, correlation_id = identify(headers, context.get("requestId"))
    return Request(
        method=method,
        path=_decoded(path),
        headers=headers,
        body=_body(event),
        request_id=request_id,
        correlation_id=correlation_id,
        client=client if isinstance(client, str) else "",
        query=query,
        caller=caller(context),
    )


def is_balancers(event: object) -> bool:
    """Whether an Application Load Balancer made the event."""
    return "elb" in _mapping(_mapping(event).get("requestContext"))


def caller(context: Mapping[Any, Any]) -> str:
    """Who asks, of what a gateway says of a request: nothing that the caller sends can be taken for it."""
    identity, authorizer = context.get("identity"), context.get("authorizer")
    identity = identity if isinstance(identity, dict) else {}
    name = identity.get("userArn") or (authorizer and _authorized(authorizer)) or identity.get("apiKeyId")
    return _sound(name[:CALLER_LENGTH]) if name and isinstance(name, str) else ""


def _authorized(authorizer: object) -> object:
    """Whom an authorizer let in: IAM (HTTP APIs, function URLs), a function of ours, Cognito, a token."""
    said = _mapping(authorizer)
    return (
        _mapping(said.get("iam")).get("userArn")
        or said.get("principalId")
        or _mapping(said.get("claims")).get("sub")
        or _mapping(_mapping(said.get("jwt")).get("claims")).get("sub")
    )


def identify(headers: Mapping[str, str], gateway: object = None) -> tuple[str, str]:
    """Request id and correlation id: the gateway's, else one that is made, is both; but for what the caller calls it."""
    sent = headers.get("x-request-id", "")
    callers = sent if _CALLERS_ID.match(sent) else ""
    gateways = gateway if isinstance(gateway, str) and _GATEWAYS_ID.match(gateway) else ""
    own = gateways or os.urandom(16).hex()
    return callers or own, own


def nameless(event: object) -> Request:
    """What stands in for the request of an event that is none, so that it too is answered and logged."""
    keys = _mapping(event)
    headers = _headers(keys)
    request_id, correlation_id = identify(headers, _mapping(keys.get("requestContext")).get("requestId"))
    return Request("", "", headers, b"", request_id, correlation_id)


def parse_query(text: str) -> Mapping[str, str]:
    """The parameters of a query string as browsers write it. What is beyond the bounds is not read."""
    return {} if not text else _bounded(_decoded_pairs(text))


def _decoded_pairs(text: str) -> Iterator[tuple[str, str]]:
    from urllib.parse import unquote_plus

    for part in text[:QUERY_LENGTH].split("&", QUERY_PARAMETERS)[:QUERY_PARAMETERS]:
        name, _, value = part.partition("=")
        yield unquote_plus(name), unquote_plus(value)


def _query(event: Mapping[Any, Any]) -> Mapping[str, str]:
    """Payload 2.0 has the string as it was sent, 1.0 has the parameters, decoded."""
    raw = event.get("rawQueryString")
    if isinstance(raw, str):
        return parse_query(raw)
    several, single = event.get("multiValueQueryStringParameters"), event.get("queryStringParameters")
    if not several and not single:
        return {}
    pairs = {name: values[-1] for name, values in _mapping(several).items() if isinstance(values, list) and values}
    return _bounded(islice({**_mapping(single), **pairs}.items(), QUERY_PARAMETERS))


def _bounded(pairs: Iterable[tuple[object, object]]) -> dict[str, str]:
    """Those that are text, without what is no Unicode: the rest of the program may write them anywhere."""
    return {
        _sound(name[:QUERY_LENGTH]): _sound(value[:QUERY_LENGTH])
        for name, value in pairs
        if isinstance(name, str) and isinstance(value, str) and name
    }


def _sound(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _mapping(value: object) -> Mapping[Any, Any]:
    return value if isinstance(value, dict) else {}


def _nearest(headers: Mapping[str, str]) -> str:
    """The address that the load balancer has put last; what stands before it anybody may have made up."""
    return headers.get("x-forwarded-for", "").rpartition(",")[2].strip()


def _without_stage(path: object, context: Mapping[Any, Any]) -> object:
    """HTTP APIs put a named stage before the path."""
    stage = context.get("stage")
    if isinstance(path, str) and isinstance(stage, str) and stage != "$default" and path.startswith(f"/{stage}/"):
        return path[len(stage) + 1 :]
    return path


def _decoded(path: str) -> str:
    if "%" not in path or len(path) > PATH_LENGTH:
        return path or "/"
    from urllib.parse import unquote

    return unquote(path)


def _headers(event: Mapping[Any, Any]) -> dict[str, str]:
    """Lower-case names; a repeated header's values are joined as HTTP allows."""
    headers = {
        name.lower(): value
        for name, value in islice(_mapping(event.get("headers")).items(), HEADERS)
        if isinstance(name, str) and isinstance(value, str)
    }
    for name, values in islice(_mapping(event.get("multiValueHeaders")).items(), HEADERS):
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
