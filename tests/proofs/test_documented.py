"""The OpenAPI document and the endpoint say the same; and a document that says otherwise is found out."""

import json
from copy import deepcopy

import pytest

from tests.proofs import documented
from tests.proofs.documented_world import document, through_lambda
from tests.proofs.proof import Run, holds
from tests.proofs.requests_world import Endpoint


@pytest.fixture(scope="module")
def endpoint():
    return Endpoint()


@pytest.fixture
def described(endpoint):
    return document(endpoint)


def found(described, app):
    run = Run("documented", 1, full=False)
    documented.check(run, described, app, "tickets", "a control", 20)
    assert run.cases
    return " ".join(run.wrong)


def only(described, path):
    return {**described, "paths": {path: deepcopy(described["paths"][path])}}


def test_what_the_document_says_is_what_happens():
    holds("documented")


def test_a_status_that_is_not_documented_is_found(endpoint, described):
    one = only(described, "/classify")
    del one["paths"]["/classify"]["post"]["responses"]["422"]
    assert "Undocumented status code" in found(one, through_lambda(endpoint))


def test_a_schema_that_promises_too_much_is_found(endpoint, described):
    one = only(described, "/classify")
    one["paths"]["/classify"]["post"]["requestBody"]["content"]["application/json"]["schema"] = {"type": "object"}
    assert "Schema-valid request rejected" in found(one, endpoint.front)


def test_an_answer_that_is_not_of_its_schema_is_found(endpoint, described):
    one = only(described, "/version")
    one["components"]["schemas"]["Version"]["properties"]["python"] = {"type": "integer"}
    assert "Response violates schema" in found(one, endpoint.front)


def test_every_operation_whose_schema_is_not_exact_is_an_operation(endpoint):
    known = {f"{method.upper()} {path}" for path, item in endpoint.document["paths"].items() for method in item}
    assert {*documented.NOT_IN_A_SCHEMA, *(f"POST {path}" for path in documented.BY_ROW)} <= known


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/admin/recent_inferences", "422"),
        ("/v2/repository/index", "422"),
        ("/v2/models/{name}/infer", "415"),
        ("/", "304"),
    ],
)
def test_what_was_not_documented_once_is(endpoint, path, status):
    [operation] = endpoint.document["paths"][path].values()
    assert status in operation["responses"]


def test_a_feedback_without_its_subject_is_refused(endpoint):
    event = {"version": "2.0", "requestContext": {"http": {"method": "POST", "path": "/feedback"}}}
    told = endpoint.lane(
        event | {"headers": {"content-type": "application/json"}, "body": '{"answer":{"priority":"Low"}}'}
    )
    assert (told["statusCode"], json.loads(told["body"])["code"]) == (422, "invalid_input")
