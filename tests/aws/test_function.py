"""The built functions, in Lambda's runtime emulator: training publishes what serving then answers with."""

import importlib
import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from cli.emulator import Emulator
from firesteel.registry import alias, bundle
from firesteel.registry.seal import open_registry
from firesteel.registry.store import Store

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


@pytest.fixture
def rollout(store: str, tmp_path: Path) -> str:
    """A copy of the registry with the trained bundle published twice more: as a canary of half the keys and a shadow."""
    shutil.copytree(store.removeprefix("file://"), tmp_path / "store")
    copy = open_registry(f"file://{tmp_path}/store")
    for version in ("1.1.0", "1.2.0"):
        republish(copy, version)
    alias.canary(copy, "tickets", "latest", "1.1.0", weight=0.5, who="tests")
    alias.shadow(copy, "tickets", "latest", "1.2.0", who="tests")
    return f"file://{tmp_path}/store"


def republish(store: Store, version: str) -> None:
    manifest = bundle.read_manifest(store, "tickets", "1.0.0")
    files = {name: bundle.read_file(store, manifest, name) for name in manifest.files}
    bundle.publish(store, "tickets", version, files, who="tests", signature=manifest.signature)


def asked(emulator: Emulator, key: str) -> Any:
    """The answer to a ticket of the caller with this key, whose request has the key's name."""
    event = json.loads((EVENTS / "classify-http-api.json").read_text())
    event["headers"] |= {"x-canary-key": key, "x-request-id": key}
    answer, _ = emulator.invoke(event)
    assert answer["statusCode"] == 200, answer
    return answer


def test_both_sides_of_a_canary_answer_and_each_line_says_which(built: Path, rollout: str) -> None:
    layers = [built / "FiresteelLayer"]
    handler = "functions.classify.handler.handler"
    with Emulator(built / "ClassifyFunction", handler, {"FIRESTEEL_STORE": rollout}, layers) as emulator:
        answers = [asked(emulator, f"key-{number}") for number in range(40)]
        lines = [json.loads(line) for line in emulator.log().splitlines() if line.startswith("{")]
    digests = {
        version: bundle.read_manifest(open_registry(rollout), "tickets", version).digest
        for version in ("1.0.0", "1.1.0")
    }
    versions = [json.loads(answer["body"])["model_version"] for answer in answers]
    assert set(versions) == {"1.0.0", "1.1.0"}
    assert [answer["headers"]["x-model-digest"] for answer in answers] == [digests[version] for version in versions]
    assert [line["message"] for line in lines] == ["request"] * 40  # nothing scores shadows here
    assert [line["side"] for line in lines] == [{"1.0.0": "stable", "1.1.0": "canary"}[version] for version in versions]


def test_the_answer_has_left_before_the_shadow_is_asked(built: Path, rollout: str) -> None:
    """The emulator notes when the runtime has given the answer and asked for the next event: RTDONE.

    It keeps the answer from whoever asked until all extensions are ready, which Lambda does not.
    """
    environment = {"FIRESTEEL_STORE": rollout, "FIRESTEEL_SHADOW": "true"}
    layers = [built / "FiresteelLayer"]
    handler = "functions.classify.handler.handler"
    with Emulator(built / "ClassifyFunction", handler, environment, layers) as emulator:
        stable = [
            f"key-{number}"
            for number in range(60)
            if json.loads(asked(emulator, f"key-{number}")["body"])["model_version"] == "1.0.0"
        ]
        give_up = time.monotonic() + 10
        while (log := emulator.log()).count('"message":"shadow"') < len(stable) and time.monotonic() < give_up:
            time.sleep(0.01)
    kinds = [("RTDONE", "INVOKE RTDONE"), ("shadow", '"message":"shadow"'), ("request", '"message":"request"')]
    told = [next((kind for kind, words in kinds if words in line), "") for line in log.splitlines()]
    lines = [json.loads(line) for line in log.splitlines() if '"message":"shadow"' in line]
    assert "Internal agent firesteel-shadow" in log
    assert [line["request_id"] for line in lines] == stable
    assert all(line["agree"] == {"priority": True, "department": True} for line in lines)
    assert {(line["model_version"], line["shadow_version"]) for line in lines} == {("1.0.0", "1.2.0")}
    in_order = " ".join(filter(None, told)).count("request RTDONE shadow")
    assert in_order >= 0.9 * len(stable)  # the rest may be the scheduling of a busy machine


def test_an_empty_registry_starts_but_does_not_serve(built: Path, tmp_path: Path) -> None:
    event = json.loads((EVENTS / "classify.json").read_text())
    environment = {"FIRESTEEL_STORE": f"file://{tmp_path}"}
    layers = [built / "FiresteelLayer"]
    with Emulator(built / "ClassifyFunction", "functions.classify.handler.handler", environment, layers) as emulator:
        answer, _ = emulator.invoke(event)
    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (503, "no_model")
