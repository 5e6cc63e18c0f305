"""The retraining machine's branches with a scripted train function; the parts of the cloud on this machine; its story."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import botocore.exceptions
import httpx
import pytest

from cli.emulator import EmulatorError
from functions.train.cause import told_of
from functions.train.check import CANDIDATES
from infra.cloud.cloud import Cloud, template
from infra.cloud.gateway import CALLER, Gateway, routes, signed_headers
from infra.cloud.lambdas import Answer
from infra.cloud.server import serve, stop
from infra.cloud.stack import Stack
from infra.cloud.steps import StepError
from infra.cloud.story import Story
from tests.aws.scripted import CHECKED, DEFINITION, PROMOTED, TRAINED, Machine, Script, machine, raised

LAMBDA = "arn:${Partition}:states:::lambda:invoke"
LONG = {  # errors that are worth more or fewer attempts than others, and stand in a retrier of their own
    "Lambda.TooManyRequestsException": 60,
    "Runtime.ExitError": 2,
    "Sandbox.Timedout": 1,
}
TRANSIENT = {
    "Lambda.ServiceException",
    "Lambda.SdkClientException",
    "Lambda.Unknown",
}
BUSINESS = (
    "DataError",
    "DefinitionError",
    "NotFoundError",
    "ConflictError",
    "GateError",
    "ParityError",
    "IntegrityError",
)


@pytest.fixture(scope="module")
def running() -> Iterator[Machine]:
    with machine() as made:
        yield made


@pytest.fixture
def execute(running: Machine) -> Callable[[Script], dict[str, Any]]:
    """Run the machine to its end: how it ended, and its output."""
    states = running.client("stepfunctions")

    def execute(_script: Script) -> dict[str, Any]:
        started = states.start_execution(
            stateMachineArn=running.arn, name=f"run-{uuid.uuid4()}", input='{"model": "tickets"}'
        )
        while (told := states.describe_execution(executionArn=started["executionArn"]))["status"] == "RUNNING":
            time.sleep(0.02)
        return {**told, "output": json.loads(told.get("output") or "null")}

    return execute


# ---- the way of an execution --------------------------------------------------------------------------------------------


def test_an_upload_is_checked_trained_promoted_and_told(running: Machine, execute: Callable[..., Any]) -> None:
    script = running.scripted()
    told = execute(script)
    assert (told["status"], told["output"]["outcome"]) == ("SUCCEEDED", "trained")
    assert script.names == ["check", "train", "promote", "tell"]
    assert {task["run"] for task in script.tasks} == {told["name"]}
    _, train, promote, tell = script.tasks
    assert {name: train[name] for name in ("model", "segment", "upload", "data_sha256", "trials")} == {
        "model": "tickets",
        "segment": "",
        "upload": CHECKED["upload"],
        "data_sha256": CHECKED["data_sha256"],
        "trials": [],
    }
    assert {name: promote[name] for name in ("address", "version", "digest", "promote", "approved")} == {
        "address": "tickets",
        "version": "1.1.0",
        "digest": TRAINED["digest"],
        "promote": CHECKED["promote"],
        "approved": None,
    }
    [segment] = tell["known"]["segments"]
    assert (segment["result"], segment["trained"], segment["promoted"]) == ("promoted", TRAINED, PROMOTED)


@pytest.mark.parametrize("outcome", ["same", "superseded"])
def test_nothing_to_train_is_told_and_is_success(running: Machine, execute: Callable[..., Any], outcome: str) -> None:
    script = running.scripted(check={"outcome": outcome, "model": "tickets", "reason": "so it is"})
    told = execute(script)
    assert (told["status"], told["output"]["outcome"]) == ("SUCCEEDED", outcome)
    assert script.names == ["check", "tell"]


def test_an_event_that_another_execution_has_taken_ends_without_a_word(
    running: Machine, execute: Callable[..., Any]
) -> None:
    script = running.scripted(check={"outcome": "elsewhere", "by": "upload", "reason": "taken"})
    assert execute(script)["status"] == "SUCCEEDED"
    assert script.names == ["check"]


@pytest.mark.parametrize("by", ["hand", "schedule", "drift"])
def test_whoever_came_on_purpose_is_told_that_another_execution_has_the_upload(
    running: Machine, execute: Callable[..., Any], by: str
) -> None:
    script = running.scripted(check={"outcome": "elsewhere", "by": by, "model": "tickets", "reason": "taken"})
    told = execute(script)
    assert (told["status"], told["output"]["outcome"]) == ("SUCCEEDED", "elsewhere")
    assert [script.names, script.tasks[1]["outcome"]] == [["check", "tell"], "elsewhere"]


def test_every_candidate_of_a_search_is_a_call_of_its_own_and_train_gets_all_answers(
    running: Machine, execute: Callable[..., Any]
) -> None:
    candidates = [{"target": "priority", "settings": {"C": value}} for value in (1.0, 4.0, 16.0)]
    segments = [{"segment": "", "address": "tickets", "candidates": candidates, "corrections": None}]
    script = running.scripted(
        check=CHECKED | {"segments": segments}, candidate=lambda task: {**task["candidate"], "scores": [0.5]}
    )
    assert execute(script)["output"]["outcome"] == "trained"
    assert sorted(one["candidate"]["settings"]["C"] for one in script.of("candidate")) == [1.0, 4.0, 16.0]
    [train] = script.of("train")
    assert train["trials"] == [{**candidate, "scores": [0.5]} for candidate in candidates], "in the order of the check"


LEARNT = "cd" * 32


def test_all_tasks_of_a_segment_are_told_of_the_corrections_that_the_check_found(
    running: Machine, execute: Callable[..., Any]
) -> None:
    candidates = [{"target": "priority", "settings": {"C": value}} for value in (1.0, 4.0)]
    found = {"a": LEARNT, "b": None}
    segments = [
        {"segment": one, "address": f"recruits/{one}", "candidates": candidates, "corrections": of}
        for one, of in found.items()
    ]
    script = running.scripted(
        check=CHECKED | {"segments": segments, "segmented": True},
        candidate=lambda task: {**task["candidate"], "scores": [0.5]},
    )
    execute(script)
    tasks = [*script.of("candidate"), *script.of("train")]
    assert len(tasks) == 6
    assert [task["corrections"] for task in tasks] == [found[task["segment"]] for task in tasks]


def test_a_search_as_large_as_the_check_lets_through_fits_into_every_state(
    running: Machine, execute: Callable[..., Any]
) -> None:
    judged = [
        {"target": "priority", "settings": {"C": value, "penalty": "l" * 3000}, "scores": [-0.12345678901234567] * 10}
        for value in range(30)
    ]
    assert 90_000 < len(json.dumps(judged)) <= CANDIDATES, "expected scores and all"
    candidates = [{name: one[name] for name in ("target", "settings")} for one in judged]
    segments = [{"segment": "", "address": "tickets", "candidates": candidates, "corrections": None}]
    script = running.scripted(
        check=CHECKED | {"segments": segments},
        candidate=lambda task: task["candidate"] | {"scores": judged[0]["scores"]},
    )
    told = execute(script)
    assert told["output"]["outcome"] == "trained"
    history = running.client("stepfunctions").get_execution_history
    events = history(executionArn=told["executionArn"], maxResults=1000)["events"]
    states = [event.get("stateEnteredEventDetails") or event.get("stateExitedEventDetails") for event in events]
    assert max(len(one.get("input") or one.get("output") or "") for one in states if one) < 150_000, "of 256 KiB"
    [tell] = script.of("tell")
    assert "candidates" not in json.dumps(tell), "they are forgotten once they are judged"
    assert len(json.dumps(tell)) < 5_000


def test_segments_are_trained_side_by_side_and_one_that_fails_stops_no_other(
    running: Machine, execute: Callable[..., Any]
) -> None:
    segments: list[dict[str, Any]] = [
        {"segment": one, "address": f"recruits/{one.lower()}", "candidates": [], "corrections": None}
        for one in ("QB", "RB", "WR")
    ]

    def train(task: dict[str, Any]) -> Any:
        if task["segment"] == "RB":
            return raised("DataError", "too few rows")
        return TRAINED | {"segment": task["segment"], "address": f"recruits/{task['segment'].lower()}"}

    script = running.scripted(
        check=CHECKED | {"model": "recruits", "segments": segments, "segmented": True}, train=train
    )
    told = execute(script)
    assert told["status"] == "FAILED"
    assert sorted(one["address"] for one in script.of("promote")) == ["recruits/qb", "recruits/wr"]
    assert [one["model"] for one in script.of("route")] == ["recruits"]
    [tell] = script.of("tell")
    assert {one["address"]: one["result"] for one in tell["known"]["segments"]} == {
        "recruits/qb": "promoted",
        "recruits/rb": "failed",
        "recruits/wr": "promoted",
    }


def test_what_a_gate_refuses_is_not_promoted_and_is_no_failure(running: Machine, execute: Callable[..., Any]) -> None:
    script = running.scripted(train=TRAINED | {"passed": False, "reasons": ["too bad"]})
    told = execute(script)
    assert (told["status"], told["output"]["outcome"]) == ("SUCCEEDED", "refused")
    assert script.names == ["check", "train", "tell"]


def test_a_newer_upload_that_was_faster_stays(running: Machine, execute: Callable[..., Any]) -> None:
    script = running.scripted(promote=PROMOTED | {"moved": False, "reason": "a newer one"})
    assert execute(script)["output"]["outcome"] == "superseded"


@pytest.mark.parametrize("error", BUSINESS)
def test_errors_that_would_come_again_are_not_retried(
    running: Machine, execute: Callable[..., Any], error: str
) -> None:
    script = running.scripted(check=raised(error))
    told = execute(script)
    assert (told["status"], told["error"], told["cause"]) == ("FAILED", "RetrainingFailed", "told at length")
    assert script.names == ["check", "tell"]
    assert script.tasks[1]["outcome"] == "failed"
    assert script.tasks[1]["known"]["error"]["Error"] == error


@pytest.mark.parametrize("task", ["check", "train", "promote", "tell"])
@pytest.mark.parametrize("error", ["Runtime.ExitError", "StoreError"])
def test_what_passes_is_retried(running: Machine, execute: Callable[..., Any], task: str, error: str) -> None:
    usual = {"check": CHECKED, "train": TRAINED, "promote": PROMOTED, "tell": {"subject": "s", "message": "m"}}
    script = running.scripted(**{task: [raised(error), usual[task]]})
    assert execute(script)["status"] == "SUCCEEDED"
    assert len(script.of(task)) == 2


def test_a_notice_that_cannot_be_written_is_replaced_by_a_plain_one(
    running: Machine, execute: Callable[..., Any]
) -> None:
    sqs = running.client("sqs")
    url = sqs.create_queue(QueueName="plain")["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    running.client("sns").subscribe(TopicArn=running.topic, Protocol="sqs", Endpoint=queue)
    script = running.scripted(tell=raised("DataError", "no words"))
    assert execute(script)["status"] == "FAILED"
    [message] = sqs.receive_message(QueueUrl=url)["Messages"]
    assert "no words" in json.loads(message["Body"])["Message"]


def test_approval_waits_for_a_person_and_the_alias_says_who(running: Machine, execute: Callable[..., Any]) -> None:
    def approves(task: dict[str, Any]) -> dict[str, Any]:
        output = json.dumps({"approved": True, "who": "ada", "why": "looked"})
        running.client("stepfunctions").send_task_success(taskToken=task["token"], output=output)
        return {}

    script = running.scripted(check=CHECKED | {"promote": {"how": "approval", "weight": 0.05}}, ask=approves)
    assert execute(script)["output"]["outcome"] == "trained"
    [ask], [promote] = script.of("ask"), script.of("promote")
    assert (ask["address"], ask["version"]) == ("tickets", "1.1.0")
    assert promote["approved"] == {"who": "ada", "why": "looked"}


def test_a_rejected_version_is_refused_with_the_reason(running: Machine, execute: Callable[..., Any]) -> None:
    def rejects(task: dict[str, Any]) -> dict[str, Any]:
        running.client("stepfunctions").send_task_failure(taskToken=task["token"], error="Rejected", cause="ada: no")
        return {}

    script = running.scripted(check=CHECKED | {"promote": {"how": "approval", "weight": 0.05}}, ask=rejects)
    told = execute(script)
    assert (told["status"], told["output"]["outcome"]) == ("SUCCEEDED", "refused")
    assert not script.of("promote")
    [segment] = script.of("tell")[0]["known"]["segments"]
    assert segment["error"] == {"Error": "Rejected", "Cause": "ada: no"}


def test_a_token_that_nobody_waits_for_is_refused(running: Machine) -> None:
    for answer in ({"error": "Rejected", "cause": "late"}, {"output": "{}"}):
        states = running.client("stepfunctions")
        send = states.send_task_failure if "error" in answer else states.send_task_success
        with pytest.raises(botocore.exceptions.ClientError) as refusal:
            send(taskToken="gone", **answer)
        assert refusal.value.response["Error"]["Code"] in ("InvalidToken", "TaskDoesNotExist", "TaskTimedOut")


def test_approvals_wait_side_by_side_however_few_segments_are_trained_at_once(
    running: Machine, execute: Callable[..., Any]
) -> None:
    """The first is decided when all have asked: were they asked in turn, nobody would ever be approved."""
    tokens: list[str] = []

    def asks(task: dict[str, Any]) -> dict[str, Any]:
        tokens.append(task["token"])
        if len(tokens) == len(segments):
            for token in tokens:
                output = json.dumps({"approved": True, "who": "ada", "why": ""})
                running.client("stepfunctions").send_task_success(taskToken=token, output=output)
        return {}

    segments = [{"segment": one, "address": f"recruits/{one}", "candidates": [], "corrections": None} for one in "abcd"]
    script = running.scripted(
        check=CHECKED | {"segments": segments, "promote": {"how": "approval", "weight": 0.05}}, ask=asks
    )
    assert execute(script)["output"]["outcome"] == "trained"
    assert len(script.of("promote")) == 4 > json.loads(DEFINITION.read_text())["States"]["Segments"]["MaxConcurrency"]


def test_large_data_go_to_the_container_which_gets_the_train_task(
    running: Machine, execute: Callable[..., Any]
) -> None:
    jobs: list[dict[str, Any]] = []

    def submit(job: dict[str, Any]) -> dict[str, str]:
        jobs.append(job)
        return {"jobId": "1", "jobName": job["jobName"], "jobArn": "arn:aws:batch:us-east-1:123456789012:job/1"}

    running.server.routes["/v1/submitjob"] = submit
    running.server.routes["/v1/describejobs"] = lambda _: {
        "jobs": [{"jobId": "1", "jobName": "j", "status": "SUCCEEDED"}]
    }
    segments = [{"segment": "", "address": "tickets", "candidates": [], "corrections": LEARNT}]
    script = running.scripted(check=CHECKED | {"where": "container", "segments": segments})
    told = execute(script)
    assert told["status"] == "SUCCEEDED", script.tasks[-1]
    [command] = jobs[0]["containerOverrides"]["command"]
    assert json.loads(command) == script.of("train")[0]
    assert json.loads(command)["corrections"] == LEARNT


def test_a_container_that_fails_is_told_by_its_reason_and_its_log(
    running: Machine, execute: Callable[..., Any]
) -> None:
    why = {"statusReason": "Essential container in task exited", "container": {"exitCode": 137, "logStreamName": "c/1"}}
    job = {"jobId": "1", "jobName": "j", "jobArn": "arn:aws:batch:us-east-1:123456789012:job/1"}
    running.server.routes["/v1/submitjob"] = lambda _: job
    running.server.routes["/v1/describejobs"] = lambda _: {"jobs": [job | {"status": "FAILED"} | why]}
    script = running.scripted(check=CHECKED | {"where": "container"})
    assert execute(script)["status"] == "FAILED"
    [segment] = script.of("tell")[0]["known"]["segments"]
    assert segment["result"] == "failed"
    assert told_of(segment["error"]) == (
        "States.TaskFailed: Essential container in task exited (exit code 137); its log stream is c/1"
    )


# ---- what every state must have -----------------------------------------------------------------------------------------


def states(machine: dict[str, Any], guarded: bool = False) -> Iterator[tuple[str, dict[str, Any], bool]]:
    """Name, state, and whether a Map around it catches; those inside Maps too."""
    for name, state in machine["States"].items():
        yield name, state, guarded
        if "ItemProcessor" in state:
            yield from states(state["ItemProcessor"], guarded or "Catch" in state)


STATES = list(states(json.loads(DEFINITION.read_text())))
TASKS = [(name, state, guarded) for name, state, guarded in STATES if state["Type"] == "Task"]


@pytest.mark.parametrize(("name", "state", "guarded"), STATES, ids=[one[0] for one in STATES])
def test_every_state_says_what_it_is_for(name: str, state: dict[str, Any], guarded: bool) -> None:
    assert len(state["Comment"]) > 10


@pytest.mark.parametrize(("name", "state", "guarded"), TASKS, ids=[one[0] for one in TASKS])
def test_every_task_has_a_time_out_bounded_retries_with_jitter_and_a_catch(
    name: str, state: dict[str, Any], guarded: bool
) -> None:
    assert 0 < state["TimeoutSeconds"] <= 7 * 86_400
    assert guarded or any("States.ALL" in one["ErrorEquals"] for one in state["Catch"])
    for retry in state["Retry"]:
        assert retry["JitterStrategy"] == "FULL"
        assert 1 <= retry["MaxAttempts"] <= LONG.get(retry["ErrorEquals"][0], 6)
        assert retry["BackoffRate"] >= 2
        assert retry["MaxDelaySeconds"] <= 120
    retried = {error for retry in state["Retry"] for error in retry["ErrorEquals"]}
    assert not retried & {*BUSINESS, "States.ALL"}
    if state["Resource"].startswith(LAMBDA):
        waits = state["Resource"].endswith(".waitForTaskToken")  # then its time-out means that nobody answered
        assert retried >= {*TRANSIENT, *LONG} - ({"Sandbox.Timedout"} if waits else set())
        assert ("States.TaskFailed" in retried) is False


def test_one_execution_leaves_most_of_a_small_accounts_concurrency_to_others() -> None:
    maps = {name: state for name, state, _ in STATES if state["Type"] == "Map"}
    assert maps["Segments"]["MaxConcurrency"] * maps["Candidates"]["MaxConcurrency"] == 10


def test_the_machine_ends_by_itself_and_later_than_any_approval() -> None:
    definition = json.loads(DEFINITION.read_text())
    longest = max(state["TimeoutSeconds"] for _, state, _ in TASKS)
    assert longest < definition["TimeoutSeconds"] <= 14 * 86_400


def test_every_next_is_a_state_and_every_state_is_reached() -> None:
    def check(machine: dict[str, Any]) -> None:
        inside = json.dumps({name: {**one, "ItemProcessor": None} for name, one in machine["States"].items()})
        for name, state in machine["States"].items():
            assert name == machine["StartAt"] or f'"{name}"' in inside.replace(f'{{"{name}":', "", 1), name
            targets = [state.get("Next"), state.get("Default"), *(one["Next"] for one in state.get("Catch", ()))]
            assert {one for one in targets if one} <= machine["States"].keys()
            if "ItemProcessor" in state:
                check(state["ItemProcessor"])

    check(json.loads(DEFINITION.read_text()))


# ---- API Gateway --------------------------------------------------------------------------------------------------------


class Echo:
    """A function that answers with the event it got."""

    def invoke(self, event: dict[str, Any]) -> Answer:
        body = json.dumps(event)
        return Answer(
            {"statusCode": 200, "headers": {"x-one": "1"}, "multiValueHeaders": {"x-two": ["a", "b"]}, "body": body},
            False,
        )


@pytest.fixture
def api() -> Iterator[tuple[str, Gateway]]:
    echo: Any = {name: Echo() for name in ("Answers", "Monitors")}
    gateway = Gateway(routes(PATHS, echo), "live", binary=["application/octet-stream"], log_format=LOG_FORMAT)
    server = serve(gateway)
    yield f"http://127.0.0.1:{server.port}/live", gateway
    stop(server)


LOG_FORMAT = (
    '{"request_id":"$context.requestId","status":"$context.status","path":"$context.path","waf":"$context.waf.status"}'
)
JSON = {"content-type": "application/json"}


def calls(function: str, **more: Any) -> dict[str, Any]:
    """An operation of an OpenAPI document."""
    uri = f"arn:aws:apigateway:r:lambda:path/functions/arn:aws:lambda:r:1:function:{function}/invocations"
    return {"x-amazon-apigateway-integration": {"type": "aws_proxy", "uri": uri}, **more}


SIGNED = {"x-amazon-apigateway-auth": {"type": "AWS_IAM"}}
BODY = {"x-amazon-apigateway-request-validator": "body"}
MOCK = {"x-amazon-apigateway-integration": {"type": "mock"}}
PATHS = {
    "paths": {
        "/": {"x-amazon-apigateway-any-method": calls("Answers", **SIGNED), "get": calls("Answers")},
        "/{proxy+}": {
            "x-amazon-apigateway-any-method": calls("Answers:live", **SIGNED),
            "post": calls("Answers:live", **SIGNED, **BODY),
            "options": MOCK,
        },
        "/admin/{proxy+}": {"get": calls("Monitors", **SIGNED)},
        "/feedback": {"post": calls("Monitors", **SIGNED, **BODY)},
    }
}


def ask(method: str, url: str, body: bytes = b"", headers: dict[str, str] | None = None) -> httpx.Response:
    return httpx.request(method, url, content=body, headers=signed_headers(method, url, body, headers))


def test_a_request_becomes_the_event_of_a_rest_api(api: tuple[str, Gateway]) -> None:
    answer = ask("POST", f"{api[0]}/models/a%20b?x=1&x=2&empty=", b'{"title": "\xc3\xa9"}', JSON)
    event = answer.json()
    assert (answer.headers["x-one"], answer.headers.get_list("x-two")) == ("1", ["a", "b"])
    assert (event["httpMethod"], event["path"], event["resource"]) == ("POST", "/models/a%20b", "/{proxy+}")
    assert event["queryStringParameters"] == {"x": "2", "empty": ""}
    assert event["multiValueQueryStringParameters"] == {"x": ["1", "2"], "empty": [""]}
    assert event["requestContext"]["identity"]["userArn"] == CALLER
    assert event["requestContext"]["stage"] == "live"
    assert (json.loads(event["body"]), event["isBase64Encoded"]) == ({"title": "é"}, False)
    shipped = json.loads((DEFINITION.parents[1] / "events" / "classify.json").read_text())
    assert event.keys() == shipped.keys()


def test_bodies_of_binary_types_go_as_base64(api: tuple[str, Gateway]) -> None:
    event = ask("POST", f"{api[0]}/v2", b"\x00\xff", {"content-type": "application/octet-stream"}).json()
    assert (event["body"], event["isBase64Encoded"]) == ("AP8=", True)


def test_a_request_without_a_signature_reaches_no_function(api: tuple[str, Gateway]) -> None:
    answer = httpx.get(f"{api[0]}/health")
    assert (answer.status_code, answer.json()["code"]) == (403, "MISSING_AUTHENTICATION_TOKEN")


@pytest.mark.parametrize("change", ["body", "path", "query", "header", "signature"])
def test_a_signature_is_of_one_request_and_of_no_other(api: tuple[str, Gateway], change: str) -> None:
    url, body = f"{api[0]}/predict?a=1", b'{"title": "t"}'
    headers = signed_headers("POST", url, body, JSON)
    match change:
        case "body":
            body = b'{"title": "u"}'
        case "path":
            url = url.replace("predict", "classify")
        case "query":
            url = url.replace("a=1", "a=2")
        case "header":
            headers["content-type"] = "application/json; charset=utf-8"
        case "signature":
            headers["Authorization"] = headers["Authorization"][:-1] + (
                "0" if headers["Authorization"][-1] != "0" else "1"
            )
    answer = httpx.post(url, content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "INVALID_SIGNATURE")


@pytest.mark.parametrize(
    ("method", "path", "resource", "proxy"),
    [
        ("GET", "/admin/drift", "/admin/{proxy+}", "drift"),
        ("GET", "/administer", "/{proxy+}", "administer"),
        ("GET", "/models/a/b", "/{proxy+}", "models/a/b"),
        ("POST", "/feedback", "/feedback", None),
        ("DELETE", "/models", "/{proxy+}", "models"),
    ],
)
def test_the_most_specific_path_answers(
    api: tuple[str, Gateway], method: str, path: str, resource: str, proxy: str | None
) -> None:
    event = ask(method, f"{api[0]}{path}", b'{"a": 1}', JSON).json()
    assert (event["resource"], event["path"]) == (resource, path)
    assert event["pathParameters"] == (proxy and {"proxy": proxy})


@pytest.mark.parametrize(("method", "path"), [("GET", "/feedback"), ("POST", "/admin/drift")])
def test_a_method_that_a_path_does_not_have_reaches_no_function(
    api: tuple[str, Gateway], method: str, path: str
) -> None:
    assert ask(method, f"{api[0]}{path}", b'{"a": 1}', JSON).json()["code"] == "MISSING_AUTHENTICATION_TOKEN"


def test_what_is_open_is_open_for_its_method_alone(api: tuple[str, Gateway]) -> None:
    assert httpx.get(f"{api[0]}/").json()["requestContext"]["identity"]["userArn"] is None
    assert httpx.post(f"{api[0]}/", json={"a": 1}).json()["code"] == "MISSING_AUTHENTICATION_TOKEN"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b"1"])
def test_a_body_that_is_no_json_object_reaches_no_function(api: tuple[str, Gateway], body: bytes) -> None:
    answer = ask("POST", f"{api[0]}/predict", body, JSON)
    assert (answer.status_code, answer.json()["code"]) == (400, "BAD_REQUEST_BODY")


def test_the_access_log_has_a_line_for_every_request(api: tuple[str, Gateway]) -> None:
    answers = [ask("GET", f"{api[0]}/health"), httpx.get(f"{api[0]}/health")]
    first, second = map(json.loads, api[1].log)
    assert first["request_id"] == answers[0].json()["requestContext"]["requestId"]
    assert (first["status"], first["path"], first["waf"]) == ("200", "/live/health", "-")
    assert second["status"] == "403"


# ---- the template as this cloud reads it --------------------------------------------------------------------------------

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  Size: {Type: Number, Default: 3}
  Ids: {Type: CommaDelimitedList, Default: "a,b"}
Conditions:
  Large: !Not [!Equals [!Ref Size, 3]]
  Either: !Or [!Condition Large, !Equals [!Ref "AWS::Region", us-east-1]]
Mappings:
  Words: {here: {hello: good day}}
Resources:
  Bucket: {Type: AWS::S3::Bucket}
  Never: {Type: AWS::S3::Bucket, Condition: Large}
  Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: !Sub "${AWS::StackName}-queue"}}
  Function:
    Type: AWS::Serverless::Function
    Properties:
      Handler: a.b
      Runtime: python3.13
      CodeUri: folder
      MemorySize: !If [Large, 2048, 512]
      Timeout: 9
      Role: arn:aws:iam::123456789012:role/x
      Environment:
        Variables:
          STORE: !Sub "s3://${Bucket}/x"
          SUBSTITUTED: !Sub ["${Name}-${Size}-${!Literal}", {Name: !GetAtt Bucket.Arn}]
          NOTHING: !If [Large, x, !Ref AWS::NoValue]
          WORD: !FindInMap [Words, here, hello]
          IDS: !Join ["+", !Ref Ids]
          SECOND: !Select [1, !Split ["/", "one/two"]]
          EITHER: !If [Either, true, false]
  Machine:
    Type: AWS::Serverless::StateMachine
    Properties:
      DefinitionUri: machine.json
      Role: arn:aws:iam::123456789012:role/x
      DefinitionSubstitutions: {FunctionArn: !GetAtt Function.Arn}
"""


