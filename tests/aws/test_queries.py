"""The saved queries, each on lines that the functions wrote, against what plain Python makes of the same lines."""

import json
import math
import re
from collections import Counter, defaultdict
from pathlib import Path
from statistics import fmean

import pytest

from cli import logs
from cli.insights.evaluate import Plan
from cli.insights.lines import Lines
from cli.insights.parser import parse
from tests.unit.insights import recorded

ROOT = Path(__file__).resolve().parents[2]
REQUESTS = 300


def write(folder, **written):
    for name, lines in written.items():
        (folder / f"{name}.log").write_text("\n".join(lines) + "\n", encoding="utf-8")


def access(number):
    """An access log line of the API in the template, filled as API Gateway does."""
    found = re.search(r"""Format: '({"message":"access".*})'""", (ROOT / "template.yaml").read_text(encoding="utf-8"))
    known = {
        "requestId": f"gateway-{number:04}=",
        "requestTime": "21/Nov/2026:15:00:00 +0000",
        "status": "200",
        "responseLatency": "14",
    }
    return re.sub(r"\$context\.([A-Za-z.]+)", lambda variable: known.get(variable[1], "-"), found[1])


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("logs")
    store = recorded.rollout()
    write(folder, classify=recorded.rolling(store, requests=REQUESTS), failing=recorded.failing())
    write(folder, access=[access(number) for number in range(REQUESTS)])
    write(folder, platform=recorded.platform(REQUESTS), emulator=recorded.EMULATOR)
    return folder


@pytest.fixture(scope="module")
def training(files):
    """Puts the lines of training runs beside the others."""
    write(files, **recorded.trained(files))


@pytest.fixture(scope="module")
def run(files):
    """The rows of a saved query over files, as dicts."""

    def run(name, *of, **values):
        plan = Plan(parse(logs.filled(logs.saved(name), values)))
        result = plan.run(Lines([str(files / f"{one}.log") for one in of]))
        return [dict(zip(result.columns, row, strict=True)) for row in result.rows]

    return run


@pytest.fixture(scope="module")
def events(files):
    """The lines of a file as objects, by their message."""

    def events(name, message):
        lines = (files / f"{name}.log").read_text(encoding="utf-8").splitlines()
        return [event for line in lines if (event := json.loads(line)).get("message") == message]

    return events


def nearest(values, percent):
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def test_every_query_says_what_it_answers_and_explains_its_parameters():
    assert len(logs.queries()) >= 13
    for query in logs.queries():
        assert len(query.about) > 30
        assert {one.name for one in query.parameters} == set(logs._PLACEHOLDER.findall(query.text))
        assert all(one.meaning for one in query.parameters)


def test_latency(run, events):
    requests = defaultdict(list)
    for event in events("classify", "request"):
        requests[event.get("route")].append(event)
    rows = run("latency", "classify")
    assert {row["route"] for row in rows} == {"/classify", "/classify/batch", None}
    for row in rows:
        taken = [event["latency_ms"] for event in requests[row["route"]]]
        assert (row["requests"], row["max_ms"]) == (len(taken), max(taken))
        assert row["cold_starts"] == sum(event["cold_start"] for event in requests[row["route"]])
        for percent in (50, 90, 95, 99):
            assert row[f"p{percent}_ms"] == nearest(taken, percent)
    assert [row["requests"] for row in rows] == sorted((row["requests"] for row in rows), reverse=True)


def test_errors(run, events):
    refused = [event for event in events("classify", "request") if event["status"] >= 400]
    expected = Counter((event["status"], event["code"], event.get("route")) for event in refused)
    rows = run("errors", "classify")
    assert {(row["status"], row["code"], row["route"]): row["requests"] for row in rows} == expected
    assert {row["status"] for row in rows} == {404, 422, 500}
    [unknown] = [row for row in rows if row["status"] == 404]
    assert unknown["last_request_id"] == f"gateway-{REQUESTS:04}="


