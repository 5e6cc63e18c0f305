"""Drift reports in the monitoring store: each once, none changed, the newest last."""

from datetime import UTC, datetime, timedelta

import pytest

from firesteel.errors import IntegrityError, NotFoundError, StoreError
from firesteel.monitor import reports
from firesteel.registry.store import MemoryStore

NOW = datetime(2026, 11, 21, 6, tzinfo=UTC)


def report(**parts):
    kept = {"when": "2026-11-21T06:00:00Z", "run": "r", "version": "1.0.0", "state": "OK", "rows": 5, "drifted": []}
    return kept | {"fields": [{"name": "age"}]} | parts


@pytest.fixture
def store():
    return MemoryStore()


def test_before_the_first_there_is_none(store):
    assert reports.latest(store, "tickets") is None
    assert reports.html(store, "tickets") is None
    assert reports.history(store, "tickets") == []
    assert reports.of_run(store, "tickets", "r") is None


def test_a_report_is_kept_under_its_time(store):
    key = reports.publish(store, "recruits/qb", NOW.astimezone(), report(), b"<p>")
    assert key == "drift/recruits/qb/20261121T060000Z/"
    assert store.keys("drift/") == [key + name for name in ("report.html", "report.json", "summary.json")]
    assert reports.latest(store, "recruits/qb") == report()
    assert reports.html(store, "recruits/qb") == b"<p>"
    assert reports.latest(store, "recruits") is None


def test_history_is_short_and_the_newest_is_last(store):
    for day in range(5):
        reports.publish(store, "tickets", NOW + timedelta(days=day), report(rows=day), b"")
    assert [one["rows"] for one in reports.history(store, "tickets", most=3)] == [2, 3, 4]
    assert "fields" not in reports.history(store, "tickets")[0]
    assert reports.latest(store, "tickets")["rows"] == 4


def test_the_same_report_is_kept_once_and_another_takes_the_next_second(store):
    first = reports.publish(store, "tickets", NOW, report(), b"")
    assert reports.publish(store, "tickets", NOW, report(), b"") == first
    assert reports.publish(store, "tickets", NOW, report(run="s"), b"") == "drift/tickets/20261121T060001Z/"
    assert [one["run"] for one in reports.history(store, "tickets")] == ["r", "s"]


def test_a_run_finds_its_own(store):
    for number in range(4):
        reports.publish(store, "tickets", NOW + timedelta(days=number), report(run=f"run-{number}"), b"")
    assert reports.of_run(store, "tickets", "run-2") == ("drift/tickets/20261123T060000Z/", report(run="run-2"))
    assert reports.of_run(store, "tickets", "run-9") is None


class Failing(MemoryStore):
    """Fails when a report's last file would be written."""

    def create(self, key, data):
        if key.endswith("report.json"):
            raise StoreError("gone")
        super().create(key, data)


def test_what_was_not_written_to_its_end_is_no_report_and_is_finished_by_the_next_try():
    broken = Failing()
    with pytest.raises(StoreError):
        reports.publish(broken, "tickets", NOW, report(), b"")
    assert reports.latest(broken, "tickets") is None
    whole = MemoryStore()
    whole._objects |= broken._objects
    assert reports.publish(whole, "tickets", NOW, report(), b"") == "drift/tickets/20261121T060000Z/"
    assert reports.latest(whole, "tickets") == report()


def test_what_is_no_model_is_refused(store):
    with pytest.raises(NotFoundError):
        reports.latest(store, "../secrets")
    with pytest.raises(NotFoundError):
        reports.publish(store, "Tickets", NOW, report(), b"")


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b'{"a":NaN}'])
def test_a_damaged_report_is_named(store, data):
    store.create("drift/tickets/20261121T060000Z/report.json", data)
    with pytest.raises(IntegrityError, match="drift/tickets/20261121T060000Z"):
        reports.latest(store, "tickets")


def test_foreign_keys_are_no_reports(store):
    store.create("drift/tickets/notes/report.json", b"{}")
    store.create("drift/tickets/qb/20261121T060000Z/report.json", b"{}")
    assert reports.latest(store, "tickets") is None
