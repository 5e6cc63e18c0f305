"""The fast lane, the FastAPI app behind Mangum and the server before it give the same answers: status, headers, bytes."""

import asyncio
import base64
import json
import logging
from types import SimpleNamespace
from typing import NamedTuple

import httpx
import pytest
from mangum import Mangum

from firesteel.registry.store import MemoryStore
from functions.classify import app
from functions.classify.lane import Lane
from functions.classify.meters import Meters
from functions.classify.server import Front, RateLimit
from functions.classify.telemetry import Telemetry
from tests.unit.classify.bundles import TICKET, Clock, release, released, serving_over

SERVICE = "tests-contract-lanes"
CONTEXT = SimpleNamespace()
JSON = {"content-type": "application/json"}
ROW = json.dumps(TICKET).encode()


class Case(NamedTuple):
    """One HTTP request, and the status it must get."""

    status: int
    method: str
    path: str
    body: bytes = b""
    headers: dict[str, str] = JSON


def ticket(**changes):
    return json.dumps({**TICKET, **changes}).encode()


def post(status, body, headers=JSON):
    return Case(status, "POST", "/classify", body, headers)


def batch(status, body):
    return Case(status, "POST", "/classify/batch", body if isinstance(body, bytes) else json.dumps(body).encode())


GOOD = {
    "a ticket": post(200, ROW),
    "without what is optional": post(200, b'{"title":"a","description":"b"}'),
    "with null for what is optional": post(200, ticket(customer_email=None)),
    "spaces around": post(200, b" \r\n\t" + ROW + b"\n"),
    "any Unicode": post(200, ticket(title="Grüße 🙂 \u2028 \u0000 \u202e ﷺ", description="日本語 \U0010ffff")),
    "escaped surrogate pair": post(200, b'{"title":"\\ud83d\\ude42","description":"b"}'),
    "longest texts": post(200, ticket(title="a" * 200, description="é" * 10_000)),
    "only unknown words": post(200, ticket(title="zzz", description="qqq")),
    "another JSON type": post(200, ROW, {"content-type": "application/problem+json"}),
    "charset": post(200, ROW, {"content-type": 'application/json; charset="UTF-8"'}),
    "header name in capitals": post(200, ROW, {"Content-Type": "application/json"}),
    "a batch": batch(200, {"items": [TICKET, {}, 5, TICKET]}),
    "a batch of a thousand": batch(200, {"items": [{"title": "a", "description": "b"}] * 1000}),
    **{f"GET {path}": Case(200, "GET", path) for path in (
        "/", "/health", "/health/live", "/health/ready", "/version", "/model/status", "/models", "/models/tickets",
        "/models/tickets/versions", "/docs", "/openapi.json",
    )},
    "a GET with a body": Case(200, "GET", "/health", b"whatever", {"content-type": "text/plain"}),
}  # fmt: skip
BAD = {
    "no body": post(400, b""),
    "cut off": post(400, ROW[:-1]),
    "more after it": post(400, ROW + b"x"),
    "not JSON": post(400, b"title=a"),
    "single quotes": post(400, b"{'title':'a'}"),
    "BOM": post(400, b"\xef\xbb\xbf" + ROW),
    "UTF-16": post(400, ROW.decode().encode("utf-16")),
    "Latin-1": post(400, '{"title":"é","description":"b"}'.encode("latin-1")),
    "NaN": post(400, b'{"title":NaN,"description":"b"}'),
    "Infinity": post(400, b'{"title":-Infinity,"description":"b"}'),
    "1e400": post(400, b'{"title":1e400,"description":"b"}'),
    "5,000 digits": post(400, b'{"title":' + b"9" * 5000 + b"}"),
    "a key twice": post(400, b'{"title":"a","title":"b","description":"c"}'),
    "a key twice, deeper": post(400, b'{"title":{"a":1,"a":2},"description":"c"}'),
    "lone surrogate as value": post(400, b'{"title":"\\ud800","description":"b"}'),
    "lone surrogate as key": post(400, b'{"\\udfff":"a","description":"b"}'),
    "depth 17": post(400, b"[" * 17 + b"]" * 17),
    "depth 30,000": post(400, b"[" * 30_000),
    "raw control character": post(400, b'{"title":"a\nb","description":"c"}'),
    "depth 16": post(422, b"[" * 16 + b"]" * 16),
    "an array": post(422, b"[]"),
    "a string": post(422, b'"a"'),
    "a number": post(422, b"1"),
    "null": post(422, b"null"),
    "empty object": post(422, b"{}"),
    "title missing": post(422, b'{"description":"b"}'),
    "title null": post(422, ticket(title=None)),
    "title a number": post(422, ticket(title=1.5)),
    "title true": post(422, ticket(title=True)),
    "title an array": post(422, ticket(title=["a"])),
    "title empty": post(422, ticket(title="")),
    "title blank": post(422, ticket(title=" \u2003\t")),
    "title too long": post(422, ticket(title="a" * 201)),
    "description too long": post(422, ticket(description="a" * 10_001)),
    "email a number": post(422, ticket(customer_email=1)),
    "email too long": post(422, ticket(customer_email="a" * 321)),
    "unknown field": post(422, ticket(canary="canary")),
    "everything wrong": post(422, b'{"title":1,"description":"","customer_email":{},"x":1}'),
    "no media type": post(415, ROW, {}),
    "empty media type": post(415, ROW, {"content-type": ""}),
    "text/plain": post(415, ROW, {"content-type": "text/plain"}),
    "a form": post(415, b"title=a", {"content-type": "application/x-www-form-urlencoded"}),
    "multipart": post(415, ROW, {"content-type": "multipart/form-data; boundary=x"}),
    "pickle": post(415, b"\x80\x04.", {"content-type": "application/octet-stream"}),
    "another charset": post(415, ROW, {"content-type": "application/json; charset=utf-16"}),
    "odd media type": post(415, ROW, {"content-type": ";;==,"}),
    "64 KiB": post(400, b" " * 64 * 1024),
    "64 KiB and a byte": post(413, b" " * (64 * 1024 + 1)),
    "1 MiB to /classify": post(413, b" " * 1024 * 1024),
    "batch of none": batch(422, {"items": []}),
    "batch of 1,001": batch(422, {"items": [5] * 1001}),
    "batch that is none": batch(422, [TICKET]),
    "batch with more": batch(422, {"items": [TICKET], "x": 1}),
    "batch over 1 MiB": batch(413, b" " * (1024 * 1024 + 1)),
    "unknown path": Case(404, "GET", "/nope"),
    "slash at the end": Case(404, "POST", "/classify/", ROW),
    "two slashes": Case(404, "POST", "//classify", ROW),
    "capitals": Case(404, "POST", "/Classify", ROW),
    "metrics are the server's own": Case(404, "GET", "/metrics.json"),
    "unknown model": Case(404, "GET", "/models/nope"),
    "a model that is a path": Case(404, "GET", "/models/%2e%2e%2fsecret"),
    "a model with a zero byte": Case(404, "GET", "/models/%00"),
    "an empty model": Case(404, "GET", "/models//versions"),
    "GET /classify": Case(405, "GET", "/classify"),
    "PUT /classify": Case(405, "PUT", "/classify", ROW),
    "OPTIONS /classify": Case(405, "OPTIONS", "/classify"),
    "HEAD /health": Case(405, "HEAD", "/health"),
    "POST /docs": Case(405, "POST", "/docs", ROW),
    "HEAD /openapi.json": Case(405, "HEAD", "/openapi.json"),
    "DELETE a model": Case(405, "DELETE", "/models/tickets"),
    "a method of one's own": Case(405, "BREW", "/health"),
}
CASES = GOOD | BAD


