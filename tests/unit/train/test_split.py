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
from functions.train import split as module
from functions.train.dataset import Dataset
from functions.train.split import describe_split, split

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
        exposure=np.ones(len(pairs)),
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


# Other tasks and kinds of split.


def regression(split_by: str) -> Definition:
    return parse(
        f"""
model: inspections
inputs:
  age: {{kind: number, example: 1}}
targets:
  score: {{task: regression}}
features:
  age: {{step: number, inputs: [age]}}
split: {split_by}
""",
        "definition.yaml",
    )


def rows_of(count: int, **extra: Sequence[str] | Sequence[float] | np.ndarray) -> Dataset:
    return Dataset(
        source="data.csv",
        sha256="",
        rows_read=count,
        inputs={"age": np.arange(count, dtype=float)},
        targets={"score": np.arange(count, dtype=float)},
        exposure=np.ones(count),
        lines=np.arange(2, count + 2),
        extra={
            name: np.array(values, dtype=float) if name == "season" else [str(value) for value in values]
            for name, values in extra.items()
        },
    )


def test_without_a_kind_a_regression_is_split_at_random_as_scikit_learn_does() -> None:
    definition = regression("{test_share: 0.25, seed: 3}")
    train, test = split(rows_of(50), definition)
    expected = train_test_split(range(50), test_size=0.25, random_state=3)
    assert [train.tolist(), test.tolist()] == [sorted(part) for part in expected]
    assert describe_split(rows_of(50), definition, train, test) == {
        "kind": "random",
        "seed": 3,
        "train": 37,
        "test": 13,
    }


def test_a_classification_can_be_split_at_random_too() -> None:
    definition = definition_of()
    chosen = definition.model_copy(update={"split": definition.split.model_copy(update={"kind": "random"})})
    assert_is_partition(split(dataset_of([(0, 0)] * 9 + [(1, 0)]), chosen), 10)


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_rows_to_draw_from_are_a_clear_error(count: int) -> None:
    with pytest.raises(DataError, match=f"data.csv: {count} rows are too few to hold out 20% of them"):
        split(rows_of(count), regression("{}"))


def test_a_stratified_split_says_by_what() -> None:
    data, definition = dataset_of(random_pairs(100)), definition_of()
    said = describe_split(data, definition, *split(data, definition))
    assert said == {"kind": "stratified", "seed": 0, "train": 80, "test": 20, "by": ["priority", "team"]}


# By group.

BY_GROUP = "{kind: group, group: shop, test_share: SHARE, seed: SEED}"


def by_group(share: float = 0.2, seed: int = 0) -> Definition:
    return regression(BY_GROUP.replace("SHARE", str(share)).replace("SEED", str(seed)))


def shops(sizes: Sequence[int], seed: int = 0) -> Dataset:
    """Rows of shops of these sizes, in any order."""
    names = [f"shop {number}" for number, size in enumerate(sizes) for _ in range(size)]
    np.random.default_rng(seed).shuffle(names)
    return rows_of(len(names), shop=names)


@given(
    sizes=st.lists(st.integers(1, 20), min_size=2, max_size=40),
    share=st.sampled_from([0.05, 0.2, 0.5, 0.95]),
    seed=st.integers(0, 3),
)
def test_whole_groups_stand_on_one_side(sizes: list[int], share: float, seed: int) -> None:
    data, definition = shops(sizes), by_group(share, seed)
    train, test = split(data, definition)
    assert_is_partition((train, test), sum(sizes))
    assert len(train)
    assert len(test)
    names = np.array(data.extra["shop"])
    assert not set(names[train]) & set(names[test])
    if sum(sizes) > max(sizes) + share * sum(sizes):
        assert abs(len(test) - share * sum(sizes)) <= max(sizes)


def test_about_the_wanted_share_of_rows_is_tested_even_with_a_giant_group() -> None:
    data = shops([400, *[7] * 80])
    for seed in range(10):
        _, test = split(data, by_group(0.2, seed))
        assert abs(len(test) - 0.2 * 960) <= 4


def test_a_group_that_brings_the_share_nearer_is_tested_even_if_that_is_a_little_too_much() -> None:
    assert len(split(shops([10] * 10), by_group(0.28))[1]) == 30
    assert len(split(shops([10] * 10), by_group(0.22))[1]) == 20


def test_the_same_seed_gives_the_same_groups_whatever_the_order_of_rows() -> None:
    def tested(data: Dataset, seed: int) -> set[str]:
        return {str(data.extra["shop"][row]) for row in split(data, by_group(seed=seed))[1]}

    assert tested(shops([5] * 40), 1) == tested(shops([5] * 40, seed=9), 1)
    assert tested(shops([5] * 40), 1) != tested(shops([5] * 40), 2)


