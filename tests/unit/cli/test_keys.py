"""`firesteel keys`: made, shown, and used by whoever publishes and promotes."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli import environment, keys
from cli.main import app
from firesteel.errors import SettingsError
from firesteel.registry import seal

runner = CliRunner()


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """No settings but those of the test."""
    monkeypatch.chdir(tmp_path)
    environment.settings.cache_clear()
    yield
    environment.settings.cache_clear()


def test_a_new_key_prints_what_goes_into_the_settings_and_the_template(tmp_path: Path) -> None:
    done = runner.invoke(app, ["keys", "new", "key"])
    assert done.exit_code == 0
    secret = Path("key").read_text().strip()
    assert secret not in done.output
    assert f"FIRESTEEL_SIGNING_KEY=file://{tmp_path}/key" in done.output
    assert "FIRESTEEL_PUBLIC_KEYS=" in done.output
    assert "PublicKeys=" in done.output


def test_what_was_made_is_what_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = json.loads(runner.invoke(app, ["keys", "new", "key", "--json"]).output)
    monkeypatch.setenv("FIRESTEEL_SIGNING_KEY", made.pop("signing_key"))
    assert json.loads(runner.invoke(app, ["keys", "show", "--json"]).output) == made
    assert made["id"] == seal.key_id(seal.public_key(made["public_key"]))


def test_without_a_key_there_is_none_to_show() -> None:
    with pytest.raises(SettingsError, match="FIRESTEEL_SIGNING_KEY is not set.*firesteel keys new FILE"):
        keys.show(as_json=False)


def test_a_key_is_not_written_over() -> None:
    Path("key").write_text("mine")
    with pytest.raises(SettingsError, match="exists already"):
        keys.new(Path("key"), as_json=False)
    assert Path("key").read_text() == "mine"


def test_a_key_goes_where_the_setting_can_name_it() -> None:
    with pytest.raises(SettingsError, match="has a space in it"):
        keys.new(Path("sp ace.key"), as_json=False)
    assert not Path("sp ace.key").exists()
