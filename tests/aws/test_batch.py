"""Batch scoring as Step Functions runs it: the machine of infra/batch.asl.json, with the score function behind its tasks."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import pytest

from cli.aws import AwsError
from cli.scoring import engines, local, machine, source
from firesteel.errors import DataError, SettingsError
from firesteel.registry import alias
from firesteel.registry.store import MemoryStore, open_store
from functions.classify.scoring.place import Bucket
from functions.classify.scoring.results import Results
from functions.classify.scoring.tasks import Tasks
from infra.cloud.server import Server
from models import tickets
from tests.unit.classify import bundles, zoo

ROOT = Path(__file__).resolve().parents[2]
REGION, ACCOUNT = "us-east-1", "123456789012"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:score"
PART_ROWS, PARTS = 40, 5
LIMITS = {
    "Lambda.TooManyRequestsException": 60,
    "Runtime.ExitError": 2,
    "Sandbox.Timedout": 1,
}  # attempts after the first


class Answer(NamedTuple):
    value: Any
    failed: bool


class Score:
    """The score function, in this process. `faults` are raised by the next calls of a task, first come first served."""

    def __init__(self) -> None:
        self.tasks: Tasks
        self.faults: list[tuple[str, str]] = []
        self.calls: list[dict[str, Any]] = []
        self._lock = threading.Lock()

    def invoke(self, event: dict[str, Any]) -> Answer:
        with self._lock:
            self.calls.append(event)
            fault = next((one for one in self.faults if one[0] == event["task"]), None)
            if fault:
                self.faults.remove(fault)
        if fault:
            return Answer({"errorType": fault[1], "errorMessage": "on purpose"}, True)
        try:
            return Answer(self.tasks(event), False)
        except Exception as error:  # noqa: BLE001 - as Lambda's runtime does
            return Answer({"errorType": type(error).__name__, "errorMessage": str(error)}, True)


class Cloud(NamedTuple):
    s3: Any
    sfn: Any
    machine: str
    score: Score

    def put(self, key: str, data: bytes) -> str:
        self.s3.put_object(Bucket="rows", Key=key, Body=data)
        return f"s3://rows/{key}"

    def run(self, data: str, **asked: Any) -> dict[str, Any]:
        told = {"model": "tickets", "data": data, "format": "CSV", "explain": False, **asked}
        return machine.run(self.machine, told, lambda *_: None, looks=0.05)

    def results(self, folder: str) -> dict[str, bytes]:
        """What a run wrote, by name inside its folder."""
        listed = self.s3.list_objects_v2(Bucket="work", Prefix=folder).get("Contents", [])
        read = {one["Key"]: self.s3.get_object(Bucket="work", Key=one["Key"])["Body"].read() for one in listed}
        return {key.removeprefix(folder): data for key, data in read.items()}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "AWS_ACCESS_KEY_ID": "a",
            "AWS_SECRET_ACCESS_KEY": "s",
            "AWS_DEFAULT_REGION": REGION,
        }.items():
            patch.setenv(name, value)
        with Server() as running:
            patch.setenv("AWS_ENDPOINT_URL", running.url)
            yield running


@pytest.fixture(scope="module")
def registry() -> MemoryStore:
    return zoo.stocked()


@pytest.fixture
def cloud(server: Server, registry: MemoryStore) -> Iterator[Cloud]:
    """Empty buckets and the deployed machine; `latest` of tickets is 1.2.0."""
    s3, sfn = boto3.client("s3"), boto3.client("stepfunctions")
    for bucket in ("rows", "work"):
        s3.create_bucket(Bucket=bucket)
    score = Score()
    environ = {"AWS_ENDPOINT_URL": server.url}
    score.tasks = Tasks(
        registry, open_store("s3://work"), "latest", lambda url: Bucket(url, environ), part_rows=PART_ROWS
    )
    server.functions["score"] = score  # type: ignore[assignment]
    definition = (ROOT / "infra" / "batch.asl.json").read_text()
    for name, value in {
        "ScoreFunctionArn": FUNCTION,
        "WorkBucket": "work",
        "BatchConcurrency": "2",
        "Partition": "aws",
    }.items():
        definition = definition.replace("${" + name + "}", value)
    role = f"arn:aws:iam::{ACCOUNT}:role/batch"
    arn = sfn.create_state_machine(name="batch", definition=_quick(definition), roleArn=role)["stateMachineArn"]
    yield Cloud(s3, sfn, arn, score)
    sfn.delete_state_machine(stateMachineArn=arn)
    for bucket in ("rows", "work"):
        for one in s3.list_objects_v2(Bucket=bucket).get("Contents", []):
            s3.delete_object(Bucket=bucket, Key=one["Key"])
        s3.delete_bucket(Bucket=bucket)


def _quick(definition: str) -> str:
    """The definition with shorter waits before it tries again."""
    return definition.replace('"IntervalSeconds": 2', '"IntervalSeconds": 1').replace(
        '"BackoffRate": 2', '"BackoffRate": 1'
    )


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tickets, two of which cannot be answered."""
    path = tmp_path_factory.mktemp("rows") / "rows.csv"
    tickets.write(path, PART_ROWS * PARTS - 2, seed=3)
    with path.open("a", encoding="utf-8", newline="") as file:
        file.write(",no title,a@example.com,Low,Sales\r\nonly one field\r\n")
    return path


