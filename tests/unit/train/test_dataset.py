import csv
import gzip
import hashlib
import io
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firesteel.definition import Definition
from firesteel.definition_file import parse
from firesteel.errors import DataError
from functions.train import csvfile
from functions.train.dataset import read
from functions.train.repeats import Conflict

DEFINITION = """
model: tickets
inputs:
  title: {kind: text, max_length: 20, example: a}
  body: {kind: text, min_length: 2, max_length: 5000, example: ab}
  note: {kind: text, required: false, example: a}
  email: {kind: identifier}
targets:
  priority: {task: classification, labels: {High: [Blocker, High], Low: [Minor, Low]}}
  team: {task: classification, column: department, labels: [Tech, Sales]}
features:
  words: {step: tfidf, inputs: [title, body, note]}
data: {max_bad_share: 0.5, min_rows: 2, min_rows_per_class: 2}
"""
HEADER = "title,body,note,priority,department"
GOOD = (
    "Login,cannot log in,,High,Tech",
    "Price,what does it cost,,Minor,Sales",
    "Crash,it crashes again,,Blocker,Tech",
    "Quote,please send one,seen,Low,Sales",
)
CONFIG = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def definition() -> Definition:
    return parse(DEFINITION, "definition.yaml")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data.csv"


def write(path: Path, *lines: str, end: str = "\n", encoding: str = "utf-8") -> Path:
    path.write_bytes((end.join(lines) + end).encode(encoding))
    return path


def refusal(path: Path, definition: Definition, **options: Path) -> str:
    with pytest.raises(DataError) as caught:
        read(path, definition, **options)  # type: ignore[arg-type]
    assert str(path) in str(caught.value)
    return str(caught.value).replace(str(path), "FILE")


def test_a_file_is_read_column_by_column(path: Path, definition: Definition) -> None:
    data = read(write(path, HEADER, *GOOD), definition)
    assert len(data) == data.rows_read == 4
    assert data.inputs == {
        "title": ["Login", "Price", "Crash", "Quote"],
        "body": ["cannot log in", "what does it cost", "it crashes again", "please send one"],
        "note": ["", "", "", "seen"],
    }
    assert data.source == str(path)
    assert data.lines.tolist() == [2, 3, 4, 5]
    assert (data.bad_rows, data.conflicts, data.duplicates) == ((), (), 0)


def test_labels_are_indices_after_merging_of_values(path: Path, definition: Definition) -> None:
    data = read(write(path, HEADER, *GOOD), definition)
    assert {name: (codes.tolist(), codes.dtype) for name, codes in data.targets.items()} == {
        "priority": ([0, 1, 0, 1], np.dtype(np.int32)),
        "team": ([0, 1, 0, 1], np.dtype(np.int32)),
    }


def test_the_hash_is_that_of_the_bytes_of_the_file(path: Path, definition: Definition) -> None:
    data = read(write(path, HEADER, *GOOD, encoding="utf-8-sig"), definition)
    assert data.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_and_a_byte_order_mark_make_no_difference(
    path: Path, definition: Definition, end: str, encoding: str
) -> None:
    data = read(write(path, HEADER, *GOOD, end=end, encoding=encoding), definition)
    assert data.inputs["title"] == ["Login", "Price", "Crash", "Quote"]
    assert data.lines.tolist() == [2, 3, 4, 5]


def test_the_last_line_needs_no_end(path: Path, definition: Definition) -> None:
    path.write_text("\n".join([HEADER, *GOOD]))
    assert len(read(path, definition)) == 4


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_semicolons_and_tabs_are_found_in_the_header(path: Path, definition: Definition, delimiter: str) -> None:
    lines = [line.replace(",", delimiter) for line in (HEADER, *GOOD)]
    assert read(write(path, *lines), definition).inputs["title"] == ["Login", "Price", "Crash", "Quote"]


def test_columns_may_stand_in_any_order_among_others(path: Path, definition: Definition) -> None:
    lines = [",".join(["x", *reversed(line.split(",")), ""]) for line in GOOD]
    header = ",".join(["", *reversed(HEADER.split(",")), ""])
    assert read(write(path, header, *lines), definition).inputs["title"] == ["Login", "Price", "Crash", "Quote"]


