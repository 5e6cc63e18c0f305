"""Retraining as it is deployed: the template's rule and machine on an interpreter, and the built functions behind them.

An upload goes through S3, EventBridge and Step Functions to a version that answers over HTTP; then everything that can
go wrong does.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.emulator import _children
from infra.cloud.cloud import Cloud, template
from infra.cloud.gateway import CALLER
from infra.cloud.stack import Stack
from models import recruits, tickets

pytestmark = pytest.mark.slow
ROWS = 300
SLOW_DOWN = (
    b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
)
TICKET = {"title": "Cannot log in since this morning", "description": "The login page says my account is locked."}


def small(name: str, **changes: Any) -> dict[str, Any]:
    """A definition of tickets that trains in a second or two."""
    definition: dict[str, Any] = yaml.safe_load((template().parent / "models" / "tickets.yaml").read_text())
    del definition["search"], definition["features"]["characters"]
    definition["features"]["words"] |= {"max_features": 2000}
    definition["data"]["min_rows_per_class"] = 5
    definition["gates"] = [{"metric": "department.macro_f1", "at_least": 0.5}]
    return definition | {"model": name} | changes


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Definitions that the train function has in place of those that ship."""
    folder = tmp_path_factory.mktemp("definitions") / "models"
    folder.mkdir()
    searched = {"folds": 2, "metric": "macro_f1", "space": {"C": [1.0, 16.0]}}
    for definition in (
        *(small(name) for name in ("tickets", "again", "throttled", "killed", "bad", "large")),
        small("strict", gates=[{"metric": "priority.macro_f1", "at_least": 0.999}]),
        small("asks", promote={"how": "approval"}),
        small("searched", search=searched),
    ):
        (folder / f"{definition['model']}.yaml").write_text(yaml.safe_dump(definition, sort_keys=False))
    segmented = yaml.safe_load((template().parent / "models" / "recruits.yaml").read_text())
    segmented["data"] = {"min_rows_per_class": 3}
    for segment in segmented["segments"].values():
        segment["min_rows"] = 100
    (folder / "recruits.yaml").write_text(yaml.safe_dump(segmented, sort_keys=False))
    return folder


@pytest.fixture(scope="module")
def cloud(built: Path, models: Path) -> Iterator[Cloud]:
    parameters = {"RefreshSeconds": "1", "Container": "fargate", "ContainerImage": "image", "LargeRows": "650"}
    with Cloud(Stack(template(), "firesteel", parameters), built, models=models) as up:
        yield up


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., bytes]:
    def rows(seed: int, count: int = ROWS) -> bytes:
        path = tmp_path_factory.mktemp("rows") / "tickets.csv"
        tickets.write(path, count, seed)
        return path.read_bytes()

    return rows


def executions_of(cloud: Cloud, model: str) -> list[str]:
    """ARNs of the executions that uploads of a model have started."""
    states, found = cloud.client("stepfunctions"), []
    for arn in cloud.executions("RetrainMachine"):
        given = json.loads(states.describe_execution(executionArn=arn)["input"])
        if given.get("detail", {}).get("object", {}).get("key", "").startswith(f"incoming/{model}/"):
            found.append(arn)
    return found


def uploaded(cloud: Cloud, model: str, data: bytes, name: str = "march.csv") -> str:
    """Put rows under incoming/ and answer with the execution that this started."""
    before = set(executions_of(cloud, model))
    cloud.upload(data, model, name)
    return until(lambda: next(iter(set(executions_of(cloud, model)) - before), None))


def until[T](found: Callable[[], T | None], within: float = 60) -> T:
    """What a look finds at last."""
    give_up = time.monotonic() + within
    while (value := found()) is None:
        assert time.monotonic() < give_up, "it does not come"
        time.sleep(0.05)
    return value


def ended(cloud: Cloud, execution: str) -> dict[str, Any]:
    told = cloud.ended(execution)
    return {**told, "output": json.loads(told.get("output") or "null")}


def versions(cloud: Cloud, model: str) -> set[str]:
    """The complete versions of a model."""
    found = cloud.objects("ModelBucket", f"models/{model}/")
    return {key.split("/")[-2].removeprefix("v") for key in found if key.endswith("/manifest.json")}


