"""What people type becomes what a request has, the same in a CSV file and after --set."""

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli import rows
from firesteel.errors import DataError, InputError
from firesteel.program.schema import Category, Identifier, Number, Schema, Text, Timestamp

INPUTS = Schema(
    (
        Number("revenue", True, None, None, False, None),
        Number("staff", False, 0, None, True, None),
        Category("region", True, ("EU", "1"), 20),
        Text("said", False, 1, 100),
        Timestamp("since", False),
        Identifier("gid", False, 20),
    )
)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_the_one_that_was_written(value: float) -> None:
    found = rows.values({"revenue": repr(value)}, INPUTS)["revenue"]
    assert found == value
    assert isinstance(found, float) or abs(value) < 2**53


@given(st.integers(min_value=-(2**53) + 1, max_value=2**53 - 1))
def test_a_whole_number_stays_one(value: int) -> None:
    found = rows.values({"staff": f" {value}\t"}, INPUTS)["staff"]
    assert (found, type(found)) == (value, int)


def test_all_else_is_taken_to_the_letter() -> None:
    cells = {"region": "1", "said": " 12 ", "since": "2024-05-17", "gid": "007"}
    assert rows.values(cells, INPUTS) == cells


def test_an_empty_cell_is_a_missing_value() -> None:
    cells = {"revenue": "", "staff": " ", "region": "", "said": "", "since": "", "gid": ""}
    assert rows.values(cells, INPUTS) == {}


@pytest.mark.parametrize("cell", ["lots", "1,000", "NaN", "inf", "0x10", "1_000", "١٢", "null"])
def test_what_is_no_number_names_its_field(cell: str) -> None:
    with pytest.raises(InputError, match=r"staff .*is not a number") as caught:
        rows.values({"staff": cell, "said": "a"}, INPUTS)
    assert [problem.field for problem in caught.value.problems] == ["staff"]


def test_a_number_too_large_to_be_finite_is_left_to_the_schema() -> None:
    value = rows.values({"revenue": "1e999"}, INPUTS)["revenue"]
    assert math.isinf(value)
    with pytest.raises(InputError, match="finite"):
        INPUTS.check({"revenue": value, "region": "EU"})


def test_a_file_has_its_cells_by_column_and_line(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text('region,said\nEU,"two\nlines"\n1,x\n')
    assert list(rows.read(str(path), ["region"])) == [
        (2, {"region": "EU", "said": "two\nlines"}),
        (4, {"region": "1", "said": "x"}),
    ]


@pytest.mark.parametrize(("text", "said"), [("region,said\nEU\n", "line 2 has 1 fields"), ("said\nx\n", "region")])
def test_a_file_that_is_no_table_of_these_columns_is_refused(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=said):
        list(rows.read(str(path), ["region"]))
