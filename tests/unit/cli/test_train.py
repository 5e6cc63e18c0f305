"""`firesteel generate` and `firesteel train`."""

import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Run


def test_the_same_seed_generates_the_same_file(firesteel: Run) -> None:
    for name in ("one.csv", "two.csv"):
        assert firesteel("generate", "tickets", "--rows", 50, "--seed", 3, "--out", name).code == 0
    assert Path("one.csv").read_bytes() == Path("two.csv").read_bytes()
    assert (
        Path("one.csv").read_text(encoding="utf-8").startswith("title,description,customer_email,priority,department")
    )


def test_only_models_with_a_generator_can_be_generated(firesteel: Run) -> None:
    done = firesteel("generate", "nope")
    assert done.code == 2
    assert "tickets" in done.err


def test_training_publishes_a_version_and_serves_it(firesteel: Run, store: Path, rows: Path) -> None:
    done = firesteel("train", "tickets", "--data", rows, "--no-tune", "--version", "2.0.0", "--json")
    assert done.code == 0
    release = json.loads(done.out)
    assert release["model"] == "tickets"
    assert release["release"]["version"] == "2.0.0"
    assert release["release"]["promoted"]["previous"] == "1.1.0"
    assert set(release["metrics"]["targets"]) == {"priority", "department"}
    assert "600 of 600 rows" in done.err
    assert (store / "models/tickets/v2.0.0/manifest.json").exists()


def test_bad_rows_are_reported_and_put_aside(firesteel: Run, store: Path, rows: Path) -> None:
    data = Path("rows.csv")
    data.write_text(rows.read_text(encoding="utf-8") + "No label,Nothing works,,Soon,Sales\n", encoding="utf-8")
    done = firesteel("train", "tickets", "--data", data, "--no-tune")
    assert done.code == 0
    assert "600 of 601 rows" in done.err
    assert "'Soon' is not a label" in done.err
    assert "Soon" in Path("rows.quarantine.csv").read_text(encoding="utf-8")


def test_a_version_that_fails_its_gates_is_published_and_not_served(firesteel: Run, store: Path, rows: Path) -> None:
    done = firesteel("train", "tickets", "--data", rows, "--no-tune", "--no-eval", "--json")
    assert done.code == 4
    assert "priority.macro_f1" in done.err
    assert json.loads(done.out)["release"]["promoted"] is None
    listed = {row["version"]: row["aliases"] for row in json.loads(firesteel("versions", "tickets", "--json").out)}
    assert listed == {"1.0.0": [], "1.1.0": ["latest"], "1.2.0": []}


def test_a_version_is_never_written_twice(firesteel: Run, store: Path, rows: Path) -> None:
    done = firesteel("train", "tickets", "--data", rows, "--no-tune", "--version", "1.0.0")
    assert done.code == 5
    assert "1.0.0" in done.err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "rows.csv"),
        (b"", "the file is empty"),
        (b"title,description,priority,department\n", "not one row"),
        (b"title,text,priority,department\nA,b,Low,Sales\n", "'description'"),
        (b"title,description,priority,department\nCaf\xe9,b,Low,Sales\n", "line 2"),
        (b"title,description,priority,department\nA,b,Low,Sales\n", "at least 20"),
    ],
    ids=["missing", "empty", "only a header", "a missing column", "Latin-1", "too few rows"],
)
def test_a_file_that_cannot_be_trained_on_ends_with_3_and_says_why(
    content: bytes | None, said: str, firesteel: Run
) -> None:
    if content is not None:
        Path("rows.csv").write_bytes(content)
    done = firesteel("train", "tickets", "--data", "rows.csv")
    assert done.code == 3
    assert said in done.err


def test_a_definition_that_does_not_exist_or_fit_ends_with_3(firesteel: Run, rows: Path) -> None:
    Path("wrong.yaml").write_text("model: wrong\ninputs: {}\n")
    for model, said in (("nope", "nope.yaml"), ("wrong.yaml", "wrong.yaml:2: inputs")):
        done = firesteel("train", model, "--data", rows)
        assert done.code == 3
        assert said in done.err
