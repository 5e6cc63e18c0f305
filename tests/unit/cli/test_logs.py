"""`firesteel logs`: saved queries and one's own, over files and on CloudWatch."""

import csv
import io
import json
import time
from pathlib import Path

import boto3
import pytest
from botocore.stub import ANY, Stubber
from moto import mock_aws

from tests.unit.cli.conftest import Done, Run
from tests.unit.insights import recorded

GROUP = "/firesteel/classify"


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("log") / "classify.log"
    lines = recorded.rolling(recorded.rollout(), requests=60, service="recorded-cli")
    path.write_text("\n".join([*lines, "this is no JSON"]) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "x", "DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("FIRESTEEL_LOG_GROUPS", GROUP)


def requests(log: Path) -> list[dict[str, object]]:
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines() if line.startswith("{")]
    return [line for line in lines if line["message"] == "request"]


def test_without_a_query_all_are_listed_with_their_parameters(firesteel: Run) -> None:
    done = firesteel("logs")
    assert done.code == 0
    for name in (
        "latency",
        "errors",
        "cold-starts",
        "predictions",
        "request",
        "refused-gates",
        "cost",
        "canary",
        "shadow",
    ):
        assert f"\n{name} " in done.out
    assert "request_id=..." in done.out
    assert "target=priority below=0.6" in done.out
    listed = json.loads(firesteel("logs", "--json").out)
    [request] = [one for one in listed if one["name"] == "request"]
    assert request["parameters"][0]["name"] == "request_id"
    assert request["text"].startswith("# ")


def test_a_saved_query_over_a_file_is_a_table(firesteel: Run, log: Path) -> None:
    done = firesteel("logs", "errors", "--file", log)
    assert done.code == 0
    assert "status code" in done.words
    assert "404 not_found" in done.words
    assert "1 of" in done.err
    assert "were skipped" in done.err


def test_json_and_csv_have_all_rows_and_exact_values(firesteel: Run, log: Path) -> None:
    query = "filter message = 'request' | fields request_id, latency_ms | sort request_id asc"
    expected = sorted((str(line["request_id"]), line["latency_ms"]) for line in requests(log))
    rows = json.loads(firesteel("logs", "--query", query, "--file", log, "--json").out)
    assert [(row["request_id"], row["latency_ms"]) for row in rows] == expected
    table = list(csv.DictReader(io.StringIO(firesteel("logs", "--query", query, "--file", log, "--csv").out)))
    assert [(row["request_id"], float(row["latency_ms"])) for row in table] == expected


def test_several_files_and_standard_input_are_read_as_one(
    firesteel: Run, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = len(requests(log))
    query = ("logs", "--query", "filter message = 'request' | stats count(*) as n", "--json")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(log.read_bytes())))
    assert json.loads(firesteel(*query, "--file", log, "--file", "-").out) == [{"n": 2 * count}]


def test_since_leaves_out_what_is_older(firesteel: Run, tmp_path: Path) -> None:
    path = tmp_path / "log"
    now = int(time.time() * 1000)
    path.write_text("".join(f'{{"timestamp": {now - ago * 60_000}, "ago": {ago}}}\n' for ago in (90, 50, 10)))
    query = ("logs", "--query", "fields ago", "--file", path, "--json")
    assert [row["ago"] for row in json.loads(firesteel(*query, "--since", "1h").out)] == [10, 50]
    assert len(json.loads(firesteel(*query).out)) == 3


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["logs", "nothing"], 1, "there is no saved query 'nothing'; there are: canary"),
        (["logs", "latency", "--query", "limit 1"], 2, "either a saved query or --query"),
        (["logs", "--query", "", "--file", "x"], 2, "the query is empty"),
        (["logs", "--query", "fields a |", "--file", "x"], 2, "line 1, column 11: the query ends too early"),
        (["logs", "request", "--file", "x"], 2, "needs --set request_id=..."),
        (["logs", "latency", "--set", "a=b", "--file", "x"], 2, "has no parameter 'a'; it has: none"),
        (["logs", "request", "--set", "request_id", "--file", "x"], 2, "is not name=value"),
        (["logs", "request", "--set", 'request_id=" | limit 1', "--file", "x"], 2, "other characters than"),
        (["logs", "latency", "--since", "soon", "--file", "x"], 2, "is not a number and s, m, h, d or w"),
        (["logs", "latency", "--since", "0h", "--file", "x"], 2, "is out of range"),
        (["logs", "latency", "--file", "not-there"], 1, "not-there: No such file"),
        (["logs", "latency"], 3, "FIRESTEEL_LOG_GROUPS is not set"),
    ],
)
def test_what_is_wrong_is_said(firesteel: Run, words: list[str], code: int, said: str) -> None:
    done = firesteel(*words)
    assert done.code == code
    assert said in " ".join(done.err.replace("│", " ").split())


