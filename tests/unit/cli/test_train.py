"""`firesteel generate` and `firesteel train`."""

import json
from pathlib import Path

import pytest

from models import recruits
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


@pytest.fixture(scope="module")
def recruits_rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Enough quarterbacks and receivers, and too few running backs."""
    path = tmp_path_factory.mktemp("recruits") / "recruits.csv"
    recruits.write(path, 1300, 0)
    header, *lines = path.read_text(encoding="utf-8").splitlines()
    backs = [line for line in lines if ",RB," in line]
    kept = [line for line in lines if ",RB," not in line] + backs[:40]
    path.write_text("\n".join([header, *kept]) + "\n", encoding="utf-8")
    return path


def test_one_segment_is_trained_and_the_router_published(firesteel: Run, recruits_rows: Path) -> None:
    done = firesteel("train", "recruits", "--data", recruits_rows, "--segment", "WR", "--json")
    assert done.code == 0
    told = json.loads(done.out)
    assert [one["model"] for one in told["segments"]] == ["recruits/wr"]
    assert told["segments"][0]["release"]["promoted"]["version"] == "1.0.0"
    assert "recruits 1.0.0 sends rows by position" in done.err


def test_a_segment_with_too_few_rows_is_refused_before_anything_is_trained(firesteel: Run, recruits_rows: Path) -> None:
    done = firesteel("train", "recruits", "--data", recruits_rows, "--position", "all", "--json")
    assert done.code == 3
    assert "the segment 'RB' of 'position' has 40 usable rows, at least 200 are needed" in done.err
    assert not list(Path(".store").rglob("*.json"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--segment", "K"], "'K' is no segment; there are: QB, RB, WR, all"),
        (["--position=K"], "'K' is no segment"),
        (["--positon", "all"], "there is no option --positon"),
        (["QB"], "got an argument too many"),
    ],
)
def test_what_is_no_segment_or_no_option_is_wrong_usage(
    firesteel: Run, recruits_rows: Path, options: list[str], message: str
) -> None:
    done = firesteel("train", "recruits", "--data", recruits_rows, *options)
    assert done.code == 2
    assert message in " ".join(done.err.replace("│", " ").split())


def test_a_model_without_segments_has_none_to_choose(firesteel: Run, rows: Path) -> None:
    done = firesteel("train", "tickets", "--data", rows, "--segment", "QB")
    assert done.code == 2
    assert "tickets has no segments" in done.err