def test_the_machine_answers_as_this_machine_does_to_the_byte(cloud, rows, registry, tmp_path):
    told = cloud.run(cloud.put("rows.csv", rows.read_bytes()))
    assert told | {"seconds": 0, "results": "", "digest": ""} == {
        "results": "", "parts": PARTS, "model": "tickets", "version": "1.2.0", "digest": "",
        "rows": 200, "answered": 198, "failed": 2, "seconds": 0,
    }  # fmt: skip
    there = cloud.results(told["results"])
    here = answered_here(rows, registry, tmp_path)
    assert {name for name in there if name.startswith(("part-", "failed-"))} == here.keys()
    assert {name: there[name] for name in here} == here
    failed = [json.loads(line) for line in there["failed-00004.jsonl"].splitlines()]
    assert [(one["problems"][0]["field"], one["problems"][0]["kind"]) for one in failed] == [
        ("title", "missing"), ("", "wrong_length")
    ]  # fmt: skip


def answered_here(rows: Path, registry: MemoryStore, folder: Path) -> dict[str, bytes]:
    """The files of answers that the local engine writes."""
    chosen = local.bundles(registry, "tickets", None, "latest")
    opened = source.open_source(rows, chosen.needed)
    results = Results(open_store(f"file://{folder}"))
    run = local.begin(opened, chosen, results, "jsonl", explained=False, part_rows=PART_ROWS)
    local.score(run, opened, chosen, results, engines.here, lambda *_: None)
    return {path.name: path.read_bytes() for path in folder.glob("*-*.jsonl")}


def test_rows_of_json_lines_are_answered_and_explained(cloud):
    lines = "".join(json.dumps(bundles.TICKET | {"title": f"Cannot log in {n}"}) + "\n" for n in range(50))
    told = cloud.run(cloud.put("rows.jsonl", lines.encode()), format="JSONL", explain=True)
    assert (told["rows"], told["failed"], told["parts"]) == (50, 0, 2)
    first = json.loads(cloud.results(told["results"])["part-00000.jsonl"].splitlines()[0])
    assert first["predicted_department"] == "Tech Support"
    assert first["explanations"]["department"]["top_positive_features"]


def test_a_file_without_rows_has_a_manifest_without_parts(cloud):
    told = cloud.run(cloud.put("rows.csv", b"title,description\n"))
    assert (told["rows"], told["parts"]) == (0, 0)
    assert "manifest.json" in cloud.results(told["results"])


def test_the_manifest_is_written_last_and_names_every_file(cloud, rows):
    told = cloud.run(cloud.put("rows.csv", rows.read_bytes()))
    files = cloud.results(told["results"])
    manifest = json.loads(files["manifest.json"])
    named = {
        one[kind]["name"]: one[kind]["size"]
        for one in manifest["parts"]
        for kind in ("answers", "refused")
        if kind in one
    }
    assert named == {name: len(data) for name, data in files.items() if name.startswith(("part-", "failed-"))}
    assert manifest["input"]["name"] == "s3://rows/rows.csv"
    assert manifest["rows"] == sum(one["rows"] for one in manifest["parts"]) == 200


