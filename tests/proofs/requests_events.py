"""Events of the four kinds that bring a request, and what can go wrong with any key of one."""

import base64
from collections.abc import Callable, Iterator
from copy import deepcopy
from random import Random
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote, unquote

Event = dict[str, Any]
Place = tuple[str | int, ...]

HEADERS = {
    "accept": "application/json",
    "content-type": "application/json",
    "host": "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com",
    "user-agent": "curl/8.5.0",
    "x-amzn-trace-id": "Root=1-68a1b2c3-0f1e2d3c4b5a69788796a5b4",
    "x-forwarded-for": "203.0.113.7",
    "x-forwarded-port": "443",
    "x-forwarded-proto": "https",
}


class Sent(NamedTuple):
    """An HTTP request before it becomes an event; the path is quoted."""

    method: str
    path: str
    body: bytes = b""
    headers: dict[str, str] = HEADERS
    query: str = ""


def rest(sent: Sent) -> Event:
    """API Gateway's REST API."""
    several: dict[str, list[str]] = {}
    for name, value in parse_qsl(sent.query, keep_blank_values=True, errors="replace"):
        several.setdefault(name, []).append(value)
    return {
        "resource": "/{proxy+}",
        "path": unquote(sent.path),
        "httpMethod": sent.method,
        "headers": dict(sent.headers),
        "multiValueHeaders": {name: [value] for name, value in sent.headers.items()},
        "queryStringParameters": {name: values[-1] for name, values in several.items()} or None,
        "multiValueQueryStringParameters": several or None,
        "pathParameters": {"proxy": sent.path.lstrip("/")},
        "stageVariables": None,
        "requestContext": {
            "httpMethod": sent.method,
            "path": f"/live{sent.path}",
            "accountId": "123456789012",
            "stage": "live",
            "requestId": "5f0c1a52-7c1e-4a52-9f3a-1d2c3b4a5e6f",
            "identity": {"sourceIp": "203.0.113.7", "userArn": None, "apiKeyId": "key-1", "userAgent": "curl/8.5.0"},
            "authorizer": {"principalId": "somebody", "claims": {"sub": "somebody"}},
            "domainName": "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com",
        },
        **_body(sent),
    }


def http_api(sent: Sent) -> Event:
    """API Gateway's HTTP API, with a stage of its own."""
    http = {"method": sent.method, "path": f"/live{sent.path}", "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7"}
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": f"/live{sent.path}",
        "rawQueryString": sent.query,
        "cookies": ["a=b"],
        "headers": dict(sent.headers),
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "a1b2c3d4e5",
            "authorizer": {"jwt": {"claims": {"sub": "somebody"}, "scopes": None}},
            "http": http,
            "requestId": "JKJaXmPLvHcESHA=",
            "stage": "live",
        },
        **_body(sent),
    }


def function_url(sent: Sent) -> Event:
    """A function URL; it sends bodies in Base64."""
    event = http_api(sent)
    context = event["requestContext"]
    context |= {"stage": "$default", "domainName": "k1.lambda-url.eu-central-1.on.aws"}
    context["authorizer"] = {"iam": {"userArn": "arn:aws:iam::123456789012:user/somebody"}}
    context["http"] |= {"path": sent.path}
    body = base64.b64encode(sent.body).decode()
    return {**event, "rawPath": sent.path, "body": body, "isBase64Encoded": True}


def balancer(sent: Sent) -> Event:
    """An Application Load Balancer."""
    query = dict(part.partition("=")[::2] for part in sent.query.split("&")) if sent.query else {}
    arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/firesteel/6d0ecf831eec9f09"
    return {
        "requestContext": {"elb": {"targetGroupArn": arn}},
        "httpMethod": sent.method,
        "path": sent.path,
        "queryStringParameters": query,
        "headers": dict(sent.headers),
        **_body(sent),
        **({} if sent.body else {"body": ""}),
    }


