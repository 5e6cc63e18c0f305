"""The real state machine, with answers from a script in place of the train function: every branch in a second."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import boto3

from infra.cloud.lambdas import Answer
from infra.cloud.server import Server
from infra.cloud.stack import ACCOUNT, REGION

DEFINITION = Path(__file__).resolve().parents[2] / "infra" / "retrain.asl.json"
TRAIN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:TrainFunction"
CHECKED: dict[str, Any] = {
    "outcome": "train",
    "model": "tickets",
    "by": "upload",
    "reason": "new data",
    "upload": {
        "data": "s3://incoming/tickets/march.csv",
        "version_id": "1",
        "etag": "e",
        "uploaded": "2026-11-21T15:00:00Z",
    },
    "data_sha256": "ab" * 32,
    "rows": 3,
    "bytes": 400,
    "where": "function",
    "segments": [{"segment": "", "address": "tickets", "candidates": [], "corrections": None}],
    "segmented": False,
    "promote": {"how": "direct", "weight": 0.05},
}
TRAINED: dict[str, Any] = {
    "model": "tickets",
    "segment": "",
    "address": "tickets",
    "version": "1.1.0",
    "digest": "cd" * 32,
    "passed": True,
    "reasons": [],
    "metrics": {"priority.macro_f1": 0.9},
    "latest": None,
    "rows_used": 3,
    "rows_refused": 0,
}
PROMOTED = {"moved": True, "kind": "promote", "generation": 2, "reason": ""}

Task = dict[str, Any]


def raised(name: str, message: str = "as the script says") -> Answer:
    """What Lambda answers when a function raised, or died."""
    return Answer({"errorType": name, "errorMessage": message}, failed=True)


class Script:
    """The train function by a script: for each task its answers in turn, the last of them again and again."""

    def __init__(self, **answers: Any) -> None:
        told = {"subject": "told", "message": "told at length"}
        usual = {"check": CHECKED, "train": TRAINED, "promote": PROMOTED, "route": {"version": "1.0.0"}, "tell": told}
        self._answers: dict[str, list[Any]] = {
            task: given if isinstance(given, list) else [given] for task, given in (usual | answers).items()
        }
        self.tasks: list[Task] = []

    def invoke(self, event: Task) -> Answer:
        self.tasks.append(event)
        answers = self._answers[event["task"]]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Callable):  # type: ignore[arg-type]
            answer = answer(event)
        return answer if isinstance(answer, Answer) else Answer(answer, failed=False)

    def of(self, task: str) -> list[Task]:
        return [one for one in self.tasks if one["task"] == task]

    @property
    def names(self) -> list[str]:
        return [one["task"] for one in self.tasks]


class Machine(NamedTuple):
    """The machine on moto's interpreter."""

    server: Server
    arn: str
    topic: str

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.server.url,
            region_name=REGION,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )

    def scripted(self, **answers: Any) -> Script:
        """Let the train function answer so from now on."""
        script = Script(**answers)
        self.server.functions["TrainFunction"] = script  # type: ignore[assignment]
        return script


@contextmanager
def machine() -> Iterator[Machine]:
    """The machine of infra/retrain.asl.json, without waits between tries."""
    with Server() as server:
        topic = f"arn:aws:sns:{REGION}:{ACCOUNT}:notices"
        made = Machine(server, "", topic)
        made.client("sns").create_topic(Name="notices")
        text = DEFINITION.read_text(encoding="utf-8")
        for name, value in {"TrainFunctionArn": TRAIN, "NoticesTopicArn": topic, "Partition": "aws"}.items():
            text = text.replace(f"${{{name}}}", value)
        definition = json.dumps(patient(json.loads(text)))
        arn = made.client("stepfunctions").create_state_machine(
            name="retrain", definition=definition, roleArn=f"arn:aws:iam::{ACCOUNT}:role/machine"
        )["stateMachineArn"]
        yield made._replace(arn=arn)


def patient(value: Any) -> Any:
    """The definition with short waits: what is retried, and how often, stays."""
    if isinstance(value, list):
        return [patient(one) for one in value]
    if not isinstance(value, dict):
        return value
    short = {"IntervalSeconds": 1, "BackoffRate": 1.0} if "IntervalSeconds" in value else {}
    return {key: patient(one) for key, one in value.items()} | short
