"""Definitions of numbers, counts, segments and shapes: what fits together, and what is refused before anything runs."""

from pathlib import Path

import pytest

from firesteel.definition_file import load, parse
from firesteel.errors import DefinitionError

MODELS = Path(__file__).parents[2] / "models"

TEXT = """\
model: demand
inputs:
  shop: {kind: category, values: [North, South], example: North}
  branch: {kind: category, example: Retail}
  price: {kind: number, minimum: 0, maximum: 100, unit: dollars, example: 9.5}
  stock: {kind: number, required: false, example: 3}
  employees: {kind: number, minimum: 1, example: 10}
  opened: {kind: timestamp, example: 2024-05-17T09:30:00Z}
  note: {kind: text, example: quiet street}
  order: {kind: identifier, example: A-1}
targets:
  sold: {task: count, exposure: employees}
features:
  numbers: {step: number, inputs: [price]}
  more: {step: number, inputs: [stock], fill: median}
  pairs: {step: hash, pairs: [[shop, branch]], width: 8}
  looked: {step: lookup, key: shop, fallback: [branch], defaults: {visitors: mean}}
estimator: {kind: poisson}
leaks: [returns]
split: {kind: group, group: shop}
gates:
  - {metric: sold.poisson_deviance, at_most: 3}
"""


def refusal(text: str) -> str:
    with pytest.raises(DefinitionError) as caught:
        parse(text, "my.yaml")
    return str(caught.value)


def changed(old: str, new: str) -> str:
    assert TEXT.count(old) == 1, old
    return TEXT.replace(old, new)


def test_a_retrained_version_is_promoted_at_once_unless_the_definition_says_otherwise() -> None:
    assert parse(TEXT, "my.yaml").promote.model_dump() == {"how": "direct", "weight": 0.05}
    canary = parse(f"{TEXT}promote: {{how: canary, weight: 0.2}}\n", "my.yaml")
    assert (canary.promote.how, canary.promote.weight) == ("canary", 0.2)
    assert parse(f"{TEXT}promote: {{how: approval}}\n", "my.yaml").promote.how == "approval"
    assert canary.sha256 != parse(TEXT, "my.yaml").sha256


@pytest.mark.parametrize(
    ("promote", "message"),
    [
        ("{how: later}", "my.yaml:23: promote.how:"),
        ("{how: canary, weight: 0}", "my.yaml:23: promote.weight:"),
        ("{how: canary, weight: 1}", "my.yaml:23: promote.weight:"),
        ("{what: canary}", "my.yaml:23: promote.what: no such field"),
        ("canary", "my.yaml:23: promote:"),
    ],
)
def test_a_promotion_that_cannot_be_is_refused(promote: str, message: str) -> None:
    assert message in refusal(f"{TEXT}promote: {promote}\n")


