"""Why an answer is what it is."""

import pytest

from tests.unit.classify import zoo
from tests.unit.classify.asking import post
from tests.unit.classify.bundles import TICKET, serving_over
from tests.unit.classify.zoo import BUSINESS, PLAYERS

ADDED = ["explanation_summary", "top_positive_features", "top_negative_features", "base_value", "raw_score"]


@pytest.fixture(scope="module")
def serving():
    return serving_over(zoo.stocked())


@pytest.fixture(autouse=True)
def noon(monkeypatch):
    monkeypatch.setattr("functions.classify.shape.record.timestamp", lambda: "2024-05-17T12:00:00Z")


def test_one_target_is_explained_beside_its_answer(serving):
    answer = post(serving, "/models/readiness/predict", BUSINESS)
    explained = post(serving, "/models/readiness/explain", BUSINESS)
    assert list(explained) == [*answer, *ADDED]
    assert {name: explained[name] for name in answer} == answer
    assert explained["top_positive_features"] == [
        {"feature": "revenue", "value": 4.0, "contribution": 0.4},
        {
            "feature": "description",
            "value": BUSINESS["description"],
            "contribution": 0.212132,
            "terms": [{"term": "grow", "contribution": 0.141421}, {"term": "debts", "contribution": 0.070711}],
        },
        {"feature": "region", "value": "EU", "contribution": 0.05},
    ]
    assert explained["top_negative_features"] == [{"feature": "debt", "value": 1.0, "contribution": -0.2}]
    assert (explained["base_value"], explained["raw_score"]) == (0.2, 0.662132)
    assert explained["explanation_summary"].startswith("score is above average")


def test_what_is_told_adds_up_when_all_of_it_is_told(serving):
    explained = post(serving, "/models/readiness/explain", BUSINESS)
    told = [*explained["top_positive_features"], *explained["top_negative_features"]]
    total = explained["base_value"] + sum(one["contribution"] for one in told)
    assert total == pytest.approx(explained["raw_score"], abs=1e-5)


def test_several_targets_are_explained_by_name(serving):
    explained = post(serving, "/explain", TICKET)
    assert list(explained)[-1] == "explanations"
    assert list(explained["explanations"]) == ["priority", "department"]
    for target, why in explained["explanations"].items():
        assert list(why) == ADDED
        assert explained[f"predicted_{target}"] in why["explanation_summary"]


def test_a_long_text_is_cut_where_it_is_repeated(serving):
    long = {**BUSINESS, "description": "grow " * 1000}
    explained = post(serving, "/models/readiness/explain", long)
    [description] = [one for one in explained["top_positive_features"] if one["feature"] == "description"]
    assert description["value"] == f"{long['description'][:99]}…"
    exactly = post(serving, "/models/readiness/explain", {**BUSINESS, "description": f"grow {'x' * 95}"})
    assert exactly["top_positive_features"][1]["value"] == f"grow {'x' * 95}"


@pytest.mark.parametrize("path", ["/models/recruits/explain", "/models/recruits/qb/explain"])
def test_a_segments_answer_is_explained(serving, path):
    explained = post(serving, path, PLAYERS["qb"])
    [most] = explained["explanations"]["rating"]["top_positive_features"]
    assert most == {"feature": "passing_yards", "value": 4000, "contribution": 80.0}


def test_a_batch_is_explained_when_that_is_asked_for(serving):
    cases = [BUSINESS, {}, {**BUSINESS, "region": "US"}]
    plain = post(serving, "/models/readiness/batch", {"cases": cases, "include_explanations": False})["predictions"]
    explained = post(serving, "/models/readiness/batch", {"cases": cases, "include_explanations": True})["predictions"]
    assert "raw_score" not in plain[0]
    assert "error" in explained[1]
    assert explained[0] == post(serving, "/models/readiness/explain", cases[0])
    assert explained[2] == post(serving, "/models/readiness/explain", cases[2])
