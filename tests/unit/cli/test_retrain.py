"""`firesteel retrain` against the real state machine on moto's interpreter, with the train function by a script."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from cli import retrain
from tests.aws.scripted import CHECKED, TRAINED, Machine, machine, raised
from tests.unit.cli.conftest import Run


@pytest.fixture(scope="module")
def running() -> Iterator[Machine]:
    with machine() as made:
        yield made


@pytest.fixture
def aws(running: Machine, firesteel: Run, monkeypatch: pytest.MonkeyPatch) -> Machine:
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY"):
        monkeypatch.setenv(f"AWS_{name}", "testing")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SFN", running.server.url)
    monkeypatch.setenv("FIRESTEEL_MACHINE", running.arn)
    monkeypatch.setattr(retrain, "_EVERY", 0.05)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    return running


def test_it_starts_the_machine_shows_each_step_and_ends_with_the_version(aws: Machine, firesteel: Run) -> None:
    script = aws.scripted()
    done = firesteel("retrain", "tickets", "--data", "s3://incoming/tickets/march.csv")
    assert done.code == 0, done
    assert "tickets 1.1.0 promoted" in done.words
    assert "trained: told" in done.out
    assert [line.split()[-1] for line in done.err.splitlines()] == ["Check", "Train", "Promote", "Tell", "Notify"]
    assert script.tasks[0]["event"] == {"model": "tickets", "by": "hand", "data": "s3://incoming/tickets/march.csv"}


def test_json_is_one_document_with_the_execution_and_every_segment(aws: Machine, firesteel: Run) -> None:
    aws.scripted()
    done = firesteel("retrain", "tickets", "--json")
    told = json.loads(done.out)
    assert (done.code, told["status"], told["outcome"]) == (0, "SUCCEEDED", "trained")
    assert told["execution"].startswith(aws.arn.replace(":stateMachine:", ":execution:"))
    assert told["segments"] == [{"model": "tickets", "version": "1.1.0", "result": "promoted", "reasons": []}]


def test_without_data_it_is_the_newest_upload_and_again_is_said(aws: Machine, firesteel: Run) -> None:
    script = aws.scripted()
    assert firesteel("retrain", "tickets", "--again").code == 0
    assert script.tasks[0]["event"] == {"model": "tickets", "by": "hand", "again": True}


def test_what_was_trained_before_is_said_with_its_version_and_is_no_failure(aws: Machine, firesteel: Run) -> None:
    aws.scripted(
        check={"outcome": "same", "model": "tickets", "reason": "1.0.0 was trained on this", "version": "1.0.0"}
    )
    done = firesteel("retrain", "tickets")
    assert done.code == 0
    assert "same: 1.0.0 was trained on this" in done.out


def test_an_upload_that_another_execution_has_is_a_failure_that_names_it(aws: Machine, firesteel: Run) -> None:
    aws.scripted(
        check={"outcome": "elsewhere", "by": "hand", "model": "tickets", "reason": "the execution dead has it"}
    )
    done = firesteel("retrain", "tickets")
    assert done.code == 1
    assert "the execution dead has it" in done.err


def test_a_refused_gate_has_its_own_exit_code_and_says_why(aws: Machine, firesteel: Run) -> None:
    refused = TRAINED | {"passed": False, "reasons": ["priority.macro_f1 is 0.41, below 0.6"]}
    aws.scripted(train=refused)
    done = firesteel("retrain", "tickets")
    assert done.code == 4
    assert "tickets 1.1.0 refused priority.macro_f1 is 0.41, below 0.6" in done.words
    assert "GateError" in done.err


def test_bad_data_is_bad_input(aws: Machine, firesteel: Run) -> None:
    aws.scripted(check=raised("DataError", "march.csv: no column priority"))
    done = firesteel("retrain", "tickets")
    assert done.code == 3
    assert "told at length" in done.err


def test_another_failure_names_the_execution(aws: Machine, firesteel: Run) -> None:
    aws.scripted(train=raised("ParityError"))
    done = firesteel("retrain", "tickets", "--json")
    assert done.code == 1
    assert json.loads(done.out)["outcome"] == "failed"
    assert json.loads(done.out)["execution"] in done.err


def test_a_task_that_is_tried_again_is_shown_with_its_error(aws: Machine, firesteel: Run) -> None:
    aws.scripted(train=[raised("Runtime.ExitError"), TRAINED])
    done = firesteel("retrain", "tickets")
    assert done.code == 0
    assert "Runtime.ExitError" in done.err


def test_a_rejected_version_says_who_rejected_it(aws: Machine, firesteel: Run) -> None:
    def rejects(task: dict[str, Any]) -> dict[str, Any]:
        aws.client("stepfunctions").send_task_failure(taskToken=task["token"], error="Rejected", cause="ada: too eager")
        return {}

    aws.scripted(check=CHECKED | {"promote": {"how": "approval", "weight": 0.05}}, ask=rejects)
    done = firesteel("retrain", "tickets")
    assert done.code == 4
    assert "Rejected: ada: too eager" in done.words
    assert "waiting for `firesteel approve` or `firesteel reject`" in done.err


def test_no_wait_prints_the_execution_alone(aws: Machine, firesteel: Run) -> None:
    aws.scripted()
    done = firesteel("retrain", "tickets", "--no-wait")
    assert done.code == 0
    assert done.out.strip().startswith("arn:aws:states:")
    assert len(done.out.split()) == 1
    retrain.Followed(
        aws.client("stepfunctions"), done.out.strip(), every=0.05
    ).to_the_end()  # nor disturbs what follows


@pytest.mark.parametrize("data", ["march.csv", "s3://incoming/tickets/march.json", "https://example.com/march.csv"])
def test_data_that_is_no_upload_is_refused_before_anything_is_started(aws: Machine, firesteel: Run, data: str) -> None:
    script = aws.scripted()
    done = firesteel("retrain", "tickets", "--data", data)
    assert (done.code, script.tasks) == (3, [])
    assert data in done.err


def test_without_a_machine_it_says_which_setting_is_missing(firesteel: Run) -> None:
    done = firesteel("retrain", "tickets")
    assert done.code == 3
    assert "FIRESTEEL_MACHINE is not set" in done.err


def test_a_machine_that_does_not_exist_is_named(aws: Machine, firesteel: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRESTEEL_MACHINE", f"{aws.arn}-not")
    done = firesteel("retrain", "tickets")
    assert done.code == 1
    assert "retrain-not" in done.err
    assert "StateMachineDoesNotExist" in done.err


def test_aws_out_of_reach_is_said_in_a_line(aws: Machine, firesteel: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SFN", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    done = firesteel("retrain", "tickets")
    assert done.code == 1
    assert "cannot be asked" in done.err
