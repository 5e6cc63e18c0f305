"""Predictions of every kind of model, under all the paths that lead to it."""

import json

import pytest

from firesteel.errors import StoreError
from firesteel.program import predictor
from tests.unit.classify import zoo
from tests.unit.classify.asking import JSON, ask, blamed, post, refused
from tests.unit.classify.bundles import TICKET, Clock, release, serving_over
from tests.unit.classify.zoo import BUSINESS, PLAYERS

QB, RB = PLAYERS["qb"], PLAYERS["rb"]


@pytest.fixture(scope="module")
def serving():
    return serving_over(zoo.stocked())


@pytest.fixture(scope="module")
def segments():
    return serving_over(zoo.stocked(), model="recruits")


def test_the_served_model_answers_the_same_under_each_of_its_paths(serving):
    answers = [post(serving, path, TICKET) for path in ("/classify", "/predict", "/models/tickets/predict")]
    assert answers == answers[:1] * 3
    batches = [
        post(serving, "/classify/batch", {"items": [TICKET]})["items"],
        post(serving, "/batch_predict", {"cases": [TICKET]})["predictions"],
        post(serving, "/models/tickets/batch", {"cases": [TICKET]})["predictions"],
    ]
    assert batches == [answers[:1]] * 3


def test_numbers_are_answered_with_their_interval_and_the_identifiers():
    content = zoo.readiness(answer=None)
    store = zoo.stocked()
    release(store, "2.1.0", zoo.files(content, BUSINESS), name="readiness")
    answer = post(serving_over(store, model="readiness"), "/predict", BUSINESS)
    estimate = predictor.load(content).predict(BUSINESS).estimates["score"]
    assert list(answer.items()) == [
        ("score", round(estimate.value, 6)),
        ("score_lower", round(estimate.lower, 6)),
        ("score_upper", round(estimate.upper, 6)),
        ("gid", "G2G-1"),
        ("model_version", "2.1.0"),
    ]


def test_a_definition_may_say_what_is_answered(serving, monkeypatch):
    monkeypatch.setattr("functions.classify.shape.record.timestamp", lambda: "2024-05-17T09:30:00Z")
    answer = post(serving, "/models/readiness/predict", BUSINESS)
    assert answer == {
        "gid": "G2G-1",
        "score": 0.662132,
        "low": 0.562132,
        "level": "Medium",
        "confidence": 0.86,
        "by": "readiness",
        "version": "2.0.0",
        "at": "2024-05-17T09:30:00Z",
    }
    assert list(answer) == list(serving.live_of("readiness").predictor.answer)


def test_an_identifier_that_was_not_sent_is_null_and_a_number_may_be_missing(serving):
    row = {name: value for name, value in BUSINESS.items() if name not in ("gid", "debt")}
    assert post(serving, "/models/readiness/predict", row)["gid"] is None


def test_what_does_not_fit_another_model_is_refused_in_its_words(serving):
    row = {"region": "Mars", "revenue": -1, "debt": "much", "description": " ", "x": 1}
    assert blamed(serving, "/models/readiness/predict", row) == [
        ("region", "unknown_category"),
        ("revenue", "out_of_range"),
        ("debt", "wrong_type"),
        ("description", "blank"),
        ("", "unknown_field"),
    ]


@pytest.mark.parametrize("path", ["/predict", "/models/recruits/predict"])
def test_a_row_is_answered_by_its_segments_live_model(segments, path):
    status, answer, headers = ask(segments, "POST", path, QB)
    assert (status, answer["player_id"], answer["model_version"]) == (200, "p-1", "1.1.0")
    assert headers["x-model-digest"] == segments.live_of("recruits/qb").digest
    assert answer == post(segments, "/models/recruits/qb/predict", QB)
    assert post(segments, path, RB)["model_version"] == "1.4.0"


def test_an_unknown_segment_is_refused_and_told_what_there_is(segments):
    for row, code in (({**QB, "position": "TE"}, "unknown_segment"), ({"passing_yards": 1}, "missing")):
        status, content, _ = ask(segments, "POST", "/predict", row)
        [error] = content["errors"]
        assert (status, error["field"], error["code"]) == (422, "position", code)
        assert error["message"].endswith("QB, RB, WR")
    assert blamed(segments, "/predict", [QB]) == [("", "wrong_type")]


def test_an_unknown_segment_goes_where_the_model_says():
    store = zoo.stocked()
    release(store, "1.1.0", zoo.files(zoo.router("qb"), None), name="recruits")
    serving = serving_over(store, model="recruits")
    assert post(serving, "/predict", {**QB, "position": "TE"})["model_version"] == "1.1.0"


def test_a_segment_without_a_model_is_unavailable_and_the_others_are_not(segments):
    assert refused(segments, "POST", "/predict", {"position": "WR"})[:2] == (503, "no_model")
    assert post(segments, "/predict", QB)


def test_a_batch_goes_to_the_segments_and_comes_back_in_order(segments):
    cases = [QB, {"position": "WR"}, RB, {}, {**QB, "position": "TE"}, {"position": "QB"}, QB]
    status, content, headers = ask(segments, "POST", "/batch_predict", {"cases": cases})
    assert status == 200
    predictions = content["predictions"]
    assert [one.get("model_version") for one in predictions] == ["1.1.0", None, "1.4.0", None, None, None, "1.1.0"]
    errors = [one["error"]["code"] for one in predictions if "error" in one]
    assert errors == ["no_model", "invalid_input", "invalid_input", "invalid_input"]
    assert predictions[0] == predictions[6] == post(segments, "/predict", QB)
    assert predictions[2] == post(segments, "/models/recruits/rb/predict", RB)
    assert headers["x-model-digest"] == segments.live().digest


