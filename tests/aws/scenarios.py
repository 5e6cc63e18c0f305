"""What each function does for a living: every kind of request that it makes, at least once."""

import gzip
import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml

from firesteel.monitor import feedback, inferences, reports
from firesteel.registry import alias
from models import tickets
from tests.aws.world import EVENTS, INCOMING, MONITOR, WORK, Failed, World
from tests.unit.classify import bundles

Scenario = Callable[[World], None]
TITLES = {"r-1": "Cannot log in", "r-2": "How much is the invoice?"}
"""Tickets that were answered, by request id."""


def event(name: str) -> Any:
    return json.loads((EVENTS / f"{name}.json").read_text())


def classify_answers(world: World) -> None:
    with world.store() as store:
        bundles.release(store, "1.0.0")
    ask = event("classify") | {"body": json.dumps(bundles.TICKET)}
    assert world.invoke("ClassifyFunction", ask)["statusCode"] == 200


def classify_browses(world: World) -> None:
    with world.store() as store:
        bundles.release(store, "1.0.0")
    answer = world.invoke("ClassifyFunction", event("model-info"))
    assert answer["statusCode"] == 200


def _ask(method: str, path: str, query: Mapping[str, str] | None = None, body: object = None) -> Any:
    """An event of the API."""
    told = event("classify" if body else "health")
    about = {"httpMethod": method, "path": path, "queryStringParameters": query}
    about["multiValueQueryStringParameters"] = {name: [value] for name, value in (query or {}).items()} or None
    return {**told, **about, "body": json.dumps(body) if body else None}


def _logged(title: str) -> dict[str, Any]:
    """What the log keeps of a ticket's texts where the definition says `plain`."""
    texts = {"title": title, "description": "It has been so since this morning."}
    return {
        name: {"text": text, "characters": len(text), "words": len(text.split()), "known": 0.5}
        for name, text in texts.items()
    }


def _answered(world: World, asked: Mapping[str, str]) -> None:
    """Put an object with the lines of requests, by id with the ticket's title, where Firehose puts it."""
    now = datetime.now(UTC) - timedelta(minutes=1)
    line = {
        "message": "request",
        "timestamp": now.isoformat(),
        "status": 200,
        "model": "tickets",
        "model_version": "1.0.0",
        "model_digest": "ab" * 32,
        "labels": {"priority": "High", "department": "Billing"},
        "confidences": {"priority": 0.5, "department": 0.75},
        "review": False,
    }
    said = ({**line, "request_id": one, "inputs": _logged(title)} for one, title in asked.items())
    text = "".join(json.dumps(one) + "\n" for one in said)
    key = f"{inferences.day_folder('tickets', now.date())}stream-1.jsonl.gz"
    world.put(MONITOR, key, gzip.compress(text.encode()))


def monitor_takes_corrections(world: World) -> None:
    with world.store() as store:
        bundles.release(store, "1.0.0")
    row = {name: text for name, text in bundles.TICKET.items() if name != "customer_email"}
    for about in ({"request_id": "r-1"}, {"input": row}):
        answer = world.invoke(
            "MonitorFunction", _ask("POST", "/feedback", body=about | {"answer": {"priority": "Low"}})
        )
        assert answer["statusCode"] == 201, answer
    assert len([key for key in world.objects(MONITOR) if key.startswith("feedback/tickets/")]) == 2


def monitor_looks_back(world: World) -> None:
    with world.store() as store:
        bundles.release(store, "1.0.0")
    _answered(world, TITLES)
    with world.store(MONITOR) as monitor:
        feedback.send(monitor, "tickets", {"priority": "Low"}, request_id="r-1")
        reports.publish(monitor, "tickets", datetime.now(UTC), {"state": "OK"}, b"<html>")
    found = {}
    for path in ("recent_inferences", "review", "feedback", "drift"):
        answer = world.invoke("MonitorFunction", _ask("GET", f"/admin/{path}", {"model": "tickets"}))
        assert answer["statusCode"] == 200, (path, answer)
        found |= json.loads(answer["body"])
    assert [one["request_id"] for one in found["inferences"]] == ["r-1", "r-2"]
    assert [one["request_id"] for one in found["items"]] == ["r-2"], "what was corrected is in no queue"
    assert [one["request_id"] for one in found["corrections"]] == ["r-1"]
    assert found["latest"]["state"] == "OK"


def new_code_is_tried(world: World) -> None:
    with world.store() as store:
        bundles.release(store, "1.0.0")
    told = world.invoke("SmokeFunction", {"DeploymentId": "d-1", "LifecycleEventHookExecutionId": "h-1"})
    assert told["status"] == "Succeeded", told
    assert world.door.told == [
        (
            "codedeploy:PutLifecycleEventHookExecutionStatus",
            {"deploymentId": "d-1", "lifecycleEventHookExecutionId": "h-1", "status": "Succeeded"},
        )
    ]


def registry_moves(world: World) -> None:
    with world.store() as store:
        bundles.release(store, "1.0.0")
        bundles.release(store, "1.1.0")
    for name in ("registry-promote", "registry-rollback"):
        assert world.invoke("RegistryFunction", event(name))["statusCode"] == 200, name