def latest(cloud: Cloud, model: str) -> dict[str, Any] | None:
    """The newest entry of the alias."""
    entries = cloud.objects("ModelBucket", f"models/{model}/aliases/latest/")
    newest: dict[str, Any] | None = json.loads(entries[max(entries)]) if entries else None
    return newest


def failures(cloud: Cloud, execution: str) -> list[str]:
    """The errors of the tasks that failed on the way."""
    pages = cloud.client("stepfunctions").get_execution_history(executionArn=execution, maxResults=1000)["events"]
    return [event["taskFailedEventDetails"]["error"] for event in pages if event["type"] == "TaskFailed"]


def notices(cloud: Cloud, model: str) -> list[str]:
    return [one["Message"] for one in cloud.notices if f"/incoming/{model}/" in one["Message"]]


# ---- uploads that are served --------------------------------------------------------------------------------------------


def test_an_upload_becomes_a_version_that_answers_and_people_are_told(cloud: Cloud, rows: Callable[..., bytes]) -> None:
    told = ended(cloud, uploaded(cloud, "tickets", rows(1)))
    assert (told["status"], told["output"]["outcome"]) == ("SUCCEEDED", "trained"), cloud.log()
    entry = latest(cloud, "tickets")
    assert entry
    assert (entry["version"], entry["kind"], entry["who"]) == ("1.0.0", "promote", f"run:{told['name']}")
    answer = cloud.request("Api", "POST", "/classify", TICKET)
    assert (answer.status_code, answer.json()["model_version"]) == (200, "1.0.0"), answer.text
    [notice] = until(lambda: notices(cloud, "tickets") or None)
    assert "tickets 1.0.0 was trained and is served" in notice
    assert "department.macro_f1" in notice


def test_the_same_upload_again_has_one_effect(cloud: Cloud, rows: Callable[..., bytes]) -> None:
    first = uploaded(cloud, "again", rows(2))
    event = json.loads(cloud.client("stepfunctions").describe_execution(executionArn=first)["input"])
    copies = [cloud.start("RetrainMachine", event) for _ in range(2)]
    outcomes = [ended(cloud, one)["output"]["check"]["answer"]["outcome"] for one in (first, *copies)]
    assert sorted(outcomes) == ["elsewhere", "elsewhere", "train"]
    under_another_name = ended(cloud, uploaded(cloud, "again", rows(2), "april.csv"))
    assert under_another_name["output"]["outcome"] == "same"
    assert "again 1.0.0" in under_another_name["output"]["check"]["answer"]["reason"]
    assert versions(cloud, "again") == {"1.0.0"}
    entry = latest(cloud, "again")
    assert entry
    assert entry["generation"] == 1
    until(lambda: notices(cloud, "again")[1:] or None)
    assert len(notices(cloud, "again")) == 2, "one for each upload"


def test_a_search_is_many_calls_and_the_best_settings_are_trained(cloud: Cloud, rows: Callable[..., bytes]) -> None:
    told = ended(cloud, uploaded(cloud, "searched", rows(3)))
    assert told["output"]["outcome"] == "trained", told
    history = cloud.client("stepfunctions").get_execution_history(executionArn=told["executionArn"], maxResults=1000)
    entered = [event["stateEnteredEventDetails"]["name"] for event in history["events"] if "Entered" in event["type"]]
    assert entered.count("Judge") == 4, "two values of C for each of two targets"
    metadata = json.loads(
        cloud.objects("ModelBucket", "models/searched/v1.0.0/")["models/searched/v1.0.0/model_metadata.json"]
    )
    assert metadata["run"] == told["name"]


def test_every_segment_is_trained_and_the_model_answers_for_all(cloud: Cloud, tmp_path: Path) -> None:
    recruits.write(tmp_path / "recruits.csv", 600, 0)  # fewer than go to the container
    told = ended(cloud, uploaded(cloud, "recruits", (tmp_path / "recruits.csv").read_bytes()))
    assert told["status"] == "SUCCEEDED", told["cause"]
    assert {one["address"]: one["result"] for one in told["output"]["segments"]} == {
        f"recruits/{segment}": "promoted" for segment in ("qb", "rb", "wr")
    }
    assert told["output"]["route"]["answer"]["version"] == "1.0.0"
    entry = latest(cloud, "recruits")
    assert entry
    assert entry["version"] == "1.0.0"