def test_a_definition_of_a_count_is_read() -> None:
    definition = parse(TEXT, "my.yaml")
    assert (definition.tasks, definition.exposure, definition.address) == ({"count"}, "employees", "demand")
    assert definition.metric_of("sold") == "poisson_deviance"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "inputs: [price]",
            "inputs: [price, employees]",
            "14: features.numbers.inputs[1]: 'employees' must not be a feature",
        ),
        (
            "{visitors: mean}",
            "{returns: mean}",
            "17: features.looked.defaults.returns: 'returns' must not be a feature: it ",
        ),
        (
            "{visitors: mean}",
            "{sold: mean}",
            "17: features.looked.defaults.sold: 'sold' must not be a feature: it is the tar",
        ),
        (
            "{visitors: mean}",
            "{price: mean}",
            "17: features.looked.defaults.price: 'price' is an input: a request sends it",
        ),
        ("defaults: {visitors: mean}", "fallback: []", "17: 'fallback' stands twice"),
        (", defaults: {visitors: mean}", "", "17: features.looked.defaults: this field is required"),
        (
            "leaks: [returns]",
            "leaks: [price]",
            "14: features.numbers.inputs[0]: 'price' must not be a feature: it is a leak",
        ),
        (
            "leaks: [returns]",
            "leaks: [branch]",
            "16: features.pairs.pairs[0][1]: 'branch' must not be a feature: it is a",
        ),
        (
            "[[shop, branch]]",
            "[[shop, price]]",
            "16: features.pairs.pairs[0][1]: 'price' is not a category input; there ar",
        ),
        ("key: shop", "key: note", "17: features.looked.key: 'note' is not a category input; there are: shop, branch"),
        (
            "exposure: employees",
            "exposure: shop",
            "12: targets.sold.exposure: 'shop' is not a number input; there are: pri",
        ),
        (
            "exposure: employees",
            "exposure: stock",
            "12: targets.sold.exposure: an exposure must be a required input with a mini",
        ),
        (
            "fill: median",
            "scale: true",
            "15: features.more.inputs[0]: 'stock' may be missing, which poisson cannot take: c",
        ),
        ("{kind: poisson}", "{kind: linear}", "18: estimator: linear cannot do count; it can do regression"),
        (
            "{kind: poisson}",
            "{kind: forest}",
            "18: estimator: kind must be one of 'logistic', 'linear', 'poisson', 'gradien",
        ),
        (
            "{kind: poisson}",
            "{kind: catboost, depth: 20}",
            "18: estimator.depth: Input should be less than or equal to 12",
        ),
        (
            "{kind: group, group: shop}",
            "{kind: group}",
            "20: split.kind: kind: group needs group: the column to split by",
        ),
        ("{kind: group, group: shop}", "{group: shop}", "20: split.group: stands only with kind: group"),
        ("{kind: group, group: shop}", "{kind: stratified}", "20: split.kind: only classifications can be stratified"),
        (
            "sold.poisson_deviance",
            "sold.macro_f1",
            "22: gates[0].metric: no metric 'macro_f1'; there are: poisson_devianc",
        ),
        ("example: North", "example: East", "3: inputs.shop.example: must be one of North, South"),
        ("example: 9.5", "example: 101", "5: inputs.price.example: must be between 0 and 100 dollars"),
        (
            "example: 2024-05-17T09:30:00Z",
            "example: '2024-17-05'",
            "8: inputs.opened.example: must be a date or a time in",
        ),
        ("maximum: 100", "maximum: -1", "5: inputs.price.maximum: must not be less than minimum, 0. Got -1"),
        (
            "step: number, inputs: [stock], fill: median",
            "step: embed",
            "15: features.more: step must be one of 'tfidf', 'num",
        ),
        (
            "leaks:",
            "review: {}\nleaks:",
            "19: review: only classifications have a review policy; others have an interval",
        ),
        (
            "leaks:",
            "fallback: North\nleaks:",
            "segments: segments need segment_by: the category input that chooses one",
        ),
        (
            "leaks:",
            "segment_by: shop\nleaks:",
            "19: segment_by: needs segments: a mapping with one entry for each model",
        ),
        ("leaks:", "segment_by: price\nsegments: {A: {}}\nleaks:", "19: segment_by: 'price' is not a category input"),
        (
            "leaks:",
            "segment_by: shop\nsegments: {East: {}}\nleaks:",
            "20: segments.East: 'East' is none of the values of",
        ),
        (
            "leaks:",
            "segment_by: shop\nsegments: {North: {features: [x]}}\nleaks:",
            "20: segments.North.features[0]: 'x' is n",
        ),
        (
            "leaks:",
            "segment_by: shop\nsegments: {North: {}}\nfallback: South\nleaks:",
            "21: fallback: 'South' is not a seg",
        ),
        (
            "leaks:",
            "answer: {qty: sold.label}\nleaks:",
            "19: answer.qty: 'sold.label' is not something to answer with; there a",
        ),
        (
            "leaks:",
            "request: {each: {name: items, inputs: [colour]}}\nleaks:",
            "19: request.each.inputs[0]: 'colour' is not an",
        ),
        (
            "leaks:",
            "request: {each: {name: price, inputs: [price]}}\nleaks:",
            "19: request.each.name: 'price' is the name of",
        ),
        (
            "leaks:",
            "request: {each: {name: a, inputs: [price]}, sum: {name: b, inputs: [price]}}\nleaks:",
            "19: request: the input 'price' stands in both lists",
        ),
        (
            "leaks:",
            "search: {space: {depth: [3]}}\nleaks:",
            "19: search.space.depth: 'depth' is not a setting of poisson; the",
        ),
        (
            "leaks:",
            "search: {space: {alpha: {low: 1, high: 2}}}\nleaks:",
            "19: search.space.alpha: a grid needs a list; or c",
        ),
        (
            "leaks:",
            "search: {space: {alpha: [-1]}}\nleaks:",
            "19: search.space.alpha[0]: Input should be greater than or equa",
        ),
        (
            "leaks:",
            "search: {method: random, space: {alpha: {low: 2, high: 1}}}\nleaks:",
            "19: search.space.alpha.high: must be",
        ),
        (
            "leaks:",
            "data: {sum_repeated_rows: maybe}\nleaks:",
            "19: data.sum_repeated_rows: Input should be a valid boolean",
        ),
        (
            "leaks:",
            "interval: {levels: {high: 2, medium: 1}}\nleaks:",
            "19: interval.levels.medium: must be more than high, 2.",
        ),
    ],
)
def test_what_does_not_fit_is_refused_with_its_line_and_what_is_allowed(old: str, new: str, message: str) -> None:
    assert message in refusal(changed(old, new))


def test_an_input_of_numbers_that_may_be_missing_suits_trees_alone() -> None:
    unfilled = changed(", fill: median", "")
    assert "which poisson cannot take: choose fill" in refusal(unfilled)
    assert parse(unfilled.replace("kind: poisson", "kind: gradient_boosting"), "my.yaml").exposure == "employees"


def test_only_counts_are_summed() -> None:
    text = TEXT.replace("task: count, exposure: employees", "task: regression").replace("poisson_deviance", "rmse")
    text = text.replace("{kind: poisson}", "{kind: linear}") + "data: {sum_repeated_rows: true}\n"
    assert "data.sum_repeated_rows: only counts can be summed" in refusal(text)


def test_a_segment_has_its_own_features_and_asks_for_their_inputs_alone() -> None:
    recruits = load(MODELS / "recruits.yaml")
    quarterback = recruits.of_segment("QB")
    assert (quarterback.address, quarterback.segment, quarterback.segments) == ("recruits/qb", "QB", {})
    assert "passing_yards" in quarterback.inputs
    assert not {"rushing_yards", "receptions"} & set(quarterback.inputs)
    assert {"recruit_id", "position", "conference"} <= set(quarterback.inputs)
    assert quarterback.data.min_rows == 200
    assert [row["position"] for row in quarterback.golden] == ["QB"]


def test_the_size_of_a_group_is_no_feature_of_gifts() -> None:
    text = (MODELS / "gifts.yaml").read_text(encoding="utf-8")
    leaking = text.replace(
        "    inputs: [price]\n\nestimator", "    inputs: [price, total_employees_in_group]\n\nestimator"
    )
    assert leaking != text
    assert "'total_employees_in_group' must not be a feature" in refusal(leaking)
