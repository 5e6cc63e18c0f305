"""GET /admin/recent_inferences."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from firesteel.errors import StoreError
from firesteel.registry.store import MemoryStore
from functions.classify import inferences
from functions.classify.events import Request, parse_query
from functions.classify.operations import respond
from tests.unit.classify.bundles import released, serving_over
from tests.unit.monitor.lines import keep, line

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def monitor():
    """An answer an hour over the last five hours, every second one for a person; one of another model."""
    store = MemoryStore()
    for hours in range(5):
        when = NOW - timedelta(hours=hours)
        keep(store, line(f"h{hours}", when, review=hours % 2 == 1), day=f"{when:%Y-%m-%d}", name=f"{9 - hours}")
    keep(store, line("q", NOW, model="recruits/qb"), model="recruits.qb", day=f"{NOW:%Y-%m-%d}")
    return store


@pytest.fixture(scope="module")
def ask(monitor):
    serving = serving_over(released(), monitor=monitor, admin=True)

    def ask(query):
        request = Request("GET", "/admin/recent_inferences", {}, b"", "req-1", "req-1", query=parse_query(query))
        answer = respond(request, serving)
        return answer.status, json.loads(answer.body)

    return ask


def ids(answer):
    status, content = answer
    assert status == 200
    return [one["request_id"] for one in content["inferences"]]


def test_the_newest_of_the_served_model_come_first(ask):
    assert ids(ask("")) == ["h0", "h1", "h2", "h3", "h4"]
    _, content = ask("limit=1")
    [one] = content["inferences"]
    assert (one["model"], one["version"], one["labels"], one["row"]) == ("tickets", "1.2.0", {"priority": "High"}, None)
    assert content["complete"] is True


def test_the_query_chooses(ask):
    assert ids(ask("last=150m&limit=2")) == ["h0", "h1"]
    assert ids(ask("last=90m")) == ["h0", "h1"]
    assert ids(ask("review=true")) == ["h1", "h3"]
    assert ids(ask("review=false&limit=1")) == ["h0"]
    assert ids(ask("model=recruits/qb")) == ["q"]
    assert ids(ask("model=nobody")) == []


@pytest.mark.parametrize(
    ("query", "field"),
    [("limit=0", "limit"), ("limit=1001", "limit"), ("limit=x", "limit"), ("limit=-1", "limit"), ("limit=%C2%B2", "limit"),
     ("last=0h", "last"), ("last=24", "last"), ("last=91d", "last"), ("last=9999999d", "last"), ("last=canary", "last"),
     ("review=yes", "review")],
)  # fmt: skip
def test_a_query_that_does_not_fit_is_refused_by_name_and_not_repeated(ask, query, field):
    status, content = ask(query)
    assert (status, content["code"], [error["field"] for error in content["errors"]]) == (422, "invalid_input", [field])
    assert "canary" not in json.dumps(content)


def test_a_name_that_can_be_no_model_is_none(ask):
    status, content = ask("model=../etc")
    assert (status, content["code"]) == (404, "unknown_model")


def test_an_answer_ends_where_lambda_could_send_no_more(ask):
    """Lambda's answers have 6 MiB at most, and a body is a text within its JSON."""
    store = MemoryStore()
    text = '"' * 9000
    rows = (line(f"r{n}", NOW - timedelta(seconds=n), inputs={"title": {"text": text}}) for n in range(600))
    keep(store, *rows, day=f"{NOW:%Y-%m-%d}")
    serving = serving_over(released(), monitor=store, admin=True)
    request = Request(
        "GET", "/admin/recent_inferences", {}, b"", "req-1", "req-1", query={"limit": "600", "last": "24h"}
    )
    answer = respond(request, serving)
    content = json.loads(answer.body)
    assert content["complete"] is False
    assert 50 < len(content["inferences"]) < 600
    assert len(json.dumps(answer.body.decode())) < 6 << 20
    assert ids((200, content)) == [f"r{number}" for number in range(len(content["inferences"]))]


def test_a_search_that_takes_too_long_ends_with_what_it_found(monitor, monkeypatch):
    monkeypatch.setattr(inferences, "SECONDS", 0.0)
    serving = serving_over(released(), monitor=monitor, admin=True)
    answer = respond(Request("GET", "/admin/recent_inferences", {}, b"", "req-1", "req-1"), serving)
    assert json.loads(answer.body) == {"inferences": [], "complete": False}


def test_a_store_that_cannot_be_read_is_said(monitor):
    class Failing(MemoryStore):
        def folders(self, prefix):
            raise StoreError("the bucket is not there")

    serving = serving_over(released(), monitor=Failing(), admin=True)
    answer = respond(Request("GET", "/admin/recent_inferences", {}, b"", "req-1", "req-1"), serving)
    assert answer.status == 503
    assert b"bucket" not in answer.body


def test_without_admin_there_is_nothing(monitor):
    answer = respond(
        Request("GET", "/admin/recent_inferences", {}, b"", "req-1", "req-1"), serving_over(released(), monitor=monitor)
    )
    assert answer.status == 404
