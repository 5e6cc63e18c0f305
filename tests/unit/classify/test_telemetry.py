import json
import logging
from datetime import datetime

import pytest

from firesteel.errors import IntegrityError
from functions.classify.events import Request
from functions.classify.lane import Lane
from functions.classify.operations import respond
from functions.classify.refresh import Trouble
from functions.classify.telemetry import Telemetry
from tests.unit.classify import zoo
from tests.unit.classify.bundles import TICKET, released, serving_over
from tests.unit.classify.test_events import HTTP


@pytest.fixture
def telemetry(request, capsys):
    """Of a service of its own: Powertools configures a logger by name once in a process."""
    made = []

    def make(level="INFO", namespace: str | None = "Firesteel"):
        made.append(Telemetry(service=f"tests-{request.node.name}", level=level, namespace=namespace))
        return made[-1]

    yield make
    for each in made:
        logging.getLogger(each.logger.service).handlers.clear()


@pytest.fixture(scope="module")
def serving():
    return serving_over(released("1.2.0", threshold=0.6))


@pytest.fixture(scope="module")
def zoos():
    return serving_over(zoo.stocked())


def lines(capsys):
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def post(path, body, **changes):
    context = {**HTTP["requestContext"], "http": {"method": "POST", "path": path, "sourceIp": "10.0.0.2"}}
    return {**HTTP, "requestContext": context, "body": json.dumps(body), **changes}


def assert_is_emf(line):
    """What CloudWatch asks of an Embedded Metric Format document."""
    aws = line["_aws"]
    assert set(aws) == {"Timestamp", "CloudWatchMetrics"}
    assert type(aws["Timestamp"]) is int
    for directive in aws["CloudWatchMetrics"]:
        assert set(directive) == {"Namespace", "Dimensions", "Metrics"}
        assert 1 <= len(directive["Metrics"]) <= 100
        for dimensions in directive["Dimensions"]:
            assert len(dimensions) <= 30
            assert all(isinstance(line[name], str) and line[name] for name in dimensions)
        for metric in directive["Metrics"]:
            assert set(metric) == {"Name", "Unit"}
            values = line[metric["Name"]]
            assert all(isinstance(value, float) for value in values)
            assert 1 <= len(values) <= 100


def test_a_classified_ticket_is_one_line_that_says_all_but_the_text(telemetry, serving, capsys):
    answer = Lane(serving, telemetry())(post("/classify", TICKET), "lambda-1")
    [line] = lines(capsys)
    body = json.loads(answer["body"])
    assert line["level"] == "INFO"
    assert line["message"] == "request"
    assert line["timestamp"].endswith("+00:00")
    assert line["function_request_id"] == "lambda-1"
    assert line["cold_start"] is True
    assert line["request_id"] == line["correlation_id"] == answer["headers"]["x-request-id"]
    assert (line["method"], line["route"], line["status"]) == ("POST", "/classify", 200)
    assert (line["model"], line["model_version"]) == ("tickets", "1.2.0")
    assert line["model_digest"] == answer["headers"]["x-model-digest"]
    assert line["labels"] == {name: body[f"predicted_{name}"] for name in ("priority", "department")}
    assert line["confidences"] == {name: body[f"{name}_confidence"] for name in ("priority", "department")}
    assert line["review"] is body["review"] is True
    assert line["latency_ms"] > 0
    assert not any(text in json.dumps(line) for text in TICKET.values())


def test_the_line_carries_the_metrics(telemetry, serving, capsys):
    lane = Lane(serving, telemetry())
    lane(post("/classify", TICKET))
    lane(post("/classify", TICKET))
    first, second = lines(capsys)
    assert_is_emf(first)
    [directive] = first["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "Firesteel"
    assert [sorted(dimensions) for dimensions in directive["Dimensions"]] == [["model", "service"]]
    assert {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]} == {
        "Predictions": "Count",
        "ReviewShare": "Percent",
        "Latency": "Milliseconds",
        "Confidence.priority": "None",
        "Confidence.department": "None",
        "ColdStarts": "Count",
    }
    assert first["Predictions"] == [1.0]
    assert first["ReviewShare"] == [100.0]
    assert first["Confidence.priority"] == [pytest.approx(first["confidences"]["priority"], abs=1e-6)]
    assert_is_emf(second)
    assert "ColdStarts" not in second
    assert (first["cold_start"], second["cold_start"]) == (True, False)


def test_an_environment_that_was_provisioned_starts_warm(telemetry, serving, capsys):
    Lane(serving, telemetry(), cold_start=False)(post("/classify", TICKET))
    [line] = lines(capsys)
    assert line["cold_start"] is False
    assert "ColdStarts" not in line


def test_a_batch_is_one_line_with_shares_and_means(telemetry, serving, capsys):
    sure = {"title": "Refund", "description": "The invoice: refund, invoice."}
    Lane(serving, telemetry())(post("/classify/batch", {"items": [TICKET, sure, {"title": "a"}]}))
    [line] = lines(capsys)
    assert_is_emf(line)
    assert (line["rows"], line["rows_refused"], line["rows_to_review"]) == (3, 1, 1)
    assert line["Predictions"] == [2.0]
    assert line["ReviewShare"] == [50.0]
    assert "labels" not in line


