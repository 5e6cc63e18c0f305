import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.classify import events
from functions.classify.answers import Refused
from functions.classify.asgi import request_of

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
BALANCER = {
    "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:eu-central-1:1:targetgroup/a/b"}},
    "httpMethod": "GET",
    "path": "/models/a%2562",
    "queryStringParameters": {"last": "7d", "model": "recruits%2Fqb", "a+b": "c%20d"},
    "headers": {"x-forwarded-for": "made up, 10.0.0.3", "content-type": "application/json"},
    "body": "",
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
    "no method": {**REST, "httpMethod": None},
    "no path": {**REST, "path": None},
    "a load balancer, without a path": {**BALANCER, "path": None},
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


def test_a_load_balancers_event_becomes_a_request():
    request = events.read(BALANCER)
    assert (request.method, request.path, request.body, request.client) == ("GET", "/models/a%62", b"", "10.0.0.3")
    assert request.query == {"last": "7d", "model": "recruits/qb", "a b": "c d"}
    assert (request.caller, len(request.request_id)) == ("", 32)


def test_a_load_balancer_that_sends_lists_is_read_the_same():
    event = {name: value for name, value in BALANCER.items() if name not in ("headers", "queryStringParameters")}
    event["multiValueHeaders"] = {name: [value] for name, value in BALANCER["headers"].items()}
    event["multiValueQueryStringParameters"] = {
        name: ["other", value] for name, value in BALANCER["queryStringParameters"].items()
    }
    one, other = events.read(BALANCER), events.read(event)
    assert one._replace(request_id="", correlation_id="") == other._replace(request_id="", correlation_id="")


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


def test_a_path_beyond_all_bounds_is_not_decoded():
    path = "/models/" + "%2e" * 3000
    assert events.read({**BALANCER, "path": path}).path == path


def test_headers_are_bounded():
    many = {f"x-{number}": "a" for number in range(events.HEADERS + 1)}
    assert len(events.read({**HTTP, "headers": many}).headers) == events.HEADERS
    several = {name: [value] for name, value in many.items()}
    assert len(events.read({**REST, "headers": {}, "multiValueHeaders": several}).headers) == events.HEADERS


def test_a_callers_request_id_comes_before_the_gateways():
    request = events.read({**HTTP, "headers": {"X-Request-Id": "mine-1"}})
    assert (request.request_id, request.correlation_id) == ("mine-1", "http+1=")


@pytest.mark.parametrize("sent", ["", "a b", "a\nb", "é", "a" * 129, 'a"b', "a=b"])
def test_a_malformed_request_id_is_replaced(sent):
    assert events.read({**HTTP, "headers": {"x-request-id": sent}}).request_id == "http+1="


def test_a_server_without_a_gateway_tells_requests_apart_that_their_caller_calls_alike():
    first, second = (events.identify({"x-request-id": "job"}) for _ in range(2))
    assert first[0] == second[0] == "job"
    assert len({first[1], second[1], "job"}) == 3


CALLERS = {
    "": {"identity": {"sourceIp": "10.0.0.1", "userArn": None, "apiKeyId": None}},
    "arn:aws:iam::1:user/ada": {"identity": {"userArn": "arn:aws:iam::1:user/ada", "apiKeyId": "key-1"}},
    "arn:aws:sts::1:assumed-role/r/s": {"authorizer": {"iam": {"userArn": "arn:aws:sts::1:assumed-role/r/s"}}},
    "principal-1": {"authorizer": {"principalId": "principal-1"}, "identity": {"apiKeyId": "key-1"}},
    "sub-1": {"authorizer": {"claims": {"sub": "sub-1"}}},
    "sub-2": {"authorizer": {"jwt": {"claims": {"sub": "sub-2"}}}},
    "key-1": {"identity": {"apiKeyId": "key-1"}, "authorizer": {"principalId": "", "claims": []}},
}


@pytest.mark.parametrize(("caller", "said"), CALLERS.items(), ids=CALLERS)
@pytest.mark.parametrize("event", [REST, HTTP], ids=["REST", "HTTP"])
def test_who_asks_is_what_the_gateway_says(event, caller, said):
    event = {**event, "requestContext": event["requestContext"] | said}
    assert events.read(event).caller == caller
    scope = {"method": "GET", "path": "/", "headers": [], "aws.event": event}
    assert request_of(scope).caller == caller


