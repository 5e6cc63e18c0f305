"""Lines and metrics while a canary runs: the same as ever, and once more by side what a canary is judged by."""

import json
import logging

import pytest
from prometheus_client.parser import text_string_to_metric_families

from functions.classify.events import Request
from functions.classify.lane import Lane
from functions.classify.live import Sides
from functions.classify.meters import Meters
from functions.classify.operations import respond
from functions.classify.refresh import State
from functions.classify.telemetry import Telemetry
from tests.unit.classify import zoo
from tests.unit.classify.bundles import TICKET, beside, damage, released, serving_over
from tests.unit.classify.test_canary import KEYS
from tests.unit.classify.test_telemetry import assert_is_emf, lines, post

JUDGED = {"Predictions": "Count", "Latency": "Milliseconds", "ReviewShare": "Percent", "Errors": "Count"}


@pytest.fixture
def telemetry(request):
    """Made in the test, whose output is captured; of a service of its own, for Powertools keeps loggers by name."""
    name = f"tests-{request.node.name}"
    yield lambda: Telemetry(service=name, level="INFO", namespace="Firesteel")
    logging.getLogger(name).handlers.clear()


@pytest.fixture
def serving():
    store = released("1.0.0", threshold=0.6)
    beside(store, "1.1.0", weight=0.5, threshold=0.6)
    return serving_over(store)


def asking(lane, key, path="/classify", body=TICKET):
    event = post(path, body)
    return lane({**event, "headers": {**event["headers"], "x-canary-key": key}})


def keys(sides):
    """A key of each side."""
    return {
        side: next(key for key in KEYS if (sides.of(key) is sides.canary) == (side == "canary"))
        for side in ("stable", "canary")
    }


def metrics(directive):
    return {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]}


@pytest.mark.parametrize("side", ["stable", "canary"])
def test_a_request_is_one_line_with_its_side_and_two_sets_of_dimensions(telemetry, serving, capsys, side):
    asking(Lane(serving, telemetry()), keys(serving.freshness.sides)[side])
    [line] = lines(capsys)
    assert_is_emf(line)
    assert (line["side"], line["model_version"]) == (side, {"stable": "1.0.0", "canary": "1.1.0"}[side])
    as_ever, by_side = line["_aws"]["CloudWatchMetrics"]
    assert [sorted(dimensions) for dimensions in as_ever["Dimensions"]] == [["model", "service"]]
    assert metrics(as_ever).keys() == {
        *("Predictions", "Latency", "ReviewShare", "Confidence.priority", "Confidence.department", "ColdStarts")
    }
    assert [sorted(dimensions) for dimensions in by_side["Dimensions"]] == [["model", "service", "side"]]
    assert metrics(by_side) == JUDGED
    assert (line["Errors"], line["Predictions"]) == ([0.0], [1.0])


def test_without_a_canary_line_and_metrics_know_of_no_sides(telemetry, capsys):
    Lane(serving_over(released("1.0.0")), telemetry())(post("/classify", TICKET))
    [line] = lines(capsys)
    assert not {"side", "Errors"} & set(line)
    [directive] = line["_aws"]["CloudWatchMetrics"]
    assert [sorted(dimensions) for dimensions in directive["Dimensions"]] == [["model", "service"]]


class Broken:
    """A predictor that can do everything but predict."""

    def __init__(self, predictor):
        self._predictor = predictor

    def __getattr__(self, name):
        if name.startswith("predict"):
            raise ZeroDivisionError("a bug")
        return getattr(self._predictor, name)


def break_canary(freshness):
    sides = freshness.sides
    broken = sides.canary._replace(predictor=Broken(sides.canary.predictor))
    freshness.state = State(Sides(sides.stable, broken, sides.weight))


@pytest.mark.parametrize(("path", "body"), [("/classify", TICKET), ("/batch_predict", {"cases": [TICKET, TICKET]})])
def test_an_error_is_counted_for_the_side_that_raised_it(telemetry, serving, capsys, path, body):
    break_canary(serving.freshness)
    lane, of = Lane(serving, telemetry()), keys(serving.freshness.sides)
    assert asking(lane, of["canary"], path, body)["statusCode"] == 500
    assert asking(lane, of["stable"], path, body)["statusCode"] == 200
    failed, good = lines(capsys)
    assert_is_emf(failed)
    assert (failed["level"], failed["error"], failed["Errors"]) == ("ERROR", "ZeroDivisionError", [1.0])
    assert (failed["model"], failed["model_version"], failed["side"]) == ("tickets", "1.1.0", "canary")
    assert metrics(failed["_aws"]["CloudWatchMetrics"][-1]) == {"Errors": "Count"}
    assert (good["side"], good["Errors"]) == ("stable", [0.0])


