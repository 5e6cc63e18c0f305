"""`firesteel gc` and `firesteel verify --all`."""

import json
from pathlib import Path

import pytest

from firesteel.errors import StoreError
from firesteel.registry import alias, bundle, collect
from firesteel.registry.seal import open_registry
from firesteel.registry.store import Store
from tests.unit.cli.conftest import Run


@pytest.fixture
def garbage(firesteel: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Tickets a hundred days after it was published: 1.1.0 is served, 1.0.0 is its way back, and 1.2.0 unfinished."""
    monkeypatch.setenv("FIRESTEEL_STORE", f"file://{tmp_path}/garbage")
    registry = open_registry(f"file://{tmp_path}/garbage")
    for version in ("1.0.0", "1.1.0", "1.2.0"):
        bundle.publish(registry, "tickets", version, {"program.safetensors": version.encode()}, who="ada")
        if version != "1.2.0":
            alias.promote(registry, "tickets", "latest", version, who="ada")
    registry.delete("models/tickets/v1.2.0/manifest.json")
    later(monkeypatch, 100)
    return tmp_path / "garbage"


def later(monkeypatch: pytest.MonkeyPatch, days: float) -> None:
    """What collects finds itself so many days later than it would have."""
    assert collect.collect.__kwdefaults__
    now = collect.collect.__kwdefaults__["now"]() + days * collect.DAY
    monkeypatch.setitem(collect.collect.__kwdefaults__, "now", lambda: now)


def test_garbage_is_marked_then_removed_and_its_number_stays_taken(
    firesteel: Run, garbage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = firesteel("gc", "--dry-run")
    assert planned.code == 0, planned
    assert "tickets 1.2.0 to mark" in planned.words
    assert "2 kept, 1 would be marked, 0 waiting, 0 would be removed, 0 bytes of files freed" in planned.words
    assert "nothing was written" in planned.words
    assert not (garbage / "models/tickets/v1.2.0/collected.json").exists()
    done = firesteel("gc", "tickets")
    assert "tickets 1.2.0 marked" in done.words
    assert "1 marked, 0 waiting, 0 removed" in done.words
    later(monkeypatch, 0.9)
    assert "tickets 1.2.0 waits" in firesteel("gc", "tickets").words
    later(monkeypatch, 0.2)
    assert "tickets 1.2.0 removed" in firesteel("gc", "tickets").words
    left = sorted(path.name for path in (garbage / "models/tickets/v1.2.0").iterdir())
    assert left == ["claim.json", "collected.json"]
    listed = json.loads(firesteel("versions", "tickets", "--json").out)
    assert [(one["version"], one["state"]) for one in listed] == [
        ("1.0.0", "complete"), ("1.1.0", "complete"), ("1.2.0", "collected")
    ]  # fmt: skip
    verified = json.loads(firesteel("verify", "tickets", "--json").out)
    assert verified[2] == {"model": "tickets", "version": "1.2.0", "state": "collected", "problems": []}


def test_what_is_kept_says_why(firesteel: Run, garbage: Path) -> None:
    done = firesteel("gc", "--keep", "1", "--json")
    assert done.code == 0
    told = {one["version"]: one for one in json.loads(done.out)}
    assert (told["1.1.0"]["action"], told["1.1.0"]["why"]) == ("keep", "served by latest")
    assert (told["1.0.0"]["action"], told["1.0.0"]["why"]) == ("keep", "on the way back of latest")
    assert (told["1.2.0"]["action"], told["1.2.0"]["bytes"]) == ("mark", 0)


def test_a_marked_version_says_so_and_is_promoted_no_more(firesteel: Run, garbage: Path) -> None:
    manifest = garbage / "models/tickets/v1.2.0/manifest.json"
    firesteel("gc", "tickets")
    manifest.write_bytes(b"late")
    assert "tickets 1.2.0 marked" in firesteel("versions", "tickets").words
    manifest.unlink()
    done = firesteel("promote", "tickets", "1.2.0")
    assert done.code == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--older-than 1h", "is out of range: from 1d"),
        ("--older-than soon", "is not a number and s, m, h, d or w"),
        ("--keep 0", "greater than or equal to 1"),
    ],
)
def test_what_would_endanger_a_release_under_way_is_wrong_usage(words: str, said: str, firesteel: Run) -> None:
    done = firesteel("gc", *words.split())
    assert done.code == 2
    assert said in " ".join(done.err.replace("│", " ").split())


def test_a_model_that_cannot_be_collected_keeps_no_other_from_it(
    firesteel: Run, garbage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle.publish(open_registry(f"file://{garbage}"), "another", "1.0.0", {"program": b"x"}, who="ada")
    real = alias.aliases

    def denied(store: Store, model: str) -> list[str]:
        if model == "another":
            raise StoreError("models/another/aliases/ cannot be listed: Access Denied")
        return real(store, model)

    monkeypatch.setattr(alias, "aliases", denied)
    done = firesteel("gc", "--json")
    assert (done.code, firesteel("gc", "another").code) == (1, 1)
    assert {one["model"]: one["action"] for one in json.loads(done.out)} == {"tickets": "mark"}
    said = " ".join(done.err.split())
    assert "another: models/another/aliases/ cannot be listed: Access Denied" in said
    assert "StoreError: 1 of 2 models could not be collected, see above" in said


def test_a_model_that_is_not_there_is_named(firesteel: Run, garbage: Path) -> None:
    done = firesteel("gc", "none")
    assert done.code == 1
    assert "there is no model 'none'; there are: tickets" in " ".join(done.err.split())
    monster = firesteel("gc", "../x")
    assert "is no model" in monster.err


def test_an_empty_store_has_nothing_to_collect_or_verify(firesteel: Run) -> None:
    assert "0 kept" in firesteel("gc").words
    assert json.loads(firesteel("gc", "--json").out) == []
    assert json.loads(firesteel("verify", "--all", "--json").out) == []


def test_verify_all_takes_no_model_and_verify_takes_one(firesteel: Run) -> None:
    assert firesteel("verify").code == 2
    assert firesteel("verify", "tickets", "--all").code == 2


def entry(store: Path, generation: int) -> Path:
    return store / f"models/tickets/aliases/latest/{generation:08d}.json"


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda store: entry(store, 1).unlink(), "has gaps: there are only generations [2]"),
        (lambda store: entry(store, 1).write_bytes(b"{}"), "00000001.json"),
        (lambda store: entry(store, 2).write_bytes(b""), "00000002.json"),
        (lambda store: (store / "models/tickets/v1.0.0/manifest.json").unlink(), "no complete version 1.0.0"),
        (lambda store: (store / "models/tickets/v1.1.0/golden.json").unlink(), "it names 1.1.0, which is broken"),
    ],
    ids=["a gap", "a damaged entry", "a damaged newest", "no way back", "a broken version"],
)
def test_verify_all_finds_what_is_wrong_with_an_alias(spoil, said: str, firesteel: Run, store: Path) -> None:  # type: ignore[no-untyped-def]
    assert firesteel("verify", "--all").code == 0
    spoil(store)
    done = firesteel("verify", "--all", "--json")
    assert done.code == 1
    assert "versions and aliases are not what they should be" in done.err
    [alias] = [one for one in json.loads(done.out) if "alias" in one]
    assert alias["state"] == "broken"
    assert any(said in problem for problem in alias["problems"])
    people = firesteel("verify", "--all")
    assert "tickets latest: BROKEN" in people.words
