"""`firesteel feedback`."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli import spreadsheet
from firesteel.monitor import feedback
from firesteel.registry.store import Store
from tests.unit.cli.conftest import Run
from tests.unit.monitor.lines import batch, keep, line

TICKET = ("--set", "title=Cannot log in", "--set", "description=My account is locked")


def test_a_correction_is_sent_by_request(firesteel: Run, monitor: Store) -> None:
    done = firesteel(
        "feedback", "tickets", "--request-id", "r-1", "--answer", "priority=High", "--who", "ada", "--why", "x"
    )
    [said] = feedback.read(monitor, "tickets")
    assert done.code == 0
    assert said.id in done.out
    assert (said.request_id, said.row, said.input, said.answer) == ("r-1", None, None, {"priority": "High"})
    assert (said.who, said.why) == ("ada", "x")


def test_a_correction_is_sent_by_row_of_a_batch_and_by_input(firesteel: Run, monitor: Store) -> None:
    by_row = firesteel(
        "feedback", "tickets", "--request-id", "r-1", "--row", 3, "--answer", "department=Sales", "--json"
    )
    by_input = firesteel("feedback", "tickets", *TICKET, "--answer", "priority=High", "--answer", "department=Billing")
    first, second = feedback.read(monitor, "tickets")
    assert (by_row.code, by_input.code) == (0, 0)
    assert [(one["id"], one["subject"]) for one in json.loads(by_row.out)] == [(first.id, "r-1@3")]
    assert second.input == {"title": "Cannot log in", "description": "My account is locked"}
    assert second.answer == {"priority": "High", "department": "Billing"}
    assert second.who


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--request-id", "r-1", "--answer", "priority=Soon"], 3, "answer.priority"),
        (["--request-id", "r-1", "--answer", "urgency=High"], 3, "answer"),
        (["--request-id", "two words", "--answer", "priority=High"], 3, "request_id"),
        (["--answer", "priority=High"], 3, "request_id"),
        (["--set", "title=x", "--answer", "priority=High"], 3, "input.description"),
        (["--set", "titel=x", "--set", "title=x", "--set", "description=x", "--answer", "priority=High"], 3, "input"),
        (["--request-id", "r-1"], 2, "--answer"),
        (["--set", "title=x"], 2, "--answer"),
        (["--answer", "priority"], 2, "name=value"),
        (["--answer", "priority=High", "--data", "x.csv"], 2, "either"),
        (["--last", "soon"], 2, "--last"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_and_nothing_sent(
    words: list[str], code: int, said: str, firesteel: Run, monitor: Store
) -> None:
    done = firesteel("feedback", "tickets", *words)
    assert (done.code, said in done.err.replace("\n", " ")) == (code, True), done.err
    assert feedback.read(monitor, "tickets") == []


def test_a_file_of_corrections_is_sent(firesteel: Run, monitor: Store) -> None:
    Path("corrections.csv").write_text(
        "request_id,row,title,description,priority,department,who,why,doubt\n"
        "r-1,,,,High,,,,0.5\n"
        "r-2,4,,,,Sales,ada,because,0.5\n"
        ",,Cannot log in,'=locked,Urgent,Billing,,,\n"
        "r-3,,only a title,,Low,,,,\n"
        "r-4,,,,,,,not answered,\n"
    )
    done = firesteel("feedback", "tickets", "--data", "corrections.csv", "--who", "bob")
    said = feedback.read(monitor, "tickets")
    assert (done.code, done.words) == (0, "4 sent")
    assert "cannot use 2 of 4 as it is (r-1, r-3): it has no input, and the inference log" in done.err
    assert "1 of 4 as it is (r-2@4)" in done.err
    assert [one.subject for one in said][:2] == ["r-1", "r-2@4"]
    assert [one.answer for one in said[:2]] == [{"priority": "High"}, {"department": "Sales"}]
    assert [(one.who, one.why) for one in said[:2]] == [("bob", ""), ("ada", "because")]
    assert said[2].input == {"title": "Cannot log in", "description": "=locked"}
    assert (said[3].subject, said[3].input) == ("r-3", None)


def test_of_a_file_with_a_wrong_row_nothing_is_sent(firesteel: Run, monitor: Store) -> None:
    Path("corrections.csv").write_text("request_id,priority,department\nr-1,High,\nr-2,Soon,\n,Low,\nr-3;,Low,Sales\n")
    done = firesteel("feedback", "tickets", "--data", "corrections.csv")
    assert done.code == 3
    assert "line 3" in done.err
    assert "line 4" in done.err
    assert "2 corrections do not fit" in done.err
    assert feedback.read(monitor, "tickets") == []


@pytest.mark.parametrize("content", ["request_id,priority\nr-1,High\n", "request_id,priority,department\nr-1,,\n"])
def test_a_file_without_answers_is_refused(content: str, firesteel: Run, monitor: Store) -> None:
    Path("corrections.csv").write_text(content)
    assert firesteel("feedback", "tickets", "--data", "corrections.csv").code == 3


def test_numbers_are_written_as_in_training_files(
    firesteel: Run, numbers: Path, monitor: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRESTEEL_STORE", f"file://{numbers}")
    assert firesteel("feedback", "g2g", "--request-id", "r-1", "--answer", "g2g_score=0.25").code == 0
    assert firesteel("feedback", "g2g", "--request-id", "r-1", "--answer", "g2g_score=1.5").code == 3
    assert firesteel("feedback", "g2g", "--request-id", "r-1", "--answer", "g2g_score=much").code == 3
    [said] = feedback.read(monitor, "g2g")
    assert said.answer == {"g2g_score": 0.25}


def test_of_a_model_of_segments_the_segment_is_named(
    firesteel: Run, numbers: Path, monitor: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRESTEEL_STORE", f"file://{numbers}")
    described = firesteel("feedback", "recruits", "--request-id", "r-1", "--answer", "tier=Elite")
    assert described.code == 3
    assert "position" in described.err


def fill(monitor: Store) -> None:
    now = datetime.now(UTC)
    for minutes, who, priority in ((30, "ada", "Low"), (20, "bob", "High"), (60 * 24 * 40, "cy", "Low")):
        feedback.send(
            monitor, "tickets", {"priority": priority}, request_id="r-1", who=who, when=now - timedelta(minutes=minutes)
        )
    feedback.send(monitor, "tickets", {"department": "Sales"}, input={"title": "=1+1", "description": "x"}, when=now)


def test_what_was_said_is_listed_newest_first_with_what_holds(firesteel: Run, monitor: Store) -> None:
    fill(monitor)
    done = firesteel("feedback", "tickets", "--json")
    told = json.loads(done.out)
    assert done.code == 0
    assert [one["who"] for one in told] == ["", "bob", "ada"]
    assert [one["holds"] for one in told] == [["department"], ["priority"], []]
    assert [one["contradicted"] for one in told] == [[], ["priority"], ["priority"]]
    assert "priority=High" in firesteel("feedback", "tickets").words
    assert len(json.loads(firesteel("feedback", "tickets", "--json", "--last", "60d", "--limit", 2).out)) == 2


def test_a_listing_in_csv_can_be_sent_again_and_is_no_formula(firesteel: Run, monitor: Store) -> None:
    fill(monitor)
    assert firesteel("feedback", "tickets", "--csv", "said.csv").code == 0
    with Path("said.csv").open(newline="") as file:
        written = list(csv.DictReader(file))
    assert written[0]["title"] == "'=1+1"
    assert written[1]["priority"] == "High"
    before = feedback.read(monitor, "tickets")
    assert firesteel("feedback", "tickets", "--data", "said.csv").code == 0
    after = feedback.read(monitor, "tickets")
    assert len(after) == len(before) + 3
    assert {one.subject for one in after} == {one.subject for one in before}
    printed = firesteel("feedback", "tickets", "--csv", "-").out
    assert len(list(csv.DictReader(io.StringIO(printed)))) == 6


def test_a_damaged_record_is_named(firesteel: Run, monitor: Store, tmp_path: Path) -> None:
    fill(monitor)
    path = next((tmp_path / "monitor").rglob("r-1.*.json"))
    path.write_bytes(b"{}")
    done = firesteel("feedback", "tickets", "--last", "90d", "--json")
    assert done.code == 0
    assert path.name in done.err
    assert len(json.loads(done.out)) == 3


def test_silence_is_said(firesteel: Run, monitor: Store) -> None:
    done = firesteel("feedback", "tickets")
    assert (done.code, done.out) == (0, "")
    assert "nothing was said" in done.err


WHOLE = {"title": {"text": "Hello"}, "description": {"text": "Help"}}


@pytest.mark.parametrize(
    ("days", "words", "why"),
    [
        (0, ["--request-id", "plain"], None),
        (29, ["--request-id", "plain"], None),
        (31, ["--request-id", "plain"], "the last 30 days no such request"),
        (0, ["--request-id", "hashed"], "has title, description not in plain: say `log: plain`"),
        (0, ["--request-id", "half"], "has description not in plain"),
        (0, ["--request-id", "nobody"], "no such request"),
        (0, ["--request-id", "plain", "--row", 2], "no such row of a batch"),
        (0, ["--request-id", "batch", "--row", 2], None),
        (0, ["--request-id", "batch", "--row", 1], "has title, description not in plain"),
        (0, ["--request-id", "batch"], "no such request"),
        (0, ["--request-id", "nobody", *TICKET], None),
        (0, [*TICKET], None),
    ],
)  # fmt: skip
def test_a_correction_that_training_cannot_use_is_sent_with_a_warning(
    days: int, words: list[object], why: str | None, firesteel: Run, monitor: Store
) -> None:
    when = datetime.now(UTC) - timedelta(days=days)
    columns = {
        "title": [{"text": "Hello"}, None, {"text": "a"}],
        "description": [{"text": "Help"}, None, {"text": "b"}],
    }
    lines = [
        line("plain", when, inputs=WHOLE),
        line("hashed", when, inputs={name: {"sha256": "0" * 16} for name in WHOLE}),
        line("half", when, inputs={"title": WHOLE["title"]}),
        batch("batch", when, answers=batch()["answers"] | {"inputs": columns, "review": [False] * 3}),
    ]
    keep(monitor, *lines, day=f"{when:%Y-%m-%d}")
    told = firesteel("feedback", "tickets", *words, "--answer", "priority=High")
    as_json = firesteel("feedback", "tickets", *words, "--answer", "priority=High", "--json")
    [sent] = json.loads(as_json.out)
    assert (told.code, as_json.code, len(feedback.read(monitor, "tickets"))) == (0, 0, 2)
    assert sent["usable"] is (why is None)
    assert (why or "") in sent.get("why", "")
    for err in (told.err, as_json.err):
        assert ("training cannot use 1 of 1" in err) is (why is not None)
        assert (why or "") in err


def test_training_with_feedback_says_what_became_of_it(firesteel: Run, monitor: Store, store: Path, rows: Path) -> None:
    sent = {"title": "Nothing works at all", "description": "The whole team waits."}
    feedback.send(monitor, "tickets", {"priority": "Urgent"}, input=sent, who="ada")
    feedback.send(monitor, "tickets", {"priority": "Low"}, request_id="r-1")
    words = ("train", "tickets", "--data", rows, "--no-tune", "--json", "--version", "3.0.0")
    done = firesteel(*words, "--with-feedback", "--feedback-weight", 2)
    assert done.code == 0, done.err
    assert (
        "1 used with weight 2 (0 rows of the data replaced, 1 added), 0 of held-out rows left out, 1 refused"
        in done.err
    )
    assert "1 refused: its input is not known: neither it nor the inference log has it plainly (r-1)" in done.err
    told = json.loads((store / "models/tickets/v3.0.0/model_metadata.json").read_text())["feedback"]
    assert (told["weight"], told["used"], told["refused"], told["people"]) == (2, 1, 1, 1)
    assert firesteel(*words[:-1], "3.1.0", "--feedback-weight", 2).code == 2


@given(st.text())
def test_texts_come_back_from_a_spreadsheet_as_they_were(text: str) -> None:
    written = spreadsheet.cell(text)
    assert isinstance(written, str)
    assert spreadsheet.text(written) == text
    assert not written.startswith(("=", "+", "-", "@", "\t", "\r"))