@pytest.fixture
def small(tmp_path: Path) -> Callable[..., Stack]:
    def make(**parameters: str) -> Stack:
        (tmp_path / "template.yaml").write_text(TEMPLATE)
        (tmp_path / "machine.json").write_text('{"Resource": "${FunctionArn}"}')
        return Stack(tmp_path / "template.yaml", "stack", parameters)

    return make


def test_references_conditions_and_substitutions_are_what_cloudformation_makes_of_them(
    small: Callable[..., Stack],
) -> None:
    function = small().function("Function")
    assert (function.handler, function.memory, function.timeout) == ("a.b", 512, 9)
    assert function.environment == {
        "STORE": "s3://stack-bucket/x",
        "SUBSTITUTED": "arn:aws:s3:::stack-bucket-3-${Literal}",
        "WORD": "good day",
        "IDS": "a+b",
        "SECOND": "two",
        "EITHER": "true",
    }
    assert small().physical("Queue") == "stack-queue"


def test_parameters_decide_conditions(small: Callable[..., Stack]) -> None:
    assert "Never" not in small().resources
    large = small(Size="4")
    assert "Never" in large.resources
    assert large.function("Function").memory == 2048
    assert large.function("Function").environment["NOTHING"] == "x"


def test_a_machines_definition_has_the_templates_substitutions(small: Callable[..., Stack]) -> None:
    machine = small().machine("Machine")
    assert machine.arn == "arn:aws:states:us-east-1:123456789012:stateMachine:stack-Machine"
    assert json.loads(machine.definition) == {"Resource": "arn:aws:lambda:us-east-1:123456789012:function:Function"}


