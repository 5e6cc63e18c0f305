import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.classify import events
from functions.classify.answers import Refused

REST = {
    "resource": "/classify",
    "httpMethod": "POST",
    "path": "/classify",
    "headers": {"Content-Type": "application/json"},
    "multiValueHeaders": {"Content-Type": ["application/json"], "Accept": ["a", "b"]},
    "requestContext": {"requestId": "rest-1", "identity": {"sourceIp": "10.0.0.1"}, "stage": "prod"},
    "body": "{}",
    "isBase64Encoded": False,
}
HTTP = {
    "version": "2.0",
    "routeKey": "$default",
    "rawPath": "/classify",
    "headers": {"content-type": "application/json"},
    "requestContext": {
        "requestId": "http+1=",
        "stage": "$default",
        "http": {"method": "POST", "path": "/classify", "sourceIp": "10.0.0.2"},
    },
    "body": "{}",
    "isBase64Encoded": False,
}
FOREIGN = {
    "nothing": None,
    "a list": [],
    "a string": "hello",
    "an empty object": {},
    "S3": {"Records": [{"eventSource": "aws:s3", "s3": {}}]},
    "SQS": {"Records": [{"eventSource": "aws:sqs", "body": "{}"}]},
    "EventBridge": {"version": "0", "source": "aws.s3", "detail": {}},
    "a load balancer": {**REST, "requestContext": {"elb": {"targetGroupArn": "arn"}}},
    "no method": {**REST, "httpMethod": None},
    "no path": {**REST, "path": None},
    "no HTTP in a 2.0 event": {**HTTP, "requestContext": {}},
    "a body that is no string": {**HTTP, "body": {"title": "x"}},
}


def test_a_rest_event_becomes_a_request():
    request = events.read(REST)
    assert (request.method, request.path, request.body, request.client) == ("POST", "/classify", b"{}", "10.0.0.1")
    assert request.headers == {"content-type": "application/json", "accept": "a, b"}
    assert request.request_id == request.correlation_id == "rest-1"


def test_an_http_api_event_becomes_a_request():
    request = events.read(HTTP)
    assert (request.method, request.path, request.body, request.client) == ("POST", "/classify", b"{}", "10.0.0.2")
    assert request.request_id == "http+1="


def test_a_named_stage_is_no_part_of_the_path():
    context = {**HTTP["requestContext"], "stage": "prod", "http": {"method": "POST", "path": "/prod/classify"}}
    assert events.read({**HTTP, "requestContext": context}).path == "/classify"


def test_a_path_is_unquoted_once():
    context = {**HTTP["requestContext"], "http": {"method": "GET", "path": "/models/a%2562"}}
    assert events.read({**HTTP, "requestContext": context}).path == "/models/a%62"


@pytest.mark.parametrize("event", FOREIGN.values(), ids=FOREIGN.keys())
def test_a_foreign_event_is_refused(event):
    with pytest.raises(Refused) as caught:
        events.read(event)
    assert caught.value.code == "unsupported_event"


@pytest.mark.parametrize("body", ["%%%", "e30", "e30=\n", "ä", "\ud800"])
def test_a_body_that_is_not_the_base64_it_should_be_is_refused(body):
    with pytest.raises(Refused) as caught:
        events.read({**HTTP, "body": body, "isBase64Encoded": True})
    assert caught.value.code == "invalid_base64"


def test_a_base64_body_is_decoded():
    assert events.read({**HTTP, "body": "e30=", "isBase64Encoded": True}).body == b"{}"


def test_a_lone_surrogate_in_a_body_is_no_utf8():
    with pytest.raises(UnicodeDecodeError):
        events.read({**HTTP, "body": "\ud800"}).body.decode()


def test_odd_headers_are_left_out():
    odd = {"X": None, "Y": 3, "Z": ["a"], 5: "b", "Good": "yes"}
    assert events.read({**HTTP, "headers": odd}).headers == {"good": "yes"}
    assert events.read({**HTTP, "headers": None}).headers == {}
    assert events.read({**REST, "headers": [], "multiValueHeaders": {"a": "b", "c": [None, "d"]}}).headers == {"c": "d"}


def test_a_callers_request_id_comes_before_the_gateways():
    request = events.read({**HTTP, "headers": {"X-Request-Id": "mine-1"}})
    assert (request.request_id, request.correlation_id) == ("mine-1", "http+1=")


@pytest.mark.parametrize("sent", ["", "a b", "a\nb", "é", "a" * 129, 'a"b', "a=b"])
def test_a_malformed_request_id_is_replaced(sent):
    assert events.read({**HTTP, "headers": {"x-request-id": sent}}).request_id == "http+1="


def test_without_any_id_one_is_made():
    context = {**HTTP["requestContext"], "requestId": None}
    first, second = (events.read({**HTTP, "requestContext": context}) for _ in range(2))
    assert len(first.request_id) == 32
    assert first.request_id != second.request_id
    assert first.correlation_id == first.request_id


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_KEYS = sorted({*REST, *HTTP, "cookies"})


@given(
    base=st.sampled_from([REST, HTTP]),
    changes=st.dictionaries(st.sampled_from(_KEYS), _values, max_size=4),
    gone=st.sets(st.sampled_from(_KEYS), max_size=2),
)
def test_whatever_an_event_holds_it_is_a_request_or_refused(base, changes, gone):
    event = {key: value for key, value in {**base, **changes}.items() if key not in gone}
    try:
        request = events.read(event)
    except Refused as refused:
        assert refused.status == 400
        request = events.nameless(event)
    assert request.request_id.isascii()
    json.dumps(request.request_id)


@given(_values)
def test_whatever_is_no_event_is_refused(value):
    with pytest.raises(Refused):
        events.read(value)
