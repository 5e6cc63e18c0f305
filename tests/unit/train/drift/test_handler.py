"""The drift task in the train function: what its log lines carry."""

import importlib
import json
from types import SimpleNamespace

import pytest

from benchmarks.drift import World, deliver, publish
from firesteel.monitor import reports
from firesteel.registry.seal import open_registry
from firesteel.registry.store import open_store

CONTEXT = SimpleNamespace(
    function_name="train", memory_limit_in_mb=3008, invoked_function_arn="arn:aws:lambda:x", aws_request_id="1"
)
TASK = {"task": "drift", "model": "drifting", "run": "r1", "days": 1, "now": "2026-11-21T06:00:00Z"}


@pytest.fixture
def handler(tmp_path, monkeypatch):
    for name in ("store", "monitor", "work", "incoming"):
        monkeypatch.setenv(f"FIRESTEEL_{name.upper()}", f"file://{tmp_path}/{name}")
    monkeypatch.setenv("FIRESTEEL_METRICS_NAMESPACE", "Ours")
    return importlib.reload(importlib.import_module("functions.train.handler"))


def test_the_report_is_kept_and_a_line_carries_the_metrics_at_its_root(handler, tmp_path, caplog):
    monitor = open_store(f"file://{tmp_path}/monitor")
    deliver(World(2), monitor, publish(World(1), open_registry(f"file://{tmp_path}/store")), 1, 300, shift=1.0)
    answer = handler.handler(TASK, CONTEXT)
    assert reports.latest(monitor, "drifting")["state"] == answer["looked"][0]["state"] == "DRIFT"
    assert caplog.messages == ["looked for drift", "metrics"]
    line = json.loads(handler.logger.registered_formatter.format(caplog.records[1]))
    [directive] = line["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "Ours"
    for name in (*directive["Dimensions"][0], *(metric["Name"] for metric in directive["Metrics"])):
        assert name in line
    assert (line["model"], line["service"], line["Drift"], line["DriftRows"]) == ("drifting", "firesteel", 1, 300)


def test_of_a_model_of_segments_there_is_a_metric_of_the_whole_too_as_alarms_watch_a_model(handler, tmp_path):
    registry, monitor = open_registry(f"file://{tmp_path}/store"), open_store(f"file://{tmp_path}/monitor")
    for segment in ("one", "two"):
        publish(World(1), registry, f"drifting/{segment}")
    answer = handler.handler(TASK, CONTEXT)
    assert [one["model"] for one in answer["looked"]] == ["drifting/one", "drifting/two"]
    assert [one["model"] for one in answer["metrics"]] == ["drifting/one", "drifting/two", "drifting"]
    assert reports.latest(monitor, "drifting") is None
    assert answer["metrics"][-1]["DriftRows"] == 0
    assert "Drift" not in answer["metrics"][-1]