def rest_event(case, request_id="gateway-1"):
    """API Gateway's REST API: payload 1.0, headers twice, path decoded."""
    return {
        "resource": "/{proxy+}",
        "path": case.path,
        "httpMethod": case.method,
        "headers": case.headers,
        "multiValueHeaders": {name: [value] for name, value in case.headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "requestContext": {"requestId": request_id, "stage": "prod", "identity": {"sourceIp": "10.0.0.1"}},
        **_body(case),
    }


def http_event_1(case, request_id="gateway-1"):
    """API Gateway's HTTP API with payload 1.0."""
    return {"version": "1.0", **rest_event(case, request_id)}


def http_event_2(case, request_id="gateway-1"):
    """API Gateway's HTTP API with payload 2.0."""
    http = {"method": case.method, "path": case.path, "protocol": "HTTP/1.1", "sourceIp": "10.0.0.1", "userAgent": "t"}
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": case.path,
        "rawQueryString": "",
        "headers": {name.lower(): value for name, value in case.headers.items()},
        "requestContext": {"requestId": request_id, "stage": "$default", "apiId": "api", "http": http},
        **_body(case),
    }


def function_url_event(case, request_id="gateway-1"):
    """A function URL: payload 2.0 without an API, the body always in Base64."""
    event = http_event_2(case, request_id)
    event["requestContext"]["domainName"] = "abc.lambda-url.eu-central-1.on.aws"
    return event | {"body": base64.b64encode(case.body).decode(), "isBase64Encoded": True}