def test_a_batch_of_which_no_row_fits_is_logged_too(telemetry, serving, capsys):
    lane = Lane(serving, telemetry())
    lane(post("/classify/batch", {"items": [{}]}))
    [line] = lines(capsys)
    assert (line["rows"], line["rows_refused"], line["rows_to_review"]) == (1, 1, 0)


def test_an_estimate_is_logged_and_measured_instead_of_a_confidence(telemetry, zoos, capsys):
    answer = Lane(zoos, telemetry())(post("/models/readiness/predict", zoo.BUSINESS))
    [line] = lines(capsys)
    assert_is_emf(line)
    body = json.loads(answer["body"])
    assert line["estimates"] == {"score": {"value": body["score"], "lower": body["low"], "upper": 0.762132}}
    assert (line["model"], line["model_version"]) == ("readiness", "2.0.0")
    assert line["Prediction.score"] == [body["score"]]
    assert line["IntervalWidth.score"] == [0.2]
    assert not {"ReviewShare", "confidences", "review"} & set(line)
    assert not any(text in json.dumps(line) for text in ("G2G-1", "debts", "EU"))


def test_what_has_no_interval_has_no_width(telemetry, zoos, capsys):
    Lane(zoos, telemetry())(post("/models/recruits/predict", zoo.PLAYERS["qb"]))
    [line] = lines(capsys)
    assert (line["model"], line["Prediction.rating"]) == ("recruits/qb", [80.0])
    assert "IntervalWidth.rating" not in line


def test_labels_and_numbers_are_logged_side_by_side(telemetry, zoos, capsys):
    Lane(zoos, telemetry())(post("/models/recruits/qb/predict", zoo.PLAYERS["qb"]))
    [line] = lines(capsys)
    assert (line["labels"], line["estimates"]["rating"]["value"]) == ({"tier": "Elite"}, 80.0)
    assert line["Confidence.tier"] == [line["confidences"]["tier"]]
    assert line["Prediction.rating"] == [80.0]


def test_an_order_is_logged_as_its_products(telemetry, zoos, capsys):
    answer = Lane(zoos, telemetry())(post("/models/gifts/predict", zoo.ORDER))
    [line] = lines(capsys)
    quantities = [one["expected_qty"] for one in json.loads(answer["body"])["predictions"]]
    assert (line["rows"], line["Predictions"]) == (2, [2.0])
    assert line["Prediction.chosen"] == [pytest.approx(sum(quantities) / 2, abs=1e-6)]
    assert not {"P1", "north", "watch"} & set(json.dumps(line).split('"'))


def test_a_batch_over_segments_is_measured_for_each_of_them(telemetry, zoos, capsys):
    cases = [zoo.PLAYERS["rb"], zoo.PLAYERS["qb"], zoo.PLAYERS["rb"], {"position": "WR"}, {}]
    Lane(zoos, telemetry())(post("/models/recruits/batch", {"cases": cases}))
    line, first, second = lines(capsys)
    assert "_aws" not in line  # its model is the one that was asked for
    assert (line["model"], line["model_version"]) == ("recruits", "1.0.0")
    assert line["segments"] == {"recruits/rb": "1.4.0", "recruits/qb": "1.1.0"}
    assert (line["rows"], line["rows_refused"]) == (5, 2)
    for each in (first, second):
        assert_is_emf(each)
    assert (first["model"], first["Predictions"], first["ColdStarts"]) == ("recruits/rb", [2.0], [1.0])
    assert (second["model"], second["Predictions"]) == ("recruits/qb", [1.0])
    assert "ColdStarts" not in second


def test_a_cold_start_counts_even_when_no_segment_answered(telemetry, zoos, capsys):
    Lane(zoos, telemetry())(post("/models/recruits/batch", {"cases": [{}]}))
    [line] = lines(capsys)
    assert_is_emf(line)
    assert (line["ColdStarts"], line["rows_refused"], line["segments"]) == ([1.0], 1, {})


def test_an_explanation_leaves_nothing_of_the_row_in_the_log(telemetry, zoos, capsys):
    Lane(zoos, telemetry())(post("/models/readiness/explain", zoo.BUSINESS))
    written = capsys.readouterr().out
    assert '"route":"/models/{name}/explain"' in written
    assert not any(text in written for text in ("G2G-1", "debts", '"EU"', "grow"))


def test_unknown_models_are_no_failed_refreshes_and_not_named(telemetry, capsys):
    shown = telemetry()
    serving = serving_over(released(), on_failure=shown.refresh_failed)
    Lane(serving, shown)(post("/models/canary/predict", TICKET))
    written = capsys.readouterr().out
    assert "canary" not in written
    [line] = [json.loads(text) for text in written.splitlines()]
    assert (line["code"], line["level"]) == ("unknown_model", "INFO")


