"""The drift baseline: distributions of inputs and answers, without texts and rare names."""

import json

import numpy as np
import pytest

from firesteel.definition import Definition
from firesteel.definition_file import parse
from functions.train.dataset import Dataset
from functions.train.reference import reference

ROWS = 200


def definition_of(target: str) -> Definition:
    return parse(
        f"""
model: shop
inputs:
  note: {{kind: text, required: false, example: a}}
  region: {{kind: category, values: [Europe, Asia, Africa], example: Asia}}
  branch: {{kind: category, required: false, example: x}}
  age: {{kind: number, required: false, example: 1}}
  opened: {{kind: timestamp, required: false, example: "2024-01-01"}}
targets:
  {target}
features:
  age: {{step: number, inputs: [age], fill: mean}}
""",
        "definition.yaml",
    )


COUNT = definition_of("sold: {task: count}")
NAMES = ["Common"] * 150 + ["Five"] * 5 + ["Four"] * 4 + [None] * 41


def rows_of(branches: list[str | None] = NAMES, **columns: np.ndarray) -> Dataset:
    inputs = {
        "note": ["one", "two words", "", "and three words"] * (ROWS // 4),
        "region": ["Europe"] * 198 + ["Asia"] * 2,
        "branch": branches,
        "age": np.where(np.arange(ROWS) % 4 == 0, np.nan, np.arange(ROWS) / 2),
        "opened": np.arange(ROWS) * 86_400.0,
    }
    return Dataset(
        source="data.csv",
        sha256="",
        rows_read=len(branches),
        inputs=inputs | columns,
        targets={"sold": np.zeros(len(branches))},
        exposure=np.ones(len(branches)),
        lines=np.arange(2, len(branches) + 2),
    )


def sketch(data: Dataset) -> dict:
    return reference(COUNT, data, {"sold": np.arange(ROWS) / 10}, {}, np.zeros(ROWS, bool))


def test_texts_are_known_by_their_lengths() -> None:
    note = sketch(rows_of())["inputs"]["note"]
    assert note["characters"] == pytest.approx(np.quantile([3, 9, 0, 15] * 50, np.linspace(0, 1, 21)))
    assert note["words"] == pytest.approx(np.quantile([1, 2, 0, 3] * 50, np.linspace(0, 1, 21)))


def test_numbers_and_timestamps_are_known_by_quantiles_and_what_is_missing() -> None:
    data = rows_of()
    inputs = sketch(data)["inputs"]
    assert inputs["age"]["missing"] == 0.25
    assert inputs["age"]["quantiles"] == pytest.approx(np.nanquantile(data.inputs["age"], np.linspace(0, 1, 21)))
    assert inputs["opened"]["missing"] == 0
    assert inputs["opened"]["quantiles"][-1] == 199 * 86_400


def test_a_number_that_is_always_missing_has_no_quantiles() -> None:
    assert sketch(rows_of(age=np.full(ROWS, np.nan)))["inputs"]["age"] == {"quantiles": [], "missing": 1}


def test_a_rare_value_of_an_open_category_is_not_named() -> None:
    branch = sketch(rows_of())["inputs"]["branch"]
    assert branch == {"shares": {"Common": 0.75, "Five": 0.025}, "other": 0.02, "missing": 0.205}


def test_a_rare_value_of_a_closed_list_is_no_secret() -> None:
    assert sketch(rows_of())["inputs"]["region"] == {
        "shares": {"Europe": 0.99, "Asia": 0.01},
        "other": 0,
        "missing": 0,
    }


def test_the_fifty_most_frequent_categories_are_named_and_the_rest_are_one_share() -> None:
    width = 5 * 60  # rows of 60 branches
    branches = [f"{number:02}" for number in range(60) for _ in range(5)]
    shown = reference(
        COUNT,
        rows_of(branches, note=["a"] * width, region=["Asia"] * width, age=np.ones(width), opened=np.ones(width)),
        {"sold": np.ones(width)},
        {},
        np.zeros(width, bool),
    )["inputs"]["branch"]
    assert list(shown["shares"]) == [f"{number:02}" for number in range(50)]
    assert shown["other"] == pytest.approx(10 / 60)


def test_values_and_counts_are_known_by_their_quantiles() -> None:
    said = sketch(rows_of())
    assert said["targets"]["sold"]["quantiles"] == pytest.approx(np.linspace(0, 19.9, 21))
    assert (said["format"], said["rows"], said["review_share"]) == (1, ROWS, 0)


def test_labels_are_known_by_shares_and_confidence() -> None:
    definition = definition_of("team: {task: classification, labels: [Billing, Sales, Tech]}")
    predicted = np.array([0, 2] * 100)
    confidence = np.linspace(0, 1, ROWS)
    said = reference(definition, rows_of(), {"team": predicted}, {"team": confidence}, np.arange(ROWS) < 20)
    assert said["targets"]["team"]["shares"] == {"Billing": 0.5, "Sales": 0, "Tech": 0.5}
    assert said["targets"]["team"]["confidence"] == pytest.approx(np.linspace(0, 1, 21))
    assert said["review_share"] == 0.1


def test_it_is_plain_json_and_holds_no_text_of_a_row() -> None:
    text = json.dumps(sketch(rows_of()), allow_nan=False)
    assert "Common" in text
    assert 'words"' in text
    assert not any(secret in text for secret in ("two words", "Four", "NaN"))
