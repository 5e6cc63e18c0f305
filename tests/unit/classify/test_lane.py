"""What the lane adds to an answer: which pages of other origins a browser may show it to."""

import pytest

from firesteel.registry.store import MemoryStore
from functions.classify.lane import Lane
from functions.classify.telemetry import Telemetry
from tests.unit.classify import bundles
from tests.unit.classify.bundles import TICKET, release, released, serving_over
from tests.unit.classify.test_events import HTTP
from tests.unit.classify.test_telemetry import post

PAGE = "https://a.example"


@pytest.fixture(scope="module")
def answered():
    serving, telemetry = serving_over(released("1.0.0")), Telemetry(service="tests-lane", level="CRITICAL")

    def answer(origin: str | None, *origins: str):
        sent = {"headers": {**HTTP["headers"], "origin": origin}} if origin else {}
        return Lane(serving, telemetry, origins=origins)(post("/classify", TICKET, **sent))["headers"]

    return answer


def test_a_listed_origin_is_let_in_by_name(answered):
    headers = answered(PAGE, PAGE, "https://b.example")
    assert headers["access-control-allow-origin"] == PAGE
    assert headers["access-control-expose-headers"] == "x-request-id, x-model-digest, retry-after"
    assert "access-control-allow-credentials" not in headers


@pytest.mark.parametrize("origin", ["https://c.example", "https://a.example.evil", "null", "*", None])
def test_another_is_not_and_caches_keep_them_apart(answered, origin):
    headers = answered(origin, PAGE)
    assert "access-control-allow-origin" not in headers
    assert headers["vary"] == "origin"


def test_without_origins_nothing_is_said_of_them(answered):
    assert not {"vary", "access-control-allow-origin"} & set(answered(PAGE))


def test_a_body_that_is_no_text_is_sent_as_base64():
    store = MemoryStore()
    release(store, "1.0.0", bundles.files() | {"trials.csv": b"\xff\x00"})
    lane = Lane(serving_over(store), Telemetry(service="tests-lane", level="CRITICAL"))
    path = "/models/tickets/versions/1.0.0/files/{}"
    answer = lane({**HTTP, "requestContext": {"http": {"method": "GET", "path": path.format("trials.csv")}}})
    assert (answer["body"], answer["isBase64Encoded"]) == ("/wA=", True)
    answer = lane({**HTTP, "requestContext": {"http": {"method": "GET", "path": path.format("metrics.json")}}})
    assert answer["isBase64Encoded"] is False