def test_a_second_run_of_the_same_rows_answers_nothing_again(cloud, rows):
    data = cloud.put("rows.csv", rows.read_bytes())
    first = cloud.run(data)
    before = cloud.results(first["results"])
    assert cloud.run(data) == first
    assert cloud.results(first["results"]) == before


def test_an_alias_that_moves_meanwhile_changes_no_answer(cloud, rows, registry):
    def move(event: dict[str, Any]) -> Answer:
        if event["task"] == "score" and event["part"] == 0:
            alias.promote(registry, "tickets", "latest", "1.3.0", who="test")
        return invoke(event)

    bundles.release(registry, "1.3.0", lean=9.0)
    alias.promote(registry, "tickets", "latest", "1.2.0", who="test")
    invoke, cloud.score.invoke = cloud.score.invoke, move  # type: ignore[method-assign]
    told = cloud.run(cloud.put("rows.csv", rows.read_bytes()))
    alias.promote(registry, "tickets", "latest", "1.2.0", who="test")
    answers = b"".join(data for name, data in cloud.results(told["results"]).items() if name.startswith("part-"))
    assert {json.loads(line)["model_version"] for line in answers.splitlines()} == {"1.2.0"}


@pytest.mark.parametrize("task", ["prepare", "score", "manifest"])
@pytest.mark.parametrize("error", [*LIMITS, "StoreError"])
def test_a_task_that_fails_for_now_is_tried_again(cloud, rows, task, error):
    cloud.score.faults.append((task, error))
    assert cloud.run(cloud.put("rows.csv", rows.read_bytes()))["rows"] == 200
    assert not cloud.score.faults


@pytest.mark.parametrize("error", ["Sandbox.Timedout", "Runtime.ExitError"])
def test_what_costs_a_whole_attempt_each_time_is_given_up_soon(cloud, rows, error):
    tries = LIMITS[error] + 1
    cloud.score.faults += [("prepare", error)] * tries
    with pytest.raises(AwsError):
        cloud.run(cloud.put("rows.csv", rows.read_bytes()))
    assert [one["task"] for one in cloud.score.calls] == ["prepare"] * tries


def test_no_more_parts_are_answered_at_once_than_the_stack_says(cloud, rows):
    running, most, lock = 0, 0, threading.Lock()

    def counted(event: dict[str, Any]) -> Answer:
        nonlocal running, most
        if event["task"] != "score":
            return invoke(event)
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.2)
        answer = invoke(event)
        with lock:
            running -= 1
        return answer

    invoke, cloud.score.invoke = cloud.score.invoke, counted  # type: ignore[method-assign]
    assert cloud.run(cloud.put("rows.csv", rows.read_bytes()))["rows"] == 200
    assert most == 2


def test_a_child_of_the_map_leaves_next_to_nothing_in_its_state(cloud, rows):
    """The child's definition as a machine of its own: moto does not show the children of a map."""
    told = cloud.run(cloud.put("rows.csv", rows.read_bytes()))
    plan = next(data for name, data in cloud.results(told["results"]).items() if name.startswith("plan-"))
    made = json.loads(cloud.sfn.describe_state_machine(stateMachineArn=cloud.machine)["definition"])
    child = json.dumps({name: made["States"]["Answer"]["ItemProcessor"][name] for name in ("StartAt", "States")})
    role = f"arn:aws:iam::{ACCOUNT}:role/batch"
    arn = cloud.sfn.create_state_machine(name="child", definition=child, roleArn=role)["stateMachineArn"]
    part = json.dumps(json.loads(plan)[0])
    execution = cloud.sfn.start_execution(stateMachineArn=arn, input=part)["executionArn"]
    while (ended := cloud.sfn.describe_execution(executionArn=execution))["status"] == "RUNNING":
        time.sleep(0.05)
    assert (ended["status"], ended["output"]) == ("SUCCEEDED", "{}")
    cloud.sfn.delete_state_machine(stateMachineArn=arn)


def test_a_file_of_too_many_parts_is_refused_before_any_is_answered(cloud, rows, monkeypatch):
    monkeypatch.setattr("functions.classify.scoring.tasks.PARTS", 4)
    with pytest.raises(AwsError, match="makes 5 parts, and a run has at most 4: cut the file"):
        cloud.run(cloud.put("rows.csv", rows.read_bytes()))
    assert [one["task"] for one in cloud.score.calls] == ["prepare"]