def test_a_substitution_that_the_template_forgot_is_named(small: Callable[..., Stack], tmp_path: Path) -> None:
    stack = small()
    (tmp_path / "machine.json").write_text('{"Resource": "${Forgotten}"}')
    with pytest.raises(KeyError, match="Forgotten"):
        stack.machine("Machine")


def test_an_unknown_parameter_is_named(small: Callable[..., Stack]) -> None:
    with pytest.raises(KeyError, match="Sizes"):
        small(Sizes="4")


# ---- a cloud is a new one ------------------------------------------------------------------------------------------------

FORGETFUL = """
import boto3
from infra.cloud.server import Server
for _ in range(2):
    with Server() as server:
        s3, sns = (
            boto3.client(name, endpoint_url=server.url, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="s")
            for name in ("s3", "sns")
        )
        assert not s3.list_buckets()["Buckets"] and not sns.list_topics()["Topics"]
        s3.create_bucket(Bucket="left-behind")
        sns.create_topic(Name="left-behind")
"""


def test_a_server_has_nothing_of_the_one_before_it_in_the_process() -> None:
    told = subprocess.run([sys.executable, "-c", FORGETFUL], capture_output=True, text=True, timeout=100, check=False)
    assert told.returncode == 0, told.stderr


# ---- what is missing or fails is said at once ---------------------------------------------------------------------------

