"""The drift baseline: distributions of inputs and answers, without texts and rare names."""

import json

import numpy as np
import pytest

from firesteel.definition import Definition
from firesteel.definition_file import parse
from functions.train.dataset import Dataset
from functions.train.reference import Said, reference

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


def sketch(data: Dataset, **known: np.ndarray) -> dict:
    return reference(COUNT, data, {"sold": Said(np.arange(ROWS) / 10)}, np.zeros(ROWS, bool), known)


def test_texts_are_known_by_their_lengths() -> None:
    note = sketch(rows_of())["inputs"]["note"]
    assert note["characters"] == {"edges": [0, 3, 9, 15], "counts": [0, 50, 0, 50, 0, 50, 0, 50, 0], "missing": 0}
    assert note["words"] == {"edges": [0, 1, 2, 3], "counts": [0, 50, 0, 50, 0, 50, 0, 50, 0], "missing": 0}
    assert "known" not in note


def test_texts_are_known_by_their_share_of_known_words_where_there_are_words() -> None:
    note = sketch(rows_of(), note=np.tile([1.0, 1 / 3, np.nan, 0.5], ROWS // 4))["inputs"]["note"]
    assert note["known"] == {"edges": [0.333333, 0.5, 1], "counts": [0, 50, 0, 50, 0, 50, 0], "missing": 0.25}


def test_only_words_that_many_rows_have_are_told() -> None:
    texts = ["Usual usual words"] * 196 + ["Ada Lovelace"] * 4
    assert sketch(rows_of(note=texts))["inputs"]["note"]["terms"] == {"usual": 0.98, "words": 0.98}


def test_the_most_frequent_words_are_told_in_a_fixed_order() -> None:
    texts = [" ".join(f"w{number:02}" for number in range(40))] * ROWS
    assert list(sketch(rows_of(note=texts))["inputs"]["note"]["terms"]) == [f"w{number:02}" for number in range(30)]


def test_numbers_are_known_by_the_counts_between_some_of_them_and_what_is_missing() -> None:
    data = rows_of()
    age = sketch(data)["inputs"]["age"]
    values = data.inputs["age"][~np.isnan(data.inputs["age"])]
    assert age["missing"] == 0.25
    assert len(age["edges"]) == 150 // 5 - 1
    assert set(age["edges"]) <= set(values.tolist())
    assert age["counts"][1::2] == [1] * 29
    assert age["counts"][0] == (values < age["edges"][0]).sum()
    assert sum(age["counts"]) == 150
    assert max(age["counts"]) <= 5


def test_a_value_that_many_rows_have_has_its_own_count() -> None:
    values = np.concatenate([np.zeros(120), np.arange(1, 81) / 7])
    age = sketch(rows_of(age=values))["inputs"]["age"]
    assert (age["edges"][0], age["counts"][:2]) == (0, [0, 120])


def test_of_a_time_its_hour_is_kept_for_that_can_stay_as_it_was() -> None:
    opened = sketch(rows_of(opened=np.arange(ROWS) * 86_400.0 + np.where(np.arange(ROWS) < 50, 7_200, 0)))
    assert opened["inputs"]["opened"] == {"hour": {"edges": [0, 2], "counts": [0, 150, 0, 50, 0], "missing": 0}}


def test_a_number_that_is_always_missing_has_no_edges() -> None:
    age = sketch(rows_of(age=np.full(ROWS, np.nan)))["inputs"]["age"]
    assert age == {"edges": [], "counts": [0], "missing": 1}


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
        {"sold": Said(np.ones(width))},
        np.zeros(width, bool),
        {},
    )["inputs"]["branch"]
    assert list(shown["shares"]) == [f"{number:02}" for number in range(50)]
    assert shown["other"] == pytest.approx(10 / 60)


def test_values_and_counts_are_known_as_log_lines_have_them() -> None:
    said = reference(
        COUNT, rows_of(), {"sold": Said(np.full(ROWS, 1 / 3), width=np.full(ROWS, 2 / 3))}, np.zeros(ROWS, bool), {}
    )
    one_value = {"counts": [0, ROWS, 0], "missing": 0}
    width = {"edges": [0.666667], **one_value}
    assert said["targets"]["sold"] == {"edges": [0.333333], **one_value, "width": width}
    assert (said["format"], said["rows"], said["review_share"]) == (2, ROWS, 0)


def test_labels_are_known_by_shares_and_confidence() -> None:
    definition = definition_of("team: {task: classification, labels: [Billing, Sales, Tech]}")
    answers = {"team": Said(np.array([0, 2] * 100), confidence=np.repeat([0.25, 1.0], 100))}
    said = reference(definition, rows_of(), answers, np.arange(ROWS) < 20, {})
    assert said["targets"]["team"]["shares"] == {"Billing": 0.5, "Sales": 0, "Tech": 0.5}
    assert said["targets"]["team"]["confidence"] == {"edges": [0.25, 1], "counts": [0, 100, 0, 100, 0], "missing": 0}
    assert said["review_share"] == 0.1


def test_it_is_plain_json_and_holds_no_text_of_a_row() -> None:
    text = json.dumps(sketch(rows_of()), allow_nan=False)
    assert "Common" in text
    assert 'words"' in text
    assert not any(secret in text for secret in ("two words", "Four", "NaN"))
