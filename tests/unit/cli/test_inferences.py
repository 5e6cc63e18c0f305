"""`firesteel inferences`: a table, JSON, CSV and Parquet of what was answered."""

import csv
import io
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pyarrow import parquet

from firesteel.registry.store import open_store
from tests.unit.monitor.lines import batch, keep, line

NOW = datetime.now(UTC).replace(microsecond=0)
FORMULA = "=HYPERLINK(A1)"


@pytest.fixture
def monitor(firesteel, tmp_path, monkeypatch):
    """Six rows of the last hours: two of a batch, one for a person with inputs, and one with a formula for a text."""
    url = f"file://{tmp_path}/monitor"
    monkeypatch.setenv("FIRESTEEL_MONITOR", url)
    store = open_store(url)
    said = {"title": {"text": FORMULA, "characters": 14, "words": 1, "known": None}, "size": -1.5, "channel": "mail"}
    lines = [
        line("newest", NOW, inputs=said, review=True),
        line("hour", NOW - timedelta(hours=1), inputs={"who": {"sha256": "0a1b2c3d4e5f6071"}, "size": None}),
        batch("batch", NOW - timedelta(hours=2)),
        line("old", NOW - timedelta(hours=30)),
    ]
    for number, one in enumerate(lines):
        keep(store, one, day=one["timestamp"][:10], name=str(9 - number))
    return store


def test_the_newest_are_shown_first(firesteel, monitor):
    done = firesteel("inferences", "tickets")
    assert done.code == 0
    shown = done.out.splitlines()
    assert [text.split()[2] for text in shown[1:]] == ["newest", "hour", "batch@0", "batch@2"]
    assert "priority High 0.75" in shown[1]
    assert "size: -1.5" in shown[1]
    assert "who: #0a1b2c3d4e5f6071" in shown[2]
    assert "size: missing" in shown[2]
    assert "hours 1 (0.5 to 2)" in done.words


def test_time_limit_and_review_choose(firesteel, monitor):
    def shown(*options):
        done = firesteel("inferences", "tickets", "--json", *options)
        assert done.code == 0
        return [one["request_id"] for one in json.loads(done.out)]

    assert shown("--last", "90m") == ["newest", "hour"]
    assert shown("--last", "2d")[-1] == "old"
    assert shown("--review") == ["newest", "batch"]
    assert shown("--limit", "1") == ["newest"]


def test_nothing_is_said_so(firesteel, monitor, store):
    assert "newest" in firesteel("inferences", "tickets").out
    done = firesteel("inferences", "tickets", "--last", "1s")
    assert (done.code, done.out) == (0, "")
    assert "no inferences" in done.err


@pytest.mark.parametrize("words", [[], ["--json"], ["--csv", "none.csv"], ["--parquet", "none.parquet"]])
def test_a_model_that_neither_log_nor_registry_knows_is_named(firesteel, monitor, store, words):
    done = firesteel("inferences", "nobody", *words)
    assert (done.code, done.out) == (1, "")
    assert "nobody is no model of the registry" in done.err
    assert "there are: tickets" in done.err
    assert not list(Path().glob("none.*"))


@pytest.mark.parametrize("last", ["0h", "24", "h", "-1h", "1y"])
def test_a_time_that_is_none_is_wrong_usage(firesteel, monitor, last):
    assert firesteel("inferences", "tickets", "--last", last).code == 2


def test_a_name_that_can_be_no_model_fails(firesteel, monitor):
    done = firesteel("inferences", "Tickets!")
    assert done.code == 1
    assert "is no model" in done.err


