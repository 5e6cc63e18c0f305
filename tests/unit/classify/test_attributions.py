"""POST .../attributions: the answer, and what each field and each character did to it."""

import pytest

from tests.unit.classify import zoo
from tests.unit.classify.asking import blamed, post, refused
from tests.unit.classify.bundles import TICKET, released, serving_over


@pytest.fixture(scope="module")
def serving():
    return serving_over(released("1.2.0"))


@pytest.fixture(scope="module")
def others():
    return serving_over(zoo.stocked())


def without_reasons(answer):
    return {name: value for name, value in answer.items() if name != "attributions"}


def check_sums(attribution):
    fields = attribution["fields"]
    assert attribution["base"] + sum(one["contribution"] for one in fields) == pytest.approx(
        attribution["score"], abs=1e-9
    )
    for one in fields:
        if "spans" in one:
            told = sum(span["contribution"] for span in one["spans"]) + one["rest"]
            assert told == pytest.approx(one["contribution"], abs=1e-9)


def test_a_ticket_is_answered_as_predict_does_and_every_word_that_counted_is_marked(serving):
    answer = post(serving, "/attributions", TICKET)
    assert without_reasons(answer) == post(serving, "/predict", TICKET)
    assert list(answer["attributions"]) == ["priority", "department"]
    for name, attribution in answer["attributions"].items():
        assert attribution["label"] == answer[f"predicted_{name}"]
        check_sums(attribution)
        texts = {one["feature"]: one for one in attribution["fields"]}
        assert {name: one["value"] for name, one in texts.items()} == {k: TICKET[k] for k in ("title", "description")}
        marked = {TICKET[k][span["start"] : span["end"]] for k, one in texts.items() for span in one["spans"]}
        assert marked == {"Cannot", "log", "in", "account", "locked"}


def test_it_says_what_explain_says(serving):
    explained = post(serving, "/explain", TICKET)["explanations"]
    for name, attribution in post(serving, "/attributions", TICKET)["attributions"].items():
        assert attribution["score"] == pytest.approx(explained[name]["raw_score"], abs=1e-6)
        assert attribution["base"] == pytest.approx(explained[name]["base_value"], abs=1e-6)
        [strongest, *_] = explained[name]["top_positive_features"]
        [told] = [one for one in attribution["fields"] if one["feature"] == strongest["feature"]]
        assert told["contribution"] == pytest.approx(strongest["contribution"], abs=1e-6)


def test_offsets_count_code_points_of_the_text_as_it_was_sent(serving):
    answer = post(serving, "/attributions", {"title": "🙂 İİ REFUND", "description": "x"})
    [told] = [one for one in answer["attributions"]["department"]["fields"] if one["feature"] == "title"]
    assert [(span["start"], span["end"]) for span in told["spans"]] == [(5, 11)]


def test_all_fields_are_told_and_only_texts_have_spans(others):
    answer = post(others, "/models/readiness/attributions", zoo.BUSINESS)
    [attribution] = answer["attributions"].values()
    check_sums(attribution)
    assert attribution["label"] is None
    told = {one["feature"]: one for one in attribution["fields"]}
    assert told.keys() == {"region", "revenue", "debt", "description"}
    assert [name for name, one in told.items() if "spans" in one] == ["description"]
    assert [name for name, one in told.items() if "rest" in one] == ["description"]


def test_an_order_is_attributed_group_by_group(others):
    answer = post(others, "/models/gifts/attributions", zoo.ORDER)
    plain = post(others, "/models/gifts/predict", zoo.ORDER)
    assert [{k: v for k, v in one.items() if k != "groups"} for one in answer["predictions"]] == plain["predictions"]
    for product in answer["predictions"]:
        for group in product["groups"]:
            check_sums(group["attributions"]["chosen"])


def test_a_row_of_segments_is_attributed_by_its_segment(others):
    for name, player in zoo.PLAYERS.items():
        answer = post(others, "/models/recruits/attributions", player)
        assert answer == post(others, f"/models/recruits/{name}/attributions", player)
        assert answer["attributions"].keys() == {"rating", "tier"}


def test_what_does_not_fit_is_refused_as_by_predict(serving):
    assert blamed(serving, "/attributions", {"title": "a"}) == [("description", "missing")]
    assert refused(serving, "POST", "/attributions", b"{")[:2] == (400, "invalid_json")
    assert refused(serving, "POST", "/attributions", b" " * (64 * 1024 + 1))[:2] == (413, "payload_too_large")