BUILT = ("FiresteelLayer", "ClassifyFunction", "SmokeFunction", "RegistryFunction", "TrainFunction")


def test_a_function_that_was_not_built_is_named_before_anything_starts(tmp_path: Path) -> None:
    for name in BUILT[:-1]:
        (tmp_path / name).mkdir()
    with (
        pytest.raises(EmulatorError, match=r"has no TrainFunction: run `make build`"),
        Cloud(Stack(template(), "stack"), tmp_path),
    ):
        pass


def test_a_missing_emulator_is_named_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in BUILT:
        (tmp_path / name).mkdir()
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with pytest.raises(EmulatorError, match="the emulator needs"), Cloud(Stack(template(), "stack"), tmp_path):
        pass


def story(running: Machine, folder: Path) -> Story:
    """A story that looks at the scripted machine."""
    stack = SimpleNamespace(ref=lambda _: running.arn)
    cloud: Any = SimpleNamespace(client=running.client, stack=stack, bucket=str.lower, log=str)
    return Story(cloud, folder)


@pytest.fixture
def fails(running: Machine) -> Callable[[str], str]:
    """Let an execution fail that an upload has started; the upload's URL."""
    states = running.client("stepfunctions")

    def fails(key: str) -> str:
        running.scripted(check=raised("DataError", "no such column"))
        event = json.dumps({"detail": {"bucket": {"name": "incoming"}, "object": {"key": key}}})
        started = states.start_execution(stateMachineArn=running.arn, name=str(uuid.uuid4()), input=event)
        while states.describe_execution(executionArn=started["executionArn"])["status"] == "RUNNING":
            time.sleep(0.02)
        return f"s3://incoming/{key}"

    return fails