def test_rows_are_numbered_by_the_physical_line_they_begin_on(path: Path, definition: Definition) -> None:
    two_lines, blank = 'Two,"first\nsecond\n",,High,Tech', ""
    data = read(write(path, HEADER, GOOD[0], two_lines, blank, *GOOD[1:]), definition)
    assert data.lines.tolist() == [2, 3, 7, 8, 9]
    assert data.inputs["body"][1] == "first\nsecond\n"
    assert data.rows_read == 5


def test_zero_bytes_and_other_control_characters_are_text(path: Path, definition: Definition) -> None:
    data = read(write(path, HEADER, *GOOD, "a\0b,c\x1b\x85\u2028d,,High,Tech"), definition)
    assert (data.inputs["title"][-1], data.inputs["body"][-1]) == ("a\0b", "c\x1b\x85\u2028d")


def test_taken_rows_keep_what_is_known_of_the_file(path: Path, definition: Definition) -> None:
    data = read(write(path, HEADER, *GOOD, "bad"), definition)
    taken = data.take(np.array([3, 0]))
    assert taken.inputs["title"] == ["Quote", "Login"]
    assert taken.targets["team"].tolist() == [1, 0]
    assert taken.lines.tolist() == [5, 2]
    assert len(taken) == 2
    assert (taken.sha256, taken.bad_rows, taken.rows_read) == (data.sha256, data.bad_rows, 5)
    assert len(data.take([])) == 0


# Any text that csv can write comes back as it was, and every row knows its line.

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=2, max_size=20).filter(
    lambda text: not text.isspace()
)


@CONFIG
@given(
    rows=st.lists(st.tuples(TEXT, TEXT, st.sampled_from(["High", "Low"])), min_size=1, max_size=8),
    end=st.sampled_from(["\n", "\r\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig"]),
    delimiter=st.sampled_from(",;\t"),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_what_csv_writes_is_read_back_the_same(
    path: Path,
    definition: Definition,
    rows: list[tuple[str, str, str]],
    end: str,
    encoding: str,
    delimiter: str,
    quoting: int,
) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator=end, delimiter=delimiter, quoting=quoting)
    writer.writerow(["body", "title", "note", "priority", "department"])
    begins = []
    for title, body, priority in rows:
        begins.append(1 + len(physical_lines(text.getvalue())))
        writer.writerow([body, title, "", priority, "Tech"])
    path.write_bytes(text.getvalue().encode(encoding))
    data = read(path, definition, training=False)
    assert data.inputs["title"] == [title for title, _, _ in rows]
    assert data.inputs["body"] == [body for _, body, _ in rows]
    assert data.targets["priority"].tolist() == [["High", "Low"].index(priority) for _, _, priority in rows]
    assert data.lines.tolist() == begins


def physical_lines(text: str) -> list[str]:
    return list(io.StringIO(text, newline=""))


# What repeats.


def test_equal_texts_with_different_labels_are_conflicts(path: Path, definition: Definition) -> None:
    again = ("Login,cannot log in,,Low,Tech", "Price,what does it cost,,Low,Sales", "Login,cannot log in,,High,Sales")
    data = read(write(path, HEADER, *GOOD, *again), definition)
    assert data.conflicts == (
        Conflict(lines=(2, 6, 8), labels={"priority": ("High", "Low", "High"), "team": ("Tech", "Tech", "Sales")}),
    )
    assert data.duplicates == 3
    assert len(data) == 7


def test_a_conflict_names_only_the_targets_that_disagree(path: Path, definition: Definition) -> None:
    data = read(write(path, HEADER, *GOOD, "Crash,it crashes again,,Low,Tech"), definition)
    assert data.conflicts == (Conflict(lines=(4, 6), labels={"priority": ("High", "Low")}),)


# Bad rows.

LABELS = "allowed: Blocker, High, Minor, Low"