def balancer_of_lists(sent: Sent) -> Event:
    """An Application Load Balancer whose target group has headers and parameters as lists."""
    event = balancer(sent)
    headers = {name: [value] for name, value in event.pop("headers").items()}
    query = {name: [value] for name, value in event.pop("queryStringParameters").items()}
    return {**event, "multiValueHeaders": headers, "multiValueQueryStringParameters": query}


KINDS: dict[str, Callable[[Sent], Event]] = {
    "REST API": rest,
    "HTTP API": http_api,
    "function URL": function_url,
    "load balancer": balancer,
    "load balancer of lists": balancer_of_lists,
}


def _body(sent: Sent) -> Event:
    try:
        return {"body": sent.body.decode() or None, "isBase64Encoded": False}
    except UnicodeDecodeError:
        return {"body": base64.b64encode(sent.body).decode(), "isBase64Encoded": True}


ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 7, 2**63, 1e308, float("nan"), float("inf"), 10**400),
    *(
        "",
        " ",
        "x",
        "\ud800",
        "a\r\nset-cookie: b",
        "é\u2028\u202e",
        "\0",
        "%",
        "%00%ff%zz",
        "../..",
        "[::1]:80",
        "a:b",
    ),
    *([], [None], [[]], ["a", 1], {}, {"": None}, {"a": {"b": {}}}, {"\ud800": "\udfff"}),
)
"""What stands where something else should: JSON as Lambda's runtime reads it, which knows NaN and lone surrogates."""

INFLATED = 20_000


def _inflated(value: Any) -> Any:
    if isinstance(value, str):
        return (value or "a") * (INFLATED // max(1, len(value)))
    if isinstance(value, dict):
        return value | {f"name-{number}": "value" for number in range(INFLATED // 20)}
    if isinstance(value, list):
        return (value or ["a"]) * (INFLATED // 20)
    return [value] * (INFLATED // 20)


def _renamed(value: Any, random: Random) -> Any:
    return {name.upper() if random.random() < 0.5 else f"x-{name}": one for name, one in value.items()}


def places(value: Any, at: Place = ()) -> Iterator[Place]:
    """The way to every key and every item, and first to the whole."""
    yield at
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, child in children:
        yield from places(child, (*at, name))


def changed(value: Any, place: Place, change: Callable[[Any], Any]) -> Any:
    """A copy with what stands at a place changed; None as the change takes it out."""
    if not place:
        return change(value)
    whole = deepcopy(value)
    *way, last = place
    inside = whole
    for name in way:
        inside = inside[name]
    inside[last] = change(inside[last])
    return whole


def dropped(value: Any, place: Place) -> Any:
    """A copy without what stands at a place."""
    whole = deepcopy(value)
    *way, last = place
    inside = whole
    for name in way:
        inside = inside[name]
    del inside[last]
    return whole


def every_change(event: Event) -> Iterator[tuple[str, Any]]:
    """Each key of an event in turn: taken out, inflated, wrapped, and all that is odd in its place."""
    for place in places(event):
        where = ".".join(map(str, place)) or "the event"
        if place:
            yield f"{where} dropped", dropped(event, place)
        yield f"{where} inflated", changed(event, place, _inflated)
        yield f"{where} in a list", changed(event, place, lambda value: [value])
        yield f"{where} in an object", changed(event, place, lambda value: {"value": value})
        for number, odd in enumerate(ODD):
            yield f"{where} is odd {number}", changed(event, place, lambda _, odd=odd: odd)


def some_changes(event: Any, random: Random) -> Any:
    """One to three keys changed, one after the other."""
    for _ in range(random.randint(1, 3)):
        place = random.choice(list(places(event)))
        how = random.random()
        if how < 0.2 and place:
            event = dropped(event, place)
        elif how < 0.25:
            event = changed(event, place, _inflated)
        elif how < 0.35:
            event = changed(event, place, lambda value: [value, value])
        elif how < 0.45:
            event = changed(event, place, lambda value: _renamed(value, random) if isinstance(value, dict) else value)
        else:
            event = changed(event, place, lambda _: random.choice(ODD))
    return event


def quoted(name: str) -> str:
    """A name as a path has it."""
    return quote(name, safe="", errors="replace")
