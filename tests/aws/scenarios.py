"""What each function does for a living: every kind of request that it makes, at least once."""

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from firesteel.registry import alias
from models import tickets
from tests.aws.world import EVENTS, INCOMING, WORK, Failed, World
from tests.unit.classify import bundles

Scenario = Callable[[World], None]


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
    known = {"run": "run-1", "model": "tickets", "segment": "", "upload": checked["upload"]}
    task = {"task": "train", "data_sha256": checked["data_sha256"], "trials": [], **known}
    trained = world.invoke("TrainFunction", task)
    named = {name: trained[name] for name in ("address", "version", "digest")}
    promoted = world.invoke("TrainFunction", {"task": "promote", **known, **named, "promote": checked["promote"]})
    assert promoted["moved"] is True


def container_trains(world: World) -> None:
    upload = world.put(INCOMING, "incoming/tickets/large.csv", _rows(300).replace(b"Urgent", b"ASAP", 1))
    checked = world.invoke("TrainFunction", {"task": "check", "run": "run-1", "event": upload})
    for key in (key for key in world.objects(WORK) if key.startswith("quarantine/")):
        world.client.delete_object(Bucket=WORK, Key=key)
    task = {"task": "train", "run": "run-1", "model": "tickets", "segment": "", "trials": []}
    task |= {name: checked[name] for name in ("upload", "data_sha256")}
    assert world.invoke("TrainFunction", task, role="ContainerRole")["rows_refused"] == 1
    assert [key for key in world.objects(WORK) if re.search("/rows-[0-9a-f]{8}[.]csv$", key)]


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
    ),
    "ContainerRole": (container_trains,),
    "ScoreRole": (score_a_file, score_a_file_that_is_not_there),
}