def test_nobody_waits_for_what_an_execution_that_failed_would_bring(
    running: Machine, fails: Callable[[str], str], tmp_path: Path
) -> None:
    upload, began = fails("incoming/tickets/waited.csv"), time.monotonic()
    with pytest.raises(StepError, match="RetrainingFailed: told at length"):
        story(running, tmp_path)._until(lambda: "", upload)
    assert time.monotonic() - began < 10


def test_what_a_failed_execution_left_is_found_and_others_failures_are_not_asked_for(
    running: Machine, fails: Callable[[str], str], tmp_path: Path
) -> None:
    upload = fails("incoming/tickets/left.csv")
    assert story(running, tmp_path)._until(lambda: "a report", upload) == "a report"
    with pytest.raises(StepError, match="it did not come"):
        story(running, tmp_path)._until(lambda: "", "s3://incoming/incoming/tickets/other.csv", within=0.1)


# ---- `python -m infra.cloud` --------------------------------------------------------------------------------------------


@contextmanager
def told_to(built: Path, folder: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], Callable[[str], str]]]:
    """The process, and what waits until its output has some words and gives all of it. Its folders are in `folder`."""
    path = folder / "told.txt"
    with path.open("w") as out:
        command = [sys.executable, "-m", "infra.cloud", "--build", str(built), *options]
        process = subprocess.Popen(
            command, env=os.environ | {"TMPDIR": str(folder)}, stdout=out, stderr=subprocess.STDOUT, text=True
        )

    def until(words: str) -> str:
        give_up = time.monotonic() + 300
        while words not in (text := path.read_text()):
            assert process.poll() is None, text
            assert time.monotonic() < give_up, text
            time.sleep(0.1)
        return text

    try:
        yield process, until
    finally:
        process.terminate()
        process.wait(30)


