"""Events to the letter: how much of one is read, what a path names, and what stands in for what is missing."""

import pytest

from functions.classify import events
from functions.classify.answers import Refused


def rest(**changed):
    return {"resource": "/{proxy+}", "httpMethod": "GET", "path": "/", "headers": {}, "requestContext": {}} | changed


def http(path="/", **changed):
    context = {"http": {"method": "GET", "path": path}, "stage": "$default"} | changed.pop("context", {})
    return {"version": "2.0", "requestContext": context, "headers": {}} | changed


def request(path="/models/a", **parameters):
    return events.Request("GET", path, {}, b"", "", "", parameters=parameters)


def test_a_path_names_a_model_or_a_segment_of_one():
    assert request().model is None
    assert request(name="recruits").model == "recruits"
    assert request(name="recruits", segment="qb").model == "recruits/qb"


def test_a_path_names_a_version_where_models_are():
    assert request("/models/a/versions/1.0.0/predict", version="1.0.0").pinned == "1.0.0"
    assert request("/v2/models/a/versions/1.0.0/infer", version="1.0.0").pinned is None
    assert request("/models/a/predict").pinned is None


def test_what_nobody_said_is_empty():
    bare = events.Request("GET", "/", {}, b"", "", "")
    assert (bare.client, bare.caller, bare.parameters, bare.query) == ("", "", {}, {})
    read = events.read(rest())
    assert (read.client, read.caller, read.body, read.path) == ("", "", b"", "/")
    assert events.read(rest(path="")).path == "/"
    assert events.read(rest(body=None)).body == b""


@pytest.mark.parametrize("context", [{"identity": {"sourceIp": 7}}, {"identity": 7}, {"identity": {"userArn": 7}}])
def test_what_is_no_text_is_nobody(context):
    read = events.read(rest(requestContext=context))
    assert (read.client, read.caller) == ("", "")


def test_an_event_of_version_two_without_its_part_is_none():
    with pytest.raises(Refused):
        events.read({"version": "2.0", "requestContext": {}})
    with pytest.raises(Refused):
        events.read({"version": "1.0", "requestContext": {"http": {"method": "GET", "path": "/"}}})


def test_a_balancer_without_the_callers_address_knows_none():
    event = {"requestContext": {"elb": {}}, "httpMethod": "GET", "path": "/", "headers": {}}
    assert events.read(event).client == ""


@pytest.mark.parametrize(
    ("stage", "path", "read"),
    [("dev", "/dev/a", "/a"), ("dev", "/devil", "/devil"), ("dev", "/a/dev/", "/a/dev/"), (7, "/7/a", "/7/a"),
     ("$default", "/$default/a", "/$default/a"), ("dev", "/dev", "/dev")],
)  # fmt: skip
def test_a_stage_is_taken_off_where_it_stands(stage, path, read):
    assert events.read(http(path, context={"stage": stage})).path == read


def test_a_path_is_decoded_up_to_its_length():
    longest = "/" + "%41" + "a" * (events.PATH_LENGTH - 4)
    assert events.PATH_LENGTH == 8192
    assert events.read(rest(path=longest)).path == "/A" + "a" * (events.PATH_LENGTH - 4)
    assert events.read(rest(path=longest + "a")).path == longest + "a"


def test_a_query_is_read_up_to_its_length():
    longest = "a=" + "b" * 8190
    assert events.parse_query(longest) == {"a": "b" * 8190}
    assert events.parse_query(longest + "b") == {"a": "b" * 8190}
    long = {"a" * 8193: "b" * 8193}
    assert events.read(rest(queryStringParameters=long)).query == {"a" * 8192: "b" * 8192}


def test_sixty_four_parameters_are_read():
    many = {f"p{number}": "x" for number in range(65)}
    read = [f"p{number}" for number in range(64)]
    assert list(events.parse_query("&".join(f"{name}=x" for name in many))) == read
    assert list(events.read(rest(queryStringParameters=many)).query) == read


def test_a_thousand_headers_are_read():
    many = {f"H{number}": "x" for number in range(1001)}
    assert len(events.read(rest(headers=many)).headers) == 1000
    several = {name: ["x", "y"] for name in many}
    read = events.read(rest(multiValueHeaders=several)).headers
    assert (len(read), read["h0"]) == (1000, "x, y")


def test_a_callers_name_has_256_letters_at_the_most():
    context = {"identity": {"userArn": "a" * 257}}
    assert events.read(rest(requestContext=context)).caller == "a" * 256


def test_what_is_no_request_is_nameless_but_for_the_gateways_id():
    found = events.nameless({"requestContext": {"requestId": "gate-1"}, "headers": {"X-Request-Id": "mine"}})
    assert found == events.Request("", "", {"x-request-id": "mine"}, b"", "mine", "gate-1")
    assert events.nameless(None)[:4] == ("", "", {}, b"")