def test_an_error_without_a_canary_names_model_and_version_and_is_no_metric(telemetry, capsys):
    serving = serving_over(released("1.0.0"))
    stable = serving.freshness.sides.stable
    serving.freshness.state = State(Sides(stable._replace(predictor=Broken(stable.predictor))))
    Lane(serving, telemetry(), cold_start=False)(post("/classify", TICKET))
    [line] = lines(capsys)
    assert (line["status"], line["model"], line["model_version"]) == (500, "tickets", "1.0.0")
    assert not {"_aws", "side", "Errors"} & set(line)


def test_an_error_before_any_model_was_asked_is_no_models(telemetry, serving, capsys):
    lane = Lane(serving._replace(store=lambda: 1 / 0), telemetry())
    lane(post("/classify", TICKET))
    event = post("/models", {})
    event["requestContext"]["http"]["method"] = "GET"
    assert lane(event)["statusCode"] == 500
    _, line = lines(capsys)
    assert line["error"] == "ZeroDivisionError"
    assert not {"model", "side", "_aws"} & set(line)


def test_an_error_of_a_segments_canary_is_the_segments(telemetry, capsys):
    store = zoo.stocked()
    beside(store, "1.2.0", zoo.files(zoo.segment("qb"), zoo.PLAYERS["qb"]), weight=0.5, name="recruits/qb")
    serving = serving_over(store, model="recruits")
    sides = serving.sides("recruits/qb")
    break_canary(serving.models.of("recruits/qb"))
    lane = Lane(serving, telemetry())
    assert asking(lane, keys(sides)["canary"], "/predict", zoo.PLAYERS["qb"])["statusCode"] == 500
    [line] = lines(capsys)
    assert (line["model"], line["model_version"], line["side"]) == ("recruits/qb", "1.2.0", "canary")
    assert line["Errors"] == [1.0]


def test_a_batch_over_segments_has_the_side_on_the_lines_of_those_with_a_canary(telemetry, capsys):
    store = zoo.stocked()
    beside(store, "1.2.0", zoo.files(zoo.segment("qb"), zoo.PLAYERS["qb"]), weight=0.5, name="recruits/qb")
    Lane(serving_over(store), telemetry())(post("/models/recruits/batch", {"cases": list(zoo.PLAYERS.values())}))
    _, qb, rb = lines(capsys)
    for line in (qb, rb):
        assert_is_emf(line)
    assert qb["side"] in ("stable", "canary")
    assert qb["Errors"] == [0.0]
    assert not {"side", "Errors"} & set(rb)


def test_a_failed_canary_is_logged_with_its_role_and_counted_with_the_next_request(telemetry, capsys):
    store = released("1.0.0")
    beside(store, "1.1.0", weight=0.5)
    damage(store, "1.1.0")
    shown = telemetry()
    serving = serving_over(store, on_failure=shown.refresh_failed)
    Lane(serving, shown)(post("/classify", TICKET))
    failure, line = lines(capsys)
    assert (failure["message"], failure["role"], failure["reason"]) == ("refresh failed", "canary", "corrupt_bundle")
    assert line["RefreshFailures"] == [1.0]
    assert "side" not in line


def test_a_server_counts_by_version_and_tells_the_share(telemetry, serving):
    meters, of = Meters(), keys(serving.freshness.sides)
    break_canary(serving.freshness)
    for key in of.values():
        headers = {"content-type": "application/json", "x-canary-key": key}
        request = Request("POST", "/classify", headers, json.dumps(TICKET).encode(), "req-1", "")
        meters.observe(request, respond(request, serving), 0.001)
    samples = {
        (sample.name, sample.labels.get("version")): sample.value
        for family in text_string_to_metric_families(meters.text(serving).decode())
        for sample in family.samples
    }
    assert samples["firesteel_predictions_total", "1.0.0"] == 1
    assert samples["firesteel_errors_total", "1.1.0"] == 1
    assert samples["firesteel_canary_share", "1.1.0"] == 0.5