def test_a_part_that_stays_unanswered_fails_the_run_and_the_next_goes_on(cloud, rows):
    data = cloud.put("rows.csv", rows.read_bytes())
    cloud.score.faults.append(("score", "KeyError"))
    with pytest.raises(AwsError, match=r"1 of 5 parts are not done: \d; run it again"):
        cloud.run(data)
    cloud.score.calls.clear()
    assert cloud.run(data)["answered"] == 198


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"data": "s3://rows/nothing.csv"}, "s3://rows/nothing.csv does not exist"),
        ({"model": "nope"}, "nope has no alias latest"),
        ({"version": "9.9.9"}, "no complete version 9.9.9"),
        ({"format": "XML"}, "CSV or JSONL"),
        ({"format": "PARQUET"}, "Lambda reads no Parquet"),
        ({"run": "../x"}, "a run's name"),
        ({"more": 1}, "mean nothing: more"),
        ({"explain": "yes"}, "true or false"),
    ],
)
def test_what_can_never_be_answered_fails_at_once_saying_why(cloud, rows, asked, why):
    data = cloud.put("rows.csv", rows.read_bytes())
    with pytest.raises(AwsError, match=why):
        cloud.run(**{"data": data, **asked})
    assert [one["task"] for one in cloud.score.calls] == ["prepare"]


def test_a_named_run_takes_no_other_rows(cloud, rows):
    cloud.run(cloud.put("rows.csv", rows.read_bytes()), run="march")
    with pytest.raises(AwsError, match="batch/march/ holds another run: its rows are those of s3://rows/rows.csv"):
        cloud.run(cloud.put("other.csv", rows.read_bytes() + b"a,b,,Low,Sales\r\n"), run="march")


def test_a_file_that_is_replaced_meanwhile_is_not_mixed_in(cloud, rows):
    def replace(event: dict[str, Any]) -> Answer:
        if event["task"] == "score":
            cloud.put("rows.csv", rows.read_bytes().replace(b"the", b"THE"))
        return invoke(event)

    invoke, cloud.score.invoke = cloud.score.invoke, replace  # type: ignore[method-assign]
    with pytest.raises(AwsError, match="5 of 5 parts are not done"):
        cloud.run(cloud.put("rows.csv", rows.read_bytes()))


def test_progress_is_told_and_ends_with_all_parts(cloud, rows):
    told: list[tuple[str, int, int]] = []
    asked = {"model": "tickets", "data": cloud.put("rows.csv", rows.read_bytes()), "format": "CSV", "explain": False}
    machine.run(cloud.machine, asked, lambda *one: told.append(one), looks=0.02)
    assert told[-1] == ("succeeded", PARTS, PARTS)


def test_without_a_machine_or_a_file_on_s3_nothing_is_started():
    with pytest.raises(SettingsError, match="FIRESTEEL_BATCH_MACHINE is not set"):
        machine.run("", {"data": "s3://rows/rows.csv"}, lambda *_: None)
    with pytest.raises(DataError, match="--aws answers files on S3"):
        machine.run("arn:aws:states:us-east-1:123456789012:stateMachine:b", {"data": "rows.csv"}, lambda *_: None)


def test_every_task_has_a_time_limit_tries_again_with_jitter_and_says_what_it_does():
    definition = json.loads((ROOT / "infra" / "batch.asl.json").read_text())
    inner = definition["States"]["Answer"]["ItemProcessor"]["States"]
    tasks = [one for one in (definition["States"] | inner).values() if one["Type"] == "Task"]
    assert len(tasks) == 4 - 1
    assert {one["TimeoutSeconds"] for one in tasks} == {930}, "more than the function's, or a part is begun twice"
    for one in tasks:
        attempts = {retry["ErrorEquals"][0]: retry["MaxAttempts"] for retry in one["Retry"]}
        assert attempts == LIMITS | {"Lambda.ServiceException": 6}
        assert {retry["JitterStrategy"] for retry in one["Retry"]} == {"FULL"}
    assert all(one["Comment"] for one in (definition["States"] | inner).values())
