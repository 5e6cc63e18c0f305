"""What commands say of versions and entries that cannot be read here: damaged, collected, or signed by no key of now."""

import json
import os
from pathlib import Path

import pytest

from firesteel.registry import alias, bundle
from firesteel.registry.seal import registry_of
from firesteel.registry.store import Store
from firesteel.settings import Settings
from tests.unit.cli.conftest import Run


@pytest.fixture
def pinned(firesteel: Run, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The store, whose versions and entries nobody signed, where from now on only signed ones are read."""
    made = json.loads(firesteel("keys", "new", tmp_path / "key", "--json").out)
    monkeypatch.setenv("FIRESTEEL_PUBLIC_KEYS", made["public_key"])
    monkeypatch.setenv("FIRESTEEL_SIGNING_KEY", made["signing_key"])
    return registry_of(
        Settings.read({name: os.environ[name] for name in os.environ if name.startswith("FIRESTEEL_")}), signs=True
    )


def publish(registry: Store, version: str) -> None:
    bundle.publish(registry, "tickets", version, {"program.safetensors": version.encode()}, who="tests")


def words(text: str) -> str:
    return " ".join(text.split())


def test_unsigned_entries_of_before_do_not_hide_what_is_served_and_are_named(firesteel: Run, pinned: Store) -> None:
    publish(pinned, "2.0.0")
    alias.promote(pinned, "tickets", "latest", "2.0.0", who="tests")
    done = firesteel("show", "tickets", "--json")
    assert done.code == 0
    assert [one["generation"] for one in json.loads(done.out)["history"]] == [3]
    assert "of latest of tickets cannot be read: generation 1, 2" in words(done.err)


def test_a_running_canary_is_watched_though_older_entries_are_not_signed(firesteel: Run, pinned: Store) -> None:
    for version in ("2.0.0", "2.1.0"):
        publish(pinned, version)
    alias.promote(pinned, "tickets", "latest", "2.0.0", who="tests")
    alias.canary(pinned, "tickets", "latest", "2.1.0", weight=0.1, who="tests")
    Path("none.log").touch()
    done = firesteel("rollout", "status", "tickets", "--file", "none.log", "--json")
    assert (done.code, done.err) == (0, "")
    assert json.loads(done.out)["canary"] == "2.1.0"


def test_a_version_is_shown_though_the_newest_entry_is_damaged(firesteel: Run, store: Path) -> None:
    (store / "models/tickets/aliases/latest/00000002.json").write_text("{}")
    done = firesteel("show", "tickets", "1.0.0", "--json")
    assert (done.code, len(json.loads(done.out)["history"])) == (0, 1)
    assert "the newest entry of latest is not shown" in words(done.err)
    assert firesteel("show", "tickets").code == 1


def test_versions_say_why_one_is_damaged(firesteel: Run, store: Path) -> None:
    (store / "models/tickets/v1.0.0/metrics.json").write_text("{}")
    damaged, whole = json.loads(firesteel("versions", "tickets", "--json").out)
    assert (damaged["state"], whole["state"], whole["problem"]) == ("damaged", "complete", None)
    assert "metrics.json has 2 bytes" in damaged["problem"]
    assert "tickets 1.0.0 is damaged: models/tickets/v1.0.0/metrics.json has 2 bytes" in words(
        firesteel("versions", "tickets").err
    )


def test_versions_tell_what_no_key_signed_from_what_is_damaged(firesteel: Run, pinned: Store) -> None:
    done = firesteel("versions", "tickets", "--json")
    assert [(one["state"], "is not signed" in one["problem"]) for one in json.loads(done.out)] == [
        ("unsigned", True)
    ] * 2
    assert "train again: no version of tickets can be read here" in words(done.err)


def test_what_mends_an_alias_names_a_version_that_can_be_promoted(
    firesteel: Run, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = store / "models/tickets/aliases/latest/00000002.json"
    whole = entry.read_text()
    entry.write_text("{}")
    (store / "models/tickets/v1.1.0/manifest.json").write_text("{}")
    assert "`firesteel promote tickets 1.0.0 --alias latest` mends it" in words(firesteel("versions", "tickets").err)
    entry.write_text(whole)
    monkeypatch.setenv("FIRESTEEL_OLDEST_GENERATION", "9")
    assert "set FIRESTEEL_OLDEST_GENERATION lower" in remedy(firesteel, "alias")


def test_doctor_says_to_train_where_nothing_can_be_promoted(firesteel: Run, pinned: Store) -> None:
    assert "train again" in remedy(firesteel, "alias")


def test_doctor_sends_nobody_back_where_there_is_no_version_before(firesteel: Run, store: Path) -> None:
    (store / "models/tickets/aliases/latest/00000002.json").unlink()
    (store / "models/tickets/v1.0.0/metrics.json").write_text("{}")
    assert "firesteel train tickets" in remedy(firesteel, "bundle")


def remedy(firesteel: Run, what: str) -> str:
    """What doctor says to do about a failure."""
    [found] = [one for one in json.loads(firesteel("doctor", "--json").out)["findings"] if one["what"] == what]
    assert found["verdict"] == "FAIL"
    return str(found["remedy"])


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (["claim.json"], "tickets 1.0.0 was never published to its end: its number is not used again"),
        (["claim.json", "collected.json"], "tickets 1.0.0 was deleted by `firesteel gc`: its number is not used again"),
    ],
)
def test_a_version_that_is_gone_says_what_became_of_it(left: list[str], said: str, firesteel: Run, store: Path) -> None:
    folder = store / "models/tickets/v1.0.0"
    (folder / "collected.json").touch()
    for file in folder.iterdir():
        if file.name not in left:
            file.unlink()
    assert said in words(firesteel("show", "tickets", "1.0.0").err)


def test_a_marked_version_is_shown_as_one(firesteel: Run, store: Path) -> None:
    (store / "models/tickets/v1.0.0/collected.json").touch()
    assert json.loads(firesteel("show", "tickets", "1.0.0", "--json").out)["state"] == "marked"
    assert "marked by `firesteel gc`" in firesteel("show", "tickets", "1.0.0").words


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda patch, key: patch.delenv("FIRESTEEL_SIGNING_KEY"), "there is no FIRESTEEL_SIGNING_KEY here"),
        (lambda patch, key: key.unlink(), "key cannot be read"),
        (lambda patch, key: key.chmod(0o644), "is open to others"),
        (lambda patch, key: patch.setenv("FIRESTEEL_PUBLIC_KEYS", "A" * 43 + "="), "FIRESTEEL_PUBLIC_KEYS has not"),
    ],
    ids=["missing", "gone", "open", "another"],
)
def test_who_cannot_sign_is_told_before_the_first_row_is_read(  # type: ignore[no-untyped-def]
    spoil, said: str, firesteel: Run, pinned: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(monkeypatch, tmp_path / "key")
    done = firesteel("train", "tickets", "--data", "nowhere.csv")
    assert done.code != 0
    assert said in words(done.err)
