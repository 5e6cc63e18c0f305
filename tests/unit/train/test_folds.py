"""Folds of training rows: each row is tested once, and no group stands on both sides."""

from collections.abc import Sequence

import numpy as np
import pytest
from sklearn.model_selection import KFold, StratifiedKFold

from firesteel.definition import Definition
from firesteel.definition_file import parse
from firesteel.errors import DataError
from functions.train import folds as module
from functions.train.dataset import Dataset
from functions.train.folds import folds

TARGETS = {
    "team": "{task: classification, labels: [Billing, Sales]}",
    "score": "{task: regression}",
    "visits": "{task: count}",
}


def definition_of(target: str, split: str = "{seed: 5}") -> Definition:
    return parse(
        f"""
model: visits
inputs:
  age: {{kind: number, example: 1}}
targets:
  {target}: {TARGETS[target]}
features:
  age: {{step: number, inputs: [age]}}
split: {split}
""",
        "definition.yaml",
    )


def rows_of(values: Sequence[int], shops: Sequence[str] = (), times: Sequence[float] = ()) -> Dataset:
    rows = len(values)
    return Dataset(
        source="data.csv",
        sha256="",
        rows_read=rows,
        inputs={"age": np.zeros(rows)},
        targets={
            "team": np.array(values, np.int32),
            "score": np.array(values, float),
            "visits": np.array(values, float),
        },
        exposure=np.ones(rows),
        lines=np.arange(2, rows + 2),
        extra={"shop": list(shops), "day": np.array(times, float)},
    )


def as_lists(parts: list[tuple[np.ndarray, np.ndarray]]) -> list[list[list[int]]]:
    return [[side.tolist() for side in part] for part in parts]


def assert_each_row_is_tested_once(parts: list[tuple[np.ndarray, np.ndarray]], rows: int) -> None:
    assert sorted(np.concatenate([test for _, test in parts]).tolist()) == list(range(rows))
    for train, test in parts:
        assert sorted([*train.tolist(), *test.tolist()]) == list(range(rows))


def test_a_classification_has_the_stratified_folds_of_scikit_learn() -> None:
    labels = [0, 1, 1, 0, 1, 1, 0, 1, 1, 1]
    expected = StratifiedKFold(3, shuffle=True, random_state=5).split(labels, labels)
    assert as_lists(folds(rows_of(labels), definition_of("team"), "team", 3)) == as_lists(list(expected))


@pytest.mark.parametrize("target", ["score", "visits"])
def test_other_tasks_have_folds_drawn_at_random(target: str) -> None:
    expected = KFold(4, shuffle=True, random_state=5).split(np.zeros(11))
    assert as_lists(folds(rows_of(range(11)), definition_of(target), target, 4)) == as_lists(list(expected))


def test_rows_split_by_time_are_all_tested_once_too() -> None:
    definition = definition_of("score", "{kind: time, time: day}")
    data = rows_of(range(12), times=range(12))
    parts = folds(data, definition, "score", 3)
    assert_each_row_is_tested_once(parts, 12)
    assert any(train.max() > test.min() for train, test in parts)


@pytest.mark.parametrize("target", list(TARGETS))
def test_no_group_is_on_both_sides_of_a_fold(target: str) -> None:
    shops = [f"shop {number}" for number in np.random.default_rng(1).integers(0, 12, 100)]
    data = rows_of([number % 2 for number in range(100)], shops)
    parts = folds(data, definition_of(target, "{kind: group, group: shop, seed: 5}"), target, 4)
    assert_each_row_is_tested_once(parts, 100)
    for train, test in parts:
        assert not {shops[row] for row in train} & {shops[row] for row in test}


def test_folds_of_groups_follow_the_seed() -> None:
    data = rows_of(range(60), [f"shop {number % 20}" for number in range(60)])
    first, again, other = (
        as_lists(folds(data, definition_of("score", f"{{kind: group, group: shop, seed: {seed}}}"), "score", 3))
        for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_folds_that_part_a_group_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Careless(KFold):
        def split(self, X, y=None, groups=None):
            return super().split(X)

    monkeypatch.setattr(module, "GroupKFold", Careless)
    data = rows_of(range(20), [f"shop {number % 5}" for number in range(20)])
    with pytest.raises(DataError, match=r"data.csv: folds: \d groups stand on both sides"):
        folds(data, definition_of("score", "{kind: group, group: shop}"), "score", 4)


@pytest.mark.parametrize(
    ("data", "target", "split", "message"),
    [
        (rows_of([0, 0, 0, 1]), "team", "{}", r"too few rows to train on with 3 folds: 'Sales' \(1\)"),
        (rows_of([]), "team", "{}", r"3 folds: 'Billing' \(0\), 'Sales' \(0\)"),
        (rows_of([1, 2]), "score", "{}", "data.csv: 2 rows to train on are too few for 3 folds"),
        (
            rows_of([1] * 6, ["a", "b"] * 3),
            "visits",
            "{kind: group, group: shop}",
            "data.csv: the rows to train on have 2 groups of 'shop', too few for 3 folds",
        ),
    ],
)
def test_too_few_rows_or_groups_are_a_clear_error(data: Dataset, target: str, split: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        folds(data, definition_of(target, split), target, 3)
