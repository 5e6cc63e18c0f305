"""Malformed requests by name, each to the function by every kind of event and to the server; and the proof."""

import asyncio
import json

import pytest

from functions.classify import events
from tests.proofs import requests
from tests.proofs.proof import Run, holds
from tests.proofs.requests_answers import Judge
from tests.proofs.requests_events import HEADERS, KINDS, Sent
from tests.proofs.requests_world import Endpoint

TICKET = b'{"title":"Cannot log in","description":"It says locked."}'
BUSINESS = "/models/g2g/predict"


@pytest.fixture(scope="module")
def endpoint():
    return Endpoint()


@pytest.fixture(scope="module")
def judge(endpoint):
    return Judge(endpoint.document)


def ticket(value, status):
    return Sent("POST", "/classify", b'{"title":%s,"description":"b"}' % value, HEADERS), status


def body(value, status, path="/classify", **headers):
    return Sent(
        "POST", path, value, {**HEADERS, **{name.replace("_", "-"): one for name, one in headers.items()}}
    ), status


def business(value, status, name="credit_score"):
    return Sent("POST", BUSINESS, b'{"%s":%s}' % (name.encode(), value), HEADERS), status


BODIES = {
    "NaN": ticket(b"NaN", 400),
    "Infinity": ticket(b"Infinity", 400),
    "-Infinity": ticket(b"-Infinity", 400),
    "1e400": ticket(b"1e400", 400),
    "-1e400": ticket(b"-1e400", 400),
    "NaN as a string": business(b'"NaN"', 422),
    "Infinity as a string": business(b'"Infinity"', 422),
    "a sum that overflows": body(b'{"annual_revenue":1.7e308,"total_assets":1.7e308}', 422, BUSINESS),
    "a lone surrogate as a value": ticket(b'"\\ud800"', 400),
    "a lone surrogate as a key": body(b'{"\\udfff":"a","title":"a","description":"b"}', 400),
    "a lone surrogate where another field is wrong": body(b'{"title":"\\ud800","description":1}', 400),
    "100,000 levels": body(b"[" * 100_000 + b"]" * 100_000, 400, "/batch_predict"),
    "17 levels": body(b"[" * 17 + b"]" * 17, 400),
    "5,000 digits": ticket(b"9" * 5000, 400),
    "5,000 digits after the point": business(b"1." + b"9" * 5000, 422),
    "a key twice": body(b'{"title":"a","title":"b","description":"c"}', 400),
    "a key twice, once escaped": body(b'{"title":"a","\\u0074itle":"b","description":"c"}', 400),
    "a byte order mark": body(b"\xef\xbb\xbf" + TICKET, 400),
    "UTF-16": body(TICKET.decode().encode("utf-16"), 400),
    "Latin-1": ticket(b'"\xe9"', 400),
    "nothing": body(b"", 400),
    "null": body(b"null", 422),
    "an array": body(b"[]", 422),
    "a string": body(b'"a"', 422),
    "a number": body(b"1", 422),
    "cut off": body(TICKET[:-1], 400),
    "more after it": body(TICKET + b"x", 400),
    "a raw control character": ticket(b'"a\nb"', 400),
    "no media type": body(TICKET, 415, content_type=""),
    "text/plain": body(TICKET, 415, content_type="text/plain"),
    "multipart": body(TICKET, 415, content_type="multipart/form-data; boundary=x"),
}


def with_body(value, *, encoded):
    return lambda event: {**event, "body": value, "isBase64Encoded": encoded}


def with_header(name, value):
    def change(event):
        changed = {**event}
        if "headers" in event:
            changed["headers"] = {**event["headers"], name: value}
        if "multiValueHeaders" in event:
            changed["multiValueHeaders"] = {**event["multiValueHeaders"], name: [value]}
        return changed

    return change


CHANGES = {
    "invalid Base64": (with_body("%%%", encoded=True), 400),
    "Base64 without its padding": (with_body("e30", encoded=True), 400),
    "Base64 that is not ASCII": (with_body("é30=", encoded=True), 400),
    "a raw surrogate in the body": (with_body('{"title":"\ud800","description":"b"}', encoded=False), 400),
    "a body that is no string": (with_body({"title": "a"}, encoded=False), 400),
    "Host: a:b": (with_header("host", "a:b"), 200),
    "Host: [::1]:80": (with_header("host", "[::1]:80"), 200),
    "X-Forwarded-Port: 443,80": (with_header("x-forwarded-port", "443,80"), 200),
    "a header that is None": (with_header("x-odd", None), 200),
    "a header that is a surrogate": (with_header("x-odd", "\ud800"), 200),
}
FOREIGN = {
    "an empty event": {},
    "an event of S3": {"Records": [{"eventSource": "aws:s3", "s3": {"object": {"key": "a"}}}]},
    "a list": [{}],
    "None": None,
    "a string": "GET / HTTP/1.1",
}


