"""GET /models...: what the registry has."""

import pytest

from firesteel.errors import StoreError
from firesteel.registry.store import MemoryStore
from tests.unit.classify.asking import ask, refused
from tests.unit.classify.bundles import release, released, serving_over


@pytest.fixture(scope="module")
def serving():
    return serving_over(released("1.2.0"))


def test_models_are_listed_from_the_registry():
    store = released("1.0.0")
    release(store, "1.1.0")
    store.create("models/tickets/v1.2.0/claim.json", b"{}")
    serving = serving_over(store)
    assert ask(serving, "GET", "/models")[1] == {"models": [{"name": "tickets", "served": True}]}

    _, model, _ = ask(serving, "GET", "/models/tickets")
    assert model["versions"] == ["1.0.0", "1.1.0", "1.2.0"]
    assert model["model_version"] == "1.1.0"
    assert model["aliases"]["latest"]["version"] == "1.1.0"
    assert model["aliases"]["latest"]["generation"] == 2

    _, body, _ = ask(serving, "GET", "/models/tickets/versions")
    newest, middle, oldest = body["versions"]
    assert newest == {"version": "1.2.0", "state": "unfinished"}
    assert middle == model["newest"]
    assert middle["metrics"]["priority"] == {"accuracy": 0.9, "macro_f1": 0.8}
    assert middle["metadata"]["changelog"] == "made by hand"
    assert middle["files"]["program.safetensors"] > 1000
    assert oldest["state"] == "complete"


def test_a_corrupt_version_is_listed_as_such():
    store = released("1.0.0")
    serving = serving_over(store)
    store._objects["models/tickets/v1.0.0/metrics.json"] += b" "
    _, body, _ = ask(serving, "GET", "/models/tickets/versions")
    assert body["versions"] == [{"version": "1.0.0", "state": "corrupt"}]


@pytest.mark.parametrize("name", ["nope", "..", "%2e%2e", "a b", "TICKETS", "x" * 100, "tickets\x00", "\u202e"])
def test_models_that_are_none_are_unknown(serving, name):
    for path in (f"/models/{name}", f"/models/{name}/versions"):
        assert refused(serving, "GET", path)[:2] == (404, "unknown_model")


def test_an_unreadable_registry_is_a_503():
    class Unreachable(MemoryStore):
        def folders(self, prefix):
            raise StoreError("s3://secret-bucket cannot be listed")

    code, name, _ = refused(serving_over(Unreachable()), "GET", "/models")
    assert (code, name) == (503, "registry_unavailable")