def test_cold_starts(run):
    rows = {(row["type"], row["restored"]): row for row in run("cold-starts", "platform")}
    inits = [200.0 + number for number in range(0, REQUESTS, 20)]
    restores = [40.0 + number for number in range(1, REQUESTS, 50)]
    for key, values in {("platform.report", 0): inits, ("platform.report", 1): restores}.items():
        assert (rows[key]["cold_starts"], rows[key]["max_ms"]) == (len(values), max(values))
        assert (rows[key]["p50_ms"], rows[key]["p95_ms"]) == (nearest(values, 50), nearest(values, 95))
    ahead = rows["platform.initReport", 0]
    assert (ahead["record.initializationType"], ahead["max_ms"]) == ("provisioned-concurrency", 180.5)
    assert rows["platform.restoreReport", 0]["max_ms"] == 33.25
    assert len(rows) == 4


def test_cold_starts_of_the_emulator_are_those_of_its_init(run):
    [row] = run("cold-starts", "emulator")
    assert (row["type"], row["cold_starts"], row["max_ms"]) == ("platform.initReport", 1, 181.358)


@pytest.mark.parametrize("target", ["priority", "department"])
def test_predictions(run, events, target):
    expected = defaultdict(list)
    for event in events("classify", "request"):
        if "labels" in event:
            expected[event["model"], event["model_version"], event["labels"][target]].append(event)
    rows = run("predictions", "classify", target=target)
    assert len(rows) == len(expected) >= 2
    for row in rows:
        of = expected[row["model"], row["model_version"], row["label"]]
        assert row["predictions"] == len(of)
        assert row["confidence"] == pytest.approx(fmean(event["confidences"][target] for event in of))
        assert row["review_percent"] == pytest.approx(100 * fmean(event["review"] for event in of))
    assert {row["review_percent"] for row in rows} != {0}


