"""Requests that list products and groups."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from firesteel.errors import InputError
from functions.classify import grid
from tests.unit.classify import zoo
from tests.unit.classify.asking import ask, blamed, post
from tests.unit.classify.bundles import release, serving_over
from tests.unit.classify.zoo import ORDER

[FIRST, SECOND], GROUPS = ORDER["products"], ORDER["groups"]
PATH = "/models/gifts/predict"


@pytest.fixture(scope="module")
def serving():
    return serving_over(zoo.stocked())


def of_groups(serving, product, *groups):
    """Estimates of one product for each group alone."""
    predictor = serving.live_of("gifts").predictor
    rows = [{"shop": "north", **product, **group} for group in groups]
    return [predictor.predict(predictor.check(row)).estimates["chosen"] for row in rows]


def test_every_product_has_one_answer_in_order_summed_over_the_groups(serving):
    content = post(serving, PATH, ORDER)
    assert content["model_version"] == "3.0.0"
    for product, answer in zip(ORDER["products"], content["predictions"], strict=True):
        parts = of_groups(serving, product, *GROUPS)
        assert answer["product_id"] == product["product_id"]
        assert answer["expected_qty"] == pytest.approx(sum(part.value for part in parts), abs=1e-6)
        assert answer["low"] == pytest.approx(sum(part.lower for part in parts), abs=1e-6)
        assert answer["high"] == pytest.approx(sum(part.upper for part in parts), abs=1e-6)
        half = (answer["high"] - answer["low"]) / 2
        assert answer["confidence_score"] == pytest.approx(
            0.95 - 0.45 * half / (half + answer["expected_qty"]), abs=1e-5
        )


def test_a_product_for_one_group_is_answered_as_the_row_is(serving):
    [answer] = post(serving, PATH, {**ORDER, "products": [FIRST], "groups": GROUPS[:1]})["predictions"]
    [alone] = of_groups(serving, FIRST, GROUPS[0])
    assert answer["expected_qty"] == round(alone.value, 6)
    assert answer["confidence_score"] == round(alone.score, 6)


def test_an_answer_of_products_does_not_depend_on_the_others(serving):
    together = post(serving, PATH, ORDER)["predictions"]
    alone = [post(serving, PATH, {**ORDER, "products": [one]})["predictions"][0] for one in ORDER["products"]]
    assert together == alone


def test_without_a_second_list_there_is_a_row_for_each_product():
    store = zoo.stocked()
    release(store, "3.1.0", zoo.files(zoo.gifts(summed=False), zoo.GIFT), name="gifts")
    serving = serving_over(store, model="gifts")
    order = {"shop": "north", **GROUPS[0], "products": [FIRST, SECOND]}
    answers = post(serving, "/predict", order)["predictions"]
    assert [one["product_id"] for one in answers] == ["P1", "P2"]
    explained = post(serving, "/explain", order)["predictions"]
    assert [{name: one[name] for name in answers[0]} for one in explained] == answers
    assert explained[0]["raw_score"] == -1.6


def test_an_order_is_explained_by_product_and_group(serving):
    answers = post(serving, PATH, ORDER)["predictions"]
    explained = post(serving, "/models/gifts/explain", ORDER)["predictions"]
    for answer, told in zip(answers, explained, strict=True):
        groups = told.pop("groups")
        assert told == answer
        assert [{name: one[name] for name in GROUPS[0]} for one in groups] == GROUPS
        assert sum(one["expected_qty"] for one in groups) == pytest.approx(answer["expected_qty"], abs=1e-5)
        assert all(one["top_positive_features"] and one["raw_score"] < 0 for one in groups)
    assert explained[0]["product_id"] == "P1"


def test_a_batch_has_rows_and_no_orders(serving):
    good, bad = post(serving, "/models/gifts/batch", {"cases": [zoo.GIFT, ORDER]})["predictions"]
    assert good["expected_qty"] == pytest.approx(of_groups(serving, FIRST, GROUPS[0])[0].value, abs=1e-6)
    assert bad["error"]["code"] == "invalid_input"


def test_a_row_is_no_order(serving):
    assert blamed(serving, PATH, zoo.GIFT) == [
        ("", "unknown_field"),
        ("products", "missing"),
        ("groups", "missing"),
    ]


@pytest.mark.parametrize(
    ("change", "blame"),
    [
        ({"shop": "east"}, [("shop", "unknown_category")]),
        ({"products": [FIRST, {**SECOND, "price": -1}]}, [("products[1].price", "out_of_range")]),
        ({"products": [{**FIRST, "colour": "red"}]}, [("products[0]", "unknown_field")]),
        ({"products": [FIRST, None]}, [("products[1]", "wrong_type")]),
        ({"groups": [{"group_id": "A"}, 5]}, [("groups[0].employees", "missing"), ("groups[1]", "wrong_type")]),
        ({"products": [{**FIRST, "employees": 5}]}, [("products[0]", "unknown_field")]),
        ({"products": []}, [("products", "wrong_length")]),
        ({"groups": {}}, [("groups", "wrong_type")]),
        ({"groups": None}, [("groups", "wrong_type")]),
        ({"price": 5}, [("", "unknown_field")]),
        ({"products": [FIRST] * 100, "groups": GROUPS[:1] * 11}, [("", "too_many_rows")]),
        ({"products": [5] * 1001}, [("products", "wrong_length")]),
    ],
)
def test_what_does_not_fit_is_named_where_it_stands(serving, change, blame):
    assert blamed(serving, PATH, {**ORDER, **change}) == blame


def test_a_thousand_rows_are_answered(serving):
    order = {**ORDER, "products": [FIRST] * 100, "groups": GROUPS[:1] * 10}
    answers = post(serving, PATH, order)["predictions"]
    assert len(answers) == 100
    [alone] = of_groups(serving, FIRST, GROUPS[0])
    assert answers[0]["expected_qty"] == pytest.approx(10 * alone.value, abs=1e-5)


def test_no_refusal_repeats_what_was_sent(serving):
    canary = "canary4711"
    product = {**FIRST, "price": canary, "kind": canary, canary: canary}
    for body in ({**ORDER, "products": [product], "shop": canary, canary: 1}, {"products": canary, "groups": [canary]}):
        status, content, _ = ask(serving, "POST", PATH, body)
        assert status == 422
        assert canary not in json.dumps(content)


anything = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False) | some.text(max_size=5),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
parts = some.lists(some.sampled_from([FIRST, SECOND, *GROUPS]) | anything, max_size=4)
orders = some.fixed_dictionaries(
    {}, optional={"shop": some.sampled_from(["north", "south"]) | anything, "products": parts, "groups": parts, "x": anything}
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(orders | anything)
def test_whatever_is_sent_is_rows_that_fit_or_is_refused(serving, sent):
    live = serving.live_of("gifts")
    try:
        lines = grid.read(live, sent)
    except InputError as error:
        assert error.problems
    else:
        assert len(lines) == len(sent["products"])
        for line in lines:
            assert len(line.rows) == len(sent["groups"])
            assert all(live.predictor.check(row) == row for row in line.rows)
