"""POST /feedback takes what fits the served model and tells what does not; /admin shows what to correct and what was said."""

import gzip
import json
from datetime import UTC, datetime, timedelta

import pytest

from firesteel.errors import StoreError
from firesteel.monitor import feedback, inferences
from firesteel.registry.store import MemoryStore
from functions.classify.events import Request
from functions.classify.operations import respond
from tests.unit.classify import zoo
from tests.unit.classify.asking import JSON, ask
from tests.unit.classify.bundles import TICKET, released, serving_over

SENT = {"request_id": "r-1", "answer": {"priority": "High"}}


@pytest.fixture
def monitor():
    return MemoryStore()


@pytest.fixture
def serving(monitor):
    return serving_over(released("1.2.0"), monitor=monitor, admin=True)


def send(serving, **changes):
    sent = {name: value for name, value in (SENT | changes).items() if value is not ...}
    return ask(serving, "POST", "/feedback", sent)


def blamed(serving, **changes):
    status, content, _ = send(serving, **changes)
    assert (status, content["code"]) == (422, "invalid_input"), content
    return [(error["field"], error["code"]) for error in content["errors"]]


def get(serving, path, **query):
    answer = respond(Request("GET", path, JSON, b"", "req-1", "req-1", query=query), serving)
    return answer.status, json.loads(answer.body)


def log(monitor, *lines, day=None):
    """Lines as the server's spool delivers them."""
    when = day or datetime.now(UTC) - timedelta(hours=1)
    text = "".join(
        json.dumps({
            "message": "request", "timestamp": when.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "model": "tickets", "model_version": "1.2.0", "model_digest": "0" * 64, "status": 200,
            "labels": {"priority": "High"}, "confidences": {"priority": 0.5}, "review": False, **line,
        }) + "\n"
        for line in lines
    )  # fmt: skip
    monitor.create(f"{inferences.day_folder('tickets', when.date())}a.jsonl.gz", gzip.compress(text.encode()))


def test_a_correction_is_kept(serving, monitor):
    before = datetime.now(UTC)
    status, content, _ = send(serving, who="ada", why="it is urgent")
    [said] = feedback.read(monitor, "tickets")
    assert status == 201
    assert content == {"id": said.id, "subject": "r-1"}
    assert (said.request_id, said.input, said.answer) == ("r-1", None, {"priority": "High"})
    assert (said.who, said.why, said.model) == ("ada", "it is urgent", "tickets")
    assert before <= said.when <= datetime.now(UTC)


def test_an_input_is_kept_without_identifiers_and_without_what_is_missing(serving, monitor):
    status, content, _ = send(serving, request_id=..., input=TICKET)
    [said] = feedback.read(monitor, "tickets")
    assert status == 201
    assert said.input == {name: TICKET[name] for name in ("title", "description")}
    assert said.subject == content["subject"] == feedback.subject_of(None, None, said.input)
    send(
        serving,
        request_id=...,
        input={"title": TICKET["title"], "description": TICKET["description"], "customer_email": None},
    )
    assert len(feedback.settled(feedback.read(monitor, "tickets"))) == 1


def test_the_same_again_is_one_more_record_and_changes_nothing(serving, monitor):
    ids = {send(serving)[1]["id"] for _ in range(2)}
    said = feedback.read(monitor, "tickets")
    assert {one.id for one in said} == ids
    assert len(ids) == 2
    [held] = feedback.settled(said)
    assert held.conflicts == {}


