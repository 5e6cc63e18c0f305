"""ASGI in, ASGI out: scopes become requests, answers become messages. Used by the app and by the server before it."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from functions.classify import events
from functions.classify.answers import Answer
from functions.classify.events import Request

NOT_MODIFIED = 304
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


def request_of(scope: Scope, body: bytes = b"") -> Request:
    """The request that an HTTP scope describes. A repeated header's values are joined as HTTP allows."""
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    gateway = _mapping(_mapping(scope.get("aws.event")).get("requestContext"))
    request_id, correlation_id = events.identify(headers, gateway.get("requestId"))
    client = scope.get("client")
    return Request(
        scope["method"],
        scope["path"],
        headers,
        body,
        request_id,
        correlation_id,
        client[0] or "" if client else "",
        query=events.parse_query(scope.get("query_string", b"").decode("latin-1")),
        caller=events.caller(gateway),
    )


def _mapping(value: object) -> Mapping[Any, Any]:
    return value if isinstance(value, dict) else {}


async def read_body(receive: Receive, limit: int) -> bytes:
    """The body, or when it has more than `limit` bytes its beginning with at least one more, so that it is refused.

    What a caller who went away had sent is given as it is: nobody is left to read the answer.
    """
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        return body
    parts, size = [body], len(body)
    while message.get("more_body") and size <= limit:
        message = await receive()
        parts.append(message.get("body", b""))
        size += len(parts[-1])
    return b"".join(parts)


async def send_answer(send: Send, answer: Answer) -> None:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers.items()]
    if answer.status != NOT_MODIFIED:  # whose length would be that of what it does not repeat
        headers.append((b"content-length", b"%d" % len(answer.body)))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
