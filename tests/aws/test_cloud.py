"""The retraining machine's branches with a scripted train function; the parts of the cloud on this machine; its story."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import botocore.exceptions
import httpx
import pytest

from infra.cloud.gateway import CALLER, Gateway, signed_headers
from infra.cloud.lambdas import Answer
from infra.cloud.server import serve, stop
from infra.cloud.stack import Stack
from tests.aws.scripted import CHECKED, DEFINITION, PROMOTED, TRAINED, Machine, Script, machine, raised

LAMBDA = "arn:aws:states:::lambda:invoke"
TRANSIENT = {
    "Lambda.TooManyRequestsException",
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
            stateMachineArn=running.arn, name=f"run-{id(_script)}", input='{"model": "tickets"}'
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
    script = running.scripted(check={"outcome": "elsewhere", "model": "tickets", "reason": "taken"})
    assert execute(script)["status"] == "SUCCEEDED"
    assert script.names == ["check"]


def test_every_candidate_of_a_search_is_a_call_of_its_own_and_train_gets_all_answers(
    running: Machine, execute: Callable[..., Any]
) -> None:
    candidates = [{"target": "priority", "settings": {"C": value}} for value in (1.0, 4.0, 16.0)]
    segments = [{"segment": "", "address": "tickets", "candidates": candidates}]
    script = running.scripted(
        check=CHECKED | {"segments": segments}, candidate=lambda task: {**task["candidate"], "scores": [0.5]}
    )
    assert execute(script)["output"]["outcome"] == "trained"
    assert sorted(one["candidate"]["settings"]["C"] for one in script.of("candidate")) == [1.0, 4.0, 16.0]
    [train] = script.of("train")
    assert train["trials"] == [{**candidate, "scores": [0.5]} for candidate in candidates], "in the order of the check"


def test_segments_are_trained_side_by_side_and_one_that_fails_stops_no_other(
    running: Machine, execute: Callable[..., Any]
) -> None:
    segments = [{"segment": one, "address": f"recruits/{one.lower()}", "candidates": []} for one in ("QB", "RB", "WR")]

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
    script = running.scripted(check=CHECKED | {"where": "container"})
    told = execute(script)
    assert told["status"] == "SUCCEEDED", script.tasks[-1]
    [command] = jobs[0]["containerOverrides"]["command"]
    assert json.loads(command) == script.of("train")[0]


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
        assert 1 <= retry["MaxAttempts"] <= 6
        assert retry["BackoffRate"] >= 2
        assert retry["MaxDelaySeconds"] <= 120
    retried = {error for retry in state["Retry"] for error in retry["ErrorEquals"]}
    assert not retried & {*BUSINESS, "States.ALL"}
    if state["Resource"].startswith(LAMBDA):
        assert retried >= TRANSIENT
        assert ("States.TaskFailed" in retried) is False


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
    echo: Any = Echo()
    gateway = Gateway(
        echo, "live", signed=True, binary=["application/octet-stream"], validated=True, log_format=LOG_FORMAT
    )
    server = serve(gateway)
    yield f"http://127.0.0.1:{server.port}/live", gateway
    stop(server)


LOG_FORMAT = (
    '{"request_id":"$context.requestId","status":"$context.status","path":"$context.path","waf":"$context.waf.status"}'
)
JSON = {"content-type": "application/json"}


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


@pytest.mark.slow
def test_the_whole_story_from_an_upload_to_the_logs(built: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "infra.cloud", "--build", str(built)],
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert told.returncode == 0, told.stdout + told.stderr
    assert "FAILED" not in told.stdout
