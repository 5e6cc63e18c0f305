"""`firesteel score`: a file in, answers in parts out; ended at any moment and run again, it goes on."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from cli.environment import project_root
from cli.scoring import estimate, machine
from firesteel.registry.seal import open_registry
from functions.classify.scoring.cut import PART_ROWS
from models import tickets
from tests.unit.classify import zoo


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """The URL of a store with the hand-made models."""
    url = f"file://{tmp_path_factory.mktemp('store')}"
    zoo.release_all(open_registry(url))
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
        0, "60 of 61 rows answered by tickets 1.2.0, 1 set aside; 1 part in results"
    )  # fmt: skip
    assert done.err == "set aside in results/failed-00000.jsonl:\n  line 165: description is required\n"
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


def test_a_run_that_was_complete_says_so_and_changes_nothing(firesteel, rows):
    firesteel("score", "tickets", rows, "--out", "r", "--workers", 1)
    before = {path: path.read_bytes() for path in Path("r").rglob("*.json*")}
    again = firesteel("score", "tickets", rows, "--out", "r", "--workers", 1)
    assert again.words.endswith("1 part in r, was complete already")
    assert {path: path.read_bytes() for path in Path("r").rglob("*.json*")} == before
    assert json.loads(firesteel("score", "tickets", rows, "--out", "r", "--json").out)["earlier"] == 1


def test_answers_that_are_gone_are_answered_again_and_altered_ones_are_named(firesteel, rows):
    answers = Path("r/part-00000.jsonl")
    firesteel("score", "tickets", rows, "--out", "r", "--workers", 1)
    before = answers.read_bytes()
    answers.unlink()
    again = firesteel("score", "tickets", rows, "--out", "r", "--workers", 1)
    assert (again.code, answers.read_bytes()) == (0, before)
    assert again.words.endswith("1 part in r")
    answers.write_bytes(before.replace(b"2", b"3", 1))
    refused = firesteel("score", "tickets", rows, "--out", "r", "--workers", 1)
    assert refused.code == 1
    assert "IntegrityError: part-00000.jsonl is not what was answered" in refused.err


def test_a_file_of_which_no_row_can_be_answered_is_bad_input(firesteel):
    Path("bad.csv").write_text("title,description\na,\n,b\nc,\n")
    done = firesteel("score", "tickets", "bad.csv", "--out", "r", "--workers", 1)
    assert done.code == 3
    assert done.words == "0 of 3 rows answered by tickets 1.2.0, 3 set aside; 1 part in r"
    assert done.err.splitlines() == [
        "set aside in r/failed-00000.jsonl:",
        "  line 2: description is required",
        "  line 3: title is required",
        "DataError: bad.csv: none of its 3 rows could be answered",
    ]


def test_a_repaired_file_is_answered_in_the_folder_of_the_broken_one(firesteel, rows):
    Path("rows.csv").write_bytes(rows.read_bytes() + b'"never closed,b,,,\n')
    refused = firesteel("score", "tickets", "rows.csv", "--out", "r", "--workers", 1)
    assert refused.code == 3
    assert "line 166: not CSV" in refused.err
    Path("rows.csv").write_bytes(rows.read_bytes())
    assert firesteel("score", "tickets", "rows.csv", "--out", "r", "--workers", 1).code == 0


@pytest.mark.parametrize("options", [["--out", "r"], ["--dry-run"]])
@pytest.mark.parametrize(("name", "text"), [("rows.csv", "title,description\n"), ("rows.jsonl", "\n\n")])
def test_a_file_without_rows_is_bad_input(firesteel, options, name, text):
    Path(name).write_text(text)
    done = firesteel("score", "tickets", name, "--workers", 1, *options)
    assert done.code == 3
    assert f"{name}: the file has no rows" in done.err


def test_a_folder_with_results_of_an_unknown_run_is_refused(firesteel, rows):
    firesteel("score", "tickets", rows, "--out", "r", "--workers", 1)
    Path("r/run.json").unlink()
    refused = firesteel("score", "tickets", rows, "--out", "r", "--workers", 1)
    assert refused.code == 5
    assert "r has manifest.json but no run.json" in refused.err
    assert "name another folder, or move them away" in refused.err
    assert not Path("r/run.json").exists()


@pytest.mark.parametrize("address", ["bogus", "tcp://host", "tcp://:8786", "tls://host:port", "http://host:8786"])
def test_an_address_that_is_none_of_a_scheduler_is_wrong_usage(firesteel, rows, address):
    refused = firesteel("score", "tickets", rows, "--out", "r", "--scheduler", address)
    assert refused.code == 2
    assert "tcp://host:port or tls://host:port" in " ".join(refused.err.replace("│", " ").split())


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (["tickets", "rows.xlsx", "--out", "r"], 3, "its ending tells no kind of file"),
        (["tickets", "nothing.csv", "--out", "r"], 3, "nothing.csv: No such file"),
        (["tickets", "empty.csv", "--out", "r"], 3, "empty.csv: the file is empty"),
        (["nope", "empty.csv", "--out", "r"], 1, "nope has no alias latest"),
        (["tickets", "rows.csv"], 2, "name the folder of the results"),
        (["tickets", "s3://b/k.csv", "--out", "r"], 3, "s3://b/k.csv: rows on S3 are scored with --aws"),
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
    assert done.words.startswith("61 rows in 1 part here: ")
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


def commanded(folder):
    """A command that answers five parts, which takes a second or more; the folder of results is its last word."""
    path = folder / "many.csv"
    tickets.write(path, 5 * PART_ROWS, seed=0)
    return [sys.executable, "-m", "cli.main", "score", "tickets", path, "--workers", "2", "--out"]


def about(store):
    return {"cwd": project_root(), "env": os.environ | {"FIRESTEEL_STORE": store}}


@contextmanager
def scoring(command, out, store):
    """The command, in a process group of its own, as soon as it has answered one part; ended in any case."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    started = subprocess.Popen([*command, out], start_new_session=True, text=True, **pipes, **about(store))
    try:
        ends = time.monotonic() + 60
        while not list(out.glob("parts/*.json")) and time.monotonic() < ends:
            time.sleep(0.005)
        yield started
    finally:
        with suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGKILL)
        started.communicate(timeout=20)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_process_outlives_a_command_that_is_stopped(tmp_path, store, number):
    with scoring(commanded(tmp_path), tmp_path / "r", store) as stopped:
        if number == signal.SIGINT:  # as a terminal does
            os.killpg(stopped.pid, number)
        else:
            stopped.send_signal(number)
        _, err = stopped.communicate(timeout=20)  # pipes end with the last process that has them
    assert not (tmp_path / "r" / "manifest.json").exists()
    if number == signal.SIGKILL:
        assert stopped.returncode == -number
    else:
        assert (stopped.returncode, err) == (
            128 + number, f"stopped by {number.name}; run the same command again to go on\n"
        )  # fmt: skip


def test_a_command_that_is_killed_goes_on_to_the_same_bytes(firesteel, tmp_path, store):
    command = commanded(tmp_path)
    with scoring(command, tmp_path / "killed", store) as killed:
        os.killpg(killed.pid, signal.SIGKILL)
        killed.wait(10)
    assert not (tmp_path / "killed" / "manifest.json").exists()
    for name in ("killed", "whole"):
        subprocess.run([*command, tmp_path / name], check=True, timeout=120, capture_output=True, **about(store))
    found = [{one.name: one.read_bytes() for one in (tmp_path / name).glob("[!.]*-*")} for name in ("killed", "whole")]
    assert found[0] == found[1]
    assert len(found[1]) == 5
