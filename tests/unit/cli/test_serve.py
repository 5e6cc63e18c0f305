"""`firesteel serve`: what is served, and to whom /admin is shown."""

from pathlib import Path

import pytest

from cli import ports
from firesteel.settings import Settings
from functions.classify import server
from functions.classify.loopback import is_own
from tests.unit.cli.conftest import Run


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """What would be served, instead of serving it without end."""
    found: list[Settings] = []
    monkeypatch.setattr(server, "run", found.append)
    monkeypatch.setattr(ports, "must_be_free", lambda host, port: None)  # somebody may be serving here
    return found


def test_admin_is_off_unless_asked_for(firesteel: Run, served: list[Settings]) -> None:
    assert firesteel("serve", "--port", 8124).code == 0
    assert firesteel("serve", "--admin").code == 0
    assert [(settings.admin, settings.port) for settings in served] == [(False, 8124), (True, 8000)]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.com"])
def test_admin_is_not_shown_to_other_machines_by_an_option(firesteel: Run, served: list[Settings], host: str) -> None:
    done = firesteel("serve", "--admin", "--host", host)
    assert done.code == 2
    assert "FIRESTEEL_ADMIN=true" in done.err
    assert served == []


def test_a_setting_shows_admin_at_any_address(
    firesteel: Run, served: list[Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRESTEEL_ADMIN", "true")
    assert firesteel("serve", "--host", "0.0.0.0").code == 0
    assert served[0].admin is True


@pytest.mark.parametrize(
    ("host", "own"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("", False)],
)
def test_only_this_machine_s_own_addresses_are_its_own(host: str, own: bool) -> None:
    assert is_own(host) is own


def test_on_an_empty_store_people_are_told_what_to_do(firesteel: Run, served: list[Settings]) -> None:
    done = firesteel("serve")
    assert (done.code, len(served)) == (0, 1)
    assert "there is no tickets in file://.store yet" in done.err
    assert "`firesteel train tickets --data rows.csv`" in done.err
    assert "`firesteel demo`" in done.err


def test_a_store_with_a_version_needs_no_advice(firesteel: Run, store: Path, served: list[Settings]) -> None:
    assert "firesteel train" not in firesteel("serve").err
