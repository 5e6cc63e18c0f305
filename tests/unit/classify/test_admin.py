"""/admin/...: there is none unless the settings say so."""

import pytest

from firesteel.registry.store import MemoryStore
from functions.classify import serving as module
from functions.classify.operations import OPERATIONS
from tests.unit.classify.asking import ask, post, refused
from tests.unit.classify.bundles import TICKET, released, serving_over, source_over

PATHS = [operation.path for operation in OPERATIONS if operation.path.startswith("/admin/")]


@pytest.mark.parametrize("path", PATHS)
def test_nobody_is_told_unless_the_settings_say_so(path):
    store = released()
    assert refused(serving_over(store), "GET", path)[:2] == (404, "not_found")
    assert ask(serving_over(store, admin=True), "GET", path)[0] == 200


def test_there_is_something_to_guard():
    assert set(PATHS) == {"/admin/recent_inferences", "/admin/drift", "/admin/review", "/admin/feedback"}


def test_a_correction_goes_to_the_monitoring_store_and_is_shown_from_there():
    monitor = MemoryStore()
    serving = serving_over(released(), monitor=monitor, admin=True)
    status, sent, _ = ask(
        serving, "POST", "/feedback", {"request_id": "r-1", "answer": {"priority": "High"}, "who": "ada"}
    )
    assert status == 201
    assert [key.startswith("feedback/tickets/") for key in monitor.keys("feedback/")] == [True]
    _, told, _ = ask(serving, "GET", "/admin/feedback")
    assert [one["id"] for one in told["corrections"]] == [sent["id"]]


def test_the_monitoring_store_is_not_opened_before_it_is_needed(monkeypatch):
    opened = []
    monkeypatch.setattr(module, "open_store", lambda url: opened.append(url) or MemoryStore())
    store = released()
    serving = module.over(
        source_over(store), ttl=30, memory=1 << 20, on_failure=lambda *_: None, monitor="file:///nowhere", admin=True
    )
    serving.freshness.start()
    post(serving, "/predict", TICKET)
    assert opened == []
    for _ in range(2):
        assert ask(serving, "GET", "/admin/feedback")[0] == 200
    assert opened == ["file:///nowhere"]
    assert serving.monitor() is serving.monitor()
