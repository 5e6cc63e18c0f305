"""`firesteel doctor`: what it finds, and that a fault fails."""

import json
import shutil
import socket
from pathlib import Path

import pytest
import yaml

from cli.examination import machine
from tests.unit.cli.conftest import Run


def examined(firesteel: Run, *words: str) -> dict[str, dict[str, str]]:
    """Findings by what they are about; the exit code must agree with them."""
    done = firesteel("doctor", "--json", *words)
    report = json.loads(done.out)
    failed = [finding for finding in report["findings"] if finding["verdict"] == "FAIL"]
    assert (done.code, report["healthy"]) == ((1, False) if failed else (0, True))
    return {finding["what"]: finding for finding in report["findings"]}


def test_a_served_model_is_found_well(firesteel: Run, store: Path) -> None:
    found = examined(firesteel)
    assert [what for what, finding in found.items() if finding["verdict"] == "FAIL"] == []
    for what in (
        "Python",
        "serving packages",
        "training packages",
        "command line packages",
        "settings",
        "store",
        "alias",
    ):
        assert found[what]["verdict"] == "ok"
    assert "1.1.0" in found["alias"]["found"]
    assert "1.1.0" in found["bundle"]["found"]
    assert "golden" in found["program"]["found"]
    assert "tickets.yaml" in found["definition"]["found"]
    assert "numpy" in found["serving packages"]["found"]


def test_people_get_a_table_with_remedies(firesteel: Run) -> None:
    done = firesteel("doctor")
    assert done.code == 0
    assert "Python" in done.out
    assert "firesteel train tickets" in done.words


def test_whatever_is_not_well_has_a_remedy(firesteel: Run) -> None:
    assert all(finding["remedy"] for finding in examined(firesteel).values() if finding["verdict"] != "ok")


def test_a_store_without_the_model_is_only_warned_of(firesteel: Run) -> None:
    found = examined(firesteel)
    assert found["model"]["verdict"] == "warn"
    assert "alias" not in found


def test_a_model_that_is_not_served_yet_is_only_warned_of(
    firesteel: Run, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRESTEEL_ALIAS", "champion")
    found = examined(firesteel)
    assert found["alias"]["verdict"] == "warn"
    assert "promote" in found["alias"]["remedy"]


def test_a_bundle_that_changed_fails(firesteel: Run, store: Path) -> None:
    card = store / "models/tickets/v1.1.0/model_card.md"
    card.write_text(card.read_text() + "\nvery good\n")
    found = examined(firesteel)
    assert found["bundle"]["verdict"] == "FAIL"
    assert "model_card.md" in found["bundle"]["found"]
    assert "rollback" in found["bundle"]["remedy"]
    assert found["program"]["verdict"] == "ok"


def test_a_program_that_cannot_be_loaded_fails(firesteel: Run, store: Path) -> None:
    (store / "models/tickets/v1.1.0/program.safetensors").write_bytes(b"{}")
    assert examined(firesteel)["program"]["verdict"] == "FAIL"


def test_an_alias_entry_that_is_none_fails(firesteel: Run, store: Path) -> None:
    (store / "models/tickets/aliases/latest/00000002.json").write_text("{}")
    assert examined(firesteel)["alias"]["verdict"] == "FAIL"


def test_a_store_that_cannot_be_reached_fails(firesteel: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRESTEEL_STORE", "s3://no-such-bucket/prefix")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "none")
    found = examined(firesteel)
    assert found["store"]["verdict"] == "FAIL"
    assert "AWS_ENDPOINT_URL" in found["store"]["remedy"]


@pytest.mark.parametrize("line", [b"FIRESTEEL_PORT=lots\n", b"FIRESTEEL_NONSENSE=1\n", b"FIRESTEEL_MODEL=\xff\n"])
def test_settings_that_cannot_be_read_fail(line: bytes, firesteel: Run) -> None:
    Path(".env").write_bytes(line)
    found = examined(firesteel)
    assert found["settings"]["verdict"] == "FAIL"
    assert "store" not in found


def test_the_env_file_and_what_it_changes_are_named(firesteel: Run) -> None:
    Path(".env").write_text("FIRESTEEL_RATE_LIMIT=7\n")
    found = examined(firesteel)["settings"]["found"]
    assert ".env read" in found
    assert "FIRESTEEL_RATE_LIMIT" in found


def test_a_wrong_definition_fails_and_one_that_is_not_there_is_warned_of(firesteel: Run) -> None:
    Path("wrong.yaml").write_text("model: wrong\nsplit: {seed: -1}\n")
    found = examined(firesteel, "--definition", "wrong.yaml")["definition"]
    assert (found["verdict"], "wrong.yaml:2" in found["found"]) == ("FAIL", True)
    assert examined(firesteel, "--definition", "nope")["definition"]["verdict"] == "warn"


def test_a_port_that_is_taken_is_warned_of(firesteel: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("FIRESTEEL_PORT", str(taken.getsockname()[1]))
        assert examined(firesteel)["port"]["verdict"] == "warn"


def test_a_package_that_is_missing_fails(firesteel: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_COMMAND_LINE", ("typer", "no-such-package"))
    found = examined(firesteel)["command line packages"]
    assert found["verdict"] == "FAIL"
    assert "no-such-package: not installed" in found["found"]
    assert "make" in found["remedy"]


def test_every_segment_of_a_served_model_is_examined(
    firesteel: Run, numbers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRESTEEL_MODEL", "recruits")
    (numbers / "models/recruits/rb/v1.0.0/program.safetensors").write_bytes(b"{}")
    found = examined(firesteel)
    assert "sends rows by position" in found["program"]["found"]
    assert found["segment qb: program"]["verdict"] == "ok"
    assert found["segment rb: program"]["verdict"] == "FAIL"
    assert "firesteel train recruits" in found["segment rb: program"]["remedy"]
    assert "segments QB, RB, WR" in found["definition"]["found"]


def test_a_segment_that_nobody_trained_is_only_warned_of(
    firesteel: Run, numbers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRESTEEL_MODEL", "recruits")
    shutil.rmtree(numbers / "models/recruits/wr")
    found = examined(firesteel)["segment wr: model"]
    assert (found["verdict"], "firesteel train recruits" in found["remedy"]) == ("warn", True)


def test_a_library_that_the_definition_needs_and_is_not_here_is_warned_of(
    firesteel: Run, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    described = yaml.safe_load((small / "g2g.yaml").read_text(encoding="utf-8")) | {"estimator": {"kind": "catboost"}}
    Path("cat.yaml").write_text(yaml.safe_dump(described))
    monkeypatch.setitem(machine.MODULES, "catboost", "no_such_module")
    found = examined(firesteel, "--definition", "cat.yaml")["definition"]
    assert found["verdict"] == "warn"
    assert "training needs catboost" in found["found"]