def belonging(folder: Path) -> list[str]:
    """Command lines of the processes whose environment names the folder."""
    found = []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        try:
            if str(folder).encode() in environment.read_bytes():
                found.append((environment.parent / "cmdline").read_text())
        except OSError:
            continue  # it has ended, or is another user's
    return found


@pytest.mark.slow
def test_the_whole_story_from_an_upload_to_the_logs_and_what_is_kept_is_within_reach(
    built: Path, tmp_path: Path
) -> None:
    with told_to(built, tmp_path, "--keep") as (process, until):
        text = until("firesteel score")
        assert "FAILED" not in text
        assert "wanted <= 15 s beyond training" in text
        assert "/models/{name}/predict" in text, "the first rows of a query are shown"
        variables = dict(re.findall(r"^export (\w+)=(.+)$", text, re.MULTILINE))
        [retrain] = re.findall(r"^firesteel (retrain tickets .+)$", text, re.MULTILINE)
        command = [sys.executable, "-m", "cli.main", *retrain.split(), "--json"]
        answer = subprocess.run(
            command, env=os.environ | variables, capture_output=True, text=True, timeout=120, check=False
        )
        assert answer.returncode == 0, answer.stdout + answer.stderr
        assert json.loads(answer.stdout)["outcome"] == "trained"
        process.send_signal(signal.SIGINT)
        assert process.wait(30) in (0, 4), "4: a bound was missed, which says nothing on a busy machine"
    assert "Traceback" not in (tmp_path / "told.txt").read_text()
    assert not belonging(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_leaves_no_process_and_no_folder(built: Path, tmp_path: Path, number: signal.Signals) -> None:
    with told_to(built, tmp_path) as (process, until):
        until("the stack is up")
        give_up = time.monotonic() + 60
        while not any("aws-lambda-rie" in one for one in belonging(tmp_path)):
            assert time.monotonic() < give_up
            time.sleep(0.05)
        process.send_signal(number)
        assert process.wait(30) == 128 + number
    told = tmp_path / "told.txt"
    assert "interrupted, torn down" in told.read_text()
    assert "Traceback" not in told.read_text()
    assert not belonging(tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == [told.name]