def _body(case):
    try:
        return {"body": case.body.decode() or None, "isBase64Encoded": False}
    except UnicodeDecodeError:
        return {"body": base64.b64encode(case.body).decode(), "isBase64Encoded": True}


EVENTS = {"REST": rest_event, "HTTP 1.0": http_event_1, "HTTP 2.0": http_event_2, "function URL": function_url_event}


class Answered(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


class Lanes:
    """The three ways to the same operations."""

    def __init__(self, serving):
        telemetry = Telemetry(service=SERVICE, level="CRITICAL")
        fastapi = app.create(serving)
        self._lane = Lane(serving, telemetry)
        self._app = fastapi
        self._front = Front(fastapi, serving, telemetry, Meters(), RateLimit(0, 60))

    def fast(self, event):
        return self._of_lambda(self._lane(event))

    def mangum(self, event):
        with asyncio.Runner():
            return self._of_lambda(Mangum(self._app, lifespan="off")(event, CONTEXT))

    def server(self, case, request_id):
        async def ask():
            transport = httpx.ASGITransport(self._front)
            async with httpx.AsyncClient(transport=transport, base_url="http://server") as http:
                headers = {**case.headers, "x-request-id": request_id}
                return await http.request(case.method, f"http://server{case.path}", content=case.body, headers=headers)

        answer = asyncio.run(ask())
        return self._answered(answer.status_code, answer.headers, answer.content)

    def _of_lambda(self, answer):
        assert answer["isBase64Encoded"] is False
        assert not answer.get("multiValueHeaders")
        return self._answered(answer["statusCode"], answer["headers"], answer["body"].encode())

    @staticmethod
    def _answered(status, headers, body):
        kept = {
            name.lower(): value for name, value in headers.items() if name.lower() not in ("content-length", "date")
        }
        return Answered(status, kept, body)


@pytest.fixture(scope="module")
def lanes():
    yield Lanes(serving_over(released("1.2.0")))
    logging.getLogger(SERVICE).handlers.clear()


@pytest.fixture(scope="module")
def lanes_without_a_model():
    return Lanes(serving_over(MemoryStore()))


@pytest.fixture(scope="module")
def lanes_with_an_older_model():
    store, clock = released("1.2.0"), Clock()
    serving = serving_over(store, clock=clock)
    release(store, "1.3.0")
    store._objects["models/tickets/v1.3.0/program.safetensors"] += b" "
    clock.now += 31
    serving.live()
    return Lanes(serving)


@pytest.mark.parametrize("kind", EVENTS)
@pytest.mark.parametrize("name", CASES)
def test_lane_and_mangum_answer_the_same(lanes, name, kind):
    case = CASES[name]
    event = EVENTS[kind](case)
    fast = lanes.fast(event)
    assert fast == lanes.mangum(event)
    assert fast.status == case.status
    assert fast.headers["x-request-id"] == "gateway-1"
    if fast.status != 200:
        assert set(json.loads(fast.body)) - {"errors"} == {"detail", "code", "request_id"}


@pytest.mark.parametrize("name", CASES)
def test_lane_and_server_answer_the_same(lanes, name):
    case = CASES[name]
    fast = lanes.fast(http_event_2(case, "mine"))
    if case.method == "HEAD":  # over HTTP, the answer to HEAD has no body
        fast = fast._replace(body=b"")
    assert fast == lanes.server(case, "mine")


@pytest.mark.parametrize("state", ["lanes_without_a_model", "lanes_with_an_older_model"])
@pytest.mark.parametrize(
    "name", ["a ticket", "a batch", "title empty", "cut off", *(name for name in GOOD if name.startswith("GET"))]
)
def test_they_answer_the_same_whatever_is_loaded(request, state, name):
    lanes, case = request.getfixturevalue(state), CASES[name]
    event = http_event_2(case, "mine")
    assert lanes.fast(event) == lanes.mangum(event) == lanes.server(case, "mine")


def change(event, **changes):
    return {**event, **changes}


def change_headers(event, headers):
    return {**event, "headers": {**event["headers"], **headers}}


ODD = {
    "host with a port that is none": lambda event: change_headers(event, {"host": "a:b"}),
    "host that is IPv6": lambda event: change_headers(event, {"host": "[::1]:80"}),
    "two forwarded ports": lambda event: change_headers(event, {"x-forwarded-port": "443,80"}),
    "header value None": lambda event: change_headers(event, {"x-odd": None}),
    "header value a number": lambda event: change_headers(event, {"x-odd": 5}),
    "header value a surrogate": lambda event: change_headers(event, {"x-odd": "\ud800"}),
    "header name a number": lambda event: change_headers(event, {7: "a"}),
    "no query string": lambda event: {key: value for key, value in event.items() if key != "rawQueryString"},
    "cookies None": lambda event: change(event, cookies=None),
    "cookies of numbers": lambda event: change(event, cookies=[1, None]),
    "multi-value headers None": lambda event: change(event, multiValueHeaders=None),
    "base64 flag None": lambda event: change(event, isBase64Encoded=None),
    "no stage variables, no authorizer": lambda event: change(event, stageVariables=None, authorizer=[]),
}


@pytest.mark.parametrize("name", ["a ticket", "GET /health", "title empty", "unknown path", "GET /docs"])
@pytest.mark.parametrize("oddity", ODD)
def test_what_would_break_mangum_is_answered_as_if_it_were_not_there(lanes, oddity, name):
    event = http_event_2(CASES[name])
    assert lanes.fast(ODD[oddity](event)) == lanes.mangum(event)


@pytest.mark.parametrize("sent", ["mine", "a b", "é", "", "x" * 128, "x" * 129])
def test_request_ids_are_chosen_the_same(lanes, sent):
    case = CASES["a ticket"]
    event = http_event_2(case._replace(headers={**JSON, "x-request-id": sent}))
    fast = lanes.fast(event)
    assert fast == lanes.mangum(event)
    assert fast.headers["x-request-id"] == (sent if sent in ("mine", "x" * 128) else "gateway-1")


def test_a_repeated_header_is_joined_the_same(lanes):
    event = rest_event(CASES["a ticket"])
    event["multiValueHeaders"] = {"Content-Type": ["application/json", "text/plain"]}
    assert lanes.fast(event) == lanes.mangum(event)
    assert lanes.fast(event).status == 415