def test_large_data_are_trained_by_the_container_and_promoted_as_all_others(
    cloud: Cloud, built: Path, models: Path, rows: Callable[..., bytes]
) -> None:
    jobs: list[subprocess.CompletedProcess[str]] = []

    def submit(job: dict[str, Any]) -> dict[str, str]:
        """Batch: the container's command, with what the job definition gives it."""
        [definition] = cloud.stack.of_type("AWS::Batch::JobDefinition").values()
        given = {one["Name"]: str(one["Value"]) for one in definition["ContainerProperties"]["Environment"]}
        artifact = built / "TrainFunction"  # the current folder, as in the image: `-m` looks there first
        path = str(built / "FiresteelLayer" / "python")
        environment = given | cloud.environment | {"PYTHONPATH": path, "LAMBDA_TASK_ROOT": str(models.parent)}
        command = [sys.executable, "-S", "-m", "functions.train.container", *job["containerOverrides"]["command"]]
        done = subprocess.run(
            command, cwd=artifact, env=environment, capture_output=True, text=True, timeout=100, check=False
        )
        jobs.append(done)
        return {"jobId": "1", "jobName": job["jobName"], "jobArn": "arn:aws:batch:us-east-1:123456789012:job/1"}

    def describe(_: object) -> dict[str, Any]:
        status = "FAILED" if jobs[-1].returncode else "SUCCEEDED"
        return {"jobs": [{"jobId": "1", "jobName": "large", "status": status}]}

    cloud.server.routes |= {"/v1/submitjob": submit, "/v1/describejobs": describe}
    told = ended(cloud, uploaded(cloud, "large", rows(4, 700)))
    assert jobs[0].returncode == 0, jobs[0].stderr
    assert told["output"]["check"]["answer"]["where"] == "container"
    assert told["output"]["outcome"] == "trained"
    assert versions(cloud, "large") == {"1.0.0"}


# ---- what must not be served --------------------------------------------------------------------------------------------


def test_a_version_that_a_gate_refuses_is_published_and_not_served(cloud: Cloud, rows: Callable[..., bytes]) -> None:
    told = ended(cloud, uploaded(cloud, "strict", rows(5)))
    assert (told["status"], told["output"]["outcome"]) == ("SUCCEEDED", "refused")
    assert versions(cloud, "strict") == {"1.0.0"}
    assert latest(cloud, "strict") is None
    reports = cloud.objects("WorkBucket", "quarantine/strict/")
    [report] = [value for key, value in reports.items() if key.endswith(f"report-{told['name']}.txt")]
    assert b"priority.macro_f1" in report
    [notice] = until(lambda: notices(cloud, "strict") or None)
    assert "was refused by its gates" in notice


def test_bad_data_are_reported_and_stay_where_they_are_while_the_last_good_version_serves(
    cloud: Cloud, rows: Callable[..., bytes]
) -> None:
    assert ended(cloud, uploaded(cloud, "bad", rows(6)))["output"]["outcome"] == "trained"
    broken = rows(7).replace(b"Urgent", b"Whenever")
    told = ended(cloud, uploaded(cloud, "bad", broken, "broken.csv"))
    assert (told["status"], told["error"]) == ("FAILED", "RetrainingFailed")
    assert failures(cloud, told["executionArn"]) == ["DataError"], "not tried again"
    kept = cloud.objects("WorkBucket", "quarantine/bad/broken.csv")
    names = {key.rpartition("/")[2] for key in kept}
    assert names > {f"report-{told['name']}.{kind}" for kind in ("json", "txt")}
    [rows_kept] = [name for name in names if not name.startswith("report-")]
    assert re.fullmatch(r"rows-[0-9a-f]{8}\.csv", rows_kept)
    assert cloud.objects("IncomingBucket", "incoming/bad/broken.csv") == {"incoming/bad/broken.csv": broken}
    entry = latest(cloud, "bad")
    assert entry
    assert (entry["version"], entry["generation"]) == ("1.0.0", 1)
    told_to_people = until(lambda: "".join(notices(cloud, "bad")[1:]) or None)
    assert "priority: <8 characters> is not a label" in told_to_people
    assert "Whenever" not in told_to_people, "a notice goes by e-mail: it says where, and the rows kept say what"
    assert b"Whenever" in next(value for key, value in kept.items() if key.endswith(rows_kept))


