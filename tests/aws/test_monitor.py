"""The inference log on AWS: a line of the function, through the template's subscription and stream, to what readers read."""

import gzip
import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import pytest
import typer
from typer.testing import CliRunner

from cli import inferences as inferences_command
from cli.emulator import Emulator
from firesteel.monitor import inferences
from firesteel.monitor.inferences import Damage
from firesteel.registry.store import MemoryStore, Store, open_store
from infra.cloud import cloud, story
from infra.cloud.delivery import Delivery, RefusedLineError, Stream, matches, records
from infra.cloud.server import Server
from infra.cloud.stack import REGION
from models import tickets
from tests.aws.stacks import ROOT, stack
from tests.unit.insights import recorded

STACK = stack(InferenceLog="on")
SUBSCRIPTION = STACK.properties("InferenceLines")
STREAM = Stream("inferences", STACK.properties("InferenceStream"))
NOW = datetime.now(UTC)
AGO, AHEAD = NOW - timedelta(days=1), NOW + timedelta(days=1)


@pytest.fixture(scope="module")
def lines() -> list[str]:
    """What a function wrote: answers of a version and of its canary, batches, refusals, failures, shadows."""
    return recorded.rolling(recorded.rollout(), requests=120, service="delivered")


def answered(lines: list[str]) -> list[dict[str, Any]]:
    said = [json.loads(line) for line in lines]
    return [one for one in said if one["message"] == "request" and "model" in one]


# ---- which lines -----------------------------------------------------------------------------------------------------


def test_the_lines_of_answers_are_handed_on_and_no_others(lines: list[str]) -> None:
    handed = [line for line in lines if matches(SUBSCRIPTION["FilterPattern"], line)]
    assert handed == [line for line in lines if '"message":"request"' in line and '"model":' in line]
    others = {json.loads(line)["message"] for line in lines} - {"request"}
    assert others == {"shadow"}, "there are lines that must stay"
    assert 0 < len(handed) < len(lines)


@pytest.mark.parametrize(
    "line", ["", "START RequestId: 1", "[1]", '{"message":"request"}', '{"message":"shadow","model":"t"}']
)
def test_what_is_no_answer_stays(line: str) -> None:
    assert not matches(SUBSCRIPTION["FilterPattern"], line)


def test_a_pattern_that_says_more_than_is_known_here_is_refused() -> None:
    with pytest.raises(ValueError, match="more than is known"):
        matches('{ $.message = "request" || $.status > 499 }', "{}")


def test_a_subscription_is_of_the_group_that_the_classify_function_writes() -> None:
    assert SUBSCRIPTION["LogGroupName"] == STACK.properties("ClassifyFunction")["LoggingConfig"]["LogGroup"]
    assert SUBSCRIPTION["DestinationArn"] == STACK.attribute("InferenceStream", "Arn")
    assert not stack().of_type("AWS::Logs::SubscriptionFilter")
    assert not stack().of_type("AWS::KinesisFirehose::DeliveryStream")


# ---- where they go ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("model", "folder"), [("tickets", "tickets"), ("recruits/qb", "recruits.qb")])
def test_a_line_goes_where_readers_look_for_its_model_and_day(lines: list[str], model: str, folder: str) -> None:
    line = json.dumps(answered(lines)[0] | {"model": model, "timestamp": "2026-11-21T23:59:59.999+00:00"})
    assert STREAM.prefix(line) == f"inferences/model={folder}/day=2026-11-21/"
    assert STREAM.prefix(line) == inferences.day_folder(model, datetime(2026, 11, 21, tzinfo=UTC).date())


