"""Approvals: a person's word reaches the execution that waits, once."""

import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import SimpleNamespace

import boto3
import pytest
from moto import mock_aws

from firesteel.registry import bundle, record
from firesteel.registry.store import MemoryStore, open_store
from firesteel.settings import Settings
from functions.registry import approvals, moves
from functions.registry.moves import Decision, Refused
from functions.train import approvals as training
from tests.unit.registry_function.test_moves import ADA, event

MACHINE = {
    "StartAt": "Ask",
    "States": {
        "Ask": {
            "Type": "Task",
            "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            "Parameters": {"QueueUrl.$": "$.queue", "MessageBody": {"token.$": "$$.Task.Token"}},
            "TimeoutSeconds": 30,
            "End": True,
        }
    },
}


def credentials(monkeypatch):
    for name, value in (("ACCESS_KEY_ID", "a"), ("SECRET_ACCESS_KEY", "b"), ("DEFAULT_REGION", "eu-central-1")):
        monkeypatch.setenv(f"AWS_{name}", value)


@pytest.fixture
def aws(monkeypatch):
    """AWS with a Step Functions that executes its machines."""
    credentials(monkeypatch)
    with mock_aws(config={"stepfunctions": {"execute_state_machine": True}}):
        yield


@pytest.fixture
def store():
    store = MemoryStore()
    for model in ("tickets", "recruits/qb"):
        bundle.publish(store, model, "1.1.0", {"program": b"x"}, who="tests")
    return store


@pytest.fixture
def work(tmp_path):
    return f"file://{tmp_path}/work"


def ask(work, token, model="tickets", change=None):
    """What the training leaves in the work bucket while it waits."""
    asked = {
        "format": 1,
        "model": model,
        "version": "1.1.0",
        "token": token,
        "run": "run-7",
        "when": record.timestamp(),
    }
    open_store(work).create(f"approvals/{model}/1.1.0.json", record.encode(asked | (change or {})))


def decide(store, work, path="/models/tickets/approve", version="1.1.0", why="read the report"):
    return approvals.decide(moves.read(event(path, version=version, why=why)), store, work)


def refused(*arguments, **options):
    with pytest.raises(Refused) as caught:
        decide(*arguments, **options)
    return caught.value


class Waiting:
    """An execution that waits for a token."""

    def __init__(self):
        self.states, queues = boto3.client("stepfunctions"), boto3.client("sqs")
        queue = queues.create_queue(QueueName="asked")["QueueUrl"]
        role = "arn:aws:iam::123456789012:role/states"
        machine = self.states.create_state_machine(name="retrain", definition=json.dumps(MACHINE), roleArn=role)
        started = self.states.start_execution(
            stateMachineArn=machine["stateMachineArn"], input=json.dumps({"queue": queue})
        )
        self.arn = started["executionArn"]
        self.token = until(lambda: self._asked(queues, queue))

    def _asked(self, queues, queue):
        messages = queues.receive_message(QueueUrl=queue).get("Messages", ())
        return next((json.loads(message["Body"])["token"] for message in messages), None)

    def ended(self):
        """How the execution ended: status, output or error and cause."""
        return until(self._ended)

    def _ended(self):
        found = self.states.describe_execution(executionArn=self.arn)
        return None if found["status"] == "RUNNING" else found


def until(look):
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not happen within 20 s")


def test_what_is_approved_goes_on_with_who_and_why(aws, store, work):
    waiting = Waiting()
    ask(work, waiting.token)
    told = decide(store, work)
    who_why = {"who": ADA, "why": "read the report"}
    assert told == {"model": "tickets", "version": "1.1.0", "run": "run-7", "approved": True, **who_why}
    ended = waiting.ended()
    assert ended["status"] == "SUCCEEDED"
    assert json.loads(ended["output"]) == {"approved": True, **who_why}


def test_what_is_rejected_fails(aws, store, work):
    waiting = Waiting()
    ask(work, waiting.token)
    assert decide(store, work, "/models/tickets/reject", why="too many Urgent")["approved"] is False
    ended = waiting.ended()
    assert (ended["status"], ended["error"]) == ("FAILED", "Rejected")


def test_what_was_decided_stays_decided(aws, store, work):
    waiting = Waiting()
    ask(work, waiting.token)
    decide(store, work)
    assert waiting.ended()["status"] == "SUCCEEDED"
    error = refused(store, work)
    assert (error.code, moves.STATUS[error.code]) == ("conflict", 409)
    assert "does not wait any more" in error.detail
    assert waiting.ended()["status"] == "SUCCEEDED"


