"""The score function as Lambda starts it: a task in, counts or an error out, one log line each."""

import importlib
from types import SimpleNamespace

import pytest

from firesteel.errors import DataError, NotFoundError
from firesteel.settings import Settings

CONTEXT = SimpleNamespace(
    function_name="score", memory_limit_in_mb=1769, invoked_function_arn="arn", aws_request_id="id"
)


@pytest.fixture
def score(monkeypatch):
    for name in Settings.__dataclass_fields__:
        monkeypatch.delenv(f"FIRESTEEL_{name.upper()}", raising=False)
    monkeypatch.setenv("FIRESTEEL_STORE", "memory://")
    monkeypatch.setenv("FIRESTEEL_WORK", "memory://")
    return importlib.reload(importlib.import_module("functions.classify.score"))


@pytest.mark.parametrize("event", [None, {}, {"task": "guess"}, ["prepare"]])
def test_an_event_that_is_no_task_fails_and_says_which_there_are(score, caplog, event):
    with pytest.raises(DataError, match="one of prepare, score, manifest"):
        score.handler(event, CONTEXT)
    [line] = caplog.records
    assert (line.message, line.error) == ("batch task failed", "DataError")


def test_a_failure_is_logged_with_its_task_and_raised(score, caplog):
    asked = {"model": "tickets", "data": "s3://bucket/rows.csv", "format": "CSV", "explain": False}
    with pytest.raises(NotFoundError, match="tickets has no alias latest"):
        score.handler({"task": "prepare", "asked": asked}, CONTEXT)
    assert (caplog.records[-1].task, caplog.records[-1].error) == ("prepare", "NotFoundError")