@pytest.mark.parametrize(
    "line", ['{"message":"request"}', '{"model":null,"timestamp":"2026"}', '{"model":"a","timestamp":7}', "no json", ""]
)
def test_a_line_without_model_or_time_is_kept_apart_and_stops_no_other(lines: list[str], line: str) -> None:
    with pytest.raises(RefusedLineError):
        STREAM.prefix(line)
    events = [{"id": "1", "timestamp": 1, "message": one} for one in (lines[0], line, lines[1])]
    written = STREAM.objects([gzip.compress(json.dumps({"logEvents": events}).encode())])
    good, bad = (gzip.decompress(one.data).decode().splitlines() for one in written)
    assert good == lines[:2]
    assert [one.key.partition("/day=")[0] for one in written] == [
        "inferences/model=tickets",
        "errors/processing-failed",
    ]
    assert len(bad) == 1


def test_objects_are_packed_json_lines_that_no_other_has_the_name_of(lines: list[str]) -> None:
    written = [one for _ in range(2) for one in STREAM.objects(records(lines, SUBSCRIPTION))]
    assert len({one.key for one in written}) == len(written)
    assert all(one.key.endswith(".jsonl.gz") for one in written)
    text = gzip.decompress(written[0].data).decode()
    assert text.endswith("}\n")
    assert [json.loads(line) for line in text.splitlines()] == answered(lines)


def test_the_stream_takes_cloudwatchs_records_apart_before_it_sorts_them() -> None:
    destination = STACK.properties("InferenceStream")["ExtendedS3DestinationConfiguration"]
    order = [one["Type"] for one in destination["ProcessingConfiguration"]["Processors"]]
    assert order == [
        "Decompression",
        "CloudWatchLogProcessing",
        "RecordDeAggregation",
        "MetadataExtraction",
        "AppendDelimiterToRecord",
    ]
    assert destination["DynamicPartitioningConfiguration"]["Enabled"] is True
    assert destination["BufferingHints"]["SizeInMBs"] >= 64, "the least that partitions may have"
    assert destination["CompressionFormat"] == "GZIP"


# ---- and how they are read -------------------------------------------------------------------------------------------


@pytest.fixture
def monitored(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Store, Any]]:
    """The monitoring bucket of the template, on moto: as readers open it, and as AWS's own services do."""
    bucket = STACK.physical("MonitorBucket")
    with Server() as server:
        keys = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
        for key, value in {"AWS_ENDPOINT_URL_S3": server.url, "AWS_REGION": REGION, **keys}.items():
            monkeypatch.setenv(key, value)
        s3 = boto3.client("s3", endpoint_url=server.url, region_name=REGION)
        s3.create_bucket(Bucket=bucket)
        yield open_store(f"s3://{bucket}"), s3


def counted(lines: list[str]) -> int:
    """The rows that were answered."""
    said = answered(lines)
    return sum(one["rows"] - one["rows_refused"] if "rows" in one else "labels" in one for one in said)


def test_what_was_delivered_is_read_row_by_row(lines: list[str], monitored: tuple[Store, Any]) -> None:
    store, s3 = monitored
    Delivery(STACK, "InferenceLines", lambda: "\n".join(lines), s3).deliver()
    damage = Damage()
    read = list(inferences.read(store, "tickets", AGO, AHEAD, damage))
    assert (len(read), damage) == (counted(lines), Damage())
    assert {one.version for one in read} == {"1.0.0", "1.1.0"}
    assert {one.side for one in read} == {"stable", "canary"}


def test_lines_are_delivered_once_more_when_there_are_new_ones_and_read_once(
    lines: list[str], monitored: tuple[Store, Any]
) -> None:
    store, s3 = monitored
    shown = lines[:40]
    delivery = Delivery(STACK, "InferenceLines", lambda: "\n".join(shown), s3)
    assert delivery.deliver() > 0
    assert delivery.deliver() == 0
    shown = lines
    assert delivery.deliver() > 0
    again = Delivery(STACK, "InferenceLines", lambda: "\n".join(lines), s3)
    assert again.deliver() > 0, "AWS delivers at least once"
    assert len(list(inferences.read(store, "tickets", AGO, AHEAD))) == counted(lines)