def test_every_answer_has_one_line_whatever_it_is(telemetry, serving, capsys):
    lane = Lane(serving, telemetry())
    events = [
        post("/classify", {"title": 5}),
        post("/nope", {}),
        post("/health", {}),
        post("/classify", TICKET, isBase64Encoded=True),
        {},
        None,
    ]
    codes = [json.loads(lane(event)["body"])["code"] for event in events]
    written = lines(capsys)
    assert [line["code"] for line in written] == codes
    assert [line.get("route") for line in written] == ["/classify", None, None, None, None, None]
    assert all(line["level"] == "INFO" for line in written)


def test_a_fault_of_ours_says_where_and_never_what(telemetry, capsys):
    serving = serving_over(released())._replace(store=lambda: 1 / 0)
    request = Request("GET", "/models", {}, b"", "req-1", "gateway-1")
    answer = respond(request, serving)
    answer.facts["error"].args = ("canary of a request",)
    telemetry().answered(request, answer, 0.001)
    written = capsys.readouterr().out
    [line] = [json.loads(text) for text in written.splitlines()]
    assert (line["level"], line["status"], line["code"], line["error"]) == (
        "ERROR",
        500,
        "internal_error",
        "ZeroDivisionError",
    )
    assert any("browse.py" in frame and "models" in frame for frame in line["frames"])
    assert (line["request_id"], line["correlation_id"]) == ("req-1", "gateway-1")
    assert "canary" not in written


def test_a_failed_refresh_has_its_own_line_and_is_a_metric_of_the_next_request(telemetry, serving, capsys):
    shown = telemetry()
    shown.refresh_failed("tickets", Trouble("corrupt_bundle", "for the public"), IntegrityError("v1.1.0/x is 3 bytes"))
    lane = Lane(serving, shown)
    for _ in range(2):
        lane(post("/classify", TICKET))
    failure, first, second = lines(capsys)
    assert (failure["level"], failure["message"], failure["reason"]) == ("ERROR", "refresh failed", "corrupt_bundle")
    assert failure["model"] == "tickets"
    assert (failure["error"], failure["cause"]) == ("IntegrityError", "v1.1.0/x is 3 bytes")
    assert first["RefreshFailures"] == [1.0]
    assert_is_emf(first)
    assert "RefreshFailures" not in second


def assert_lambda_knows_its_level(line):
    """Lambda takes a line's own level when it has that and a timestamp; else it is INFO, and may be left out."""
    assert (line["level"], line["message"]) == ("INFO", "metrics")
    assert datetime.fromisoformat(line["timestamp"]).tzinfo


@pytest.mark.parametrize("level", ["WARNING", "ERROR"])
def test_metrics_are_written_even_when_the_lines_are_not(telemetry, serving, capsys, level):
    Lane(serving, telemetry(level=level))(post("/classify", TICKET))
    [line] = lines(capsys)
    assert_is_emf(line)
    assert_lambda_knows_its_level(line)
    assert not {"request_id", "labels"} & set(line)


@pytest.mark.parametrize("level", ["INFO", "ERROR"])
def test_metrics_of_segments_have_a_level_too(telemetry, zoos, capsys, level):
    Lane(zoos, telemetry(level=level))(
        post("/models/recruits/batch", {"cases": [zoo.PLAYERS["rb"], zoo.PLAYERS["qb"]]})
    )
    written = [line for line in lines(capsys) if line["message"] != "request"]
    assert [line["model"] for line in written] == ["recruits/rb", "recruits/qb"]
    for line in written:
        assert_is_emf(line)
        assert_lambda_knows_its_level(line)


def test_metrics_can_be_switched_off_as_powertools_does(telemetry, serving, capsys, monkeypatch):
    monkeypatch.setenv("POWERTOOLS_METRICS_DISABLED", "true")
    Lane(serving, telemetry())(post("/classify", TICKET))
    [line] = lines(capsys)
    assert "_aws" not in line
    assert line["labels"]


def test_a_server_writes_the_line_without_metrics(telemetry, serving, capsys):
    Lane(serving, telemetry(namespace=None))(post("/classify", TICKET))
    [line] = lines(capsys)
    assert "_aws" not in line
    assert line["labels"]


@pytest.mark.parametrize("text", ["a\nb", '"}\n{"level":"FAKE"', "\x1b[31m", "\u2028", "\x00"])
def test_no_request_can_write_a_line_of_its_own(telemetry, serving, capsys, text):
    lane = Lane(serving, telemetry())
    context = {"http": {"method": "GET", "path": f"/{text}", "sourceIp": text}, "requestId": text}
    lane({**HTTP, "requestContext": context, "headers": {"x-request-id": text, "content-type": text}})
    lane({**HTTP, "requestContext": {**context, "http": {"method": text * 100, "path": "/classify"}}})
    lost, refused = lines(capsys)
    assert lost["code"] == "not_found"
    assert text not in json.dumps(lost, ensure_ascii=False)
    assert refused["code"] == "method_not_allowed"
    assert refused["method"] == "_OTHER"
