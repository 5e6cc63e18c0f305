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
from tests.contract.cases import CANARY_KEYS, CASES, GOOD, JSON, OTHERS, PAGES, POSTED
from tests.unit.classify import zoo
from tests.unit.classify.bundles import Clock, beside, release, released, serving_over

SERVICE = "tests-contract-lanes"
CONTEXT = SimpleNamespace()


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


@pytest.fixture(autouse=True)
def noon(monkeypatch):
    """Answers that say when they were made are made at once."""
    monkeypatch.setattr("firesteel.registry.record.timestamp", lambda: "2024-05-17T12:00:00Z")


@pytest.fixture(scope="module")
def lanes():
    yield Lanes(serving_over(zoo.stocked()))
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


@pytest.fixture(scope="module")
def lanes_with_a_canary():
    """A canary of half the keys, and a shadow; of a segment, too."""
    store = zoo.stocked()
    beside(store, "1.3.0", weight=0.5, lean=9.0)
    beside(store, "1.4.0", lean=-9.0)
    beside(store, "1.2.0", zoo.files(zoo.segment("qb", lean=9.0), zoo.PLAYERS["qb"]), weight=0.5, name="recruits/qb")
    return Lanes(serving_over(store, with_shadows=True))


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
        said = {"error"} if case.path.startswith("/v2") else {"detail", "code", "request_id"}
        assert set(json.loads(fast.body)) - {"errors"} == said


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


@pytest.mark.parametrize("name", POSTED)
def test_they_answer_with_the_same_side_of_a_canary(lanes_with_a_canary, name):
    lanes, digests = lanes_with_a_canary, set()
    for key in CANARY_KEYS:
        case = CASES[name]._replace(headers={**CASES[name].headers, "x-canary-key": key})
        event = http_event_2(case, "mine")
        fast = lanes.fast(event)
        assert fast == lanes.mangum(event) == lanes.server(case, "mine")
        assert fast.status == case.status
        digests.add(fast.headers["x-model-digest"])
    assert len(digests) == 2


@pytest.mark.parametrize("name", ["GET /health", "GET /model/status", "GET /models/tickets", "GET /models/recruits/qb"])
def test_they_tell_the_same_of_a_canary(lanes_with_a_canary, name):
    lanes, case = lanes_with_a_canary, CASES[name]
    event = http_event_2(case, "mine")
    fast = lanes.fast(event)
    assert fast == lanes.mangum(event) == lanes.server(case, "mine")
    assert b'"canary":{' in fast.body


@pytest.mark.parametrize("model", OTHERS)
def test_they_answer_the_same_whatever_kind_of_model_is_served(model):
    lanes = Lanes(serving_over(zoo.stocked(), model=model))
    for case in OTHERS[model] + PAGES:
        event = http_event_2(case, "mine")
        fast = lanes.fast(event)
        assert fast == lanes.mangum(event) == lanes.server(case, "mine")
        assert fast.status == case.status


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
