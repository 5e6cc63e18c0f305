"""Shadows: asked after the answer, told in a line of their own, never heard by the caller."""

import json
import logging
import time
from dataclasses import replace
from threading import Event

import pytest

from firesteel.program import format as program_format
from firesteel.registry.store import open_store
from functions.classify import server, shadow
from functions.classify.events import Request
from functions.classify.operations import respond
from functions.classify.refresh import State
from functions.classify.shadow import Shadows
from functions.classify.telemetry import Telemetry
from tests.unit.classify import zoo
from tests.unit.classify.asking import JSON, ask
from tests.unit.classify.bundles import TICKET, beside, damage, release, released, serving_over
from tests.unit.classify.test_canary import wider
from tests.unit.classify.test_server import SETTINGS, Client
from tests.unit.classify.test_sides_telemetry import Broken

AGREES = {"priority": True, "department": True}


@pytest.fixture
def store():
    """Stable 1.0.0, and 1.1.0 as its shadow, which calls every ticket Low."""
    store = released("1.0.0")
    beside(store, "1.1.0", lean=9.0)
    return store


class Asking:
    """Answers requests as a lane does and collects what their shadows are told to have said."""

    def __init__(self, store, model="tickets"):
        self.serving = serving_over(store, model=model, with_shadows=True)
        self.told = []
        self.shadows = Shadows(self.serving, self.told.append)

    def ask(self, path, body, request_id="req-1", **headers):
        request = Request("POST", path, JSON | headers, json.dumps(body).encode(), request_id, "")
        answer = respond(request, self.serving)
        self.shadows.offer(request, answer)
        return json.loads(answer.body)

    def line(self, path, body):
        self.ask(path, body)
        self.shadows.score()
        [line] = self.told
        return line


def test_a_shadow_is_asked_later_and_never_answers(store):
    asking = Asking(store)
    body = asking.ask("/classify", TICKET)
    assert (body["model_version"], body["predicted_priority"]) == ("1.0.0", "Urgent")
    assert asking.told == []
    asking.shadows.score()
    [line] = asking.told
    assert (line["request_id"], line["model"], line["model_version"], line["shadow_version"]) == (
        *("req-1", "tickets", "1.0.0", "1.1.0"),
    )
    assert line["agree"] == {"priority": False, "department": True}
    assert line["agreed"] == {"priority": 0, "department": 1}
    assert line["differences"]["department"] == 0
    assert 0 < line["differences"]["priority"] < 1
    assert line["rows"] == 1
    assert line["latency_ms"] > 0
    assert not any(text in json.dumps(line) for text in TICKET.values())


def test_a_shadow_that_is_the_same_agrees_in_everything():
    store = released("1.0.0")
    beside(store, "1.1.0")
    for path, body in [("/classify", TICKET), ("/explain", TICKET), ("/batch_predict", {"cases": [TICKET, 5, TICKET]})]:
        line = Asking(store).line(path, body)
        assert line["agree"] == AGREES
        assert set(line["differences"].values()) == {0.0}


def test_rows_of_a_batch_are_counted_one_by_one(store):
    low = {"title": "What is the price", "description": "zzz"}
    line = Asking(store).line("/classify/batch", {"items": [TICKET, low, TICKET]})
    assert (line["rows"], line["agreed"]) == (3, {"priority": 1, "department": 3})
    assert line["agree"] == {"priority": False, "department": True}


@pytest.mark.parametrize(("further", "agrees"), [(0.009, True), (0.011, False)])
def test_numbers_agree_within_a_hundredth_of_their_range(further, agrees):
    store = zoo.stocked()
    beside(store, "2.1.0", zoo.files(shifted(further), zoo.BUSINESS), name="readiness")
    line = Asking(store).line("/models/readiness/predict", zoo.BUSINESS)
    assert line["agree"] == {"score": agrees}
    assert line["differences"] == {"score": pytest.approx(further, abs=1e-6)}


def shifted(by):
    """Readiness, its score raised by so much."""
    meta, tensors = program_format.read(zoo.readiness())
    tensors = {name: array + by if name.endswith("intercept") else array for name, array in tensors.items()}
    return program_format.write(meta, tensors)


@pytest.mark.parametrize(("lean", "agrees"), [(0.79, True), (0.81, False)])
def test_numbers_without_a_range_agree_within_a_hundredth_of_their_value(lean, agrees):
    """The stable model rates this player 80."""
    store, row = zoo.stocked(), zoo.PLAYERS["qb"]
    beside(store, "1.2.0", zoo.files(zoo.segment("qb", lean=lean), row), name="recruits/qb")
    line = Asking(store, model="recruits").line("/predict", row)
    assert (line["model"], line["shadow_version"]) == ("recruits/qb", "1.2.0")
    assert line["agree"]["rating"] is agrees
    assert line["agree"]["tier"] is True


def test_of_a_batch_over_segments_those_with_a_shadow_have_a_line():
    store = zoo.stocked()
    beside(store, "1.2.0", zoo.files(zoo.segment("qb"), zoo.PLAYERS["qb"]), name="recruits/qb")
    players = [zoo.PLAYERS["rb"], zoo.PLAYERS["qb"], zoo.PLAYERS["qb"]]
    line = Asking(store, model="recruits").line("/batch_predict", {"cases": players})
    assert (line["model"], line["rows"], line["agreed"]) == ("recruits/qb", 2, {"rating": 2, "tier": 2})


