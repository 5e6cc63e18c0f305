"""A part is answered as the API answers its rows, without their texts; what cannot be answered is set aside."""

import csv
import io
import json

import pyarrow.parquet as pq
import pytest

from cli.scoring import local
from cli.scoring.worker import Job, scorer_of
from firesteel.errors import ProgramError
from firesteel.program.results import Contribution, Explanation
from firesteel.registry.store import MemoryStore
from functions.classify import explain, shape
from functions.classify.refresh import load
from functions.classify.scoring import part
from functions.classify.scoring.layout import Layout
from tests.unit.classify import bundles, zoo

JSONL = Layout("jsonl", "", ())
BEGUN = "2026-11-01T00:00:00Z"


@pytest.fixture(scope="module")
def store():
    return zoo.stocked()


def scorer(store, model, *, layout=JSONL, answers="jsonl", explained=False):
    return scorer_of(Job(local.bundles(store, model, None, "latest").fetched, layout, answers, explained, BEGUN))


def lines(*rows):
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def read(data):
    return [json.loads(line) for line in data.splitlines()]


def live(store, model):
    return load(local.bundles(store, model, None, "latest").fetched[model], model)


def test_rows_are_answered_as_one_by_one_and_in_their_order(store):
    rows = [bundles.TICKET | {"title": f"Cannot log in {n}", "customer_email": f"{n}@example.com"} for n in range(1203)]
    scored = scorer(store, "tickets").score(lines(*rows), 5)
    model = live(store, "tickets")
    expected = []
    for n, row in enumerate(rows):
        checked = model.predictor.check(row)
        answer = shape.answer(checked, model.predictor.predict(checked), model)
        expected.append({"line": 5 + n} | {k: v for k, v in answer.items() if k not in ("title", "description")})
    assert read(scored.answers) == expected
    assert (scored.rows, scored.failed, scored.refused) == (1203, 0, b"")


def test_rows_that_do_not_fit_are_set_aside_with_all_that_is_wrong_and_without_their_text(store):
    bad = {"title": "", "description": 5, "customer_email": "secret@example.com"}
    scored = scorer(store, "tickets").score(lines(bundles.TICKET, bad, bundles.TICKET) + b"{\n", 1)
    assert [one["line"] for one in read(scored.answers)] == [1, 3]
    first, second = read(scored.refused)
    assert (first["line"], [(one["field"], one["kind"]) for one in first["problems"]]) == (
        2, [("title", "too_short"), ("description", "wrong_type")]
    )  # fmt: skip
    assert (second["line"], second["problems"][0]["kind"]) == (4, "invalid_json")
    assert b"secret" not in scored.refused
    assert (scored.rows, scored.failed) == (4, 2)


def test_an_explained_answer_says_why_as_the_api_does_but_without_the_texts(store):
    [told] = read(scorer(store, "tickets", explained=True).score(lines(bundles.TICKET), 1).answers)
    model = live(store, "tickets")
    expected = explain.told(model.predictor.explain(model.predictor.check(bundles.TICKET)))
    for target in expected["explanations"].values():
        for one in (*target["top_positive_features"], *target["top_negative_features"]):
            assert one.pop("value") == bundles.TICKET[one["feature"]]
    assert {name: told[name] for name in expected} == json.loads(json.dumps(expected))


def test_an_explanation_quotes_no_text_that_has_no_known_term():
    parts = (Contribution("title", "Jane Roe", 2.0, ()), Contribution("age", 41, -1.0, ()))
    told = part._why({"priority": Explanation("priority", "High", 0.0, 1.0, parts)}, {"title"})
    assert "Jane" not in json.dumps(told)
    assert told["explanation_summary"] == "priority High is above average: title = … raises it; age = 41 lowers it."
    assert told["top_negative_features"] == [{"feature": "age", "value": 41, "contribution": -1.0}]


def test_explained_numbers_have_their_values(store):
    [told] = read(scorer(store, "gifts", explained=True).score(lines(zoo.GIFT), 1).answers)
    model = live(store, "gifts")
    expected = explain.told(model.predictor.explain(model.predictor.check(zoo.GIFT)))
    assert {name: told[name] for name in expected} == json.loads(json.dumps(expected))


def test_all_answers_of_a_run_have_one_time(store):
    [told] = read(scorer(store, "readiness").score(lines(zoo.BUSINESS), 1).answers)
    assert told["at"] == BEGUN
    assert "description" not in told


def test_every_row_is_answered_by_the_model_of_its_segment(store):
    rows = [
        zoo.PLAYERS["rb"],
        zoo.PLAYERS["qb"],
        {**zoo.PLAYERS["qb"], "position": "WR"},
        {"position": "??"},
        zoo.PLAYERS["rb"],
    ]
    scored = scorer(store, "recruits").score(lines(*rows), 1)
    assert [one["line"] for one in read(scored.answers)] == [1, 2, 5]
    assert [one["problems"][0]["kind"] for one in read(scored.refused)] == ["no_model", "unknown_segment"]
    assert (scored.rows, scored.failed) == (5, 2)


def test_a_csv_of_all_segments_has_columns_that_are_no_business_of_some(store):
    header = ("player_id", "position", "passing_yards", "rushing_yards", "fumbles")
    text = b"p-1,QB,4000,5,1\np-2,RB,,900,3\n"
    scored = scorer(store, "recruits", layout=Layout("csv", ",", header)).score(text, 2)
    assert [one["player_id"] for one in read(scored.answers)] == ["p-1", "p-2"]


def test_a_model_of_segments_with_nothing_published_is_refused():
    store = MemoryStore()
    bundles.release(store, "1.0.0", zoo.files(zoo.router(), None), name="recruits")
    with pytest.raises(ProgramError, match="recruits has no segment in which anything is published"):
        scorer(store, "recruits")


@pytest.mark.parametrize(
    ("model", "row"), [("tickets", bundles.TICKET), ("readiness", zoo.BUSINESS), ("gifts", zoo.GIFT)]
)
@pytest.mark.parametrize("explained", [False, True])
def test_answers_are_the_same_in_every_format(store, model, row, explained):
    data = lines(row, row)
    told = read(scorer(store, model, explained=explained).score(data, 1).answers)
    text = scorer(store, model, answers="csv", explained=explained).score(data, 1).answers.decode()
    table = scorer(store, model, answers="parquet", explained=explained).score(data, 1).answers
    from_csv = list(csv.DictReader(io.StringIO(text)))
    from_parquet = pq.read_table(io.BytesIO(table)).to_pylist()
    for one, cells, values in zip(told, from_csv, from_parquet, strict=True):
        assert values == {name: flat(value) for name, value in one.items()}
        assert cells == {name: cell(flat(value)) for name, value in one.items()}


def flat(value):
    nested = isinstance(value, dict | list)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) if nested else value


def cell(value):
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def test_a_part_without_an_answer_is_a_table_without_rows(store):
    for answers in ("csv", "parquet"):
        scored = scorer(store, "tickets", answers=answers).score(b"{}\n", 1)
        assert (scored.rows, scored.failed) == (1, 1)
        if answers == "parquet":
            assert pq.read_table(io.BytesIO(scored.answers)).num_rows == 0
