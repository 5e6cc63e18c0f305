"""GET /admin/drift: the newest report and the ones before it."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from firesteel.errors import NotFoundError
from firesteel.monitor import reports
from firesteel.registry.store import MemoryStore
from functions.classify import drifted
from functions.classify.events import Request

NOW = datetime(2026, 11, 21, 6, tzinfo=UTC)


@pytest.fixture
def asked():
    """`asked(model=...)`: the answer, over three reports of `tickets`, which is served."""
    store = MemoryStore()
    for day in range(3):
        report = {"when": f"2026-11-2{day + 1}T06:00:00Z", "state": "OK", "rows": day, "drifted": [], "fields": [{}]}
        reports.publish(store, "tickets", NOW + timedelta(days=day), report, b"")

    def ask(**query):
        request = Request("GET", "/admin/drift", {}, b"", "id", "", query=query)
        return drifted.drift(request, SimpleNamespace(monitor=lambda: store, model="tickets"))

    ask.publish = lambda report: reports.publish(store, "tickets", NOW + timedelta(days=9), report, b"")
    return ask


def test_the_served_model_is_meant_unless_one_is_named(asked):
    answer = json.loads(asked().body)
    assert answer == json.loads(asked(model="tickets").body)
    assert (answer["model"], answer["latest"]["rows"], answer["latest"]["fields"]) == ("tickets", 2, [{}])
    assert [(one["rows"], one["when"][:10]) for one in answer["history"]] == [
        (0, "2026-11-21"),
        (1, "2026-11-22"),
        (2, "2026-11-23"),
    ]


def test_a_model_without_reports_has_none(asked):
    assert json.loads(asked(model="recruits/qb").body) == {
        "model": "recruits/qb",
        "latest": None,
        "history": [],
        "complete": True,
    }


def test_what_lambda_could_not_send_is_left_out_and_that_is_said(asked, monkeypatch):
    whole = json.loads(asked().body)
    assert whole["complete"] is True
    one = len(json.dumps(json.dumps(whole["history"][0], separators=(",", ":"))))
    monkeypatch.setattr(drifted, "_HISTORY_BYTES", 2 * one + 1)
    less = json.loads(asked().body)
    assert [report["rows"] for report in less["history"]] == [1, 2]
    assert (less["latest"], less["complete"]) == (whole["latest"], False)


def test_a_report_that_no_answer_can_hold_is_none(asked):
    huge = {"when": "2026-11-24T06:00:00Z", "state": "OK", "rows": 9, "drifted": [], "fields": ["x" * (5 << 20)]}
    asked.publish(huge)
    answer = asked()
    assert len(answer.body) < 6 << 20
    content = json.loads(answer.body)
    assert (content["latest"], content["complete"], content["history"][-1]["rows"]) == (None, False, 9)


def test_what_is_no_model_is_not_found(asked):
    with pytest.raises(NotFoundError):
        asked(model="../secrets")


def test_reports_are_read_without_numpy():
    script = "import sys; from firesteel.monitor import reports; print({'numpy', 'scipy'} & sys.modules.keys())"
    run = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60)
    assert run.stdout.strip() == "set()"
