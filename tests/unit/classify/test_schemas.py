"""/openapi.json: what it says is what is answered."""

import asyncio

import httpx
import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from firesteel.registry.store import MemoryStore
from functions.classify import app
from functions.classify.operations import OPERATIONS
from tests.unit.classify import zoo
from tests.unit.classify.asking import post
from tests.unit.classify.bundles import released, serving_over


def document(serving):
    """What is documented of a live model, as an ASGI client gets it."""

    async def ask():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app.create(serving))) as http:
            return await http.get("http://server/openapi.json")

    described = asyncio.run(ask()).json()
    validate(described)
    return described


@pytest.fixture(scope="module")
def tickets():
    return serving_over(released())


def test_the_rows_and_results_of_tickets_are_documented_with_an_example_that_is_answered_so(tickets):
    schemas = document(tickets)["components"]["schemas"]
    answer = post(tickets, "/classify", schemas["Row"]["example"])
    assert answer == schemas["Result"]["example"]
    assert list(schemas["Result"]["properties"]) == list(answer)
    assert schemas["Row"]["required"] == ["title", "description"]


@pytest.mark.parametrize("model", ["tickets", "readiness", "gifts", "recruits/qb", "recruits"])
def test_any_kind_of_model_is_documented_as_it_answers(monkeypatch, model):
    monkeypatch.setattr("functions.classify.shape.record.timestamp", lambda: "2024-05-17T12:00:00Z")
    serving = serving_over(zoo.stocked(), model=model)
    components = document(serving)["components"]

    def named(name):
        schema = components["schemas"][name]
        return named(schema["$ref"].rpartition("/")[2]) if "$ref" in schema else schema

    def fits(value, name):
        Draft202012Validator({**named(name), "components": components}).validate(value)

    request = named("Request")["example"]
    fits(request, "Request")
    for path, component in (
        ("/predict", "Answer"),
        ("/explain", "ExplainedAnswer"),
        ("/attributions", "AttributedAnswer"),
    ):
        answer = post(serving, path, request)
        fits(answer, component)
        assert answer == named(component)["example"]
        assert list(named(component)["properties"]) == list(answer)
    row = named("Row")["example"]
    fits(row, "Row")
    for explained in (False, True):
        fits(post(serving, "/batch_predict", {"cases": [row, {}], "include_explanations": explained}), "Predictions")


def test_of_segments_the_document_has_what_any_has_and_demands_what_all_need():
    row = document(serving_over(zoo.stocked(), model="recruits"))["components"]["schemas"]["Row"]
    assert {"passing_yards", "rushing_yards", "fumbles", "position", "player_id"} == set(row["properties"])
    assert row["required"] == ["position"]


def test_every_operation_is_documented(tickets):
    paths = document(tickets)["paths"]
    for operation in OPERATIONS:
        described = paths[operation.path][operation.method.lower()]
        assert described["summary"]
        assert described["operationId"] == operation.name
    taken = {one["name"] for one in paths["/models/{name}/{segment}/predict"]["post"]["parameters"]}
    assert taken == {"X-Request-Id", "X-Feature-Signature", "X-Canary-Key", "name", "segment"}


def test_every_refusal_that_an_operation_knows_is_documented(tickets):
    responses = document(tickets)["paths"]["/classify"]["post"]["responses"]
    assert set(responses) == {"200", "400", "409", "413", "415", "422", "429", "500", "503"}
    examples = responses["400"]["content"]["application/json"]["examples"]
    assert set(examples) == {"invalid_json", "invalid_base64", "unsupported_event"}


@pytest.mark.parametrize("model", ["tickets", "recruits"])
def test_the_document_is_there_before_a_model_is(model):
    store = MemoryStore()
    assert document(serving_over(store, model=model))["components"]["schemas"]["Row"] == {"type": "object"}


def test_the_document_is_there_before_a_segment_is():
    store = MemoryStore()
    zoo.release(store, "1.0.0", zoo.files(zoo.router(), None), name="recruits")
    described = document(serving_over(store, model="recruits"))
    assert described["components"]["schemas"]["Answer"] == {"type": "object"}
