"""What people are told: a notice in ASCII-subject and plain text, and a report beside what was refused."""

import json

import pytest

from functions.train import tasks
from functions.train.cause import told_of
from tests.unit.train.world import FOLDER, Execution, World, put

TRAINED = {
    "version": "1.1.0",
    "metrics": {"y.r2": 0.75, "y.rmse": 0.125},
    "latest": {"version": "1.0.0", "metrics": {"y.r2": 0.5}},
    "reasons": [],
    "rows_used": 11,
    "rows_refused": 2,
}
PROMOTED = {"moved": True, "kind": "promote", "generation": 7, "reason": "latest of small names 1.1.0"}
RAISED = {"Error": "DataError", "Cause": json.dumps({"errorMessage": "line 3: bad", "errorType": "DataError"})}


def tell(world, outcome, *segments, **known):
    event = {} if world.uploads.versions else put(world, 0)
    known = {
        "model": "small",
        **event,
        "segments": [{"segment": "", "address": "small", **one} for one in segments],
        **known,
    }
    return tasks.run(world.deployment, {"task": "tell", "run": "run-1", "outcome": outcome, "known": known})


def reports(world):
    return {key.rpartition("/")[2]: world.work.get(key, limit=1 << 20) for key in world.work.keys("quarantine/")}


def test_what_is_served_is_told_with_its_metrics_beside_those_of_latest():
    world = World()
    notice = tell(world, "trained", {"result": "promoted", "trained": TRAINED, "promoted": PROMOTED})
    assert notice["subject"] == "Firesteel: small 1.1.0 is served"
    assert notice["message"].splitlines() == [
        "small 1.1.0 is served.",
        "",
        "small 1.1.0 was trained and is served.",
        "  latest of small names 1.1.0 (promote, generation 7)",
        "  rows: 11 used, 2 refused",
        "                 1.1.0      latest 1.0.0     change",
        "  y.r2          0.7500            0.5000    +0.2500",
        "  y.rmse        0.1250",
        "",
        f"upload: {FOLDER}/a.csv (2026-11-21T15:00:01Z, version a.csv-0)",
        "run: run-1",
    ]
    assert not reports(world)


def test_what_gates_refused_is_told_and_reported_with_the_reason():
    world = World()
    refused = {**TRAINED, "reasons": ["FAILED: y.r2 = 0.7500, wanted >= 0.8"]}
    notice = tell(world, "refused", {"result": "refused", "trained": refused})
    assert notice["subject"] == "Firesteel: small 1.1.0 was refused"
    assert "small 1.1.0 was refused by its gates.\n  FAILED: y.r2 = 0.7500, wanted >= 0.8\n" in notice["message"]
    kept = reports(world)
    report = json.loads(kept["report-run-1.json"])
    assert (report["format"], report["run"], report["outcome"], report["model"]) == (1, "run-1", "refused", "small")
    assert report["segments"][0]["trained"] == refused
    assert report["upload"]["version_id"] == "a.csv-0"
    assert notice["message"].startswith(kept["report-run-1.txt"].decode().rstrip("\n"))
    etag = report["upload"]["etag"][:8]
    assert notice["message"].endswith(f"report: memory://work/quarantine/small/a.csv.{etag}/report-run-1.txt")
    assert tell(world, "refused", {"result": "refused", "trained": refused}) == notice
    assert reports(world) == kept


def test_bad_data_are_told_by_the_error_that_the_check_raised():
    world = World()
    notice = tell(world, "failed", error=RAISED)
    assert notice["subject"] == "Firesteel: training small failed"
    assert notice["message"].startswith("training small failed.\nDataError: line 3: bad\n")
    assert json.loads(reports(world)["report-run-1.json"])["error"] == "DataError: line 3: bad"


@pytest.mark.parametrize("cause", ["out of memory", "[1]", '{"no": "message"}', ""])
def test_a_cause_in_any_form_is_told(cause):
    notice = tell(World(), "failed", error={"Error": "States.TaskFailed", "Cause": cause})
    assert f"\nStates.TaskFailed: {cause}\n" in notice["message"]


def test_of_segments_each_has_its_say():
    served = {"result": "promoted", "trained": TRAINED, "promoted": PROMOTED, "address": "small/qb"}
    failed = {"result": "failed", "error": RAISED, "address": "small/rb"}
    rejected = {"result": "rejected", "trained": TRAINED, "error": {"Error": "Rejected", "Cause": "ada: no"}}
    message = tell(World(), "failed", served, failed, rejected)["message"]
    assert "small/qb 1.1.0 was trained and is served." in message
    assert "small/rb could not be trained.\n  DataError: line 3: bad" in message
    assert "small 1.1.0 was not approved.\n  Rejected: ada: no" in message