def registry_approves(world: World) -> None:
    _asked_for_approval(world)
    assert world.invoke("RegistryFunction", event("registry-approve"))["statusCode"] == 200


def registry_rejects(world: World) -> None:
    _asked_for_approval(world)
    assert world.invoke("RegistryFunction", event("registry-reject"))["statusCode"] == 200


def registry_was_not_asked(world: World) -> None:
    with world.store() as store:
        bundles.release(store, "1.1.0")
    assert world.invoke("RegistryFunction", event("registry-approve"))["statusCode"] == 404


def _asked_for_approval(world: World) -> None:
    with world.store() as store:
        bundles.release(store, "1.1.0")
    task = {"task": "ask", "run": "run-1", "address": "tickets", "version": "1.1.0", "token": "token-1"}
    world.invoke("TrainFunction", task)


def guard_stops_a_canary(world: World) -> None:
    with world.store() as store:
        bundles.release(store, "1.0.0")
        bundles.beside(store, "1.1.0", weight=0.05, lean=1.0)
    rings = event("registry-guard-alarm")
    rings["detail"]["state"]["timestamp"] = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f%z")
    assert world.invoke("GuardFunction", rings)["stopped"] is True
    with world.store() as store:
        assert alias.current(store, "tickets", "latest").canary is None


def train_from_upload_to_promotion(world: World) -> None:
    upload = world.put(INCOMING, "incoming/tickets/new.csv", _rows(300))
    checked = world.invoke("TrainFunction", {"task": "check", "run": "run-1", "event": upload})
    assert checked["outcome"] == "train"
    trained = world.invoke("TrainFunction", _train(checked))
    known = {"run": "run-1", "model": "tickets", "segment": "", "upload": checked["upload"]}
    named = {name: trained[name] for name in ("address", "version", "digest")}
    promoted = world.invoke("TrainFunction", {"task": "promote", **known, **named, "promote": checked["promote"]})
    assert promoted["moved"] is True


def container_trains(world: World) -> None:
    upload = world.put(INCOMING, "incoming/tickets/large.csv", _rows(300).replace(b"Urgent", b"ASAP", 1))
    checked = world.invoke("TrainFunction", {"task": "check", "run": "run-1", "event": upload})
    for key in (key for key in world.objects(WORK) if key.startswith("quarantine/")):
        world.client.delete_object(Bucket=WORK, Key=key)
    assert world.invoke("TrainFunction", _train(checked), role="ContainerRole")["rows_refused"] == 1
    assert [key for key in world.objects(WORK) if re.search("/rows-[0-9a-f]{8}[.]csv$", key)]


def train_looks_for_drift(world: World) -> None:
    train_from_upload_to_promotion(world)
    _answered(world, TITLES)
    with world.store(MONITOR) as monitor:
        feedback.send(monitor, "tickets", {"priority": "High"}, request_id="r-1")
    task = {"task": "drift", "model": "tickets", "run": "drift-2026-11-21T06:00:00Z", "days": 7}
    first, again = (world.invoke("TrainFunction", task) for _ in range(2))
    assert first["looked"] == again["looked"], "a run that comes again finds its report"
    [looked] = first["looked"]
    assert (looked["state"], looked["rows"]) == ("INSUFFICIENT_DATA", 2)
    with world.store(MONITOR) as monitor:
        report = reports.latest(monitor, "tickets")
    assert report
    assert report["truth"], "a correction was there"
    assert len([key for key in world.objects(MONITOR) if key.endswith("/report.html")]) == 1


def container_learns_from_corrections(world: World) -> None:
    _learns_from_corrections(world, "ContainerRole")


def train_learns_from_corrections(world: World) -> None:
    _learns_from_corrections(world, "TrainRole")


def _learns_from_corrections(world: World, role: str) -> None:
    with TemporaryDirectory() as folder:
        models = _definitions_with_feedback(Path(folder))
        upload = world.put(INCOMING, "incoming/tickets/large.csv", _rows(300))
        _answered(world, TITLES)
        with world.store(MONITOR) as monitor:
            feedback.send(monitor, "tickets", {"priority": "Low"}, request_id="r-1")
        checked = world.invoke("TrainFunction", {"task": "check", "run": "run-1", "event": upload}, models=models)
        version = world.invoke("TrainFunction", _train(checked), role=role, models=models)["version"]
    with world.store() as store:
        metadata = json.loads(store.get(f"models/tickets/v{version}/model_metadata.json", limit=1 << 20))
    assert metadata["feedback"]["used"] == 1


def _train(checked: Mapping[str, Any]) -> dict[str, Any]:
    """The task that the state machine makes of the check's answer."""
    [segment] = checked["segments"]
    known = {name: checked[name] for name in ("upload", "data_sha256")}
    about = {"run": "run-1", "model": "tickets", "segment": "", "corrections": segment["corrections"]}
    return {"task": "train", "trials": [], **about, **known}


