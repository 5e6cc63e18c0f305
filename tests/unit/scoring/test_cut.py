"""A file is cut between rows, whatever stands in them, and nothing is lost or read twice."""

import csv
import io
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from firesteel.errors import DataError
from firesteel.program.schema import Identifier
from functions.classify.scoring import cells, cut, layout
from functions.classify.scoring.layout import LONGEST

COLUMNS = ("a", "b")
FIELDS = [Identifier(name, False, 1 << 30) for name in COLUMNS]
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=12)
ROWS = st.lists(st.tuples(TEXTS, TEXTS), max_size=40)


def cut_all(data, kind="csv", rows=3, needed=("a",)):
    """The layout of a file, and its parts."""
    how, start = layout.read(data[:LONGEST], kind, needed, "rows")
    file = io.BytesIO(data)
    file.seek(start.byte)
    return how, list(cut.parts(file.read, how, start, rows, name="rows"))


def read_all(how, parts):
    return [row for part in parts for row in cells.rows(part.data, part.line, how, FIELDS)]


def table(rows, **dialect):
    out = io.StringIO(newline="")
    csv.writer(out, **dialect).writerows([COLUMNS, *rows])
    return out.getvalue().encode()


@given(ROWS, st.sampled_from([",", ";", "\t"]), st.sampled_from(["\n", "\r\n"]), st.integers(1, 5), st.booleans())
@example([('"', ""), ("x", '\n"",')], ",", "\n", 1, True)
def test_the_parts_of_a_csv_file_have_its_rows_on_their_lines(rows, delimiter, end, size, closed):
    data = table(rows, delimiter=delimiter, lineterminator=end)
    if not closed:
        data = data.removesuffix(end.encode())
    how, parts = cut_all(data, rows=size, needed=COLUMNS)
    reader = csv.reader(io.StringIO(data.decode(), newline=""), delimiter=delimiter, strict=True)
    expected, line = [], 1
    for row in reader:
        expected.append((line, {name: cell for name, cell in zip(COLUMNS, row, strict=True) if cell}))
        line = reader.line_num + 1
    assert [(row.line, row.values) for row in read_all(how, parts)] == expected[1:]
    assert all(part.data.rstrip(b"\n") == data[part.begin : part.end].rstrip(b"\n") for part in parts)
    assert [part.end for part in parts[:-1]] == [part.begin for part in parts[1:]]
    assert not parts or parts[-1].end == len(data)
    assert all(len(list(cells.rows(part.data, part.line, how, FIELDS))) <= size for part in parts)


@given(st.lists(st.dictionaries(st.sampled_from(COLUMNS), TEXTS), max_size=30), st.integers(1, 5), st.booleans())
def test_the_parts_of_json_lines_have_its_rows_on_their_lines(rows, size, closed):
    data = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode() or b"\n"
    how, parts = cut_all(data + b"\n" * closed, "jsonl", size)
    assert [(row.line, row.values) for row in read_all(how, parts)] == list(enumerate(rows, 1))


def test_the_bytes_between_two_reads_make_no_difference(monkeypatch):
    data = table([(f"{n}", "x" * n) for n in range(200)])
    expected = cut_all(data, rows=7)
    monkeypatch.setattr(cut, "_READ", 3)
    monkeypatch.setattr(cut, "_PART_BYTES", 1 << 20)
    assert cut_all(data, rows=7) == expected


def test_a_part_ends_early_when_its_rows_are_long(monkeypatch):
    monkeypatch.setattr(cut, "_PART_BYTES", 100)
    how, parts = cut_all(table([("x" * 60, "")] * 10), rows=1000)
    assert len(parts) == 10
    assert len(read_all(how, parts)) == 10


def test_quotes_inside_of_unquoted_fields_are_text():
    how, parts = cut_all(b'a,b\n5" pipe,"two\nlines"\n6" pipe,\n')
    assert [row.values for row in read_all(how, parts)] == [{"a": '5" pipe', "b": "two\nlines"}, {"a": '6" pipe'}]


def test_a_quote_that_is_never_closed_is_named_by_its_line():
    with pytest.raises(DataError, match="rows: line 3: not CSV .* not closed"):
        cut_all(b'a,b\n1,2\n"3,4\n5,6\n')


@pytest.mark.parametrize(("kind", "row"), [("csv", b'"%s",\n'), ("jsonl", b'{"a":"%s"}\n')])
def test_a_row_without_end_is_refused_before_it_fills_the_memory(kind, row):
    data = (b"a,b\n" if kind == "csv" else b"") + row % (b"x" * (LONGEST + 1))
    with pytest.raises(DataError, match=f"rows: line {2 if kind == 'csv' else 1}"):
        cut_all(data, kind)


def test_a_byte_order_mark_and_blank_lines_are_no_rows():
    how, parts = cut_all(b"\xef\xbb\xbfa,b\n\n1,2\n\n\n3,4\n")
    assert [(row.line, row.values["a"]) for row in read_all(how, parts)] == [(3, "1"), (6, "3")]


@pytest.mark.parametrize(
    ("data", "kind", "why"),
    [
        (b"", "csv", "the file is empty"),
        (b"\xff\xfea\0", "csv", "UTF-16"),
        (b"\x1f\x8b\x08", "jsonl", "unpack it first"),
        (b"PAR1", "csv", r"\.parquet"),
        (b"A,b\n1,2\n", "csv", r"no column 'a' \(did you mean 'A'\?\)|no column 'a'\. The columns are 'A', 'b'"),
        (b"a,a\n1,2\n", "csv", "more than one column is called 'a'"),
        (b"a,\xffb\n", "csv", "line 1 is not UTF-8"),
        (b'"a\n', "csv", "line 1 is no header"),
    ],
)
def test_what_is_no_file_of_rows_is_refused_saying_what_it_is(data, kind, why):
    with pytest.raises(DataError, match=why):
        layout.read(data, kind, ["a"], "rows")


def test_the_kind_of_a_file_is_told_by_its_ending():
    names = ("rows.csv", "s3://b/rows.TSV", "rows.jsonl", "rows.ndjson", "rows.parquet")
    assert [layout.kind_of(name) for name in names] == ["csv", "csv", "jsonl", "jsonl", "parquet"]
    with pytest.raises(DataError, match=r"rows\.xlsx: its ending tells no kind"):
        layout.kind_of("rows.xlsx")