@pytest.mark.parametrize(
    ("row", "column", "reason"),
    [
        (",body,,High,Tech", "title", "is empty"),
        (" \t,body,,High,Tech", "title", "must not be blank"),
        ("a,b,,High,Tech", "body", "must have at least 2 characters (this has 1)"),
        (f"{'a' * 21},body,,High,Tech", "title", "must have at most 20 characters (this has 21)"),
        ("a,body, ,High,Tech", "note", "must not be blank"),
        ("a,body,,Urgent,Tech", "priority", f"'Urgent' is not a label; {LABELS}"),
        ("a,body,,high ,Tech", "priority", f"'high ' is not a label, did you mean 'High'? {LABELS}"),
        ("a,body,,,Tech", "priority", f"has no label; {LABELS}"),
        ("a,body,,High,Tehc", "department", "'Tehc' is not a label, did you mean 'Tech'? allowed: Tech, Sales"),
        (f"a,body,,{'x' * 90},Tech", "priority", f"'{'x' * 39}…' is not a label; {LABELS}"),
        (",b,,High,Tech", "title, body", "is empty; must have at least 2 characters (this has 1)"),
        ("a,body,,High", "department", "is missing: the row has 4 fields, the header 5"),
        (
            "a,bo,dy,,High,Tech",
            "department",
            "is not the last: the row has 6 fields, the header 5; put texts that contain the delimiter in quotes",
        ),
    ],
)
def test_a_bad_row_is_reported_by_line_column_and_reason_and_kept(
    path: Path, tmp_path: Path, definition: Definition, row: str, column: str, reason: str
) -> None:
    kept = tmp_path / "new" / "quarantine.csv"
    data = read(write(path, HEADER, GOOD[0], row, *GOOD[1:]), definition, quarantine=kept)
    (bad,) = data.bad_rows
    assert (bad.line, bad.column, bad.reason) == (3, column, reason)
    assert str(bad) == f"line 3, {column}: {reason}"
    assert (len(data), data.rows_read) == (4, 5)
    assert data.lines.tolist() == [2, 4, 5, 6]
    with kept.open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file)) == [
            ["line", "column", "reason", *HEADER.split(",")],
            ["3", column, reason, *row.split(",")],
        ]


def test_many_labels_are_not_all_listed(path: Path) -> None:
    labels = [f"label{number}" for number in range(30)]
    definition = parse(DEFINITION.replace("[Tech, Sales]", str(labels)), "definition.yaml")
    rows = [f"a,body,,{priority},{label}" for label in labels for priority in ("High", "Low")]
    data = read(write(path, HEADER, *rows, "a,body,,High,?"), definition)
    assert data.bad_rows[0].reason.endswith("label10, label11 … (30 in all)")


def test_a_quarantined_row_that_was_mended_can_be_trained_on(
    path: Path, tmp_path: Path, definition: Definition
) -> None:
    kept = tmp_path / "quarantine.csv"
    read(write(path, HEADER, *GOOD, '"a\nb",body,,high,Tech'), definition, quarantine=kept)
    kept.write_text(kept.read_text("utf-8").replace("high", "High"), "utf-8")
    data = read(kept, definition, training=False)
    assert data.inputs["title"] == ["a\nb"]


def test_without_bad_rows_there_is_no_quarantine_file(path: Path, tmp_path: Path, definition: Definition) -> None:
    read(write(path, HEADER, *GOOD), definition, quarantine=tmp_path / "quarantine.csv")
    assert list(tmp_path.iterdir()) == [path]


def test_a_quarantine_file_of_an_earlier_run_is_not_left_as_if_it_were_of_this_one(
    path: Path, tmp_path: Path, definition: Definition
) -> None:
    kept = tmp_path / "quarantine.csv"
    kept.write_text("of an earlier run")
    read(write(path, HEADER, *GOOD), definition, quarantine=kept)
    assert kept.read_text() == f"line,column,reason,{HEADER}\n"


def test_a_run_that_stops_half_way_leaves_the_quarantine_file_as_it_was(
    path: Path, tmp_path: Path, definition: Definition
) -> None:
    kept = tmp_path / "quarantine.csv"
    kept.write_text("of an earlier run")
    refusal(write(path, HEADER, "bad row", '"open'), definition, quarantine=kept)
    assert kept.read_text() == "of an earlier run"
    assert sorted(tmp_path.iterdir()) == [path, kept]


def test_a_quarantine_file_that_cannot_be_written_is_named(path: Path, tmp_path: Path, definition: Definition) -> None:
    kept = write(path, HEADER, *GOOD, "bad row") / "below-a-file.csv"
    with pytest.raises(
        DataError, match=r"below-a-file.csv: bad rows cannot be kept here: (Not a directory|File exists)"
    ):
        read(path, definition, quarantine=kept)


def test_the_quarantine_file_is_never_the_training_file(path: Path, definition: Definition) -> None:
    before = write(path, HEADER, "bad row").read_bytes()
    assert "must not be the training file" in refusal(path, definition, quarantine=path)
    assert path.read_bytes() == before