def test_a_row_of_a_batch_is_a_subject_of_its_own(serving):
    assert send(serving, row=3)[1]["subject"] == "r-1@3"
    assert blamed(serving, row=1000) == [("row", "out_of_range")]
    assert blamed(serving, row=-1) == [("row", "out_of_range")]
    assert blamed(serving, row=True) == [("row", "wrong_type")]
    assert blamed(serving, row=1, request_id=..., input=TICKET) == [("row", "out_of_range")]


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"request_id": ...}, [("request_id", "missing")]),
        ({"request_id": None}, [("request_id", "missing")]),
        ({"request_id": 7}, [("request_id", "wrong_type")]),
        ({"request_id": "two words"}, [("request_id", "not_an_id")]),
        ({"request_id": "x" * 129}, [("request_id", "not_an_id")]),
        ({"answer": ...}, [("answer", "missing")]),
        ({"answer": {}}, [("answer", "missing")]),
        ({"answer": "High"}, [("answer", "wrong_type")]),
        ({"answer": {"priority": "SECRET"}}, [("answer.priority", "unknown_label")]),
        ({"answer": {"priority": ["High"]}}, [("answer.priority", "unknown_label")]),
        ({"answer": {"priority": None}}, [("answer.priority", "unknown_label")]),
        ({"answer": {"SECRET": "High"}}, [("answer", "unknown_field")]),
        ({"input": {"title": "SECRET"}}, [("input.description", "missing")]),
        ({"input": TICKET | {"SECRET": 1}}, [("input", "unknown_field")]),
        ({"input": "SECRET"}, [("input", "wrong_type")]),
        ({"who": "SECRET" * 100}, [("who", "too_long")]),
        ({"why": "SECRET" * 1000, "who": 1}, [("who", "wrong_type"), ("why", "too_long")]),
        ({"SECRET": 1}, [("", "unknown_field")]),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told_by_field_and_never_repeated(serving, monitor, changes, wrong):
    assert blamed(serving, **changes) == wrong
    assert "SECRET" not in json.dumps(send(serving, **changes)[1])
    assert monitor.keys("feedback/") == []


@pytest.mark.parametrize("body", [[], "x", 1, None])
def test_a_body_that_is_no_object_is_refused(serving, body):
    status, content, _ = ask(serving, "POST", "/feedback", body)
    assert (status, content["errors"][0]["code"]) == (422, "wrong_type")


def test_a_body_that_is_no_json_is_refused_as_everywhere(serving):
    assert ask(serving, "POST", "/feedback", b'{"answer": NaN}')[1]["code"] == "invalid_json"
    assert ask(serving, "POST", "/feedback", b"{}", {})[1]["code"] == "unsupported_media_type"


def test_no_text_reaches_the_facts_of_the_log_line(serving):
    body = json.dumps(SENT | {"input": TICKET, "who": "SECRET", "why": "SECRET"}).encode()
    answer = respond(Request("POST", "/feedback", JSON, body, "req-1", "req-1"), serving)
    assert answer.status == 201
    assert set(answer.facts) == {"live", "route"}


def test_a_store_that_cannot_be_written_to_is_a_503(monitor):
    class Full(MemoryStore):
        def create(self, key, data):
            raise StoreError("SECRET bucket")

    status, content, _ = send(serving_over(released(), monitor=Full()))
    assert (status, content["code"]) == (503, "registry_unavailable")
    assert "SECRET" not in json.dumps(content)


@pytest.mark.parametrize(
    ("model", "target", "good", "bad"),
    [
        ("readiness", "score", [0, 0.5, 1], [-0.1, 1.1, "0.5", True, None, 10**99]),
        ("gifts", "chosen", [0, 3, 7.0], [-1, 2.5, "3", False]),
        ("recruits/qb", "rating", [-1e9, 12], [None, "x", []]),
    ],
)
def test_numbers_and_counts_must_be_possible(monitor, model, target, good, bad):
    serving = serving_over(zoo.stocked(), monitor=monitor, memory=1 << 24)
    for value in good:
        assert send(serving, model=model, answer={target: value})[0] == 201
    assert [one.answer for one in feedback.read(monitor, model)] == [{target: value} for value in good]
    for value in bad:
        [(field, _)] = blamed(serving, model=model, answer={target: value})
        assert field == f"answer.{target}"


def test_of_a_model_with_segments_the_input_says_which_one_is_meant(monitor):
    serving = serving_over(zoo.stocked(), monitor=monitor, memory=1 << 24)
    player = zoo.PLAYERS["qb"]
    assert send(serving, request_id=..., model="recruits", input=player, answer={"tier": "Elite"})[0] == 201
    [said] = feedback.read(monitor, "recruits/qb")
    assert said.input == {"position": "QB", "passing_yards": 4000}
    assert blamed(serving, model="recruits", answer={"tier": "Elite"}) == [("model", "has_segments")]


def test_a_model_that_there_is_not_is_unknown(serving):
    for model in ("nope", "../tickets", ""):
        status, content, _ = send(serving, model=model or "x y")
        assert (status, content["code"]) == (404, "unknown_model")


def test_what_was_said_is_shown_newest_first_with_what_holds(serving):
    send(serving, answer={"priority": "Low", "department": "Sales"}, who="ada")
    send(serving, who="bob")
    status, content = get(serving, "/admin/feedback")
    assert (status, content["model"], content["damaged"]) == (200, "tickets", 0)
    assert [(one["who"], one["holds"]) for one in content["corrections"]] == [
        ("bob", ["priority"]),
        ("ada", ["department"]),
    ]
    assert get(serving, "/admin/feedback", limit="1")[1]["corrections"] == content["corrections"][:1]


