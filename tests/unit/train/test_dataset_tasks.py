"""Training files of numbers, categories and times: their columns, sums of rows that repeat, and segments."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firesteel.definition import Definition
from firesteel.definition_file import parse
from firesteel.errors import DataError
from functions.train.columns import Values
from functions.train.dataset import read, segments_present

SHOP = """
model: shop
inputs:
  product: {kind: identifier}
  region: {kind: category, values: [Europe, Asia], example: Asia}
  age: {kind: number, required: false, example: 5}
  years: {kind: number, minimum: 0.01, example: 1}
  opened: {kind: timestamp, required: false, example: "2024-01-01"}
  branch: {kind: category, required: false, example: x}
targets:
  sold: {task: count, column: quantity, exposure: years}
leaks: [revenue]
features:
  age: {step: number, inputs: [age], fill: mean}
  shops: {step: lookup, key: branch, defaults: {area: mean}}
split: {kind: group, group: chain}
data: {max_bad_share: 0.5, min_rows: 2, sum_repeated_rows: SUMMED}
"""
HEADER = "product,region,age,years,opened,branch,quantity,area,chain,revenue"
ROWS = (
    "p1,Europe,5,1,1970-01-02,x,3,10,c1,",
    "p2,Asia,,2,,,0,,c2,much",
    "p1,Europe,5.0,1.0,1970-01-02,x,4,10,c1,7",
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data.csv"


def write(path: Path, *lines: str) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return path


def refusal(path: Path, definition: Definition) -> str:
    with pytest.raises(DataError) as caught:
        read(path, definition)
    return str(caught.value).replace(str(path), "FILE")


def shop(*, summed: bool = False) -> Definition:
    return parse(SHOP.replace("SUMMED", str(summed).lower()), "definition.yaml")


def as_lists(columns: dict[str, Values]) -> dict[str, list[object]]:
    """Missing numbers as None, which equals itself."""
    return {
        name: np.where(np.isnan(values), None, values).tolist() if isinstance(values, np.ndarray) else list(values)
        for name, values in columns.items()
    }


def test_numbers_categories_and_timestamps_are_columns_of_their_own_kind(path: Path) -> None:
    data = read(write(path, HEADER, *ROWS), shop())
    assert as_lists(data.inputs) == {
        "region": ["Europe", "Asia", "Europe"],
        "age": [5, None, 5],
        "years": [1, 2, 1],
        "opened": [86_400, None, 86_400],
        "branch": ["x", None, "x"],
    }
    assert [data.inputs[name].dtype for name in ("age", "years", "opened")] == [np.float64] * 3
    assert data.targets["sold"].tolist() == [3, 0, 4]
    assert data.targets["sold"].dtype == np.float64


def test_other_columns_are_those_of_lookups_and_of_the_split_and_no_leak(path: Path) -> None:
    data = read(write(path, HEADER, *ROWS), shop())
    assert as_lists(data.extra) == {"area": [10, None, 10], "chain": ["c1", "c2", "c1"]}
    assert data.columns.keys() == {*data.inputs, *data.extra}


def test_a_column_of_the_split_that_is_an_input_too_is_both(path: Path) -> None:
    described = parse(SHOP.replace("group: chain", "group: years").replace("SUMMED", "false"), "definition.yaml")
    data = read(write(path, HEADER, *ROWS), described)
    assert data.extra["years"] == ["1", "2", "1.0"]
    assert as_lists({"years": data.columns["years"]}) == {"years": [1, 2, 1]}


def test_the_exposure_is_that_of_the_input_or_one(path: Path) -> None:
    write(path, HEADER, *ROWS)
    assert read(path, shop()).exposure.tolist() == [1, 2, 1]
    without = parse(SHOP.replace(", exposure: years", "").replace("SUMMED", "false"), "definition.yaml")
    assert read(path, without).exposure.tolist() == [1, 1, 1]


def test_taken_rows_have_all_their_columns(path: Path) -> None:
    data = read(write(path, HEADER, *ROWS), shop()).take([1, 0])
    assert as_lists(data.columns) == {
        "region": ["Asia", "Europe"],
        "age": [None, 5],
        "years": [2, 1],
        "opened": [None, 86_400],
        "branch": [None, "x"],
        "area": [None, 10],
        "chain": ["c2", "c1"],
    }
    assert data.exposure.tolist() == [2, 1]
    assert data.targets["sold"].tolist() == [0, 3]


def test_rows_that_repeat_are_duplicates_and_no_conflicts_of_counts(path: Path) -> None:
    data = read(write(path, HEADER, *ROWS, "p9,Asia,,2,,,8,,c3,"), shop())
    assert (data.duplicates, data.conflicts, data.merged) == (2, (), 0)


NOT_A_NUMBER = "is not a number; write it with a decimal point and no thousands separators"


@pytest.mark.parametrize(
    ("row", "column", "reason"),
    [
        ("p,Europe,5,1,,x,-1,,c,", "quantity", "must be at least 0 (this is '-1')"),
        ("p,Europe,5,1,,x,0.5,,c,", "quantity", "must be a whole number (this is '0.5')"),
        (
            "p,Europe,5,0,,x,1,,c,",
            "years",
            "must be at least 0.01 (this is '0')",
        ),
        ("p,Europe,5,1,,x,1,,,", "chain", "is empty, and rows are split by it (split.group)"),
        (
            "p,europe,x,1,,x,1,,c,",
            "region, age",
            f"must be one of Europe, Asia (this is 'europe', did you mean 'Europe'?); 'x' {NOT_A_NUMBER}",
        ),
    ],
)
def test_a_bad_cell_of_any_column_costs_its_row(path: Path, row: str, column: str, reason: str) -> None:
    data = read(write(path, HEADER, ROWS[0], row, ROWS[1]), shop())
    assert [(bad.line, bad.column, bad.reason) for bad in data.bad_rows] == [(3, column, reason)]
    assert data.lines.tolist() == [2, 4]
    assert as_lists(data.inputs)["region"] == ["Europe", "Asia"]


def test_a_missing_group_column_is_an_error_with_what_is_there(path: Path) -> None:
    message = refusal(write(path, HEADER.replace("chain", "chains"), *ROWS), shop())
    assert message.startswith("FILE: line 1: there is no column 'chain' (did you mean 'chains'?). The columns are")


# Rows that are summed to one.


def test_rows_that_agree_in_everything_but_the_count_are_one_row_and_their_counts_summed(path: Path) -> None:
    data = read(write(path, HEADER, *ROWS), shop(summed=True))
    assert data.targets["sold"].tolist() == [7, 0]
    assert data.exposure.tolist() == [1, 2]
    assert data.lines.tolist() == [2, 3]
    assert data.extra["chain"] == ["c1", "c2"]
    assert (len(data), data.merged, data.rows_read, data.duplicates) == (2, 1, 3, 0)


@pytest.mark.parametrize(
    "row",
    [
        "p2,Europe,5,1,1970-01-02,x,4,10,c1,",
        "p1,Asia,5,1,1970-01-02,x,4,10,c1,",
        "p1,Europe,,1,1970-01-02,x,4,10,c1,",
        "p1,Europe,5,2,1970-01-02,x,4,10,c1,",
        "p1,Europe,5,1,,x,4,10,c1,",
        "p1,Europe,5,1,1970-01-02,,4,10,c1,",
        "p1,Europe,5,1,1970-01-02,x,4,,c1,",
        "p1,Europe,5,1,1970-01-02,x,4,10,c2,",
    ],
)
def test_rows_that_differ_in_any_input_identifier_or_other_column_are_not_summed(path: Path, row: str) -> None:
    data = read(write(path, HEADER, ROWS[0], row, "p3,Asia,1,1,,,1,,c,"), shop(summed=True))
    assert data.merged == 0
    assert data.targets["sold"].tolist() == [3, 4, 1]


def test_rows_are_summed_where_the_file_has_no_identifiers(path: Path) -> None:
    rows = [line.partition(",")[2] for line in (HEADER, *ROWS)]
    assert read(write(path, *rows), shop(summed=True)).merged == 1


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from("pq"), st.sampled_from(["", "1", "2"]), st.sampled_from(["", "x"]), st.integers(0, 9)
        ),
        min_size=1,
        max_size=30,
    )
)
def test_sums_and_lines_are_those_of_a_table_kept_by_hand(path: Path, rows: list[tuple[str, str, str, int]]) -> None:
    by_hand: dict[tuple[str, str, str], tuple[int, int]] = {}
    for line, (*key, count) in enumerate(rows, 2):
        begin, total = by_hand.get(tuple(key), (line, 0))
        by_hand[tuple(key)] = begin, total + count
    lines = [f"{product},Asia,{age},1,,{branch},{count},,c," for product, age, branch, count in rows]
    data = read(write(path, HEADER, *lines), shop(summed=True), training=False)
    assert list(zip(data.lines.tolist(), data.targets["sold"].tolist(), strict=True)) == list(by_hand.values())
    assert data.merged == len(rows) - len(by_hand)


# Too few rows, and values without any.


def test_too_few_rows_are_refused(path: Path) -> None:
    message = refusal(write(path, HEADER, ROWS[1]), shop())
    assert message == ("FILE: 1 usable rows, at least 2 are needed (data.min_rows). Add rows, or lower the bound")


def test_rows_are_counted_after_summing(path: Path) -> None:
    assert "FILE: 1 usable rows" in refusal(write(path, HEADER, ROWS[0], ROWS[2]), shop(summed=True))


def test_a_value_of_a_closed_list_that_no_row_has_is_refused_with_the_remedies(path: Path) -> None:
    assert refusal(write(path, HEADER, ROWS[0], ROWS[2]), shop()) == (
        "FILE: no usable row has region 'Asia'. Add rows, remove what has none from the input's `values`, or set "
        "data.allow_unseen_values: true"
    )


def test_values_without_rows_can_be_allowed(path: Path) -> None:
    described = parse(
        SHOP.replace("SUMMED", "false, allow_unseen_values: true"),
        "definition.yaml",
    )
    assert len(read(write(path, HEADER, ROWS[0], ROWS[2]), described)) == 2


def test_a_file_to_evaluate_on_needs_no_rows_of_every_value_nor_of_a_number(path: Path) -> None:
    assert len(read(write(path, HEADER, ROWS[0]), shop(), training=False)) == 1


# Segments.

RECRUITS = """
model: recruits
inputs:
  position: {kind: category, values: [QB, RB, WR], example: QB}
  speed: {kind: number, example: 4.5}