def test_nobody_can_say_who_they_are_and_a_name_is_bounded():
    scope = {"method": "GET", "path": "/", "headers": [(b"x-caller", b"ada"), (b"authorization", b"Basic x")]}
    assert request_of(scope).caller == ""
    context = REST["requestContext"] | {"identity": {"userArn": "\ud800" * 10_000}}
    assert events.read({**REST, "requestContext": context}).caller == "?" * events.CALLER_LENGTH


def test_without_any_id_one_is_made():
    context = {**HTTP["requestContext"], "requestId": None}
    first, second = (events.read({**HTTP, "requestContext": context}) for _ in range(2))
    assert len(first.request_id) == 32
    assert first.request_id != second.request_id
    assert first.correlation_id == first.request_id


QUERIES = {
    "": {},
    "model=tickets&limit=5": {"model": "tickets", "limit": "5"},
    "model=a&model=recruits%2Fqb": {"model": "recruits/qb"},
    "last=24h&review": {"last": "24h", "review": ""},
    "a=1+2&b=%D1%8F&c=x=y": {"a": "1 2", "b": "я", "c": "x=y"},
    "%61=%31&=nameless&&&": {"a": "1"},
    "a=%&b=%zz&c=%ff": {"a": "%", "b": "%zz", "c": "\ufffd"},
    "a=1;b=2": {"a": "1;b=2"},
}


@pytest.mark.parametrize(("raw", "parameters"), QUERIES.items())
def test_a_query_string_is_decoded_and_the_last_value_of_a_name_counts(raw, parameters):
    assert events.read({**HTTP, "rawQueryString": raw}).query == parameters


def test_a_rest_event_brings_its_query_decoded():
    several = {"model": ["a", "recruits/qb"], "limit": ["5"]}
    event = {**REST, "queryStringParameters": {"model": "recruits/qb"}, "multiValueQueryStringParameters": several}
    assert events.read(event).query == {"model": "recruits/qb", "limit": "5"}
    assert events.read({**REST, "queryStringParameters": {"model": "a"}}).query == {"model": "a"}
    assert events.read({**REST, "queryStringParameters": None}).query == {}


def test_odd_parameters_are_left_out():
    odd = {"a": None, "b": [], "c": [1], "d": "x", 5: ["y"], "": ["z"], "e": ["ok"]}
    assert events.read({**REST, "multiValueQueryStringParameters": odd, "queryStringParameters": [1]}).query == {
        "e": "ok"
    }
    assert events.read({**HTTP, "rawQueryString": None, "queryStringParameters": {"a": "\ud800"}}).query == {"a": "?"}


def test_what_is_beyond_the_bounds_of_a_query_is_not_read():
    many = "&".join(f"p{number}=x" for number in range(100))
    assert len(events.parse_query(many)) == events.QUERY_PARAMETERS
    assert len(events.parse_query("a=" + "x" * 100_000)["a"]) == events.QUERY_LENGTH - 2
    wide = {f"p{number}": ["x" * 100_000] for number in range(100)}
    found = events.read({**REST, "multiValueQueryStringParameters": wide}).query
    assert len(found) == events.QUERY_PARAMETERS
    assert {len(value) for value in found.values()} == {events.QUERY_LENGTH}


@given(st.text(st.characters(codec=None), max_size=200) | st.text(st.sampled_from("a=&%+fF0;"), max_size=60))
def test_any_query_string_is_read_and_can_be_written_down(raw):
    query = events.read({**HTTP, "rawQueryString": raw}).query
    json.dumps(query, ensure_ascii=False).encode()
    assert all(query)


@given(st.binary(max_size=200))
def test_both_lanes_read_a_query_string_alike(raw):
    text = raw.decode("latin-1")
    scope = {"method": "GET", "path": "/", "headers": [], "query_string": raw}
    assert request_of(scope).query == events.read({**HTTP, "rawQueryString": text}).query


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_KEYS = sorted({*REST, *HTTP, "cookies", "rawQueryString", "queryStringParameters", "multiValueQueryStringParameters"})


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
    assert len(request.caller.encode()) <= 4 * events.CALLER_LENGTH
    json.dumps(request.query, ensure_ascii=False).encode()


@given(_values)
def test_whatever_is_no_event_is_refused(value):
    with pytest.raises(Refused):
        events.read(value)
