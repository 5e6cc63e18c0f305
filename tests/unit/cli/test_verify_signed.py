"""`firesteel verify` where some of the registry is signed, or all of it."""

import json
from pathlib import Path

import pytest

from firesteel.registry import alias, bundle
from firesteel.registry.seal import key_id, open_registry
from tests.proofs.sealed_world import Key
from tests.unit.classify import bundles
from tests.unit.cli.conftest import Run

KEY = Key(bytes(range(32)))
BY = key_id(KEY.public_key)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """1.0.0 was served before signing began; 1.1.0 and 1.2.0 are signed."""
    monkeypatch.setenv("FIRESTEEL_STORE", f"file://{tmp_path}/registry")
    for number, key in (("1.0.0", None), ("1.1.0", KEY), ("1.2.0", KEY)):
        registry = open_registry(f"file://{tmp_path}/registry", (), key)
        bundle.publish(registry, "tickets", number, bundles.files(), who="ada")
        alias.promote(registry, "tickets", "latest", number, who="ada")
    return tmp_path / "registry"


def test_without_public_keys_a_signature_is_what_a_version_says_of_itself(firesteel: Run, folder: Path) -> None:
    done = firesteel("verify", "tickets")
    assert done.code == 0, done
    assert f"tickets 1.1.0: whole, says it is signed by {BY}, which is not checked" in done.words
    told = json.loads(firesteel("verify", "tickets", "--json").out)
    assert [(one.get("signed_by"), one.get("says_signed_by")) for one in told] == [(None, None), (None, BY), (None, BY)]


def test_with_public_keys_what_is_older_than_they_are_is_no_error_while_nothing_serves_it(
    firesteel: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRESTEEL_PUBLIC_KEYS", KEY.text)
    done = firesteel("verify", "--all")
    assert done.code == 0, done
    assert (
        "tickets latest: whole, but of its older entries and its way back 2 are not signed by a key of now"
        in done.words
    )
    entries = folder / "models/tickets/aliases/latest"
    (entries / "00000004.json").write_bytes((entries / "00000001.json").read_bytes())
    done = firesteel("verify", "--all")
    assert done.code == 1, done
    assert "tickets latest: BROKEN" in done.words


def test_an_alias_whose_newest_entry_names_what_no_key_signed_is_broken(
    firesteel: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alias.promote(open_registry(f"file://{folder}", (), KEY), "tickets", "latest", "1.0.0", who="ada")
    monkeypatch.setenv("FIRESTEEL_PUBLIC_KEYS", KEY.text)
    done = firesteel("verify", "--all")
    assert done.code == 1, done
    assert "tickets latest: BROKEN" in done.words


def test_a_version_that_no_key_signed_is_told_and_wrong_where_it_was_asked_for(
    firesteel: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRESTEEL_PUBLIC_KEYS", KEY.text)
    done = firesteel("verify", "tickets")
    assert done.code == 0, done
    assert "tickets 1.0.0: not signed by a key of now, never served here" in done.words
    assert f"tickets 1.2.0: whole, signed by {BY}" in done.words
    asked = firesteel("verify", "tickets", "1.0.0")
    assert asked.code == 1
    assert "manifest.json is not signed" in asked.words


def test_a_signed_record_that_was_changed_is_broken_and_not_merely_unsigned(
    firesteel: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRESTEEL_PUBLIC_KEYS", KEY.text)
    manifest = folder / "models/tickets/v1.1.0/manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(b'"created"', b'"crested"'))
    done = firesteel("verify", "tickets")
    assert done.code == 1
    assert "tickets 1.1.0: BROKEN" in done.words