def test_only_what_is_shown_is_read(serving, monitor):
    for number in range(20):
        send(serving, request_id=f"r-{number}")
    read = []
    monitor.get, get_one = (lambda key, **about: read.append(key) or get_one(key, **about)), monitor.get
    status, content = get(serving, "/admin/feedback", limit="3")
    assert (status, content["complete"], len(read)) == (200, False, 3)
    assert [one["request_id"] for one in content["corrections"]] == ["r-19", "r-18", "r-17"]
    assert get(serving, "/admin/feedback")[1]["complete"] is True


def test_an_answer_fits_the_gateway_and_says_when_it_is_cut(serving, monitor):
    long = {"title": "x", "description": '"' * 9000}
    for number in range(300):
        feedback.send(monitor, "tickets", {"priority": "High"}, request_id=f"r-{number}", input=long)
    answer = respond(Request("GET", "/admin/feedback", JSON, b"", "r", "r", query={"limit": "1000"}), serving)
    content = json.loads(answer.body)
    assert len(json.dumps(answer.body.decode())) < 6 << 20
    assert content["complete"] is False
    assert 0 < len(content["corrections"]) < 300


def test_the_caller_that_the_gateway_verified_is_kept_whatever_the_sender_says(serving, monitor):
    body = json.dumps(SENT | {"who": "ada"}).encode()
    sent = Request("POST", "/feedback", JSON, body, "req-1", "req-1", caller="arn:aws:iam::1:user/mallory")
    assert respond(sent, serving).status == 201
    [said] = feedback.read(monitor, "tickets")
    assert (said.who, said.caller) == ("ada", "arn:aws:iam::1:user/mallory")
    assert blamed(serving, caller="arn:aws:iam::1:root") == [("", "unknown_field")]
    assert get(serving, "/admin/feedback")[1]["corrections"][0]["caller"] == said.caller


def test_a_damaged_record_is_counted_and_hides_no_other(serving, monitor):
    send(serving)
    [key] = monitor.keys("feedback/")
    monitor._objects[key] = b"{"
    send(serving, request_id="r-2")
    content = get(serving, "/admin/feedback")[1]
    assert (len(content["corrections"]), content["damaged"]) == (1, 1)


def test_the_queue_has_what_nobody_corrected_the_least_sure_first(serving, monitor):
    shown = {"title": {"text": "The price?"}, "description": {"text": "Please tell."}}
    log(
        monitor,
        {"request_id": "r-1", "confidences": {"priority": 0.3}},
        {"request_id": "r-2", "confidences": {"priority": 0.9}},
        {"request_id": "r-3", "confidences": {"priority": 0.4}},
        {"request_id": "r-4", "confidences": {"priority": 0.99}, "review": True, "inputs": shown},
    )  # fmt: skip
    send(serving)
    status, content = get(serving, "/admin/review")
    assert (status, content["model"]) == (200, "tickets")
    assert [one["request_id"] for one in content["items"]] == ["r-4", "r-3", "r-2"]
    assert content["items"][0]["inputs"] == {"title": "The price?", "description": "Please tell."}
    assert [one["request_id"] for one in get(serving, "/admin/review", limit="1")[1]["items"]] == ["r-4"]


def test_the_queue_is_of_the_last_days(serving, monitor):
    log(monitor, {"request_id": "old"}, day=datetime.now(UTC) - timedelta(days=9))
    assert get(serving, "/admin/review")[1]["items"] == []
    assert [one["request_id"] for one in get(serving, "/admin/review", last="10d")[1]["items"]] == ["old"]


@pytest.mark.parametrize(
    ("query", "field"),
    [({"limit": text}, "limit") for text in ("0", "-1", "9999", "x", "1e2")]
    + [({"last": text}, "last") for text in ("7", "0d", "91d", "")],
)
@pytest.mark.parametrize("path", ["/admin/review", "/admin/feedback"])
def test_bounds_are_bounded(serving, path, query, field):
    status, content = get(serving, path, **query)
    assert (status, [error["field"] for error in content["errors"]]) == (422, [field])


def test_without_the_setting_there_is_no_admin_and_still_feedback(monitor):
    closed = serving_over(released(), monitor=monitor)
    assert get(closed, "/admin/review")[0] == get(closed, "/admin/feedback")[0] == 404
    assert send(closed)[0] == 201