def test_too_many_bad_rows_stop_the_run_and_are_all_kept(path: Path, tmp_path: Path, definition: Definition) -> None:
    kept = tmp_path / "quarantine.csv"
    rows = [f"a,body,,wrong{number},Tech" for number in range(7)]
    message = refusal(write(path, HEADER, *GOOD, *rows), definition, quarantine=kept)
    first, *problems, more, where = message.splitlines()
    assert first == "FILE: 7 of 11 rows are bad (63.6%; data.max_bad_share is 50.0%):"
    assert [problem.split(" is not")[0] for problem in problems] == [
        f"  line {number + 6}, priority: 'wrong{number}'" for number in range(5)
    ]
    assert (more, where) == ("  and 2 more", f"All of them stand in {kept}")
    assert len(kept.read_text().splitlines()) == 8


def test_few_bad_rows_that_are_too_many_are_all_shown(path: Path, definition: Definition) -> None:
    message = refusal(write(path, HEADER, GOOD[0], "a,body", "b,body"), definition)
    assert message.splitlines()[1:] == [
        "  line 3, note: is missing: the row has 2 fields, the header 5",
        "  line 4, note: is missing: the row has 2 fields, the header 5",
    ]


def test_a_share_of_bad_rows_at_the_bound_is_allowed(path: Path, definition: Definition) -> None:
    assert len(read(write(path, HEADER, *GOOD, *["bad row"] * 4), definition).bad_rows) == 4


# Labels with too few rows.


def test_all_labels_with_too_few_rows_are_named_with_what_they_have_and_need(
    path: Path, definition: Definition
) -> None:
    message = refusal(write(path, HEADER, *GOOD[:3]), definition)
    assert message == (
        "FILE: each label needs at least 2 usable rows (data.min_rows_per_class): priority 'Low' has 1, "
        "team 'Sales' has 1. Add rows, merge labels in the definition, or lower the bound"
    )


def test_a_file_to_evaluate_on_needs_no_rows_of_every_label(path: Path, definition: Definition) -> None:
    assert len(read(write(path, HEADER, GOOD[0]), definition, training=False)) == 1


# Files that cannot be read.


def test_an_empty_file_is_refused(path: Path, definition: Definition) -> None:
    path.touch()
    assert refusal(path, definition) == "FILE: the file is empty; its first line must name the columns"


def test_a_header_alone_is_refused(path: Path, definition: Definition) -> None:
    assert refusal(write(path, HEADER), definition) == "FILE: there is a header and not one row"


def test_a_byte_order_mark_alone_has_no_columns(path: Path, definition: Definition) -> None:
    path.write_bytes(b"\xef\xbb\xbf")
    assert "there is no column 'title', 'body'" in refusal(path, definition)
    assert refusal(path, definition).endswith("The columns are none")


def test_missing_columns_are_all_named_with_what_is_there(path: Path, definition: Definition) -> None:
    assert refusal(write(path, "Title,boddy,note,email"), definition) == (
        "FILE: line 1: there is no column 'title' (did you mean 'Title'?), 'body' (did you mean 'boddy'?), 'priority', "
        "'department'. The columns are 'Title', 'boddy', 'note', 'email'"
    )


def test_identifiers_are_no_columns_of_a_training_file(path: Path, definition: Definition) -> None:
    assert "email" in definition.inputs
    assert "email" not in read(write(path, HEADER, *GOOD), definition).inputs


def test_a_needed_column_that_stands_twice_is_refused(path: Path, definition: Definition) -> None:
    message = refusal(write(path, f"{HEADER},title,body,other,other"), definition)
    assert message == "FILE: line 1: more than one column is called 'title', 'body'"


def test_a_file_that_is_not_there_is_named(path: Path, tmp_path: Path, definition: Definition) -> None:
    assert refusal(path, definition) == "FILE: No such file or directory"
    assert refusal(tmp_path, definition).endswith("Is a directory")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "Caf\u00e9,too much coffee,,High,Tech".encode("cp1252"),
            "line 6, character 4: byte 0xE9 is not UTF-8. It looks like Windows-1252: 'Café,too much coffee,,H'. Save",
        ),
        (b"a,bo\x81dy,,High,Tech", "line 6, character 5: byte 0x81 is not UTF-8. Save the file as UTF-8"),
        (b'"a\nb\xc3(,body",,High,Tech', "line 7, character 2: byte 0xC3 is not UTF-8"),
        (b"a,cut off\xe2\x82", "line 6, character 10: byte 0xE2 is not UTF-8"),
    ],
)
def test_another_encoding_is_refused_with_line_character_and_remedy(
    path: Path, definition: Definition, line: bytes, message: str
) -> None:
    path.write_bytes("\n".join([HEADER, *GOOD, ""]).encode() + line)
    assert refusal(path, definition).startswith(f"FILE: {message}")


