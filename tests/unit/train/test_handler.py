"""The train function: one event in, one release out."""

import importlib
from types import SimpleNamespace

import pytest

from firesteel.errors import DataError
from firesteel.registry import alias
from firesteel.registry.store import open_store

CONTEXT = SimpleNamespace(
    function_name="train", memory_limit_in_mb=3008, invoked_function_arn="arn:aws:lambda:x", aws_request_id="1"
)


@pytest.fixture
def handler(tmp_path, monkeypatch):
    monkeypatch.setenv("FIRESTEEL_STORE", f"file://{tmp_path}/store")
    return importlib.reload(importlib.import_module("functions.train.handler"))


def test_rows_in_a_store_become_a_served_version(handler, rows, tmp_path):
    answer = handler.handler({"model": "tickets", "data": f"file://{rows.source}", "tune": False}, CONTEXT)
    assert (answer["model"], answer["version"], answer["promoted"]) == ("tickets", "1.0.0", True)
    assert all(gate["passed"] for gate in answer["gates"])
    assert alias.current(open_store(f"file://{tmp_path}/store"), "tickets", "latest").digest == answer["digest"]


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ({}, "the event must be"),
        ([], "the event must be"),
        ({"model": "tickets"}, "the event must be"),
        ({"model": "tickets", "data": 7}, "the event must be"),
        ({"model": "../../etc/passwd", "data": "file:///x/y"}, "there is no model"),
        ({"model": "nothing", "data": "file:///x/y"}, "there are: g2g, gifts, recruits, tickets"),
        ({"model": "tickets", "data": "/etc/passwd"}, "is not where rows can be"),
        ({"model": "tickets", "data": "https://example.com/x.csv"}, "is not where rows can be"),
        ({"model": "tickets", "data": "s3://"}, "is not where rows can be"),
    ],
)
def test_an_event_that_says_too_little_or_too_much_is_refused(handler, event, message):
    with pytest.raises(DataError, match=message):
        handler.handler(event, CONTEXT)


def test_a_failure_is_one_clear_log_line(handler, caplog, tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text("title,description\nx,y\n")
    with pytest.raises(DataError):
        handler.handler({"model": "tickets", "data": f"file://{path}"}, CONTEXT)
    assert caplog.messages == ["training failed"]
    assert "there is no column" in caplog.records[0].reason
