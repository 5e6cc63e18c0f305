from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import train_test_split

from firesteel.definition import Definition
from firesteel.definition_file import parse
from firesteel.errors import DataError
from functions.train.dataset import Dataset
from functions.train.split import split

PRIORITIES = ("Urgent", "High", "Low")
TEAMS = ("Tech Support", "Billing", "Sales")


def definition_of(share: float = 0.2, seed: int = 0, stratify: Sequence[str] | None = None) -> Definition:
    stratified = f", stratify: [{', '.join(stratify)}]" if stratify else ""
    return parse(
        f"""
model: tickets
inputs:
  title: {{kind: text, example: a}}
targets:
  priority: {{task: classification, labels: [{", ".join(PRIORITIES)}]}}
  team: {{task: classification, labels: [{", ".join(TEAMS)}]}}
features:
  words: {{step: tfidf, inputs: [title]}}
split: {{test_share: {share}, seed: {seed}{stratified}}}
""",
        "definition.yaml",
    )


def dataset_of(pairs: Sequence[tuple[int, int]]) -> Dataset:
    codes = np.array(pairs, dtype=np.int32).reshape(-1, 2)
    return Dataset(
        source="data.csv",
        sha256="",
        rows_read=len(pairs),
        inputs={"title": ["a"] * len(pairs)},
        targets={"priority": codes[:, 0], "team": codes[:, 1]},
        lines=np.arange(2, len(pairs) + 2),
    )


def random_pairs(rows: int, seed: int = 1) -> list[tuple[int, int]]:
    chance = np.random.default_rng(seed)
    return list(zip(chance.choice(3, rows, p=[0.1, 0.3, 0.6]), chance.choice(3, rows, p=[0.5, 0.3, 0.2]), strict=True))


def assert_is_partition(parts: tuple[np.ndarray, np.ndarray], rows: int) -> None:
    train, test = (part.tolist() for part in parts)
    assert train == sorted(train)
    assert test == sorted(test)
    assert sorted(train + test) == list(range(rows))


@pytest.mark.parametrize("seed", [0, 7])
@pytest.mark.parametrize("share", [0.2, 0.25])
def test_one_target_is_split_exactly_as_scikit_learn_splits_its_labels(share: float, seed: int) -> None:
    data = dataset_of(random_pairs(300))
    labels = [TEAMS[code] for code in data.targets["team"]]
    expected = train_test_split(range(300), test_size=share, random_state=seed, stratify=labels)
    train, test = split(data, definition_of(share, seed, ["team"]))
    assert [train.tolist(), test.tolist()] == [sorted(part) for part in expected]


@pytest.mark.parametrize("stratify", [None, ["priority", "team"]])
def test_several_targets_are_split_as_scikit_learn_splits_a_table_of_labels(stratify: list[str] | None) -> None:
    data = dataset_of(random_pairs(400))
    table = np.array([[PRIORITIES[a], TEAMS[b]] for a, b in zip(*data.targets.values(), strict=True)])
    expected = train_test_split(range(400), test_size=0.2, random_state=3, stratify=table)
    train, test = split(data, definition_of(0.2, 3, stratify))
    assert [train.tolist(), test.tolist()] == [sorted(part) for part in expected]


def test_every_combination_is_held_out_in_its_share() -> None:
    pairs = random_pairs(2000)
    _, test = split(dataset_of(pairs), definition_of(0.25))
    held_out = Counter(pairs[index] for index in test)
    assert all(abs(held_out[pair] - count / 4) <= 1 for pair, count in Counter(pairs).items())


def test_the_same_seed_gives_the_same_rows_and_another_one_others() -> None:
    data = dataset_of(random_pairs(200))
    first, again, other = (split(data, definition_of(seed=seed))[1].tolist() for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_combinations_of_one_row_are_pooled_by_the_label_of_the_first_target() -> None:
    pairs = [(0, 0)] * 40 + [(2, 2)] * 40 + [(1, 0), (1, 1)]
    train, test = split(dataset_of(pairs), definition_of(0.5))
    assert_is_partition((train, test), 82)
    assert {index for index in test if index >= 80} in ({80}, {81})


def test_a_pooled_row_that_is_still_alone_joins_the_largest_stratum() -> None:
    pairs = [(0, 0)] * 40 + [(2, 2)] * 30 + [(0, 1)]
    assert_is_partition(split(dataset_of(pairs), definition_of()), 71)


def test_targets_are_left_out_from_the_last_when_there_are_more_combinations_than_rows_to_hold_out() -> None:
    pairs = [(a, b) for a in range(3) for b in range(3)] * 2
    train, test = split(dataset_of(pairs), definition_of(0.2))
    assert_is_partition((train, test), 18)
    assert len(test) == 4
    assert {pairs[index][0] for index in test} == {0, 1, 2}


@pytest.mark.parametrize("pairs", [[], [(0, 0)], [(0, 0), (1, 0), (2, 0)] * 2])
def test_too_few_rows_are_a_clear_error(pairs: list[tuple[int, int]]) -> None:
    with pytest.raises(DataError, match=rf"data.csv: {len(pairs)} rows are too few to hold out 20% .* of 'priority'"):
        split(dataset_of(pairs), definition_of())


def test_a_single_target_with_a_label_of_one_row_is_a_clear_error() -> None:
    with pytest.raises(DataError, match=r"10 rows are too few to hold out 20% .* label of 'priority'"):
        split(dataset_of([(0, 0)] * 9 + [(1, 0)]), definition_of(stratify=["priority"]))


@settings(max_examples=150, deadline=None)
@given(
    pairs=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), max_size=60),
    share=st.floats(0.05, 0.95),
    stratify=st.sampled_from([None, ["priority"], ["team", "priority"]]),
)
def test_any_data_is_parted_or_refused(pairs: list[tuple[int, int]], share: float, stratify: list[str] | None) -> None:
    try:
        parts = split(dataset_of(pairs), definition_of(share, 0, stratify))
    except DataError:
        return
    assert_is_partition(parts, len(pairs))
    assert len(parts[1]) == int(np.ceil(share * len(pairs)))