targets:
  rating: {task: regression, range: [0, 1]}
features:
  stats: {step: number, inputs: [speed]}
segment_by: position
segments: {QB: {}, RB: {min_rows: 3}}
data: {max_bad_share: 0.3, min_rows: 2}
"""
PLAYERS = ("QB,4.8,0.5", "RB,4.4,0.1", "QB,4.9,0.25", "WR,4.3,0.9", "QB,5,0", " RB,4.4,1")


def test_a_segment_reads_its_own_rows_and_skips_the_others(path: Path) -> None:
    file = write(path, "position,speed,rating", *PLAYERS, "RB,fast,1")
    data = read(file, parse(RECRUITS, "definition.yaml").of_segment("QB"))
    assert data.targets["rating"].tolist() == [0.5, 0.25, 0]
    assert data.lines.tolist() == [2, 4, 6]
    assert (data.rows_read, data.skipped, data.bad_rows) == (3, 4, ())


def test_bad_rows_are_weighed_against_those_of_the_segment(path: Path) -> None:
    file = write(path, "position,speed,rating", *PLAYERS, "QB,fast,1", "QB,5", "RB,5", "")
    message = refusal(file, parse(RECRUITS, "definition.yaml").of_segment("QB"))
    assert message.splitlines()[0] == "FILE: 2 of 5 rows are bad (40.0%; data.max_bad_share is 30.0%):"


def test_a_row_too_short_to_say_its_segment_is_a_bad_row_of_each(path: Path) -> None:
    file = write(path, "speed,rating,position", "4,0.5,QB", "4,1,QB", "4,1,QB", "4", "4,1,RB")
    data = read(file, parse(RECRUITS, "definition.yaml").of_segment("QB"))
    assert [bad.line for bad in data.bad_rows] == [5]
    assert (len(data), data.skipped) == (3, 1)


@pytest.mark.parametrize(("segment", "count", "needed"), [("RB", 1, 3), ("QB", 0, 2)])
def test_too_few_rows_of_a_segment_are_refused_by_its_name(path: Path, segment: str, count: int, needed: int) -> None:
    file = write(path, "position,speed,rating", *PLAYERS[1:2])
    assert refusal(file, parse(RECRUITS, "definition.yaml").of_segment(segment)) == (
        f"FILE: the segment '{segment}' of 'position' has {count} usable rows, at least {needed} are needed "
        "(data.min_rows). Add rows, or lower the bound"
    )


def test_the_rows_of_all_segments_are_counted_and_of_values_that_are_none(path: Path) -> None:
    definition = parse(RECRUITS.replace("{}, RB", "{}, WR: {}, RB"), "definition.yaml")
    file = write(path, "speed,position", "4,QB", "4,K", "4", "4,P", "4,QB,x", "4,K", "4,RB")
    assert list(segments_present(file, definition).items()) == [("QB", 2), ("WR", 0), ("RB", 1), ("K", 2), ("P", 1)]
    with pytest.raises(DataError, match="there is no column 'position'"):
        segments_present(write(path, "speed", "4"), definition)