def test_on_aws_the_log_groups_are_asked(firesteel: Run, aws: None) -> None:
    now = int(time.time() * 1000)
    with mock_aws():
        client = boto3.client("logs")
        client.create_log_group(logGroupName=GROUP)
        client.create_log_stream(logGroupName=GROUP, logStreamName="one")
        events = [{"timestamp": now - 1000 * ago, "message": f'{{"ago": {ago}}}'} for ago in (30, 20, 10)]
        client.put_log_events(logGroupName=GROUP, logStreamName="one", logEvents=events)
        query = "fields @timestamp, @message | sort @timestamp desc | limit 2"
        rows = json.loads(firesteel("logs", "--query", query, "--json").out)
    assert [json.loads(row["@message"])["ago"] for row in rows] == [10, 20]
    assert set(rows[0]) == {"@timestamp", "@message"}


def test_a_log_group_that_does_not_exist_is_named(firesteel: Run, aws: None) -> None:
    with mock_aws():
        done = firesteel("logs", "latency")
    assert done.code == 1
    assert f"one of the log groups does not exist: {GROUP}" in " ".join(done.err.split())


def stubbed(monkeypatch: pytest.MonkeyPatch) -> Stubber:
    """The client of CloudWatch Logs that the command makes, with scripted answers."""
    client = boto3.client("logs", region_name="us-east-1")
    stub = Stubber(client)
    monkeypatch.setattr(boto3, "client", lambda _: client)
    stub.activate()
    return stub


def start(stub: Stubber) -> None:
    expected = {"logGroupNames": [GROUP], "startTime": ANY, "endTime": ANY, "queryString": ANY, "limit": 10_000}
    stub.add_response("start_query", {"queryId": "q-1"}, expected)


def test_a_query_is_waited_for_and_its_numbers_are_numbers(
    firesteel: Run, aws: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub = stubbed(monkeypatch)
    start(stub)
    stub.add_response("get_query_results", {"status": "Running", "results": [], "statistics": {"recordsScanned": 7.0}})
    rows = [
        [
            {"field": "route", "value": "/classify"},
            {"field": "p50_ms", "value": "1.25"},
            {"field": "@ptr", "value": "x"},
        ],
        [{"field": "route", "value": "/explain"}],
    ]
    stub.add_response("get_query_results", {"status": "Complete", "results": rows})
    done = firesteel("logs", "latency", "--json")
    assert json.loads(done.out) == [{"route": "/classify", "p50_ms": 1.25}, {"route": "/explain", "p50_ms": None}]
    stub.assert_no_pending_responses()


def test_a_query_that_takes_too_long_is_stopped(firesteel: Run, aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    stub = stubbed(monkeypatch)
    start(stub)
    for _ in range(3):
        stub.add_response("get_query_results", {"status": "Running", "results": []})
    stub.add_response("stop_query", {"success": True}, {"queryId": "q-1"})
    done = firesteel("logs", "latency", "--timeout", "1")
    assert done.code == 1
    assert "no result after 1 seconds" in done.err
    stub.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("AccessDeniedException", "logs:StartQuery and logs:GetQueryResults are needed"),
        ("MalformedQueryException", "AWS does not understand the query: because"),
        ("LimitExceededException", "try again in a moment"),
        ("ServiceUnavailableException", "CloudWatch Logs refused the query: ServiceUnavailableException: because"),
    ],
)
def test_refusals_of_aws_say_what_to_do(
    firesteel: Run, aws: None, monkeypatch: pytest.MonkeyPatch, code: str, said: str
) -> None:
    stub = stubbed(monkeypatch)
    stub.add_client_error("start_query", code, "because")
    done: Done = firesteel("logs", "latency")
    assert done.code == 1
    assert said in " ".join(done.err.split())


def test_a_failed_query_is_an_error(firesteel: Run, aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    stub = stubbed(monkeypatch)
    start(stub)
    stub.add_response("get_query_results", {"status": "Failed", "results": []})
    done = firesteel("logs", "latency")
    assert done.code == 1
    assert "the query ended as Failed" in done.err


def test_without_credentials_that_is_said(firesteel: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "PROFILE"):
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("FIRESTEEL_LOG_GROUPS", GROUP)
    done = firesteel("logs", "latency")
    assert done.code == 1
    assert "look at the credentials and the region" in " ".join(done.err.split())


def test_a_question_that_nothing_answers_is_said_to_have_none(firesteel: Run, log: Path) -> None:
    done = firesteel("logs", "request", "--set", "request_id=nobody", "--file", str(log))
    assert done.code == 0
    assert "no rows: nothing of" in done.err


def test_a_broken_gzip_file_is_named(firesteel: Run, tmp_path: Path) -> None:
    (tmp_path / "log.gz").write_bytes(b"no gzip")
    done = firesteel("logs", "latency", "--file", str(tmp_path / "log.gz"))
    assert done.code == 3
    assert "log.gz: not a whole gzip file" in " ".join(done.err.split())


def test_one_form_of_output_at_a_time(firesteel: Run, log: Path) -> None:
    assert firesteel("logs", "latency", "--file", str(log), "--json", "--csv").code == 2