def test_messages_that_end_with_a_line_break_leave_empty_lines_that_nobody_minds(lines: list[str]) -> None:
    store = MemoryStore()
    [one] = STREAM.objects(records(lines, SUBSCRIPTION))
    store.create(one.key, gzip.compress(gzip.decompress(one.data).replace(b"\n", b"\n\n")))
    damage = Damage()
    assert len(list(inferences.read(store, "tickets", AGO, AHEAD, damage))) == counted(lines)
    assert damage == Damage()


# ---- the built functions, in Lambda's runtime emulator ----------------------------------------------------------------


class Watched(NamedTuple):
    """A trained model that lets the log keep texts, and what Firehose and readers see of the monitoring store."""

    built: Path
    environment: dict[str, str]
    folder: Path

    def function(self, logical: str, **settings: str) -> Emulator:
        """A function with the template's environment, its stores on this disk."""
        told = EVERYTHING_ON.function(logical)
        artifact = self.built / cloud.ARTIFACTS.get(logical, logical)
        environment = told.environment | self.environment | settings
        layers = [self.built / "FiresteelLayer"]
        return Emulator(artifact, told.handler, environment, layers, memory=told.memory, timeout=300)

    @property
    def monitor(self) -> Store:
        return open_store(self.environment["FIRESTEEL_MONITOR"])


EVERYTHING_ON = stack(InferenceLog="on", Admin="on")