def test_an_order_is_compared_as_it_was_answered():
    store = zoo.stocked()
    beside(store, "3.1.0", zoo.files(zoo.gifts(), zoo.GIFT), name="gifts")
    line = Asking(store).line("/models/gifts/predict", zoo.ORDER)
    assert (line["rows"], line["agree"], line["differences"]) == (2, {"chosen": True}, {"chosen": 0.0})


def test_a_shadow_that_raises_is_told_and_agrees_in_nothing(store):
    asking = Asking(store)
    sides = asking.serving.freshness.sides
    broken = sides.stable.shadow._replace(predictor=Broken(sides.stable.shadow.predictor))
    asking.serving.freshness.state = State(sides._replace(stable=sides.stable._replace(shadow=broken)))
    line = asking.line("/classify", TICKET)
    assert (line["code"], line["error"]) == ("internal_error", "ZeroDivisionError")
    assert line["agree"] == {"priority": False, "department": False}
    assert line["differences"] == {}


def test_a_shadow_that_takes_other_inputs_refuses_what_it_cannot_take():
    store = zoo.stocked()
    beside(store, "2.1.0", zoo.files(wider(), {**zoo.BUSINESS, "age": 3.0}), name="readiness")
    asking = Asking(store)
    signature = asking.serving.live_of("readiness").predictor.signature
    asking.ask("/models/readiness/predict", zoo.BUSINESS, **{"x-feature-signature": signature})
    asking.shadows.score()
    [line] = asking.told
    assert (line["code"], line["agree"]) == ("signature_mismatch", {"score": False})


def test_what_waits_is_bounded_and_what_is_dropped_is_counted(store):
    asking = Asking(store)
    for number in range(shadow.WAITING + 3):
        asking.ask("/classify", TICKET, request_id=f"req-{number}")
    asking.shadows.score()
    assert [line["request_id"] for line in asking.told] == [f"req-{number}" for number in range(shadow.WAITING)]
    assert [line.get("dropped") for line in asking.told] == [3] + [None] * (shadow.WAITING - 1)


def test_one_that_goes_wrong_does_not_keep_the_others_from_being_asked(store, monkeypatch):
    asking = Asking(store)
    for request_id in ("bad", "good"):
        asking.ask("/classify", TICKET, request_id=request_id)
    compared, outcomes = shadow._compared, [ZeroDivisionError("a bug"), None]

    def sometimes(*args):
        if failure := outcomes.pop(0):
            raise failure
        return compared(*args)

    monkeypatch.setattr(shadow, "_compared", sometimes)
    asking.shadows.score()
    assert [(line["request_id"], line.get("error")) for line in asking.told] == [
        ("bad", "ZeroDivisionError"),
        ("good", None),
    ]


def test_what_has_no_shadow_waits_for_nothing():
    asking = Asking(released("1.0.0"))
    asking.ask("/classify", TICKET)
    asking.ask("/health", {})
    assert not asking.shadows


def test_where_shadows_are_not_scored_they_are_not_fetched(store):
    damage(store, "1.1.0")
    serving = serving_over(store)
    assert (serving.live().shadow, serving.freshness.state.status) == (None, "ok")
    assert ask(serving, "GET", "/model/status")[1]["shadow"]["loaded"] is False


def test_a_damaged_shadow_is_trouble_and_nothing_else(store):
    damage(store, "1.1.0")
    asking = Asking(store)
    assert asking.ask("/classify", TICKET)["model_version"] == "1.0.0"
    assert not asking.shadows
    _, health, _ = ask(asking.serving, "GET", "/health")
    assert (health["status"], health["shadow"]["reason"]["code"]) == ("degraded", "corrupt_bundle")


def test_a_shadow_goes_with_the_stable_side_while_a_canary_runs(store):
    beside(store, "1.2.0", weight=0.5)
    sides = Asking(store).serving.freshness.sides
    assert (sides.stable.shadow.version, sides.canary.version, sides.canary.shadow) == ("1.1.0", "1.2.0", None)


def test_a_server_answers_first_and_asks_the_shadow_then(tmp_path, request, monkeypatch, capsys):
    """The shadow is held until the answer was read: if it were on the answer's path, none would ever come."""
    url = f"file://{tmp_path}/store"
    release(open_store(url), "1.0.0")
    beside(open_store(url), "1.1.0", lean=9.0)
    read, compared = Event(), shadow._compared

    def held(*args):
        assert read.wait(10)
        return compared(*args)

    monkeypatch.setattr(shadow, "_compared", held)
    telemetry = Telemetry(service=f"tests-{request.node.name}", level="INFO")
    client = Client(server.create(replace(SETTINGS, store=url), telemetry))
    answer = client.ask("POST", "/classify", json=TICKET, headers={"x-request-id": "mine"})
    assert answer.json()["model_version"] == "1.0.0"
    read.set()
    lines = written(capsys, 2)
    assert [(line["message"], line["request_id"]) for line in lines] == [("request", "mine"), ("shadow", "mine")]
    assert lines[1]["agree"] == {"priority": False, "department": True}
    logging.getLogger(telemetry.logger.service).handlers.clear()


def written(capsys, count):
    """So many lines of the log, which another thread writes."""
    text, give_up = "", time.monotonic() + 10
    while text.count("\n") < count:
        assert time.monotonic() < give_up, text
        time.sleep(0.005)
        text += capsys.readouterr().out
    return [json.loads(line) for line in text.splitlines()]