@pytest.mark.parametrize(
    ("event", "model"),
    [
        ({"detail": {"bucket": {"name": "incoming"}, "object": {"key": "small/Ünïcode.txt"}}}, "an unknown model"),
        ({"model": "small", "data": f"{FOLDER}/none.csv"}, "small"),
        ({}, "an unknown model"),
    ],
)
def test_an_execution_without_an_upload_is_reported_by_its_own_name(event, model):
    world = World()
    known = {**event, "error": RAISED}
    notice = tasks.run(world.deployment, {"task": "tell", "run": "run-1", "outcome": "failed", "known": known})
    assert notice["subject"] == f"Firesteel: training {model} failed"
    assert world.work.keys("quarantine/") == ["quarantine/run-1/report-run-1.json", "quarantine/run-1/report-run-1.txt"]


def test_the_real_answers_of_the_tasks_are_told(monkeypatch):
    from functions.train import train
    from tests.unit.train.world import pretend

    monkeypatch.setattr(train, "train", pretend)
    world = World()
    first, second = put(world, 0), put(world, 1)
    assert world.execute("older", first) == "superseded"
    execution = Execution("newer", second)
    while execution.next != "tell":
        execution = execution.advance(world)
    notice = tasks.run(world.deployment, {"task": "tell", "run": "newer", **execution._tell()})
    assert notice["message"].startswith("small 1.0.0 is served.\n\nsmall 1.0.0 was trained and is served.\n")
    about = {
        **first,
        "check": {"answer": execution.answers["check"] | {"outcome": "superseded", "reason": "b is newer"}},
    }
    notice = tasks.run(world.deployment, {"task": "tell", "run": "older", "outcome": "superseded", "known": about})
    assert notice["message"].startswith("an upload for small is superseded.\nb is newer\n")


def test_a_subject_is_short_and_ascii_and_a_message_bounded():
    world = World()
    segments = [
        {"result": "promoted", "trained": TRAINED | {"version": f"1.{n}.0"}, "promoted": PROMOTED} for n in range(200)
    ]
    notice = tell(world, "trained", *segments)
    assert len(notice["subject"]) == 99, "SNS takes fewer than 100"
    assert len(notice["message"]) == 16_000
    assert tell(world, "verlören")["subject"] == "Firesteel: small: verl?ren"
    assert tell(world, "in two\r\nlines\x07")["subject"] == "Firesteel: small: in two lines"


def test_a_second_run_of_the_same_upload_has_a_report_of_its_own():
    world = World()
    first = tell(world, "failed", error=RAISED)
    other = {"task": "tell", "run": "run-2", "outcome": "failed", "known": {"model": "small", "error": RAISED}}
    second = tasks.run(world.deployment, other)
    for run, notice in (("run-1", first), ("run-2", second)):
        key = notice["message"].rpartition("report: memory://work/")[2]
        assert f"run: {run}\n" in world.work.get(key, limit=1 << 20).decode()


def test_whoever_came_on_purpose_hears_which_execution_has_the_upload():
    answer = {"model": "small", "by": "schedule", "outcome": "elsewhere", "reason": "the execution dead has it"}
    notice = tell(World(), "elsewhere", check={"answer": answer})
    assert notice["subject"] == "Firesteel: small was not trained: another execution has the upload"
    assert "\nthe execution dead has it\n" in notice["message"]


def test_of_a_container_its_reason_is_told_and_where_its_log_is():
    job = {
        "JobId": "1",
        "JobName": "firesteel-small",
        "Attempts": [{"Container": {"ExitCode": 137}}] * 2,
        "Container": {
            "Command": ["x" * 5000],
            "ExitCode": 137,
            "Reason": "OutOfMemoryError: container killed due to memory usage",
            "LogStreamName": "container/default/0a1b",
        },
        "Status": "FAILED",
        "StatusReason": "Essential container in task exited",
    }
    error = {"Error": "States.TaskFailed", "Cause": json.dumps(job)}
    assert told_of(error) == (
        "States.TaskFailed: Essential container in task exited; OutOfMemoryError: container killed due to memory usage "
        "(exit code 137); its log stream is container/default/0a1b"
    )
    never = {"JobId": "1", "Status": "FAILED", "StatusReason": "no such image", "Container": {}}
    assert told_of({"Error": "States.TaskFailed", "Cause": json.dumps(never)}) == "States.TaskFailed: no such image"
    assert len(told_of({"Error": "States.TaskFailed", "Cause": json.dumps(job)[:-1]})) < 1100
