"""`firesteel demo` and `firesteel generate`: from nothing to an API that answers the line that is shown."""

import csv
import json
import shlex
from pathlib import Path

import httpx
import pytest
import yaml

from cli import demo, ports
from cli.environment import project_root
from firesteel import definition_file
from firesteel.settings import Settings
from functions.classify import server
from tests.unit.cli.conftest import Run, api_over, listening


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """What would be served, instead of serving it without end."""
    found: list[Settings] = []
    monkeypatch.setattr(server, "run", found.append)
    monkeypatch.setattr(ports, "must_be_free", lambda host, port: None)  # somebody may be serving here
    return found


def test_a_model_is_generated_trained_published_and_served(firesteel: Run, served: list[Settings]) -> None:
    done = firesteel("demo", "recruits", "--rows", 1500, "--port", 8123)
    assert done.code == 0, done.err
    [settings] = served
    assert (settings.model, settings.port) == ("recruits", 8123)
    assert "Page       http://127.0.0.1:8123/\n" in done.out
    assert len(Path(".data/recruits.csv").read_text().splitlines()) == 1501
    [line] = [line for line in done.out.splitlines() if line.startswith("try it")]
    curl = shlex.split(line)
    assert curl[4] == "http://127.0.0.1:8123/predict"
    with listening(api_over(Path(".store").absolute(), model="recruits")) as base_url:
        answer = httpx.post(f"{base_url}/predict", json=json.loads(curl[-1]))
    assert answer.status_code == 200
    assert answer.json()["position"] == "QB"


def test_what_is_done_is_skipped(firesteel: Run, store: Path, served: list[Settings]) -> None:
    Path(".data").mkdir()
    Path(".data/tickets.csv").write_text("")
    done = firesteel("demo")
    assert done.code == 0
    assert done.out.count("skipped:") == 2
    assert "/classify -H" in done.out
    assert served[0].model == "tickets"


def test_on_this_machine_the_page_shows_all_and_may_ask_at_every_key(
    firesteel: Run, store: Path, served: list[Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path(".data").mkdir()
    Path(".data/tickets.csv").write_text("")
    assert firesteel("demo").code == firesteel("demo", "--host", "0.0.0.0").code == 0
    monkeypatch.setenv("FIRESTEEL_RATE_LIMIT", "7")
    assert firesteel("demo").code == 0
    assert [(settings.admin, settings.rate_limit) for settings in served] == [(True, 0), (False, 100), (True, 7)]


def test_only_models_with_a_generator_can_be_shown(firesteel: Run, served: list[Settings]) -> None:
    done = firesteel("demo", "nope")
    assert done.code == 2
    assert "gifts, recruits, tickets" in " ".join(done.err.replace("│", " ").split())
    assert served == []


@pytest.mark.parametrize("model", ["tickets", "g2g", "gifts", "recruits"])
def test_the_example_is_a_golden_row_in_the_shape_of_a_request(model: str) -> None:
    described = definition_file.load(project_root() / "models" / f"{model}.yaml")
    example = demo.example(described)
    golden = dict(described.golden[0])
    for part in ("products", "groups") if model == "gifts" else ():
        [inside] = example.pop(part)
        assert not inside.keys() & example.keys()
        example |= inside
    assert example == golden


def test_a_definition_without_golden_rows_has_its_inputs_examples() -> None:
    plain = yaml.safe_load((project_root() / "models/tickets.yaml").read_text(encoding="utf-8")) | {"golden": []}
    described = definition_file.parse(yaml.safe_dump(plain), "tickets.yaml")
    assert demo.example(described) == {name: plain["inputs"][name]["example"] for name in ("title", "description")}


@pytest.mark.parametrize(("model", "rows"), [("tickets", 1000), ("g2g", 5000), ("gifts", 20_000), ("recruits", 3000)])
def test_a_generator_says_itself_how_many_rows_are_good(model: str, rows: int, firesteel: Run) -> None:
    done = firesteel("generate", model, "--out", "rows.csv")
    assert done.code == 0
    assert f"wrote {rows} rows" in done.err
    with Path("rows.csv").open(encoding="utf-8", newline="") as file:
        assert sum(1 for _ in csv.DictReader(file)) == rows
