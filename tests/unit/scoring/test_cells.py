"""What stands in a file is what a request would have said; what is no row says why."""

import decimal
from datetime import UTC, date, datetime

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli import rows as typed
from firesteel.errors import InputError
from firesteel.program.schema import Category, Identifier, Number, Schema
from functions.classify.scoring import cells
from functions.classify.scoring.layout import Layout

FIELDS = [Identifier("id", True, 50), Number("size", True, None, None, False, None), Category("kind", False, None, 50)]
HEADER = ("size", "other", "id", "kind")
CSV, JSONL, PARQUET = Layout("csv", ",", HEADER), Layout("jsonl", "", ()), Layout("parquet", "", ())


def read(data, layout):
    return list(cells.rows(data, 7, layout, FIELDS))


def told(row):
    return [(one.field, one.kind) for one in row.error.problems]


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(["1", " 2.5", "-1e3", "1e999", "1,5", "nan", "", " ", "x", "٣", "+.5", "9007199254740993"]),
        min_size=1,
    )
)
def test_cells_are_what_the_command_line_makes_of_them(sizes):
    data = "".join(f'"{size}",x,id-{n},\n' for n, size in enumerate(sizes)).encode()
    for row, size, n in zip(read(data, CSV), sizes, range(len(sizes)), strict=True):
        try:
            expected = typed.values({"id": f"id-{n}", "size": size, "kind": ""}, Schema(tuple(FIELDS)))
        except InputError as error:
            assert told(row) == [(one.field, one.kind) for one in error.problems]
        else:
            assert (row.error, row.values, row.line) == (None, expected, 7 + n)
            assert [*map(type, row.values.values())] == [type(expected[name]) for name in row.values]


def test_a_row_of_another_length_is_set_aside_and_the_next_is_read():
    short, good = read(b"1,2\n3,,b,\n", CSV)
    assert told(short) == [("", "wrong_length")]
    assert short.error.problems[0].message == "has 2 fields, the header 4"
    assert (good.line, good.values) == (8, {"size": 3, "id": "b"})


def test_bytes_that_are_no_utf8_reach_the_check_which_refuses_them():
    [row] = read(b"1,,\xff,\n", CSV)
    with pytest.raises(InputError, match="id must not have lone surrogates"):
        Schema(tuple(FIELDS)).check(dict(row.values))


@pytest.mark.parametrize(
    ("line", "kind"),
    [(b'{"id":', "invalid_json"), (b"[1]", "wrong_type"), (b'{"id":1,"id":2}', "invalid_json"), (b"NaN", "invalid_json"),
     (b'"\xff"', "invalid_json")],
)  # fmt: skip
def test_a_line_that_is_no_row_is_set_aside_and_the_next_is_read(line, kind):
    bad, good = read(line + b'\n{"id":"b","other":5}\n', JSONL)
    assert told(bad) == [("", kind)]
    assert (good.line, good.values) == (8, {"id": "b"})


def test_values_of_parquet_are_those_that_json_would_have():
    columns = {
        "id": ["a", None, "c"],
        "size": [1.5, float("nan"), float("inf")],
        "kind": [date(2026, 1, 2), datetime(2026, 1, 2, 3, tzinfo=UTC), decimal.Decimal("1.25")],
    }
    batches = [
        pa.record_batch({name: [value] for name, value in zip(columns, row, strict=True)})
        for row in zip(*columns.values(), strict=True)
    ]
    found = []
    for batch in batches:
        out = pa.BufferOutputStream()
        with pa.ipc.new_stream(out, batch.schema) as stream:
            stream.write_batch(batch)
        found += read(out.getvalue().to_pybytes(), PARQUET)
    assert [row.values for row in found] == [
        {"id": "a", "size": 1.5, "kind": "2026-01-02"},
        {"kind": "2026-01-02T03:00:00+00:00"},
        {"id": "c", "size": "inf", "kind": 1.25},
    ]
