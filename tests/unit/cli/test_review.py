"""`firesteel review`."""

import csv
import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from firesteel.monitor import feedback, inferences
from firesteel.registry.store import Store
from tests.unit.cli.conftest import Run


def log(monitor: Store, *lines: dict[str, object], hours: float = 1) -> None:
    when = datetime.now(UTC) - timedelta(hours=hours)
    answered = {
        "labels": {"priority": "High", "department": "Sales"},
        "confidences": {"priority": 0.9, "department": 0.99},
    }
    about = {
        "message": "request",
        "model": "tickets",
        "model_version": "1.1.0",
        "model_digest": "0" * 64,
        "status": 200,
    }
    about |= {"timestamp": when.isoformat(timespec="milliseconds").replace("+00:00", "Z"), "review": False, **answered}
    text = "".join(json.dumps({**about, **line}) + "\n" for line in lines)
    monitor.create(f"{inferences.day_folder('tickets', when.date())}{hours}.jsonl.gz", gzip.compress(text.encode()))


def ticket(title: str) -> dict[str, object]:
    return {"title": {"text": title}, "description": {"text": "Please help me."}}


def test_the_least_sure_come_first_and_what_was_corrected_does_not_come(firesteel: Run, monitor: Store) -> None:
    sure = [("r-1", 0.4), ("r-2", 0.8), ("r-3", 0.3), ("r-4", 0.6)]
    log(
        monitor, *({"request_id": name, "confidences": {"priority": share, "department": 0.99}} for name, share in sure)
    )
    feedback.send(monitor, "tickets", {"priority": "Low"}, request_id="r-3")
    done = firesteel("review", "tickets", "--json")
    assert done.code == 0
    assert [one["request_id"] for one in json.loads(done.out)] == ["r-1", "r-4", "r-2"]
    assert "log: plain" in done.err
    assert [one["request_id"] for one in json.loads(firesteel("review", "tickets", "--limit", 1, "--json").out)] == [
        "r-1"
    ]


def test_people_see_what_was_asked_and_answered(firesteel: Run, monitor: Store) -> None:
    log(monitor, {"request_id": "r-1", "inputs": ticket("[bold]Cannot log in"), "review": True})
    done = firesteel("review", "tickets")
    assert done.code == 0
    for said in ("r-1", "priority=High 0.90", "[bold]Cannot log in", "yes"):
        assert said in done.words


def test_the_file_is_filled_in_and_sent_back(firesteel: Run, monitor: Store) -> None:
    log(
        monitor,
        {"request_id": "r-1", "inputs": ticket("=cmd()")},
        {"request_id": "r-2", "inputs": ticket("Price?")},
        {"request_id": "r-3"},
    )
    done = firesteel("review", "tickets", "--csv", "queue.csv")
    assert done.code == 0
    assert "1 of 3 cannot be read: the log has none of their inputs" in done.err
    assert "`log: plain`" in done.err
    with Path("queue.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert {line["title"] for line in lines} == {"'=cmd()", "Price?", ""}
    assert all(line["predicted_priority"] == "High" and line["priority"] == "" for line in lines)
    for line in lines:
        line["priority"] = "Urgent" if line["request_id"] != "r-2" else ""
    with Path("filled.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, list(lines[0]))
        table.writeheader()
        table.writerows(lines)
    assert firesteel("feedback", "tickets", "--data", "filled.csv").words == "2 sent"
    said = {one.subject: one for one in feedback.read(monitor, "tickets")}
    assert said["r-1"].input == {"title": "=cmd()", "description": "Please help me."}
    assert said["r-3"].input is None
    assert [one["request_id"] for one in json.loads(firesteel("review", "tickets", "--json").out)] == ["r-2"]


def test_only_answers_of_the_time_that_is_asked_for(firesteel: Run, monitor: Store) -> None:
    log(monitor, {"request_id": "old"}, hours=50)
    log(monitor, {"request_id": "new"}, hours=1)
    told = json.loads(firesteel("review", "tickets", "--last", "24h", "--json").out)
    assert [one["request_id"] for one in told] == ["new"]


def test_an_empty_queue_is_said(firesteel: Run, monitor: Store) -> None:
    done = firesteel("review", "tickets")
    assert done.code == 0
    assert "answered nothing" in done.err


def test_a_model_that_there_is_not_and_one_of_segments_are_refused(
    firesteel: Run, numbers: Path, monitor: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRESTEEL_STORE", f"file://{numbers}")
    assert firesteel("review", "nope").code == 1
    done = firesteel("review", "recruits")
    assert done.code == 3
    assert "has segments" in done.err