def answered(endpoint, judge, event):
    """The answer's status and code; it is as every answer must be."""
    told = endpoint.lane(event)
    request, answer = endpoint.last
    assert judge.fault(told, request.method, answer.facts.get("route")) is None
    return told["statusCode"], json.loads(told["body"]).get("code")


def test_there_are_46_of_them():
    assert len(BODIES) + len(CHANGES) + len(FOREIGN) == 46


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", BODIES)
def test_a_malformed_body_is_refused(endpoint, judge, name, kind):
    sent, status = BODIES[name]
    assert answered(endpoint, judge, KINDS[kind](sent))[0] == status


@pytest.mark.parametrize("name", BODIES)
def test_a_malformed_body_is_refused_by_the_server(endpoint, name):
    sent, status = BODIES[name]
    run = Run("requests", 0, full=False)
    with asyncio.Runner() as loop:
        requests.ask_server(run, endpoint, Judge(endpoint.document), loop, sent, name)
        told, _, _ = loop.run(requests.asked_of_server(endpoint, sent))
    assert (told, run.wrong) == (status, [])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", CHANGES)
def test_an_odd_event_is_answered_or_refused(endpoint, judge, name, kind):
    change, status = CHANGES[name]
    assert answered(endpoint, judge, change(KINDS[kind](Sent("POST", "/classify", TICKET))))[0] == status


@pytest.mark.parametrize("name", FOREIGN)
def test_what_is_no_request_is_refused(endpoint, judge, name):
    assert answered(endpoint, judge, FOREIGN[name]) == (400, "unsupported_event")


@pytest.mark.parametrize("header", [{"host": "a:b"}, {"host": "[::1]:80"}, {"x-forwarded-port": "443,80"}])
def test_an_odd_header_does_not_trouble_the_server(endpoint, header):
    with asyncio.Runner() as loop:
        sent = Sent("POST", "/classify", TICKET, {**HEADERS, **header})
        assert loop.run(requests.asked_of_server(endpoint, sent))[0] == 200


def test_a_load_balancer_is_answered_in_its_own_way(endpoint):
    sent = Sent("POST", "/classify", TICKET)
    told = endpoint.lane(KINDS["load balancer"](sent))
    assert (told["statusCode"], told["statusDescription"]) == (200, "200 OK")
    assert told["headers"]["content-type"] == "application/json"
    lists = endpoint.lane(KINDS["load balancer of lists"](sent))
    assert lists["multiValueHeaders"] == {
        name: [value if name != "x-request-id" else lists["multiValueHeaders"][name][0]]
        for name, value in told["headers"].items()
    }
    assert "headers" not in lists


def test_no_request_breaks_the_endpoint():
    holds("requests")


def test_an_endpoint_that_trusts_its_gateway_does_not_hold(monkeypatch):
    """The control: headers are taken as they come, as Mangum takes them."""
    monkeypatch.setattr(
        events, "_headers", lambda event: {name.lower(): value for name, value in event["headers"].items()}
    )
    monkeypatch.setattr(requests, "QUICK", 400)
    run = Run("requests", 1, full=False)
    requests.prove(run)
    assert run.failed > 20
    assert "Error" in run.wrong[0]


@pytest.mark.parametrize(
    ("status", "headers", "body", "fault"),
    [
        (500, {}, b"{}", "it is a 500"),
        (200, {"a\r\nb": "c"}, b"{}", "is not sound"),
        (200, {"x-odd": "a\r\nset-cookie: b"}, b"{}", "is not sound"),
        (200, {"x-request-id": ""}, b"{}", "no request id"),
        (200, {}, b'{"a":NaN}', "cannot be read"),
        (201, {}, b"{}", "201 is not documented"),
        (200, {"content-type": "text/html"}, b"{}", "text/html is not documented"),
        (418, {}, b"{}", "not documented"),
        (422, {}, b'{"code":"invalid_json","detail":"","request_id":"r"}', "with 422 is not documented"),
        (
            422,
            {},
            b'{"code":"invalid_input","detail":"","request_id":"r","errors":[{"code":"odd"}]}',
            "problems that are not documented",
        ),
        (400, {}, b'{"code":"invalid_json","detail":"","request_id":"q"}', "two request ids"),
        (405, {}, b'{"code":"method_not_allowed","detail":"","request_id":"r"}', "without Allow"),
        (304, {}, b"", "should be none"),
    ],
)
def test_the_judge_sees_what_is_wrong(judge, status, headers, body, fault):
    sound = {"x-request-id": "r", "content-type": "application/json"}
    assert fault in judge.judge(status, sound | headers, body, "POST", "/classify")
