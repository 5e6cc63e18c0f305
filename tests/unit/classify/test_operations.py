import json
from pathlib import Path

import pytest

from firesteel.registry.store import MemoryStore
from functions.classify.answers import CATALOG
from functions.classify.events import Request
from functions.classify.operations import respond
from tests.unit.classify.asking import JSON, ask, refused
from tests.unit.classify.bundles import TICKET, Clock, release, released, serving_over


@pytest.fixture(scope="module")
def serving():
    return serving_over(released("1.2.0"))


def test_a_ticket_is_classified(serving):
    code, body, headers = ask(serving, "POST", "/classify", TICKET)
    assert code == 200
    assert list(body) == [
        "title",
        "description",
        "predicted_priority",
        "predicted_department",
        "priority_confidence",
        "department_confidence",
        "customer_email",
        "review",
        "model_version",
    ]
    assert {key: body[key] for key in TICKET} == TICKET
    assert (body["predicted_priority"], body["predicted_department"]) == ("Urgent", "Tech Support")
    assert body["priority_confidence"] == round(body["priority_confidence"], 6)
    assert (body["review"], body["model_version"]) == (False, "1.2.0")
    assert headers["x-model-digest"] == serving.live().digest


def test_what_is_left_out_comes_back_as_null(serving):
    _, body, _ = ask(serving, "POST", "/classify", {"title": "a", "description": "b"})
    assert body["customer_email"] is None


def test_text_comes_back_as_it_was_sent(serving):
    title = "Grüße 🙂 \u2028 \u0000 ' \" \\ </script>"
    _, body, _ = ask(serving, "POST", "/classify", {**TICKET, "title": title})
    assert body["title"] == title


def test_an_answer_below_its_threshold_is_for_review():
    _, body, _ = ask(serving_over(released("1.0.0", threshold=0.9999)), "POST", "/classify", TICKET)
    assert body["review"] is True


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/JSON; charset=UTF-8",
        'application/json;charset="utf-8"',
        "application/vnd.x+json",
    ],
)
def test_json_in_utf8_is_accepted_under_its_names(serving, content_type):
    assert ask(serving, "POST", "/classify", TICKET, {"content-type": content_type})[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": ""},
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "application/json; charset=latin-1"},
        {"content-type": "application/jsonp"},
        {"content-type": "text/json+json"},
        {"content-type": "application/octet-stream"},
        {"content-type": "application/json, text/plain"},
    ],
)
def test_other_media_types_are_refused(serving, headers):
    assert refused(serving, "POST", "/classify", TICKET, headers)[:2] == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe{\x00}\x00",
        b'\xef\xbb\xbf{"title": "a"}',
        b'{"title": NaN}',
        b'{"title": Infinity}',
        b'{"title": 1e400}',
        b'{"title": "a", "title": "b"}',
        b'{"title": "\\ud800"}',
        b'{"\\ud800": 1}',
        b"[" * 17 + b"]" * 17,
        b"[" * 10_000,
        b'{"a":' * 17 + b"1" + b"}" * 17,
        b'{"title": "a"} trailing',
        b"9" * 5000,
    ],
)
def test_what_is_no_json_is_refused(serving, body):
    assert refused(serving, "POST", "/classify", body)[:2] == (400, "invalid_json")


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ([], "", "wrong_type"),
        ("title", "", "wrong_type"),
        (None, "", "wrong_type"),
        ({"description": "b"}, "title", "missing"),
        ({"title": None, "description": "b"}, "title", "wrong_type"),
        ({"title": 5, "description": "b"}, "title", "wrong_type"),
        ({"title": "", "description": "b"}, "title", "too_short"),
        ({"title": " \t\u2003", "description": "b"}, "title", "blank"),
        ({"title": "a" * 201, "description": "b"}, "title", "too_long"),
        ({"title": "a", "description": "b" * 10_001}, "description", "too_long"),
        ({"title": "a", "description": "b", "customer_email": 7}, "customer_email", "wrong_type"),
        ({"title": "a", "description": "b", "canary": "canary"}, "", "unknown_field"),
    ],
)
def test_what_does_not_fit_the_inputs_is_refused_by_field(serving, body, field, code):
    status_code, content, _ = ask(serving, "POST", "/classify", body)
    assert (status_code, content["code"]) == (422, "invalid_input")
    assert [(error["field"], error["code"]) for error in content["errors"]] == [(field, code)]


def test_every_field_to_blame_is_named(serving):
    _, content, _ = ask(serving, "POST", "/classify", {"title": 1, "description": " "})
    assert [error["field"] for error in content["errors"]] == ["title", "description"]


def test_no_refusal_repeats_what_was_sent(serving):
    canary = "canary4711"
    bodies = [
        f'{{"title": {canary}}}',
        f'{{"{canary}": 1, "{canary}": 2}}',
        json.dumps({"title": canary * 30, "description": canary, canary: canary, "customer_email": [canary]}),
        json.dumps({"items": canary, canary: 1}),
    ]
    for path in ("/classify", "/classify/batch"):
        for body in bodies:
            answer = respond(Request("POST", path, JSON, body.encode(), "req-1", "req-1"), serving)
            assert answer.status in (400, 422)
            assert canary.encode() not in answer.body
    lost = respond(Request("POST", f"/{canary}", {"content-type": canary}, canary.encode(), "req-1", "req-1"), serving)
    assert canary.encode() not in lost.body


