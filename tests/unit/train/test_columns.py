"""What a cell of each kind of column holds, and what is said of one that cannot stand there."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from firesteel.definition import Definition
from firesteel.definition_file import parse
from functions.train import columns
from functions.train.columns import BadCellError, Column, moment, number

DEFINITION = """
model: shop
inputs:
  note: {kind: text, min_length: 2, max_length: 20, example: ab}
  remark: {kind: text, required: false, example: ab}
  age: {kind: number, minimum: 0, maximum: 120, integer: true, unit: years, example: 5}
  growth: {kind: number, required: false, example: 0.5}
  years: {kind: number, minimum: 0.01, example: 1}
  region: {kind: category, values: [Europe, Asia], example: Asia}
  grade: {kind: category, values: [a, b], required: false, example: a}
  branch: {kind: category, max_length: 10, example: x}
  opened: {kind: timestamp, required: false, example: "2024-01-01"}
  product: {kind: identifier}
targets:
  sold: {task: count, column: quantity, exposure: years}
features:
  numbers: {step: number, inputs: [age, growth], fill: mean}
  shops: {step: lookup, key: branch, defaults: {area: mean, staff: 3}}
split: {kind: group, group: chain}
"""
HEADER = [
    *("note", "remark", "age", "growth", "years", "region", "grade", "branch", "opened"),
    *("product", "quantity", "area", "staff", "chain"),
]


@pytest.fixture
def definition() -> Definition:
    return parse(DEFINITION, "definition.yaml")


def column_of(definition: Definition, name: str) -> Column:
    read = columns.of(definition, HEADER)
    return (read.inputs | read.extra | read.targets)[name]


def read_cell(definition: Definition, name: str, cell: str) -> Any:
    column = column_of(definition, name)
    (value,) = column.parse([cell])
    assert column.faults([cell]) == {}
    return value


@pytest.mark.parametrize(
    ("name", "cell", "value"),
    [
        ("note", " two words ", " two words "),
        ("remark", "", ""),
        ("age", "7", 7.0),
        ("age", "7.0", 7.0),
        ("age", " 7\t", 7.0),
        ("growth", "-.5", -0.5),
        ("growth", "+1.e-3", 0.001),
        ("growth", "1E2", 100.0),
        ("region", "Asia", "Asia"),
        ("grade", "", None),
        ("branch", " x", " x"),
        ("opened", "2024-05-17", 1715904000.0),
        ("opened", "2024-05-17T09:30:00Z", 1715938200.0),
        ("opened", "2024-05-17 09:30:00+02:00", 1715931000.0),
        ("sold", "12", 12.0),
        ("sold", "0", 0.0),
        ("area", "-1.5", -1.5),
        ("chain", "7", "7"),
    ],
)
def test_a_cell_holds_a_value_of_its_columns_kind(definition: Definition, name: str, cell: str, value: object) -> None:
    assert read_cell(definition, name, cell) == value


@pytest.mark.parametrize(
    ("name", "cell"), [("growth", ""), ("growth", " \t"), ("opened", ""), ("area", ""), ("staff", " ")]
)
def test_an_empty_number_or_timestamp_is_missing(definition: Definition, name: str, cell: str) -> None:
    assert math.isnan(read_cell(definition, name, cell))


NOT_A_NUMBER = "is not a number; write it with a decimal point and no thousands separators"
LEAVE_EMPTY = "is not a number; leave the cell empty where there is none"


@pytest.mark.parametrize(
    ("name", "cell", "reason"),
    [
        ("note", "", "is empty"),
        ("note", "  ", "must not be blank"),
        ("note", "a", "must have at least 2 characters (this has 1)"),
        ("note", "a" * 21, "must have at most 20 characters (this has 21)"),
        ("age", "", "is empty"),
        ("age", " ", "is empty"),
        ("age", "121", "must be between 0 and 120 years (this is '121')"),
        ("age", "7.5", "must be a whole number (this is '7.5')"),
        ("growth", "1,5", f"'1,5' {NOT_A_NUMBER}"),
        ("growth", "1 000", f"'1 000' {NOT_A_NUMBER}"),
        ("growth", "1_000", f"'1_000' {NOT_A_NUMBER}"),
        ("growth", "٣", f"'٣' {NOT_A_NUMBER}"),
        ("growth", "0x1F", f"'0x1F' {NOT_A_NUMBER}"),
        ("growth", "5%", f"'5%' {NOT_A_NUMBER}"),
        ("growth", "\u00a07", f"'\\xa07' {NOT_A_NUMBER}"),
        ("growth", ".", f"'.' {NOT_A_NUMBER}"),
        ("growth", "NaN", f"'NaN' {LEAVE_EMPTY}"),
        ("growth", "inf", f"'inf' {LEAVE_EMPTY}"),
        ("growth", "N/A", f"'N/A' {LEAVE_EMPTY}"),
        ("growth", "1e400", "must be a finite number (this is '1e400')"),
        ("years", "0", "must be at least 0.01 (this is '0')"),
        ("years", "-1", "must be at least 0.01 (this is '-1')"),
        ("region", "", "is empty"),
        ("region", "asia", "must be one of Europe, Asia (this is 'asia', did you mean 'Asia'?)"),
        ("region", "Asia ", "must be one of Europe, Asia (this is 'Asia ', did you mean 'Asia'?)"),
        ("region", "?", "must be one of Europe, Asia (this is '?')"),
        ("branch", " ", "must not be blank"),
        ("branch", "x" * 50, f"must have at most 10 characters (this is '{'x' * 39}…')"),
        (
            "opened",
            "17.5.2024",
            "must be a date or a time in ISO 8601, like 2024-05-17T09:30:00Z (this is '17.5.2024')",
        ),
        ("sold", "", "is empty"),
        ("sold", "-1", "must be at least 0 (this is '-1')"),
        ("sold", "1.5", "must be a whole number (this is '1.5')"),
        ("area", "big", f"'big' {NOT_A_NUMBER}"),
        ("chain", " ", "is empty, and rows are split by it (split.group)"),
    ],
)
def test_a_bad_cell_is_told_by_what_is_allowed_and_what_it_holds(
    definition: Definition, name: str, cell: str, reason: str
) -> None:
    column = column_of(definition, name)
    column.parse(["", cell])
    assert column.faults([cell]) == {0: reason}


def test_a_regression_must_be_in_its_range(definition: Definition) -> None:
    described = definition.model_dump() | {
        "targets": {"score": {"task": "regression", "range": (0, 1), "unit": "points"}},
        "features": {"numbers": {"step": "number", "inputs": ["age"]}},
        "split": {},
    }
    column = columns.of(Definition.model_validate(described), [*HEADER, "score"]).targets["score"]
    cells = ["0", "1", ".5", "1.01", ""]
    assert column.parse(cells)[:3] == [0, 1, 0.5]
    assert column.faults(cells) == {3: "must be between 0 and 1 points (this is '1.01')", 4: "is empty"}


def test_what_is_needed_is_every_input_target_and_other_column_but_no_identifier(definition: Definition) -> None:
    assert columns.needed(definition) == [name for name in HEADER if name != "product"]


def test_values_are_kept_as_arrays_or_lists_of_their_kind(definition: Definition) -> None:
    kept = {}
    for name, cells in {
        "age": ["1", "2"],
        "region": ["Asia", "Europe"],
        "sold": ["3", "4"],
        "chain": ["a", "b"],
    }.items():
        column = column_of(definition, name)
        column.keep(column.parse(cells))
        kept[name] = column.values
    assert kept["age"].dtype == kept["sold"].dtype == np.float64
    assert {name: list(values) for name, values in kept.items()} == {
        "age": [1, 2],
        "region": ["Asia", "Europe"],
        "sold": [3, 4],
        "chain": ["a", "b"],
    }


def test_a_cell_that_stands_often_is_parsed_once() -> None:
    parsed: list[str] = []

    def parse_cell(cell: str) -> float:
        parsed.append(cell)
        return number(cell)

    column = Column("x", 0, parse_cell, "d")
    assert column.parse(["1", "2", "1"]) == [1, 2, 1]
    assert column.parse(["2", "3"]) == [2, 3]
    assert parsed == ["1", "2", "3"]


def test_what_is_remembered_of_a_column_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "CACHED", 3)
    column = Column("x", 0, number, "d")
    for begin in range(0, 100, 4):
        cells = [*map(str, range(begin, begin + 4)), f"bad {begin}"]
        assert column.parse(cells)[:4] == list(range(begin, begin + 4))
        assert column.faults(cells).keys() == {4}
        assert len(column._parsed) <= 8
        assert len(column._parsed.faults) == 1


def test_a_column_of_wrong_values_is_compared_with_the_known_ones_only_at_first(
    definition: Definition, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(columns, "HINTED", 2)
    column = column_of(definition, "region")
    cells = [f"Asia{number}" for number in range(4)]
    column.parse(cells)
    assert ["did you mean" in column.faults(cells)[place] for place in range(4)] == [True, True, False, False]


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (["2012", "2013-01-01"], "is a date among numbers: '2013-01-01'"),
        (["2013-01-01", "2012"], "is a number among dates: '2012'"),
        (["2012", " "], "is empty, and rows are split by it (split.time)"),
        (["2012", "1e999"], "must be a finite number (this is '1e999')"),
        (["2012", "May"], "must be a number, or a date or a time in ISO 8601 (this is 'May')"),
    ],
)
def test_times_of_one_column_are_all_numbers_or_all_dates(
    definition: Definition, cells: list[str], reason: str
) -> None:
    described = definition.model_dump() | {"split": {"kind": "time", "time": "season"}}
    column = columns.of(Definition.model_validate(described), [*HEADER, "season"]).extra["season"]
    column.parse(cells)
    assert column.faults(cells) == {1: reason}


def test_a_moment_is_a_number_or_seconds_since_1970() -> None:
    assert moment("2012") == 2012
    assert moment("1970-01-02") == 86_400
    assert moment("1970-01-01T01:00:00+01:00") == 0


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_finite_number_is_read_back_the_same(value: float) -> None:
    assert number(repr(value)) == value


@given(st.text(max_size=8) | st.from_regex(r"[ \t]*[-+0-9.eE_,a-f]{1,8}[ \t]*", fullmatch=True))
@example("infinity")
@example("1\n")
def test_any_cell_is_a_number_as_python_reads_it_or_bad(cell: str) -> None:
    try:
        value = number(cell)
    except BadCellError:
        return
    assert value == float(cell)
    assert cell.isascii()
    assert not set(cell) & set("_nN\n")
