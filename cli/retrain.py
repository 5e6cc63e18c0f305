"""`firesteel retrain`: start the stack's state machine by hand, follow it, and end with what became of it."""

import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from cli.aws import AwsError, explained, step_functions
from cli.environment import settings, user
from cli.output import AsJson, console, errors, print_json, print_table
from firesteel.errors import DataError, GateError, SettingsError
from functions.train.cause import told_of

if TYPE_CHECKING:
    from types_boto3_stepfunctions import SFNClient

_EVERY = 2.0  # seconds between looks at an execution
_BAD_INPUT = ("DataError", "DefinitionError", "SettingsError", "InputError")
_WAITING = "waiting for `firesteel approve` or `firesteel reject`"


def add_to(app: typer.Typer) -> None:
    app.command(
        epilog="Examples:\n\n"
        "firesteel retrain tickets\n\n"
        "firesteel retrain tickets --data s3://my-incoming/incoming/tickets/march.csv\n\n"
        "firesteel retrain tickets --again --no-wait"
    )(retrain)


def retrain(
    model: Annotated[str, typer.Argument(help="The model, like tickets. Of one with segments, all are trained.")],
    data: Annotated[
        str | None, typer.Option(help="The upload to train on, s3://bucket/key.", show_default="the model's newest")
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Train even if this data and definition have been trained already.")
    ] = False,
    wait: Annotated[bool, typer.Option(help="Follow the execution to its end.")] = True,
    as_json: AsJson = False,
) -> None:
    """Retrain a model on AWS: starts the stack's state machine, shows its progress and ends with its result."""
    machine = settings().machine
    if not machine:
        raise SettingsError("FIRESTEEL_MACHINE is not set; `sam list stack-outputs` shows it as RetrainMachine")
    if data is not None and not (data.startswith("s3://") and data.endswith((".csv", ".csv.gz"))):
        raise DataError(f"{data!r} is no upload; give it as s3://bucket/incoming/{model}/file.csv or .csv.gz")
    given: dict[str, Any] = {"model": model, "by": "hand"}
    given |= ({"data": data} if data else {}) | ({"again": True} if again else {})
    with explained(machine):
        client = step_functions(machine)
        execution = start(client, machine, given)
        if not wait:
            print_json({"execution": execution}) if as_json else console.print(execution)
            return
        followed = Followed(client, execution)
        try:
            told = followed.to_the_end()
        except KeyboardInterrupt:
            errors.print(f"the execution goes on without you: {execution}")
            raise typer.Exit(130) from None
    _conclude(told, followed.last_error, as_json)


def start(client: "SFNClient", machine: str, given: Mapping[str, Any]) -> str:
    """Start a machine; answers with the execution's ARN. Its name tells who, and when."""
    who = "".join(letter if letter.isalnum() else "-" for letter in user())[:32]
    name = f"{given['model'].replace('/', '-')[:24]}-{who}-{time.time_ns() // 1_000_000}"
    return client.start_execution(stateMachineArn=machine, name=name, input=json.dumps(given))["executionArn"]


class Followed:
    """An execution as it goes: a line for each step that begins or fails, and on a terminal what is running now."""

    def __init__(self, client: "SFNClient", execution: str, every: float | None = None) -> None:
        self._client, self._execution = client, execution
        self._every = _EVERY if every is None else every
        self._seen = 0
        self._begun: float | None = None
        self._running: Counter[str] = Counter()
        self._told: set[str] = set()
        self.last_error = ""
        """The name of the error of the last task that failed."""

    def to_the_end(self) -> dict[str, Any]:
        """What DescribeExecution says when it has ended."""
        with errors.status("starting") as status:
            while True:
                described: Any = self._client.describe_execution(executionArn=self._execution)
                for event in self._news():
                    self._tell(event)
                if described["status"] != "RUNNING":
                    return dict(described)
                status.update(self._now() or "between two steps")
                time.sleep(self._every)

    def _news(self) -> Iterator[Mapping[str, Any]]:
        """The events of its history that have come since the last time."""
        pages = self._client.get_paginator("get_execution_history").paginate(
            executionArn=self._execution, includeExecutionData=False, PaginationConfig={"PageSize": 1000}
        )
        for event in (event for page in pages for event in page["events"]):
            if event["id"] > self._seen:
                self._seen = event["id"]
                yield event

    def _tell(self, event: Mapping[str, Any]) -> None:
        at = event["timestamp"].timestamp()
        self._begun = self._begun or at
        kind = event["type"]
        if kind == "TaskStateEntered":
            name = event["stateEnteredEventDetails"]["name"]
            self._running[name] += 1
            if name not in self._told:
                self._told.add(name)
                errors.print(f"{at - self._begun:6.1f} s  {escape(name)}{f': {_WAITING}' if name == 'Approve' else ''}")
        elif kind == "TaskStateExited":
            self._running[event["stateExitedEventDetails"]["name"]] -= 1
        elif kind in ("TaskFailed", "TaskTimedOut"):
            details = event.get("taskFailedEventDetails") or event.get("taskTimedOutEventDetails") or {}
            self.last_error = details.get("error", kind)
            errors.print(f"{at - self._begun:6.1f} s  [yellow]{escape(self.last_error)}[/]")

    def _now(self) -> str:
        running = [f"{name} x {count}" if count > 1 else name for name, count in self._running.items() if count > 0]
        return ", ".join(_WAITING if name == "Approve" else name for name in running)


def _conclude(told: Mapping[str, Any], last_error: str, as_json: bool) -> None:
    """Print the result; raises what the exit code stands for when nothing new is served."""
    output = json.loads(told.get("output") or "{}")
    outcome = _outcome(told["status"], output)
    segments = [_line(segment) for segment in output.get("segments", [])]
    reason = _reason(told, output)
    if as_json:
        facts = {"execution": told["executionArn"], "status": told["status"], "outcome": outcome, "reason": reason}
        print_json(facts | {"segments": segments})
    elif segments:
        print_table(
            ("model", "version", "result", "why"),
            [(one["model"], one["version"] or "", one["result"], " ".join(one["reasons"])) for one in segments],
        )
    match outcome:
        case "failed" if last_error in _BAD_INPUT:
            raise DataError(reason)
        case "failed":
            raise AwsError(f"{told['executionArn']}: {reason or last_error or told['status']}")
        case "elsewhere":
            raise AwsError(reason)
        case "refused":
            raise GateError(reason or "a version was published and is not served; the notice has the reasons")
    if not as_json:
        console.print(escape(f"{outcome}: {reason}" if reason else outcome))


def _outcome(status: str, output: Mapping[str, Any]) -> str:
    if status != "SUCCEEDED":
        return "failed"
    return str(output.get("outcome") or output["check"]["answer"]["outcome"])


def _reason(told: Mapping[str, Any], output: Mapping[str, Any]) -> str:
    """In a sentence: the check's, or that of the notice whose first line is the most telling one."""
    if told["status"] != "SUCCEEDED":
        return str(told.get("cause") or told.get("error") or "")
    checked = output.get("check", {}).get("answer", {})
    if checked.get("outcome") != "train":
        return str(checked.get("reason", ""))
    return str(output.get("notice", {}).get("subject", ""))


def _line(segment: Mapping[str, Any]) -> dict[str, Any]:
    trained = segment.get("trained", {})
    reasons = list(trained.get("reasons", []))
    if error := segment.get("error"):
        reasons.append(told_of(error))
    elif reason := segment.get("promoted", {}).get("reason"):
        reasons.append(reason)
    return {
        "model": segment["address"],
        "version": trained.get("version"),
        "result": segment["result"],
        "reasons": reasons,
    }