def test_groups_are_told_apart_to_the_letter() -> None:
    data = rows_of(4, shop=["a", "a\0", "A", "a "])
    train, test = split(data, by_group(0.5))
    assert describe_split(data, by_group(0.5), train, test)["groups"] == {"train": 2, "test": 2}


def test_a_split_by_groups_says_how_many_there_are_and_that_none_is_on_both_sides() -> None:
    data = shops([5] * 40)
    train, test = split(data, by_group())
    assert describe_split(data, by_group(), train, test) == {
        "kind": "group",
        "seed": 0,
        "train": 160,
        "test": 40,
        "column": "shop",
        "groups": {"train": 32, "test": 8},
        "groups_on_both_sides": 0,
    }
    mixed = describe_split(data, by_group(), np.arange(100), np.arange(100, 200))
    assert mixed["groups_on_both_sides"] > 0


def test_a_split_that_parts_a_group_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_grouped", lambda dataset, definition: (np.arange(1, 10), np.arange(1)))
    with pytest.raises(DataError, match=r"data.csv: split: 1 groups stand on both sides"):
        split(shops([5, 5]), by_group())


def test_one_group_cannot_be_split() -> None:
    with pytest.raises(DataError, match=r"data.csv: 'shop' has 1 groups, a split by it needs at least 2"):
        split(shops([10]), by_group())


# By time.


def by_time(begin: str = "", share: float = 0.25) -> Definition:
    return regression(f"{{kind: time, time: season, test_share: {share}{begin}}}")


@pytest.mark.parametrize(
    ("seasons", "tested"),
    [
        ([2001, 2004, 2002, 2003], [1]),
        ([2001, 2003, 2002, 2003], [1, 3]),
        ([1, 1, 1, 1, 1, 1, 2, 2], [6, 7]),
        ([1, 2, 2, 2, 2, 2, 2, 3], [7]),
        ([1, 2, 2, 2, 3, 3, 3, 3], [4, 5, 6, 7]),
        ([1, 2, 2, 2], [1, 2, 3]),
        ([-1.5, -1.5, 0.25, -7], [2]),
    ],
)
def test_the_latest_rows_are_tested_and_rows_of_one_time_stay_together(seasons: list[float], tested: list[int]) -> None:
    train, test = split(rows_of(len(seasons), season=seasons), by_time())
    assert test.tolist() == tested
    assert_is_partition((train, test), len(seasons))


@pytest.mark.parametrize("begin", ["2013", "2012.5", "'2013'"])
def test_rows_from_a_given_number_on_are_tested(begin: str) -> None:
    data = rows_of(5, season=[2012, 2013, 2016, 2000, 2013])
    train, test = split(data, by_time(f", test_from: {begin}"))
    assert (train.tolist(), test.tolist()) == ([0, 3], [1, 2, 4])


def test_rows_from_a_given_date_on_are_tested() -> None:
    data = rows_of(3, season=[86_400, 0, 86_399])
    definition = by_time(", test_from: '1970-01-02'")
    train, test = split(data, definition)
    assert (train.tolist(), test.tolist()) == ([1, 2], [0])
    assert describe_split(data, definition, train, test) == {
        "kind": "time",
        "seed": 0,
        "train": 2,
        "test": 1,
        "column": "season",
        "train_until": 86_399,
        "test_from": 86_400,
    }


@pytest.mark.parametrize(
    ("begin", "message"),
    [
        ("2000", r"data.csv: 3 of 3 rows have a 'season' from split.test_from on, 2000.0: there must be rows on both"),
        ("'2030'", r"data.csv: 0 of 3 rows have a 'season' from split.test_from on, '2030'"),
        (
            "soon",
            r"the definition's split.test_from must be a number, or a date or a time in ISO 8601 \(this is 'soon'\)",
        ),
    ],
)
def test_a_time_without_rows_on_both_sides_is_a_clear_error(begin: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        split(rows_of(3, season=[2012, 2013, 2014]), by_time(f", test_from: {begin}"))


@pytest.mark.parametrize("seasons", [[], [2012.0] * 5])
def test_rows_of_one_time_cannot_be_split(seasons: list[float]) -> None:
    data = rows_of(len(seasons), season=np.array(seasons))
    message = f"'season' has {len(set(seasons))} different times, a split by it needs at least 2"
    with pytest.raises(DataError, match=message):
        split(data, by_time())