def test_a_packed_file_is_read_as_it_is_and_hashed_as_it_lies_there(path: Path, definition: Definition) -> None:
    plain = read(write(path, HEADER, *GOOD), definition)
    packed = gzip.compress(path.read_bytes(), mtime=0)
    path.write_bytes(packed)
    data = read(path, definition)
    assert (data.inputs, data.sha256) == (plain.inputs, hashlib.sha256(packed).hexdigest())
    path.write_bytes(gzip.compress(b"title\xef,body", mtime=0))
    assert refusal(path, definition).startswith("FILE: line 1, character 6: byte 0xEF is not UTF-8")


def test_the_header_too_must_be_utf_8(path: Path, definition: Definition) -> None:
    path.write_bytes("t\u00eftle,body".encode("latin-1"))
    assert refusal(path, definition).startswith("FILE: line 1, character 2: byte 0xEF is not UTF-8")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (HEADER.encode("utf-16"), "this is UTF-16; save it as UTF-8"),
        (HEADER.encode("utf-16-le"), "this looks like UTF-16; save it as UTF-8"),
        (b"\xfe\xff" + HEADER.encode("utf-16-be"), "this is UTF-16; save it as UTF-8"),
        (gzip.compress(HEADER.encode() * 99, mtime=0)[:40], "its gzip packing is damaged or cut off"),
        (b"PK\x03\x04....", "this is a ZIP file or an Excel workbook; save the sheet as CSV in UTF-8"),
        (b"\xd0\xcf\x11\xe0....", "this is an old Excel workbook"),
        (b"PAR1....", "this is a Parquet file; save it as CSV in UTF-8"),
    ],
)
def test_other_kinds_of_file_are_called_by_their_name(
    path: Path, definition: Definition, content: bytes, what: str
) -> None:
    path.write_bytes(content)
    assert what in refusal(path, definition)


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ('"a" b,body,,High,Tech', "',' expected after '\"'"),
        ('a,"body,,High,Tech\nb,body,,High,Tech', "unexpected end of data"),
    ],
)
def test_broken_quotes_stop_the_run_and_name_the_line_where_the_row_begins(
    path: Path, definition: Definition, row: str, what: str
) -> None:
    message = refusal(write(path, HEADER, *GOOD, row), definition)
    assert message == (
        f"FILE: line 6: not CSV ({what}). In the row that begins here, a quoted field is not closed or has a lone "
        "quote inside, which must be written twice"
    )


def test_a_field_without_end_is_an_open_quote(
    path: Path, definition: Definition, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csvfile, "LONGEST_FIELD", 100)
    message = refusal(write(path, HEADER, 'a,"body,,High,Tech', *GOOD * 10), definition)
    assert message.startswith("FILE: line 2: not CSV (a field has more than 100 characters)")


def test_reading_leaves_the_csv_limit_of_the_process_alone(path: Path, definition: Definition) -> None:
    before = csv.field_size_limit()
    read(write(path, HEADER, *GOOD), definition)
    assert csv.field_size_limit() == before
    refusal(write(path, HEADER, '"open'), definition)
    assert csv.field_size_limit() == before


def test_texts_beyond_the_usual_limit_of_csv_are_read(path: Path, definition: Definition) -> None:
    data = read(write(path, f"{HEADER},long", *(f"{row},{'x' * 200_000}" for row in GOOD)), definition)
    assert len(data) == 4


@pytest.mark.slow
def test_a_row_costs_little_more_memory_than_its_text(path: Path, definition: Definition) -> None:
    tracemalloc = pytest.importorskip("tracemalloc")
    rows = 20_000
    with path.open("w") as file:
        file.write(f"{HEADER}\n")
        file.writelines(f"{number},{number:0100},,{'High' if number % 2 else 'Low'},Tech\n" for number in range(rows))
    tracemalloc.start()
    data = read(path, definition, training=False)
    used, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    texts = sum(sys.getsizeof(text) for column in ("title", "body") for text in data.inputs[column])
    assert used < texts + rows * 80
    assert peak < texts + rows * 200 + (8 << 20)