@pytest.fixture(scope="module")
def watched(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Watched:
    folder = tmp_path_factory.mktemp("watched")
    models = story.definitions(folder)
    tickets.write(folder / "tickets.csv", 600, 0)
    environment = {
        "FIRESTEEL_STORE": f"file://{folder}/store",
        "FIRESTEEL_MONITOR": f"file://{folder}/monitor",
        "LAMBDA_TASK_ROOT": str(models.parent),
        "MPLCONFIGDIR": str(folder / "matplotlib"),
    }
    made = Watched(built, environment, folder)
    with made.function("TrainFunction") as train:
        answer, _ = train.invoke({"model": "tickets", "data": f"file://{folder}/tickets.csv", "tune": False})
    assert (answer.get("version"), answer.get("promoted")) == ("1.0.0", True), answer
    return made


def api(method: str, path: str, body: object = None, query: dict[str, str] | None = None) -> dict[str, Any]:
    """An event of the API."""
    shipped = json.loads((ROOT / "events" / ("classify.json" if body else "health.json")).read_text())
    asked = {"httpMethod": method, "path": path, "body": json.dumps(body) if body else None}
    context = shipped["requestContext"] | {"requestId": str(uuid.uuid4())}
    many = {name: [value] for name, value in (query or {}).items()} or None
    return {
        **shipped,
        **asked,
        "requestContext": context,
        "queryStringParameters": query,
        "multiValueQueryStringParameters": many,
    }


ROWS, SINGLE = 500, 3
TICKET = {"title": "Refund of an invoice", "description": "We were charged twice for March."}


@pytest.fixture(scope="module")
def delivered(watched: Watched) -> list[str]:
    """The lines of a function that answered one ticket again and again, delivered; gives the request ids."""
    asked = []
    with watched.function("ClassifyFunction") as classify:
        events = [api("POST", "/predict", TICKET) for _ in range(SINGLE)] + [
            api("POST", "/batch_predict", {"cases": [TICKET] * ROWS})
        ]
        for event in events:
            answer, _ = classify.invoke(event)
            assert answer["statusCode"] == 200, answer
            asked.append(answer["headers"]["x-request-id"])
        lines = [line for line in classify.log().splitlines() if line.startswith("{")]
    for one in STREAM.objects(records(lines, SUBSCRIPTION)):
        watched.monitor.create(one.key, one.data)
    return asked


@pytest.mark.slow
def test_firesteel_inferences_shows_what_the_function_answered(
    watched: Watched, delivered: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRESTEEL_MONITOR", watched.environment["FIRESTEEL_MONITOR"])
    app = typer.Typer()
    inferences_command.add_to(app)
    told = CliRunner().invoke(app, ["tickets", "--last", "24h", "--json", "--limit", "1000"])
    assert told.exit_code == 0, told.output
    shown = json.loads(told.stdout)
    assert len(shown) == SINGLE + ROWS
    assert {one["request_id"] for one in shown} == set(delivered)
    assert {one["inputs"]["title"]["text"] for one in shown} == {TICKET["title"]}
    assert {one["version"] for one in shown} == {"1.0.0"}


@pytest.mark.slow
def test_the_monitor_function_takes_a_correction_and_shows_it_beside_the_answers(
    watched: Watched, delivered: list[str]
) -> None:
    with watched.function("MonitorFunction") as monitor:
        sent, _ = monitor.invoke(api("POST", "/feedback", {"request_id": delivered[0], "answer": {"priority": "Low"}}))
        answers = {
            path: monitor.invoke(api("GET", f"/admin/{path}", query={"model": "tickets", "limit": "1000"}))[0]
            for path in ("recent_inferences", "feedback")
        }
        line = json.loads(next(one for one in monitor.log().splitlines() if '"route":"/feedback"' in one))
    assert sent["statusCode"] == 201, sent
    told = {path: json.loads(answer["body"]) for path, answer in answers.items()}
    assert len(told["recent_inferences"]["inferences"]) == SINGLE + ROWS
    assert [one["request_id"] for one in told["feedback"]["corrections"]] == [delivered[0]]
    assert (line["message"], line["status"]) == ("request", 201), "what the dashboard counts"


@pytest.mark.slow
def test_what_serves_the_public_shows_nothing_that_was_answered(watched: Watched) -> None:
    environment = EVERYTHING_ON.function("ClassifyFunction").environment
    assert "FIRESTEEL_MONITOR" not in environment
    with watched.function("ClassifyFunction") as classify:
        answer, _ = classify.invoke(api("GET", "/admin/recent_inferences", query={"model": "tickets"}))
    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (404, "not_found")


@pytest.mark.slow
def test_the_schedules_call_writes_a_report_and_the_metric_that_the_alarm_reads(
    watched: Watched, delivered: list[str]
) -> None:
    schedule = EVERYTHING_ON.properties("DriftByTheClock")["Target"]
    assert schedule["Arn"] == EVERYTHING_ON.attribute("TrainFunction", "Arn")
    when = (datetime.now(UTC) + timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    task = json.loads(schedule["Input"].replace("<aws.scheduler.scheduled-time>", when))
    with watched.function("TrainFunction") as train:
        (first, _), (again, _) = (train.invoke(task) for _ in range(2))
        log = [json.loads(line) for line in train.log().splitlines() if '"CloudWatchMetrics"' in line]
    [looked] = first["looked"]
    assert (looked["model"], looked["rows"], looked["state"]) == ("tickets", SINGLE + ROWS, "DRIFT"), "one ticket only"
    assert again["looked"] == first["looked"], "an attempt more is no report more"
    assert [key.rpartition("/")[2] for key in watched.monitor.keys(looked["key"])] == [
        "report.html",
        "report.json",
        "summary.json",
    ]
    alarm = EVERYTHING_ON.properties("DriftIsFound")
    assert alarm["AlarmName"] == "firesteel-drift-tickets"
    for line in log:
        [directive] = line["_aws"]["CloudWatchMetrics"]
        assert directive["Namespace"] == alarm["Namespace"]
        assert directive["Dimensions"] == [[one["Name"] for one in alarm["Dimensions"]]]
        assert {one["Name"]: line[one["Name"]] for one in alarm["Dimensions"]} == {
            one["Name"]: one["Value"] for one in alarm["Dimensions"]
        }
        assert alarm["MetricName"] in [one["Name"] for one in directive["Metrics"]]
        assert line[alarm["MetricName"]] >= alarm["Threshold"]
    assert len(log) == 2
