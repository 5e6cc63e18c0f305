"""The train function: one event in, one release out."""

import importlib
from types import SimpleNamespace

import pytest

from firesteel.errors import DataError, SettingsError
from firesteel.registry import alias
from firesteel.registry.seal import open_registry
from models import gifts

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
    assert alias.current(open_registry(f"file://{tmp_path}/store"), "tickets", "latest").digest == answer["digest"]


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


def test_a_task_is_done_with_the_stores_of_the_settings_and_logged_with_its_run(tmp_path, monkeypatch, caplog):
    for name in ("store", "work", "incoming"):
        monkeypatch.setenv(f"FIRESTEEL_{name.upper()}", f"file://{tmp_path}/{name}")
    handler = importlib.reload(importlib.import_module("functions.train.handler"))
    (tmp_path / "incoming" / "gifts").mkdir(parents=True)
    gifts.write(tmp_path / "incoming" / "gifts" / "a.csv", 600, 0)
    key = f"{tmp_path}/incoming/gifts/a.csv".lstrip("/")
    uploaded = {"detail": {"bucket": {"name": ""}, "object": {"key": key}}}
    checked = handler.handler({"task": "check", "run": "one", "event": uploaded}, CONTEXT)
    assert (checked["outcome"], checked["rows"]) == ("train", 600)
    about = {"run": "one", "model": "gifts", "segment": "", "upload": checked["upload"]}
    task = {"task": "train", "data_sha256": checked["data_sha256"], "trials": [], **about}
    trained = handler.handler(task, CONTEXT)
    named = {name: trained[name] for name in ("address", "version", "digest")}
    handler.handler({"task": "promote", "promote": checked["promote"], **about, **named}, CONTEXT)
    assert alias.current(open_registry(f"file://{tmp_path}/store"), "gifts", "latest").who == "run:one"
    told = [(record.message, record.model) for record in caplog.records]
    assert told == [("checked", "gifts"), ("trained", "gifts"), ("promoted", "gifts")]


def test_a_task_without_a_work_bucket_is_refused(handler, caplog):
    with pytest.raises(SettingsError, match="FIRESTEEL_INCOMING is not set"):
        handler.handler({"task": "check", "run": "one", "event": {"model": "gifts"}}, CONTEXT)
    (line,) = caplog.records
    assert (line.message, line.error) == ("training failed", "SettingsError")
