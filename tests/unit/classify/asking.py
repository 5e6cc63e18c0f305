"""Asking operations as both lanes do, for tests."""

import json

from functions.classify.answers import CATALOG
from functions.classify.events import Request
from functions.classify.operations import respond

JSON = {"content-type": "application/json"}


def ask(serving, method, path, body=b"", headers=JSON):
    """Status, content and headers of an answer."""
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = respond(Request(method, path, headers, body, "req-1", "req-1"), serving)
    assert answer.headers["x-request-id"] == "req-1"
    assert answer.headers["content-type"] == "application/json"
    return answer.status, json.loads(answer.body), answer.headers


def post(serving, path, body, **headers):
    """The content of a good answer to a row or to several."""
    status, content, _ = ask(serving, "POST", path, body, JSON | headers)
    assert status == 200, content
    return content


def refused(serving, method, path, body=b"", headers=JSON):
    """Status, code and headers of a refusal, whose body is exactly what the catalog says."""
    status, content, sent = ask(serving, method, path, body, headers)
    assert set(content) - {"errors"} == {"detail", "code", "request_id"}
    assert CATALOG[content["code"]].status == status
    assert content["request_id"] == "req-1"
    return status, content["code"], sent


def blamed(serving, path, body):
    """Field and code of everything that is wrong with a request."""
    status, content, _ = ask(serving, "POST", path, body)
    assert (status, content["code"]) == (422, "invalid_input")
    return [(error["field"], error["code"]) for error in content["errors"]]