def test_a_segment_is_approved_alone(aws, store, work):
    waiting = Waiting()
    ask(work, waiting.token, model="recruits/qb")
    assert decide(store, work, "/models/recruits/qb/approve")["model"] == "recruits/qb"
    assert waiting.ended()["status"] == "SUCCEEDED"


def test_a_segment_without_its_model_is_not_approved(store, work):
    ask(work, "token", model="recruits/qb")
    error = refused(store, work, "/models/qb/approve")
    assert (error.code, "recruits/qb" in error.detail) == ("not_in_registry", True)


def test_who_decides_before_the_training_waits_is_told_to_try_again(store, work):
    assert "try again" in refused(store, work).detail


@pytest.mark.parametrize(
    ("path", "version"),
    [
        ("/models/tickets/approve", "1.1.0"),
        ("/models/tickets/approve", "../1.1.0"),
        ("/models/nope/approve", "1.1.0"),
        ("/models/../approve", "1.1.0"),
    ],
)
def test_what_nobody_asked_for_is_not_found(store, work, path, version):
    assert refused(store, work, path, version).code == "not_in_registry"


def test_a_stack_without_a_work_bucket_waits_for_nothing(store):
    assert refused(store, "").code == "not_in_registry"


@pytest.mark.parametrize(
    "change", [{"format": 2}, {"token": 5}, {"extra": "x"}, {"model": "recruits/qb"}, {"version": "1.2.0"}]
)
def test_a_damaged_approval_tells_nobody(store, work, change):
    ask(work, "token", change=change)
    assert refused(store, work).code == "broken_bundle"


@pytest.fixture
def states(monkeypatch):
    """A stand-in for Step Functions at AWS_ENDPOINT_URL_SFN, which answers with `reply` and keeps what it was told."""
    told = SimpleNamespace(calls=[], reply=(200, {}))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            told.calls.append((self.headers["x-amz-target"].rpartition(".")[2], body))
            status, answer = told.reply
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            """Nothing on standard error."""

    credentials(monkeypatch)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SFN", f"http://127.0.0.1:{server.server_port}")
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield told
        server.shutdown()
        thread.join()


def test_a_rejection_tells_who_and_why(states, store, work):
    ask(work, "the token")
    decide(store, work, "/models/tickets/reject", why="too many Urgent")
    cause = f"{ADA}: too many Urgent"
    assert states.calls == [("SendTaskFailure", {"taskToken": "the token", "error": "Rejected", "cause": cause})]


@pytest.mark.parametrize("path", ["approve", "reject"])
@pytest.mark.parametrize("code", ["TaskTimedOut", "TaskDoesNotExist", "InvalidToken"])
def test_a_training_that_does_not_wait_any_more_is_a_conflict(states, store, work, path, code):
    states.reply = (400, {"__type": code, "message": "Task Timed Out: 'Provided task does not exist anymore'"})
    ask(work, "the token")
    assert refused(store, work, f"/models/tickets/{path}").code == "conflict"
    assert len(states.calls) == 1


@pytest.mark.parametrize("status", [400, 503])
def test_another_failure_of_step_functions_is_a_503_that_says_to_try_again(states, store, work, status):
    states.reply = (status, {"__type": "AccessDeniedException", "message": "User is not authorized"})
    ask(work, "the token")
    error = refused(store, work)
    assert (error.code, moves.STATUS[error.code]) == ("approvals_unavailable", 503)
    assert "authorized" not in error.detail


def test_a_state_machine_that_cannot_be_reached_is_a_503(store, work, monkeypatch):
    credentials(monkeypatch)
    monkeypatch.setenv("AWS_ENDPOINT_URL_SFN", "http://127.0.0.1:9")
    ask(work, "the token")
    assert refused(store, work).code == "approvals_unavailable"


def test_a_reason_is_one_line_of_bounded_length(states, store, work):
    ask(work, "the token")
    told = approvals.decide(Decision(False, "tickets", "1.1.0", "w" * 5000, "a\nb " * 5000), store, work)
    assert (len(told["who"]), len(told["why"])) == (200, 1000)
    [(_, sent)] = states.calls
    assert sent["cause"] == f"{told['who']}: {told['why']}"


def test_what_the_training_asks_is_what_is_decided(states, store, work):
    task = {"address": "recruits/qb", "version": "1.1.0", "token": "the token", "run": "run-9"}
    training.ask(SimpleNamespace(settings=Settings(work=work)), task)
    assert decide(store, work, "/models/recruits/qb/approve")["run"] == "run-9"
    [(called, sent)] = states.calls
    assert (called, sent["taskToken"]) == ("SendTaskSuccess", "the token")