def test_an_approved_version_is_promoted_by_whom_it_was_approved(cloud: Cloud, rows: Callable[..., bytes]) -> None:
    approved = uploaded(cloud, "asks", rows(8))
    until(lambda: cloud.objects("WorkBucket", "approvals/asks/1.0.0") or None)
    assert latest(cloud, "asks") is None
    assert "firesteel approve asks 1.0.0" in until(lambda: notices(cloud, "asks") or None)[0]
    answer = cloud.request("RegistryApi", "POST", "/models/asks/approve?version=1.0.0&why=looked")
    assert (answer.status_code, answer.json().get("approved")) == (200, True), answer.text
    assert ended(cloud, approved)["output"]["outcome"] == "trained"
    entry = latest(cloud, "asks")
    assert entry
    assert (entry["version"], entry["who"], entry["why"]) == ("1.0.0", CALLER, "looked")
    late = cloud.request("RegistryApi", "POST", "/models/asks/reject?version=1.0.0")
    assert (late.status_code, late.json()["code"]) == (409, "conflict")

    rejected = uploaded(cloud, "asks", rows(9), "april.csv")
    until(lambda: cloud.objects("WorkBucket", "approvals/asks/1.1.0") or None)
    assert cloud.request("RegistryApi", "POST", "/models/asks/reject?version=1.1.0&why=too+eager").status_code == 200
    told = ended(cloud, rejected)
    assert (told["status"], told["output"]["outcome"]) == ("SUCCEEDED", "refused")
    assert "too eager" in told["output"]["segments"][0]["error"]["Cause"]
    entry = latest(cloud, "asks")
    assert entry
    assert entry["version"] == "1.0.0"


# ---- what passes --------------------------------------------------------------------------------------------------------


def test_a_store_that_is_throttled_delays_and_loses_nothing(cloud: Cloud, rows: Callable[..., bytes]) -> None:
    left = [7]  # three tries of the client each time: two tasks fail, a third is through

    def slow_down(environ: Any) -> bytes | None:
        if "/incoming/throttled/" in environ["PATH_INFO"] and environ["REQUEST_METHOD"] == "GET" and left[0]:
            left[0] -= 1
            return SLOW_DOWN
        return None

    cloud.server.fault = slow_down
    try:
        told = ended(cloud, uploaded(cloud, "throttled", rows(10)))
    finally:
        cloud.server.fault = None
    assert left == [0]
    assert told["output"]["outcome"] == "trained", told
    assert set(failures(cloud, told["executionArn"])) == {"StoreError"}
    assert versions(cloud, "throttled") == {"1.0.0"}


def test_a_task_that_is_killed_half_way_is_done_again_with_one_effect(cloud: Cloud, rows: Callable[..., bytes]) -> None:
    execution = uploaded(cloud, "killed", rows(11))
    train = cloud.server.functions["TrainFunction"]
    history = cloud.client("stepfunctions").get_execution_history
    until(
        lambda: next(
            (
                event
                for event in history(executionArn=execution, maxResults=1000)["events"]
                if event.get("stateEnteredEventDetails", {}).get("name") == "Train"
            ),
            None,
        )
    )
    emulator = until(lambda: next(iter(train.running), None))
    time.sleep(0.5)
    for pid in _children(emulator._process.pid):
        os.kill(pid, signal.SIGKILL)
    told = ended(cloud, execution)
    assert told["output"]["outcome"] == "trained", told
    assert failures(cloud, execution) == ["Runtime.ExitError"]
    assert versions(cloud, "killed") == {"1.0.0"}
    entry = latest(cloud, "killed")
    assert entry
    assert entry["generation"] == 1
