"""Machines, events, alarms and queries: what happens without being asked, and how it is seen."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from cli.insights.evaluate import Plan
from cli.insights.lines import Lines
from cli.insights.parser import parse
from firesteel.settings import Settings
from tests.aws.stacks import (
    EVERYTHING,
    FUNCTIONS,
    MACHINES,
    ROOT,
    deployed,
    of_type,
    stack,
)
from tests.unit.insights import recorded


@pytest.mark.parametrize("parameters", [{}, EVERYTHING], ids=["default", "everything"])
@pytest.mark.parametrize(("machine", "file"), MACHINES.items())
def test_a_machine_is_given_exactly_what_its_definition_asks_for(
    machine: str, file: str, parameters: dict[str, str]
) -> None:
    text = (ROOT / f"infra/{file}.asl.json").read_text()
    given = stack(**parameters).properties(machine)["DefinitionSubstitutions"]
    assert set(re.findall(r"\$\{(\w+)\}", text)) == set(given)
    json.loads(stack(**parameters).machine(machine).definition)


def test_files_are_scored_by_as_many_functions_at_once_as_was_said() -> None:
    assert "States.StringToJson('10')" in stack().machine("BatchMachine").definition
    assert "States.StringToJson('7')" in stack(BatchConcurrency="7").machine("BatchMachine").definition


@pytest.mark.parametrize("machine", MACHINES)
def test_a_machine_is_traced_and_logs_no_data(machine: str) -> None:
    properties = stack().properties(machine)
    assert properties["TracingConfiguration"] == {"Enabled": True}
    logging = properties["LoggingConfiguration"]
    assert (logging["Level"], logging["IncludeExecutionData"]) == ("ERROR", False)
    assert logging["Destinations"]


def test_every_asynchronous_edge_ends_in_the_dead_letter_queue() -> None:
    made = stack(**EVERYTHING)
    queue = made.attribute("DeadLetters", "Arn")
    rules = made.of_type("AWS::Events::Rule")
    for rule in rules.values():
        for target in rule["Targets"]:
            assert target["DeadLetterConfig"] == {"Arn": queue}
            assert target["RetryPolicy"]["MaximumRetryAttempts"] > 0
    schedules = made.of_type("AWS::Scheduler::Schedule")
    assert set(schedules) == {"RetrainByTheClock", "DriftByTheClock"}
    for schedule in schedules.values():
        assert schedule["Target"]["DeadLetterConfig"] == {"Arn": queue}
    [subscription] = made.of_type("AWS::SNS::Subscription").values()
    assert subscription["RedrivePolicy"] == {"deadLetterTargetArn": queue}
    retried = made.of_type("AWS::Lambda::EventInvokeConfig").values()
    assert {one["DestinationConfig"]["OnFailure"]["Destination"] for one in retried} == {queue}
    asynchronous = {
        one["FunctionName"]
        for one in made.of_type("AWS::Lambda::Permission").values()
        if one["Principal"] != "apigateway.amazonaws.com"
    }
    called = {one["Target"]["Arn"] for one in schedules.values()}
    asynchronous |= {name for name in FUNCTIONS if made.attribute(name, "Arn") in called}
    assert asynchronous == {one["FunctionName"] for one in retried} == {"GuardFunction", "TrainFunction"}
    for one in asynchronous:  # Lambda leaves what failed there with the function's own rights
        role = json.dumps(made.properties(one.replace("Function", "Role"))["Policies"])
        assert f'"Action": "sqs:SendMessage", "Resource": "{queue}"' in role
    rules_policy, topic_policy, _ = made.properties("DeadLettersPolicy")["PolicyDocument"]["Statement"]
    assert set(rules_policy["Condition"]["ArnEquals"]["aws:SourceArn"]) == {
        made.attribute(name, "Arn") for name in rules
    }
    assert topic_policy["Condition"]["ArnEquals"]["aws:SourceArn"] == made.ref("NoticesTopic")


def test_the_clock_starts_trainings_only_when_asked_to() -> None:
    assert not stack().of_type("AWS::Scheduler::Schedule")
    schedule = stack(**EVERYTHING).properties("RetrainByTheClock")
    assert schedule["ScheduleExpression"] == "rate(7 days)"
    assert json.loads(schedule["Target"]["Input"]) == {"model": "tickets", "by": "schedule"}


def test_drift_starts_trainings_only_when_asked_to() -> None:
    assert "DriftAlarmRings" not in stack(InferenceLog="on").resources
    drift = stack(RetrainOnDrift="on").properties("DriftAlarmRings")
    assert json.loads(drift["Targets"][0]["Input"]) == {"model": "tickets", "by": "drift"}
    assert drift["EventPattern"]["resources"][0]["prefix"].endswith(":alarm:firesteel-drift-")


def test_no_container_is_there_unless_it_is_asked_for() -> None:
    assert not [one for one in stack().resources.values() if one["Type"].startswith("AWS::Batch::")]
    assert stack().function("TrainFunction").environment["FIRESTEEL_CONTAINER"] == "false"
    made = stack(**EVERYTHING)
    assert made.function("TrainFunction").environment["FIRESTEEL_CONTAINER"] == "true"
    job = made.properties("ContainerJob")["ContainerProperties"]
    assert job["Image"] == EVERYTHING["ContainerImage"]
    Settings.read({one["Name"]: one["Value"] for one in job["Environment"]})


def test_the_saved_queries_are_the_files_word_for_word() -> None:
    saved = {
        query["Name"]["Fn::Sub"]: query["QueryString"] for query in of_type(deployed(), "AWS::Logs::QueryDefinition")
    }
    files = (ROOT / "infra/queries").glob("*.cwli")
    assert saved == {f"${{AWS::StackName}}/{path.stem}": path.read_text() for path in files}


@pytest.mark.parametrize("parameters", [{}, {"InferenceLog": "on", "DriftSchedule": ""}, EVERYTHING], ids=len)
def test_every_alarm_says_what_to_do_and_somebody_is_told(parameters: dict[str, str]) -> None:
    made = stack(**parameters)
    alarms = made.of_type("AWS::CloudWatch::Alarm")
    for name, alarm in alarms.items():
        assert re.search(r"Run `|Raise |Mend |Look at |Read ", alarm["AlarmDescription"]), name
        assert alarm["TreatMissingData"] == "notBreaching"
        for query in re.findall(r"`firesteel logs ([a-z-]+)`", alarm["AlarmDescription"]):
            assert (ROOT / f"infra/queries/{query}.cwli").exists()
    told = [name for name, alarm in alarms.items() if "AlarmActions" in alarm]
    together = made.of_type("AWS::CloudWatch::CompositeAlarm")
    for composite in together.values():
        told += re.findall(r"ALARM\(firesteel-([^)]+)\)", composite["AlarmRule"])
    assert sorted(told) == sorted(alarms)  # once each
    for one in [*together.values(), *alarms.values()]:
        assert one.get("AlarmActions", [made.ref("NoticesTopic")]) == [made.ref("NoticesTopic")]
    shown = json.loads(made.properties("Dashboard")["DashboardBody"])["widgets"][0]["properties"]["alarms"]
    assert shown == [made.attribute(name, "Arn") for name in alarms]


def test_what_rings_in_training_does_not_keep_serving_silent() -> None:
    """A composite tells when it changes: with one of its alarms ringing, the others are not heard."""
    made = stack()
    together = {
        name: set(re.findall(r"ALARM\(firesteel-([^)]+)\)", one["AlarmRule"]))
        for name, one in made.of_type("AWS::CloudWatch::CompositeAlarm").items()
    }
    assert together == {
        "ServingIsWrong": {"ClassifyThrottles", "SlowAnswers", "RefreshFails", "StaleModel"},
        "TrainingIsWrong": {"TrainingFails", "ScoringFails", "LettersAreDead"},
    }
    assert all("AlarmActions" in made.properties(name) for name in together)


def test_an_alarm_of_the_canary_calls_the_guard() -> None:
    made = stack()
    rule = made.properties("CanaryAlarmRings")
    canaries = {name: one for name, one in made.of_type("AWS::CloudWatch::Alarm").items() if name.startswith("Canary")}
    assert {one["MetricName"] for one in canaries.values()} == {"Errors", "Latency", "ReviewShare"}
    for alarm in canaries.values():
        dimensions = {one["Name"]: one["Value"] for one in alarm["Dimensions"]}
        assert dimensions == {"service": "classify", "model": "tickets", "side": "canary"}
        assert alarm["Namespace"] == "Firesteel"
    # A canary that crashes, or runs out of time or memory, writes no metric: only Lambda itself counts it.
    watched = ["ClassifyErrors", *canaries]
    assert rule["EventPattern"]["resources"] == [made.attribute(name, "Arn") for name in watched]
    assert rule["EventPattern"]["detail"] == {"state": {"value": ["ALARM"]}}
    assert [target["Arn"] for target in rule["Targets"]] == [made.attribute("GuardFunction", "Arn")]


def test_the_dashboard_and_the_alarms_read_metrics_that_the_functions_write() -> None:
    written = (ROOT / "functions/classify/telemetry.py").read_text()
    written += "".join(path.read_text() for path in sorted((ROOT / "functions/train").glob("**/*.py")))
    made = stack(**EVERYTHING)
    read = {
        one["MetricName"]
        for one in made.of_type("AWS::CloudWatch::Alarm").values()
        if one.get("Namespace") == "Firesteel"
    }
    dashboard = made.properties("Dashboard")["DashboardBody"]
    read |= set(re.findall(r'\["Firesteel","(\w+)"', dashboard))
    assert {"Predictions", "Latency", "ReviewShare", "Errors", "ColdStarts", "Drift", "DriftedFields"} <= read
    assert [name for name in read if f'"{name}"' not in written] == []


def test_the_dashboard_shows_the_labels_of_any_model(tmp_path: Path) -> None:
    lines = recorded.rolling(recorded.rollout(), requests=30, service="labels")
    (tmp_path / "classify.log").write_text("\n".join(lines))
    widgets = json.loads(stack().properties("Dashboard")["DashboardBody"])["widgets"]
    [query] = [one["properties"]["query"] for one in widgets if one["properties"].get("title") == "Labels by version"]
    result = Plan(parse(query.partition(" | ")[2])).run(Lines([str(tmp_path / "classify.log")]))
    found = {}
    for row in result.rows:
        values = dict(zip(result.columns, row, strict=True))
        found[values["model_version"], values["labels"]] = values["answers"]
    answered = [line for line in map(json.loads, lines) if line.get("message") == "request" and "labels" in line]
    assert found == Counter(
        (line["model_version"], json.dumps(line["labels"], separators=(",", ":")).strip("{}")) for line in answered
    )
    assert {version for version, _ in found} == {"1.0.0", "1.1.0"}
    assert all(len(line["labels"]) > 1 for line in answered)  # of several targets
