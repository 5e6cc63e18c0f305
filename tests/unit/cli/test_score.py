"""`firesteel score`: a file in, answers in parts out; ended at any moment and run again, it goes on."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from cli.environment import project_root
from cli.scoring import estimate, machine
from firesteel.registry.store import open_store
from functions.classify.scoring.cut import PART_ROWS
from models import tickets
from tests.unit.classify import zoo


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """The URL of a store with the hand-made models."""
    url = f"file://{tmp_path_factory.mktemp('store')}"
    zoo.release_all(open_store(url))
    return url


@pytest.fixture(autouse=True)
def served(firesteel, monkeypatch, store):
    monkeypatch.setenv("FIRESTEEL_STORE", store)


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """60 tickets and one that is none, as CSV."""
    path = tmp_path_factory.mktemp("rows") / "rows.csv"
    tickets.write(path, 60, seed=2)
    with path.open("a", encoding="utf-8") as file:
        file.write("no description,,,,\n")
    return path


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_file_is_answered_and_the_counts_are_said(firesteel, rows):
    done = firesteel("score", "tickets", rows, "--out", "results", "--workers", 1)
    assert (done.code, done.words) == (
        0, "60 of 61 rows answered by tickets 1.2.0, 1 set aside; 1 parts in results"
    )  # fmt: skip
    first = lines(Path("results/part-00000.jsonl"))[0]
    assert first["line"] == 2
    assert {"predicted_priority", "predicted_department", "customer_email", "model_version"} <= first.keys()
    [failed] = lines(Path("results/failed-00000.jsonl"))
    assert failed["problems"] == [{"field": "description", "kind": "missing", "message": "is required"}]
    assert json.loads(Path("results/manifest.json").read_text())["input"]["name"] == "rows.csv"


def test_programs_get_the_counts_as_json(firesteel, rows):
    told = json.loads(firesteel("score", "tickets", rows, "--out", "r", "--workers", 1, "--json").out)
    assert {
        "model": "tickets",
        "version": "1.2.0",
        "rows": 61,
        "answered": 60,
        "failed": 1,
        "parts": 1,
    }.items() <= told.items()


def test_rows_of_every_kind_of_file_get_the_same_answers(firesteel, rows):
    table = pyarrow.csv.read_csv(rows)
    pyarrow.parquet.write_table(table, "rows.parquet", row_group_size=7)
    named = [{name: value for name, value in row.items() if value != ""} for row in table.to_pylist()]
    Path("rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in named))
    found = []
    for name in (rows, "rows.jsonl", "rows.parquet"):
        out = Path(f"of-{Path(name).suffix[1:]}")
        assert firesteel("score", "tickets", name, "--out", out, "--workers", 1).code == 0
        found.append(
            [{key: value for key, value in one.items() if key != "line"} for one in lines(out / "part-00000.jsonl")]
        )
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("answers", ["csv", "parquet"])
def test_answers_are_written_in_the_format_that_is_asked_for(firesteel, rows, answers):
    firesteel("score", "tickets", rows, "--out", "r", "--format", answers, "--workers", 1, "--explain")
    path = Path(f"r/part-00000.{answers}")
    table = (
        pyarrow.csv.read_csv(path, parse_options=pa.csv.ParseOptions(newlines_in_values=True))
        if answers == "csv"
        else pyarrow.parquet.read_table(path)
    )
    assert table.num_rows == 60
    assert json.loads(table.column("explanations")[0].as_py())["priority"]["explanation_summary"]


def test_another_version_or_other_rows_are_refused(firesteel, rows, tmp_path):
    firesteel("score", "tickets", rows, "--out", "r", "--workers", 1)
    other = tmp_path / "rows.csv"
    other.write_bytes(rows.read_bytes() + b"a,b,,,\n")
    refused = firesteel("score", "tickets", other, "--out", "r", "--workers", 1)
    assert refused.code == 5
    assert "holds another run: its rows are those of rows.csv" in " ".join(refused.err.split())


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (["tickets", "rows.xlsx", "--out", "r"], 3, "its ending tells no kind of file"),
        (["tickets", "nothing.csv", "--out", "r"], 3, "nothing.csv: No such file"),
        (["tickets", "empty.csv", "--out", "r"], 3, "empty.csv: the file is empty"),
        (["nope", "empty.csv", "--out", "r"], 1, "nope has no alias latest"),
        (["tickets", "rows.csv"], 2, "name the folder of the results"),
        (["tickets", "s3://b/rows.csv", "--aws"], 3, "FIRESTEEL_BATCH_MACHINE is not set"),
    ],
)
def test_what_cannot_be_done_says_what_to_do(firesteel, rows, words, code, why):
    Path("empty.csv").touch()
    Path("rows.csv").write_bytes(rows.read_bytes())
    done = firesteel("score", *words)
    assert done.code == code
    assert why in " ".join(done.err.replace("│", " ").split())


def test_on_aws_the_machine_is_asked_and_its_counts_are_said(firesteel, monkeypatch):
    asked = []

    def run(arn, what, told, **_):
        asked.append((arn, what))
        told("succeeded", 3, 3)
        return {
            "results": "batch/x/",
            "model": "tickets",
            "version": "1.2.0",
            "rows": 9,
            "answered": 8,
            "failed": 1,
            "parts": 3,
        }

    arn = "arn:aws:states:us-east-1:123456789012:stateMachine:batch"
    monkeypatch.setenv("FIRESTEEL_BATCH_MACHINE", arn)
    monkeypatch.setattr(machine, "run", run)
    done = firesteel("score", "tickets", "s3://bucket/rows.jsonl", "--aws", "--explain", "--version", "1.2.0")
    assert done.words == "8 of 9 rows answered by tickets 1.2.0, 1 set aside; 3 parts in batch/x/"
    assert asked == [
        (
            arn,
            {
                "model": "tickets",
                "data": "s3://bucket/rows.jsonl",
                "format": "JSONL",
                "explain": True,
                "version": "1.2.0",
            },
        )
    ]


def test_a_dry_run_counts_measures_and_prices_and_writes_nothing(firesteel, rows):
    done = firesteel("score", "tickets", rows, "--dry-run", "--workers", 2)
    assert done.code == 0
    assert done.words.startswith("61 rows in 1 parts here: ")
    assert "AWS: " in done.words
    assert not Path("results").exists()
    told = json.loads(firesteel("score", "tickets", rows, "--dry-run", "--workers", 2, "--json").out)
    assert (told["rows"], told["is_counted"], told["parts"]) == (61, True, 1)
    assert told["seconds"] == pytest.approx(61 / told["rate"] / 2, abs=0.1)
    assert told["usd"]["s3"] == pytest.approx(3 * 5e-6 + 3 * 0.4e-6)


def test_the_rows_of_a_large_file_are_estimated_from_its_first_parts(firesteel, tmp_path, monkeypatch):
    monkeypatch.setattr(estimate, "_COUNTED", 2)
    monkeypatch.setattr(estimate, "_TIMED", 0.05)
    path = tmp_path / "many.csv"
    tickets.write(path, 4 * PART_ROWS, seed=0)
    told = json.loads(firesteel("score", "tickets", path, "--dry-run", "--json").out)
    assert not told["is_counted"]
    assert told["rows"] == pytest.approx(4 * PART_ROWS, rel=0.02)
    assert told["parts"] in (4, 5)


def test_a_command_that_is_killed_goes_on_to_the_same_bytes(firesteel, tmp_path, store):
    path = tmp_path / "many.csv"
    tickets.write(path, 5 * PART_ROWS, seed=0)
    command = [sys.executable, "-m", "cli.main", "score", "tickets", path, "--workers", "2", "--out"]
    about = {"cwd": project_root(), "env": os.environ | {"FIRESTEEL_STORE": store}}
    killed = subprocess.Popen([*command, tmp_path / "killed"], start_new_session=True, **about)
    ends = time.monotonic() + 60
    while not list((tmp_path / "killed").glob("parts/*.json")) and time.monotonic() < ends:
        time.sleep(0.005)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait(10)
    assert not (tmp_path / "killed" / "manifest.json").exists()
    for name in ("killed", "whole"):
        subprocess.run([*command, tmp_path / name], check=True, timeout=120, capture_output=True, **about)
    found = [{one.name: one.read_bytes() for one in (tmp_path / name).glob("*-*")} for name in ("killed", "whole")]
    assert found[0] == found[1]
    assert len(found[1]) == 5