def test_a_batch_keeps_its_order_and_refuses_row_by_row(serving):
    money = {"title": "Refund", "description": "The invoice is wrong."}
    code, body, headers = ask(serving, "POST", "/classify/batch", {"items": [TICKET, {"title": "a"}, 5, money]})
    assert code == 200
    first, second, third, fourth = body["items"]
    assert first == ask(serving, "POST", "/classify", TICKET)[1]
    assert second["error"]["code"] == "invalid_input"
    assert second["error"]["fields"] == [{"field": "description", "code": "missing", "message": "is required"}]
    assert third["error"]["fields"][0]["code"] == "wrong_type"
    assert fourth["predicted_department"] == "Billing"
    assert headers["x-model-digest"] == serving.live().digest


def test_a_batch_of_a_thousand_is_answered_and_of_one_more_is_not(serving):
    row = {"title": "a", "description": "b"}
    _, body, _ = ask(serving, "POST", "/classify/batch", {"items": [row] * 1000})
    assert len(body["items"]) == 1000
    code, body, _ = ask(serving, "POST", "/classify/batch", {"items": [row] * 1001})
    assert (code, body["errors"][0]["code"]) == (422, "wrong_length")


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({"items": []}, "items", "wrong_length"),
        ({"items": {}}, "items", "wrong_type"),
        ({"items": None}, "items", "wrong_type"),
        ({"items": [TICKET], "more": 1}, "", "unknown_field"),
        ({}, "items", "missing"),
        ([TICKET], "", "wrong_type"),
    ],
)
def test_what_is_no_batch_is_refused(serving, body, field, code):
    status_code, content, _ = ask(serving, "POST", "/classify/batch", body)
    assert status_code == 422
    assert [(error["field"], error["code"]) for error in content["errors"]] == [(field, code)]


@pytest.mark.parametrize(("path", "limit"), [("/classify", 64 * 1024), ("/classify/batch", 1024 * 1024)])
def test_a_body_may_have_its_limit_and_no_byte_more(serving, path, limit):
    assert refused(serving, "POST", path, b" " * limit)[1] == "invalid_json"
    assert refused(serving, "POST", path, b" " * (limit + 1))[:2] == (413, "payload_too_large")


@pytest.mark.parametrize(
    "path",
    [
        "/nope",
        "",
        "//",
        "/classify/",
        "/models/",
        "/models//versions",
        "/models/a/b/c",
        "/models/a/b/c/versions",
        "/CLASSIFY",
        "/models/a/versions/x/y",
        "/admin",
        "/admin/",
        "/admin/nothing",
    ],
)
def test_unknown_paths_are_not_found(serving, path):
    assert refused(serving, "GET", path)[:2] == (404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/classify", "POST"),
        ("PUT", "/classify/batch", "POST"),
        ("POST", "/", "GET"),
        ("HEAD", "/health", "GET"),
        ("DELETE", "/models/tickets", "GET"),
        ("post", "/classify", "POST"),
        ("POST", "/docs", "GET"),
        ("HEAD", "/openapi.json", "GET"),
    ],
)
def test_wrong_methods_are_told_the_right_ones(serving, method, path, allow):
    code, name, headers = refused(serving, method, path)
    assert (code, name, headers["allow"]) == (405, "method_not_allowed", allow)


def test_without_a_model_there_is_no_answer_but_a_reason():
    serving = serving_over(MemoryStore())
    for method, path, body in [
        ("POST", "/classify", TICKET),
        ("POST", "/classify/batch", {"items": [TICKET]}),
        ("GET", "/health/ready", b""),
    ]:
        code, name, headers = refused(serving, method, path, body)
        assert (code, name, headers["retry-after"]) == (503, "no_model", "30")
    code, body, _ = ask(serving, "GET", "/health")
    assert (code, body["status"], body["reason"]["code"]) == (200, "unavailable", "nothing_published")
    assert ask(serving, "GET", "/health/live")[0] == 200
    assert ask(serving, "GET", "/")[1]["model_version"] is None
    assert ask(serving, "GET", "/model/status")[1]["version"] is None


def test_bad_requests_are_refused_as_such_even_without_a_model():
    assert refused(serving_over(MemoryStore()), "POST", "/classify", b"{")[1] == "invalid_json"


def test_a_fault_of_ours_is_a_500_that_says_nothing_of_our_insides():
    class Faulty(MemoryStore):
        def folders(self, prefix):
            raise RuntimeError("a secret")

    answer = respond(Request("GET", "/models", {}, b"", "req-1", "req-1"), serving_over(Faulty()))
    assert answer.status == 500
    assert json.loads(answer.body)["code"] == "internal_error"
    assert b"secret" not in answer.body
    assert isinstance(answer.facts["error"], RuntimeError)


def test_one_request_is_answered_by_one_bundle():
    store, clock = released("1.0.0"), Clock()
    serving = serving_over(store, clock=clock)
    taken = serving.live()
    release(store, "1.1.0", lean=9.0)
    clock.now += 31
    _, body, headers = ask(serving, "POST", "/classify/batch", {"items": [TICKET] * 5})
    assert {item["model_version"] for item in body["items"]} == {"1.1.0"}
    assert {item["predicted_priority"] for item in body["items"]} == {"Low"}
    assert headers["x-model-digest"] != taken.digest


def test_the_catalog_is_documented_code_by_code():
    documented = (Path(__file__).parents[3] / "docs" / "errors.md").read_text()
    for code, refusal in CATALOG.items():
        assert f"| `{code}` | {refusal.status} |" in documented