def test_csv_has_a_column_a_value_and_no_formula(firesteel, monitor):
    done = firesteel("inferences", "tickets", "--last", "2d", "--csv", "answers.csv")
    assert (done.code, done.out) == (0, "")
    with Path("answers.csv").open(encoding="utf-8", newline="") as file:
        rows = {(row["request_id"], row["row"]): row for row in csv.DictReader(file)}
    assert len(rows) == 5
    newest = rows["newest", ""]
    assert newest["input.title.text"] == f"'{FORMULA}"
    assert newest["input.size"] == "-1.5"  # a number is no formula
    assert (newest["predicted_priority"], newest["priority_confidence"], newest["review"]) == ("High", "0.75", "true")
    assert newest["when"] == NOW.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert rows["batch", "0"]["predicted_hours"] == "1.0"
    assert rows["hour", ""]["input.who.sha256"] == "0a1b2c3d4e5f6071"
    assert rows["hour", ""]["input.size"] == ""  # missing


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r"])
def test_no_text_begins_as_formulas_do(firesteel, monitor, first):
    keep(monitor, line("formula", NOW, inputs={"note": f"{first}1+1"}), day=f"{NOW:%Y-%m-%d}", name="f")
    done = firesteel("inferences", "tickets", "--csv", "-", "--limit", "9")
    notes = [row["input.note"] for row in csv.DictReader(io.StringIO(done.out)) if row["request_id"] == "formula"]
    assert [note[0] for note in notes] == ["'"]


def test_parquet_has_types(firesteel, monitor):
    assert firesteel("inferences", "tickets", "--last", "2d", "--parquet", "answers.parquet").code == 0
    table = parquet.read_table("answers.parquet")
    types = {field.name: str(field.type) for field in table.schema}
    assert types["when"] == "timestamp[us, tz=UTC]"
    assert (types["row"], types["review"], types["input.size"]) == ("int64", "bool", "double")
    assert (types["priority_confidence"], types["predicted_priority"]) == ("double", "string")
    rows = {(row["request_id"], row["row"]): row for row in table.to_pylist()}
    assert rows["newest", None]["when"] == NOW
    assert rows["newest", None]["input.title.text"] == FORMULA  # a typed file needs no apostrophe
    assert rows["batch", 2]["predicted_hours"] == 2.0
    assert rows["old", None]["input.size"] is None


def test_a_column_of_mixed_kinds_is_text(firesteel, monitor):
    for number, value in enumerate(["7", 7]):
        keep(monitor, line(f"m{number}", NOW, inputs={"mixed": value}), day=f"{NOW:%Y-%m-%d}", name=f"m{number}")
    firesteel("inferences", "tickets", "--parquet", "mixed.parquet")
    found = parquet.read_table("mixed.parquet").column("input.mixed").to_pylist()
    assert sorted(filter(None, found)) == ["7", "7"]


def test_a_limit_holds_for_files_too_and_both_are_written_at_once(firesteel, monitor):
    assert firesteel("inferences", "tickets", "--limit", "2", "--csv", "a.csv", "--parquet", "a.parquet").code == 0
    with Path("a.csv").open(encoding="utf-8", newline="") as file:
        assert [row["request_id"] for row in csv.DictReader(file)] == ["newest", "hour"]
    assert parquet.read_table("a.parquet").num_rows == 2


def test_no_rows_are_a_file_without_rows(firesteel, monitor, store):
    assert (
        firesteel("inferences", "tickets", "--last", "1s", "--csv", "none.csv", "--parquet", "none.parquet").code == 0
    )
    assert parquet.read_table("none.parquet").num_rows == 0


def test_what_was_damaged_is_told(firesteel, monitor):
    keep(monitor, "no JSON", day=f"{NOW:%Y-%m-%d}", name="damaged")
    done = firesteel("inferences", "tickets")
    assert done.code == 0
    assert "1 lines" in done.err


def test_a_file_that_cannot_be_written_leaves_no_part(firesteel, monitor, tmp_path):
    done = firesteel("inferences", "tickets", "--csv", tmp_path / "no" / "folder.csv")
    assert done.code == 1
    assert not (tmp_path / "no").exists()


def test_pyarrow_that_is_missing_is_named(firesteel, monitor, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    done = firesteel("inferences", "tickets", "--parquet", "x.parquet")
    assert done.code == 1
    assert "pip install 'firesteel[parquet]'" in " ".join(done.err.split())
