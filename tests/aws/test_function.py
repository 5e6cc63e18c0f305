"""The built functions, in Lambda's runtime emulator: training publishes what serving then answers with."""

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

from cli.emulator import Emulator

pytestmark = pytest.mark.slow
EVENTS = Path(__file__).resolve().parents[2] / "events"
STATUS = {"health": 200, "classify": 200, "classify-bad": 422, "classify-batch": 200}
KINDS = {"REST API": "", "HTTP API": "-http-api", "function URL": "-function-url"}


@pytest.fixture(scope="module")
def store(built: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A registry that the built train function has published `tickets` 1.0.0 into."""
    folder = tmp_path_factory.mktemp("train")
    importlib.import_module("models.tickets").write(folder / "tickets.csv", 600, 0)
    store = f"file://{folder}/store"
    environment = {"FIRESTEEL_STORE": store, "MPLCONFIGDIR": str(folder / "matplotlib")}
    layers = [built / "FiresteelLayer"]
    handler = "functions.train.handler.handler"
    with Emulator(built / "TrainFunction", handler, environment, layers, memory=3008, timeout=300) as emulator:
        answer, _ = emulator.invoke({"model": "tickets", "data": f"file://{folder}/tickets.csv", "tune": False})
    assert (answer.get("version"), answer.get("promoted")) == ("1.0.0", True), answer
    return store


@pytest.fixture(scope="module")
def function(built: Path, store: str) -> Any:
    layers = [built / "FiresteelLayer"]
    with Emulator(
        built / "ClassifyFunction", "functions.classify.handler.handler", {"FIRESTEEL_STORE": store}, layers
    ) as emulator:
        yield emulator


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", STATUS)
def test_every_kind_of_event_gets_its_answer(function: Emulator, name: str, kind: str) -> None:
    answer, _ = function.invoke(json.loads((EVENTS / f"{name}{KINDS[kind]}.json").read_text()))
    assert answer["statusCode"] == STATUS[name], answer


def test_a_ticket_is_classified_by_the_version_that_was_trained(function: Emulator) -> None:
    answer, _ = function.invoke(json.loads((EVENTS / "classify.json").read_text()))
    body = json.loads(answer["body"])
    assert body["predicted_department"] == "Tech Support"
    assert body["model_version"] == "1.0.0"
    assert answer["headers"]["x-model-digest"]


def test_the_log_has_a_line_for_the_request_and_none_of_its_text(function: Emulator) -> None:
    event = json.loads((EVENTS / "classify.json").read_text())
    answer, _ = function.invoke(event)
    written = [line for line in function.log().splitlines() if line.startswith("{")]
    line = json.loads(written[-1])
    assert line["request_id"] == answer["headers"]["x-request-id"]
    for text in json.loads(event["body"]).values():
        assert not any(text in other for other in written)


def test_an_alias_is_moved_by_the_function_that_may_and_what_serves_goes_on(
    built: Path, store: str, function: Emulator
) -> None:
    layers = [built / "FiresteelLayer"]
    handler = "functions.registry.handler.handler"
    promote, rollback = (json.loads((EVENTS / f"registry-{kind}.json").read_text()) for kind in ("promote", "rollback"))
    with Emulator(built / "RegistryFunction", handler, {"FIRESTEEL_STORE": store}, layers) as emulator:
        moved, _ = emulator.invoke(promote)
        refused, _ = emulator.invoke(rollback)
    assert moved["statusCode"] == 200, moved
    entry = json.loads(moved["body"])
    assert (entry["model"], entry["version"], entry["kind"]) == ("tickets", "1.0.0", "promote")
    assert entry["who"] == promote["requestContext"]["identity"]["userArn"]
    assert (refused["statusCode"], json.loads(refused["body"])["code"]) == (404, "not_in_registry")
    answer, _ = function.invoke(json.loads((EVENTS / "classify.json").read_text()))
    assert json.loads(answer["body"])["model_version"] == "1.0.0"


def test_an_empty_registry_starts_but_does_not_serve(built: Path, tmp_path: Path) -> None:
    event = json.loads((EVENTS / "classify.json").read_text())
    environment = {"FIRESTEEL_STORE": f"file://{tmp_path}"}
    layers = [built / "FiresteelLayer"]
    with Emulator(built / "ClassifyFunction", "functions.classify.handler.handler", environment, layers) as emulator:
        answer, _ = emulator.invoke(event)
    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (503, "no_model")
