"""The fast lane, the FastAPI app behind Mangum and the server before it give the same answers: status, headers, bytes."""

import json
import logging

import pytest

from firesteel.registry.store import MemoryStore
from functions.classify.lane import Lane
from functions.classify.telemetry import Telemetry
from tests.contract.cases import (
    ADMIN,
    BROWSER,
    CANARY_KEYS,
    CASES,
    GOOD,
    JSON,
    OTHERS,
    PAGES,
    POSTED,
    Case,
    send,
    stocked,
)
from tests.contract.lanes import EVENTS, SERVICE, Lanes, http_event_2, rest_event
from tests.unit.classify import zoo
from tests.unit.classify.bundles import Clock, beside, release, released, serving_over


@pytest.fixture(autouse=True)
def noon(monkeypatch):
    """Answers that say when they were made are made at once."""
    monkeypatch.setattr("firesteel.registry.record.timestamp", lambda: "2024-05-17T12:00:00Z")


@pytest.fixture(scope="module")
def lanes():
    yield Lanes(serving_over(stocked()))
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
    if fast.status >= 400:
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


@pytest.mark.parametrize("path", ADMIN)
def test_they_tell_those_who_run_the_service_the_same(path):
    lanes = Lanes(serving_over(stocked(), admin=True))
    for case in (
        Case(200, "GET", path, query="model=tickets&limit=1&limit=5"),
        Case(200, "GET", path, query="model=recruits%2Fqb"),
        Case(405, "POST", path),
    ):
        event = http_event_2(case, "mine")
        fast = lanes.fast(event)
        assert fast == lanes.mangum(event) == lanes.server(case, "mine") == lanes.fast(rest_event(case, "mine"))
        assert fast.status == case.status


def test_a_correction_is_taken_by_all(lanes):
    case = send(201, "/feedback", {"request_id": "r-1", "answer": {"priority": "High"}})
    answers = [lanes.fast(rest_event(case)), lanes.mangum(rest_event(case)), lanes.server(case, "gateway-1")]
    assert {answer.status for answer in answers} == {201}
    assert [answer.headers for answer in answers] == [answers[0].headers] * 3
    assert len({json.loads(answer.body)["id"] for answer in answers}) == 3
    assert {json.loads(answer.body)["subject"] for answer in answers} == {"r-1"}


def test_the_page_varies_by_what_is_accepted_and_by_origin():
    serving, telemetry = serving_over(stocked()), Telemetry(service=SERVICE, level="CRITICAL")
    lane = Lane(serving, telemetry, origins=("https://example.com",))
    for headers in (BROWSER, {"accept": "*/*"}):
        answer = lane(http_event_2(Case(200, "GET", "/", headers={**headers, "origin": "https://example.com"})))
        assert answer["headers"]["vary"] == "accept, origin"
        assert answer["headers"]["access-control-allow-origin"] == "https://example.com"


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