def test_one_segments_trouble_is_looked_at_once_a_batch_and_harms_no_other_row():
    store = zoo.stocked()
    asked = []
    keys = store.keys
    store.keys = lambda prefix: asked.append(prefix) or keys(prefix)
    serving = serving_over(store, model="recruits")
    post(serving, "/batch_predict", {"cases": [{"position": "WR"}] * 50 + [QB]})
    assert asked.count("models/recruits/wr/aliases/latest/") == 1
    store._objects["models/recruits/rb/v1.4.0/program.safetensors"] = b"nonsense"
    predictions = post(serving, "/batch_predict", {"cases": [RB, QB]})["predictions"]
    assert predictions[0]["error"]["detail"] == (
        "No model is loaded: The newest bundle failed its checks and is not served."
    )
    assert predictions[1]["model_version"] == "1.1.0"


def test_within_one_request_a_segment_does_not_change_its_version():
    store, clock = zoo.stocked(), Clock()
    serving = serving_over(store, model="recruits", clock=clock)
    post(serving, "/predict", QB)
    sides = serving.sides

    def moving(self, name):
        found = sides(name)
        release(store, f"1.{2 + moves.pop()}.0", zoo.files(zoo.segment("qb", lean=9.0), QB), name="recruits/qb")
        clock.now += 31
        return found

    moves = [5, 4, 3, 2, 1, 0]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(type(serving), "sides", moving)
        first, then = (post(serving, "/models/recruits/batch", {"cases": [QB] * 3})["predictions"] for _ in range(2))
    assert {one["model_version"] for one in first} == {"1.2.0"}
    assert {one["model_version"] for one in then} == {"1.4.0"}


def test_unknown_models_and_segments_are_not_found(serving):
    for path in ("/models/nope/predict", "/models/recruits/te/explain", "/models/../x/predict", "/models/%00/batch"):
        body = {"cases": [QB]} if path.endswith("batch") else QB
        assert refused(serving, "POST", path, body)[:2] == (404, "unknown_model")


def test_a_registry_out_of_reach_is_unavailable_for_models_that_are_not_loaded():
    store = zoo.stocked()
    serving = serving_over(store)
    post(serving, "/models/readiness/predict", BUSINESS)

    def refuse(prefix):
        raise StoreError("connection refused")

    store.keys = refuse
    assert refused(serving, "POST", "/models/gifts/predict", {})[:2] == (503, "registry_unavailable")
    assert post(serving, "/models/readiness/predict", BUSINESS)
    assert post(serving, "/predict", TICKET)


def test_the_expected_signature_is_demanded(serving):
    own = serving.live_of("readiness").predictor.signature
    good = {**JSON, "x-feature-signature": own}
    other = {**JSON, "x-feature-signature": "f" * 64}
    for path, body in (("predict", BUSINESS), ("explain", BUSINESS), ("batch", {"cases": [BUSINESS]})):
        assert ask(serving, "POST", f"/models/readiness/{path}", body, good)[0] == 200
        status, content, _ = ask(serving, "POST", f"/models/readiness/{path}", body, other)
        assert (status, content["code"]) == (409, "signature_mismatch")
        assert own in content["detail"]
        assert "f" * 64 in content["detail"]


def test_what_is_no_signature_is_not_repeated(serving):
    for sent in ("canary", "F" * 64, "", "é"):
        status, content, _ = ask(serving, "POST", "/predict", TICKET, {**JSON, "x-feature-signature": sent})
        assert status == 409
        assert not sent or sent not in json.dumps(content, ensure_ascii=False)


def test_the_expected_signature_is_that_of_the_rows_segment(segments):
    own = segments.live_of("recruits/qb").predictor.signature
    headers = {"x-feature-signature": own}
    assert post(segments, "/predict", QB, **headers)["model_version"] == "1.1.0"
    assert refused(segments, "POST", "/predict", RB, JSON | headers)[:2] == (409, "signature_mismatch")
    first, second = post(segments, "/batch_predict", {"cases": [QB, RB]}, **headers)["predictions"]
    assert first["model_version"] == "1.1.0"
    assert second["error"]["code"] == "signature_mismatch"


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({"cases": []}, "cases", "wrong_length"),
        ({"cases": [TICKET] * 1001}, "cases", "wrong_length"),
        ({"cases": "all"}, "cases", "wrong_type"),
        ({"cases": [TICKET], "items": []}, "", "unknown_field"),
        ({"cases": [TICKET], "include_explanations": "yes"}, "include_explanations", "wrong_type"),
        ({"cases": [TICKET], "include_explanations": None}, "include_explanations", "wrong_type"),
        ({}, "cases", "missing"),
        ([TICKET], "", "wrong_type"),
    ],
)
def test_what_is_no_batch_is_refused(serving, body, field, code):
    assert blamed(serving, "/batch_predict", body) == [(field, code)]


def test_a_thousand_rows_are_one_batch(serving):
    predictions = post(serving, "/models/readiness/batch", {"cases": [BUSINESS] * 1000})["predictions"]
    assert len(predictions) == 1000
    assert {one["score"] for one in predictions} == {0.662132}
