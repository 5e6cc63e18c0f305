"""`firesteel drift`: a table for people, JSON for programs, a page, and an exit code for pipelines."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from benchmarks import drift as drifting
from benchmarks.drift import World, deliver, publish
from firesteel.monitor import reports
from firesteel.registry.seal import open_registry
from firesteel.registry.store import open_store
from tests.unit.monitor.lines import keep, line


@pytest.fixture
def asked(firesteel, tmp_path, monkeypatch):
    """`asked(shift)`: a model whose last day, until now, has moved by so much. Gives its monitoring store."""
    monkeypatch.setenv("FIRESTEEL_STORE", f"file://{tmp_path}/registry")
    monkeypatch.setenv("FIRESTEEL_MONITOR", f"file://{tmp_path}/monitor")
    monkeypatch.setattr(drifting, "NOW", datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=2))

    def fill(shift, model="drifting"):
        world, monitor = World(1), open_store(f"file://{tmp_path}/monitor")
        digest = publish(world, open_registry(f"file://{tmp_path}/registry"), model)
        for day in (1, 2):
            deliver(world, monitor, digest, day, 200, shift if day == 1 else 0.0)
        return monitor

    return fill


def test_a_table_says_what_drifted_first(firesteel, asked):
    asked(1.0)
    done = firesteel("drift", "drifting")
    assert done.code == 0
    assert "drifting 1.0.0: DRIFT." in done.words
    lines = done.out.splitlines()
    first = next(line for line in lines if line.startswith("n0"))
    assert "DRIFT" in first
    assert any(line.endswith(").") and " of n0 are " in line and "; in training " in line for line in lines)
    assert lines.index(first) < next(number for number, line in enumerate(lines) if line.startswith("n1"))


def test_json_is_the_report(firesteel, asked):
    asked(0.0)
    report = json.loads(firesteel("drift", "drifting", "--since", "1d", "--json").out)
    assert (report["state"], report["rows"], report["days"]) == ("OK", 200, 1)
    assert len(report["fields"]) == 20


def test_fail_on_drift_is_for_pipelines(firesteel, asked):
    asked(1.0)
    done = firesteel("drift", "drifting", "--fail-on-drift")
    assert done.code == 4
    assert "drifting: " in " ".join(done.err.split())
    assert "series drifted" in " ".join(done.err.split())


def test_without_drift_nothing_fails(firesteel, asked):
    asked(0.0)
    assert firesteel("drift", "drifting", "--fail-on-drift").code == 0


def test_nothing_is_kept_unless_asked(firesteel, asked, tmp_path):
    monitor = asked(1.0)
    assert firesteel("drift", "drifting", "--html", tmp_path / "page.html").code == 0
    assert (tmp_path / "page.html").read_bytes().startswith(b"<!doctype html>")
    assert reports.latest(monitor, "drifting") is None
    done = firesteel("drift", "drifting", "--publish")
    assert "kept as drift/drifting/" in done.err
    assert reports.latest(monitor, "drifting")["state"] == "DRIFT"


def test_a_version_may_be_named(firesteel, asked):
    asked(0.0)
    assert firesteel("drift", "drifting", "--version", "1.0.0").code == 0
    done = firesteel("drift", "drifting", "--version", "2.0.0")
    assert (done.code, "drifting has no complete version 2.0.0" in " ".join(done.err.split())) == (1, True)


def test_segments_are_looked_at_each(firesteel, asked, tmp_path):
    asked(0.0, "shop/north")
    publish(World(1), open_registry(f"file://{tmp_path}/registry"), "shop/south")
    found = json.loads(firesteel("drift", "shop", "--json").out)
    assert [(report["model"], report["state"]) for report in found] == [
        ("shop/north", "INSUFFICIENT_DATA"),
        ("shop/south", "INSUFFICIENT_DATA"),
    ]
    assert firesteel("drift", "shop", "--html", "page.html").code == 2
    assert firesteel("drift", "shop/north", "--html", "page.html").code == 0


@pytest.mark.parametrize(
    ("since", "said"),
    [
        ("7", "not a number and s, m, h, d or w"),
        ("week", "not a number and s, m, h, d or w"),
        ("36h", "not 1 to 90 whole days"),
        ("12h", "from 1d to 90d"),
        ("0d", "from 1d to 90d"),
        ("91d", "from 1d to 90d"),
        ("99999999999d", "from 1d to 90d"),
    ],
)
def test_whole_days_are_asked_for(firesteel, asked, since, said):
    asked(0.0)
    done = firesteel("drift", "drifting", "--since", since)
    assert done.code == 2
    assert f"--since '{since}'" in words_of(done.err) or said.startswith("not 1")
    assert said in words_of(done.err)


def words_of(err):
    """A message without the box around it."""
    return " ".join(err.replace("│", " ").split())


def test_inputs_that_the_log_has_not_are_one_line(firesteel, store, monkeypatch, tmp_path):
    monkeypatch.setenv("FIRESTEEL_MONITOR", f"file://{tmp_path}/monitor")
    now = datetime.now(UTC) - timedelta(minutes=5)
    rows = [line(f"r-{number}", now, model_version="1.1.0") for number in range(40)]
    keep(open_store(f"file://{tmp_path}/monitor"), *rows, day=f"{now:%Y-%m-%d}")
    done = firesteel("drift", "tickets")
    assert done.code == 0
    shown = done.out.splitlines()
    [about] = [one for one in shown if "title" in one]
    assert about.startswith("Not in the inference log: description, title. To compare them, say `log: hash` or")
    assert max(map(len, shown)) < 160
    assert done.out.count("are needed") == 1
    report = json.loads(firesteel("drift", "tickets", "--json").out)
    assert len([field for field in report["fields"] if field["source"] in ("title", "description")]) > 4


def test_a_model_that_is_not_there_is_named(firesteel, asked):
    asked(0.0)
    done = firesteel("drift", "tickets")
    assert done.code == 1
    assert "tickets has no version with a drift baseline" in " ".join(done.err.split())