def _definitions_with_feedback(folder: Path) -> Path:
    (folder / "models").mkdir()
    definition = yaml.safe_load((EVENTS.parent / "models" / "tickets.yaml").read_text())
    for name in ("title", "description"):
        definition["inputs"][name]["log"] = "plain"
    text = yaml.safe_dump(definition | {"feedback": {"weight": 1.0}}, sort_keys=False)
    (folder / "models" / "tickets.yaml").write_text(text)
    return folder / "models"


def train_on_the_newest_by_hand(world: World) -> None:
    world.put(INCOMING, "incoming/tickets/old.csv", _rows(300))
    checked = world.invoke(
        "TrainFunction", {"task": "check", "run": "run-1", "event": {"model": "tickets", "by": "hand"}}
    )
    assert checked["outcome"] == "train"


def train_meets_an_upload_that_another_run_has(world: World) -> None:
    upload = world.put(INCOMING, "incoming/tickets/new.csv", _rows(300))
    runs = [
        world.invoke("TrainFunction", {"task": "check", "run": run, "event": upload})["outcome"]
        for run in ("run-1", "run-2")
    ]
    assert runs == ["train", "elsewhere"]


def train_keeps_bad_rows_and_reports_them(world: World) -> None:
    upload = world.put(
        INCOMING, "incoming/tickets/bad.csv", _rows(300).replace(b"Urgent", b"ASAP").replace(b"High", b"!")
    )
    with pytest.raises(Failed, match="DataError"):
        world.invoke("TrainFunction", {"task": "check", "run": "run-1", "event": upload})
    error = {"Error": "DataError", "Cause": json.dumps({"errorMessage": "bad rows"})}
    told = {"task": "tell", "run": "run-1", "outcome": "failed", "known": upload | {"error": error}}
    assert "report: s3://" in world.invoke("TrainFunction", told)["message"]
    kept = {key.rpartition("/")[2] for key in world.objects(WORK) if key.startswith("quarantine/")}
    assert kept >= {"report-run-1.json", "report-run-1.txt"}
    assert [name for name in kept if name.startswith("rows-")]


def train_is_told_of_an_upload_that_is_gone(world: World) -> None:
    upload = world.put(INCOMING, "incoming/tickets/new.csv", _rows(300))
    upload["detail"]["object"] |= {"key": "incoming/tickets/gone.csv"}
    del upload["detail"]["object"]["version-id"]
    with pytest.raises(Failed, match="NotFoundError"):
        world.invoke("TrainFunction", {"task": "check", "run": "run-1", "event": upload})


def train_asks_twice(world: World) -> None:
    _asked_for_approval(world)
    _asked = {"task": "ask", "run": "run-1", "address": "tickets", "version": "1.1.0", "token": "token-2"}
    world.invoke("TrainFunction", _asked)


def score_a_file(world: World) -> None:
    with world.store() as store:
        bundles.release(store, "1.0.0")
    world.put(INCOMING, "scoring/rows.csv", _rows(20))
    asked = {"model": "tickets", "data": f"s3://{INCOMING}/scoring/rows.csv", "format": "CSV", "explain": False}
    prepared = world.invoke("ScoreFunction", {"task": "prepare", "asked": asked})
    with world.store(WORK) as work:
        plan = json.loads(work.get(prepared["plan"], limit=1 << 20))
    counts = [world.invoke("ScoreFunction", part) for part in plan for _ in range(2)]
    assert sum(one["rows"] for one in counts) == 2 * 20
    done = {"task": "manifest", **{name: prepared[name] for name in ("folder", "parts")}}
    assert world.invoke("ScoreFunction", done)["rows"] == 20


def score_a_file_that_is_not_there(world: World) -> None:
    with world.store() as store:
        bundles.release(store, "1.0.0")
    asked = {"model": "tickets", "data": f"s3://{INCOMING}/scoring/none.csv", "format": "CSV", "explain": False}
    with pytest.raises(Failed, match="DataError"):
        world.invoke("ScoreFunction", {"task": "prepare", "asked": asked})


def _rows(count: int) -> bytes:
    rows = list(tickets.rows(count, 1))
    lines = [",".join(rows[0])] + [
        ",".join('"' + value.replace('"', '""') + '"' for value in row.values()) for row in rows
    ]
    return "\n".join(lines).encode()


SCENARIOS: Mapping[str, tuple[Scenario, ...]] = {
    "ClassifyRole": (classify_answers, classify_browses),
    "MonitorRole": (monitor_takes_corrections, monitor_looks_back),
    "SmokeRole": (new_code_is_tried,),
    "RegistryRole": (registry_moves, registry_approves, registry_rejects, registry_was_not_asked),
    "GuardRole": (guard_stops_a_canary,),
    "TrainRole": (
        train_meets_an_upload_that_another_run_has,
        train_on_the_newest_by_hand,
        train_keeps_bad_rows_and_reports_them,
        train_is_told_of_an_upload_that_is_gone,
        train_asks_twice,
        train_from_upload_to_promotion,
        train_looks_for_drift,
        train_learns_from_corrections,
    ),
    "ContainerRole": (container_trains, container_learns_from_corrections),
    "ScoreRole": (score_a_file, score_a_file_that_is_not_there),
}
