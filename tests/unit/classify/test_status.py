"""What the service says about itself."""

from pathlib import Path

import pytest

from functions.classify import operations, status
from functions.classify.operations import OPERATIONS
from tests.unit.classify import zoo
from tests.unit.classify.asking import ask, post
from tests.unit.classify.bundles import Clock, release, released, serving_over


@pytest.fixture(scope="module")
def serving():
    return serving_over(released("1.2.0"))


def test_health_is_degraded_while_an_older_model_is_served():
    store, clock = released("1.0.0"), Clock()
    serving = serving_over(store, clock=clock)
    assert ask(serving, "GET", "/health")[1] == {
        "status": "ok",
        "model": "tickets",
        "model_version": "1.0.0",
        "reason": None,
    }
    release(store, "1.1.0")
    store._objects["models/tickets/v1.1.0/golden.json"] += b" "
    clock.now += 31
    _, body, _ = ask(serving, "GET", "/health")
    assert (body["status"], body["model_version"], body["reason"]["code"]) == ("degraded", "1.0.0", "corrupt_bundle")
    assert ask(serving, "GET", "/health/ready")[0] == 200
    assert ask(serving, "GET", "/model/status")[1]["refresh_failures"] == 1


def test_the_status_says_what_is_live(serving):
    _, body, _ = ask(serving, "GET", "/model/status")
    assert body["version"] == "1.2.0"
    assert body["generation"] == 1
    assert body["digest"] == serving.live().digest
    assert body["inputs"] == ["title", "description", "customer_email"]
    assert body["targets"]["department"] == ["Tech Support", "Billing", "Sales"]


def test_the_root_leads_to_everything(serving):
    _, body, _ = ask(serving, "GET", "/")
    paths = {operation.path for operation in OPERATIONS} | operations.PAGES
    assert set(body["links"].values()) <= paths


def test_the_version_is_that_of_the_package(serving):
    project = (Path(__file__).parents[3] / "pyproject.toml").read_text()
    assert f'version = "{status.VERSION}"' in project
    assert ask(serving, "GET", "/version")[1]["version"] == status.VERSION


def test_health_names_the_others_that_were_asked_for_and_is_not_changed_by_them():
    store = zoo.stocked()
    store._objects["models/gifts/v3.0.0/program.safetensors"] = b"nonsense"
    serving = serving_over(store)
    assert "models" not in ask(serving, "GET", "/health")[1]
    post(serving, "/models/recruits/predict", zoo.PLAYERS["qb"])
    assert ask(serving, "POST", "/models/gifts/predict", zoo.ORDER)[0] == 503
    _, body, _ = ask(serving, "GET", "/health")
    assert (body["status"], body["model"], body["reason"]) == ("ok", "tickets", None)
    assert {name: (one["status"], one["model_version"]) for name, one in body["models"].items()} == {
        "recruits": ("ok", "1.0.0"),
        "recruits/qb": ("ok", "1.1.0"),
        "gifts": ("unavailable", None),
    }
    assert body["models"]["gifts"]["reason"]["code"] == "corrupt_bundle"


def test_the_status_of_other_kinds_of_models():
    store = zoo.stocked()
    _, readiness, _ = ask(serving_over(store, model="readiness"), "GET", "/model/status")
    assert (readiness["version"], readiness["targets"]) == ("2.0.0", {"score": []})
    _, recruits, _ = ask(serving_over(store, model="recruits"), "GET", "/model/status")
    assert (recruits["inputs"], recruits["targets"]) == (["position"], None)
