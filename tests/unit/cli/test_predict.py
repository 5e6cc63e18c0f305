"""`firesteel predict`."""

import io
import json
import sys
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Run

CSV = "title,description,extra\nCannot log in,My account is locked,x\n,nothing,y\nPrice for fifty seats,Send us a quote,z\n"


def test_one_row_is_answered_for_people_and_for_programs(firesteel: Run, store: Path) -> None:
    fields = ("--set", "title=Cannot log in", "--set", "description=My account is locked = bad")
    people, programs = firesteel("predict", "tickets", *fields), firesteel("predict", "tickets", *fields, "--json")
    answer = json.loads(programs.out)
    assert people.code == programs.code == 0
    assert answer["labels"]["department"] == "Tech Support"
    assert answer["model_version"] == "1.1.0"
    assert set(answer["confidences"]) == {"priority", "department"}
    assert "Tech Support" in people.out


def test_a_file_is_answered_row_by_row_in_order(firesteel: Run, store: Path) -> None:
    Path("new.csv").write_text(CSV)
    done = firesteel("predict", "tickets", "--data", "new.csv", "--version", "1.0.0")
    answers = [json.loads(line) for line in done.out.splitlines()]
    assert done.code == 0
    assert [answer["line"] for answer in answers] == [2, 3, 4]
    assert answers[0]["labels"]["department"] == "Tech Support"
    assert answers[2]["labels"]["department"] == "Sales"
    assert answers[2]["model_version"] == "1.0.0"
    assert "title" in answers[1]["error"]


def test_rows_come_from_standard_input_too(firesteel: Run, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(CSV.encode()), encoding="utf-8"))
    done = firesteel("predict", "tickets", "--data", "-")
    assert done.code == 0
    assert len(done.out.splitlines()) == 3


@pytest.mark.parametrize("words", [[], ["--set", "title"], ["--set", "title=a", "--data", "new.csv"]])
def test_one_of_fields_and_a_file_must_be_given(words: list[str], firesteel: Run, store: Path) -> None:
    assert firesteel("predict", "tickets", *words).code == 2


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["tickets", "--set", "title=a"], 3, "description"),
        (["tickets", "--data", "missing.csv"], 3, "missing.csv"),
        (["tickets", "--version", "7.0.0", "--set", "title=a"], 1, "7.0.0"),
        (["nope", "--set", "title=a"], 1, "nope"),
        (["../nope", "--set", "title=a"], 1, "../nope"),
    ],
)
def test_what_does_not_fit_or_is_not_there_is_named(
    words: list[str], code: int, said: str, firesteel: Run, store: Path
) -> None:
    done = firesteel("predict", *words)
    assert done.code == code
    assert said in done.err