def test_low_confidence(run, events):
    confidences = {
        event["request_id"]: event["confidences"]["priority"]
        for event in events("classify", "request")
        if "confidences" in event
    }
    bound = sorted(confidences.values())[len(confidences) // 2]
    low = {name: value for name, value in confidences.items() if value < bound}
    rows = run("low-confidence", "classify", below=f"{bound}")
    assert len(rows) == min(100, len(low))
    assert [row["confidence"] for row in rows] == sorted(low.values())[: len(rows)]
    assert all(low[row["request_id"]] == row["confidence"] for row in rows)


def test_one_requests_story(run, events):
    number = int(events("classify", "shadow")[3]["request_id"][len("gateway-") : -1])
    story = run("request", "classify", "platform", request_id=f"gateway-{number:04}=")
    assert [row["event"] for row in story] == ["request", "shadow"]
    assert (story[0]["outcome"], story[0]["function_request_id"]) == (200, f"invocation-{number:04}")
    assert story[1]["shadow_version"] == "1.2.0"
    assert all(f"gateway-{number:04}=" in row["@message"] for row in story)
    with_gateway = run("request", "access", "classify", request_id=f"gateway-{number:04}=")
    assert sorted(row["event"] for row in with_gateway) == ["access", "request", "shadow"]
    [access] = [row for row in with_gateway if row["event"] == "access"]
    assert (access["outcome"], access["milliseconds"]) == ("200", "14")
    of_lambda = run("request", "classify", "platform", request_id=f"invocation-{number:04}")
    assert {row["event"] for row in of_lambda} == {"request", "platform.start", "platform.report"}
    [report] = [row for row in of_lambda if row["event"] == "platform.report"]
    assert (report["outcome"], report["milliseconds"]) == ("success", 2.5 + number)
    assert [row["@timestamp"] for row in of_lambda] == sorted(row["@timestamp"] for row in of_lambda)


def test_refresh_failures(run, events):
    failures = events("failing", "refresh failed")
    assert {event.get("role") for event in failures} == {None, "canary"}
    rows = {row["role"]: row for row in run("refresh-failures", "failing")}
    for role in (None, "canary"):
        of = [event for event in failures if event.get("role") == role]
        row = rows.pop(role)
        assert (row["failures"], row["first"], row["last"]) == (len(of), of[0]["timestamp"], of[-1]["timestamp"])
        assert (row["model"], row["error"]) == ("tickets", "IntegrityError")
        assert row["last_cause"] == of[-1]["cause"]
    assert rows == {}


@pytest.mark.usefixtures("training")
def test_training_runs(run):
    rows = run("training", "train")
    assert [(row["step"], row["version"], row["passed"]) for row in reversed(rows)] == [
        ("checked", None, None),
        ("trained", "1.0.0", 1),
        ("promoted", "1.0.0", None),
        ("trained", "1.1.0", None),
        ("training failed", None, None),
    ]
    failed, trained, checked = rows[0], rows[3], rows[4]
    assert failed["error"] == "DataError"
    assert "there is no column" in failed["why"]
    assert trained["rows_used"] > 500
    assert [row["run"] for row in rows] == [None, None, "run-7", "run-7", "run-7"]
    assert checked["outcome"] == "train"


@pytest.mark.usefixtures("training")
def test_refused_gates(run):
    task, direct = run("refused-gates", "train", "refused")
    assert (direct["model"], direct["version"], direct["reasons.0"]) == ("tickets", "1.1.0", None)
    assert (task["model"], task["version"], task["run"]) == ("tickets", "1.2.0", "run-8")
    assert "macro_f1" in task["reasons.0"]


@pytest.mark.usefixtures("training")
def test_moves(run):
    rows = run("moves", "train")
    assert [(row["event"], row["version"]) for row in rows] == [
        *(("alias moved", "1.0.0"), ("alias moved", "1.1.0"), ("promoted", "1.0.0"))
    ]
    assert [row["by_whom"] for row in rows] == [*["arn:aws:sts::123456789012:user/ada"] * 2, "run-7"]
    assert {row["model"] for row in rows} == {"tickets"}


def test_cost(run, events):
    predictions = sum(event["Predictions"][0] for event in events("classify", "request") if "Predictions" in event)
    billed = sum(3 + number for number in range(REQUESTS))
    gb_seconds = billed / 1000 * 1769 / 1024
    [row] = run("cost", "classify", "platform")
    assert (row["predictions"], row["invocations"], row["billed_ms"]) == (predictions, REQUESTS, billed)
    assert row["billed_gb_seconds"] == pytest.approx(gb_seconds)
    dollars = gb_seconds * 0.0000166667 + REQUESTS * 0.20 / 1e6
    assert row["usd_per_1000"] == pytest.approx(dollars / predictions * 1000)
    [dearer] = run("cost", "classify", "platform", gb_second="0.0000333334", invocation="0.0000004")
    assert dearer["usd_per_1000"] == pytest.approx(2 * row["usd_per_1000"])


def test_canary(run, events):
    requests = [event for event in events("classify", "request") if "side" in event]
    rows = {row["side"]: row for row in run("canary", "classify")}
    assert set(rows) == {"stable", "canary"}
    for side, row in rows.items():
        of = [event for event in requests if event["side"] == side]
        assert row["requests"] == len(of)
        assert row["error_percent"] == pytest.approx(100 * fmean(event["status"] >= 500 for event in of))
        shares = [event["review"] for event in of if "review" in event]
        shares += [e["rows_to_review"] / (e["rows"] - e["rows_refused"]) for e in of if "rows" in e]
        assert row["review_percent"] == pytest.approx(100 * fmean(shares))
        assert row["p95_ms"] == nearest([event["latency_ms"] for event in of], 95)
    assert rows["canary"]["error_percent"] > rows["stable"]["error_percent"] == 0


@pytest.mark.parametrize("target", ["priority", "department"])
def test_shadow(run, events, target):
    scored = events("classify", "shadow")
    rows = {row["model_version"]: row for row in run("shadow", "classify", target=target)}
    assert set(rows) == {event["model_version"] for event in scored}
    for version, row in rows.items():
        of = [event for event in scored if event["model_version"] == version]
        assert (row["shadow_version"], row["requests"]) == ("1.2.0", len(of))
        agreed = sum(event["agreed"][target] for event in of)
        assert row["agreement_percent"] == pytest.approx(100 * agreed / sum(event["rows"] for event in of))
        assert row["mean_difference"] == pytest.approx(fmean(event["differences"][target] for event in of))


def test_the_text_of_requests_is_in_no_line(files):
    everything = "".join(path.read_text(encoding="utf-8") for path in Path(files).glob("classify.log"))
    assert "Cannot log in" not in everything
