"""Operations are crash-safe, the proof of it can fail, and what it found stays found."""

import os
from collections import Counter

import pytest

from firesteel.registry import alias, bundle, collect, disk
from firesteel.registry.seal import Sealed
from firesteel.registry.store import MemoryStore
from tests.faults.store import FaultyStore
from tests.proofs import crashes, crashes_durable, crashes_races
from tests.proofs.crashes_operations import BROKEN, OPERATIONS, newest
from tests.proofs.crashes_world import BEGUN, KEEP, MODEL, UNNAMED, Clock, past, wrong
from tests.proofs.proof import Run, holds


def test_wherever_it_stops_every_alias_names_a_whole_bundle_and_the_next_run_succeeds():
    run = holds("crashes")
    assert run.figures["distinct_schedules"] > 600
    assert run.figures["moves_of_the_alias"] > 50
    assert run.figures["versions_removed"] > 50


@pytest.mark.parametrize("operation", BROKEN, ids=lambda operation: operation.name)
def test_an_operation_that_is_not_crash_safe_fails(operation):
    run = Run("crashes", 1, full=False)
    crashes.follow_all(run, operation)
    assert run.failed > 10
    assert run.wrong[0].startswith(f"{operation.name}, Plan(faults={{")


def test_collecting_without_a_mark_fails():
    run = Run("crashes", 1, full=False)
    races = [crashes_races.race(run.random("race", n), crashes_races.collects_unmarked, Counter()) for n in range(100)]
    assert any("has no complete version" in sentence for found in races for sentence in found)


def test_to_name_what_was_verified_long_ago_fails(monkeypatch):
    """The look at the clock before an entry is written is what the day of a mark is worth."""
    monkeypatch.setattr(alias, "VERIFIED_FOR", float("inf"))
    run = Run("crashes", 1, full=False)
    races = [crashes_races.race(run.random("race", n), crashes_races.collects, Counter()) for n in range(100)]
    assert any("names " in sentence for found in races for sentence in found)


class Forgetful:
    """The module `os`, on a system that flushes nothing."""

    fsync = staticmethod(lambda _: None)

    def __getattr__(self, name):
        return getattr(os, name)


def test_a_disk_store_that_flushes_nothing_or_no_folder_fails(monkeypatch):
    with Clock().everywhere() as clock:
        for name, broken in (("os", Forgetful()), ("_sync", lambda _: None)):
            with monkeypatch.context() as patch:
                patch.setattr(disk, name, broken)
                for operation in OPERATIONS[:2]:
                    _, found = crashes_durable.follow(operation, clock)
                    assert any("before its folders were flushed" in sentence for sentence in found)
                    assert any("before it is flushed" in sentence for sentence in found) is (name == "os")


@pytest.mark.parametrize(("grace", "sound"), [(collect.GRACE, True), (0.0, False)], ids=["a day", "none"])
def test_whoever_verified_a_version_before_it_was_marked_has_a_day_to_name_it(grace, sound, monkeypatch):
    monkeypatch.setattr(collect, "GRACE", grace)
    inner, clock = MemoryStore(), Clock()
    inner._objects = dict(past())

    def collected() -> list[collect.Outcome]:
        return collect.collect(Sealed(inner), MODEL, who="ada", keep=KEEP, now=clock.time)

    def stall(name: str, key: str) -> None:
        """Between looking at the version and naming it: an hour, and two runs of garbage collection."""
        if name == "create" and "/aliases/" in key:
            collected()
            clock.now += 3600
            collected()

    with clock.everywhere():
        alias.promote(Sealed(FaultyStore(inner, stall)), MODEL, "latest", UNNAMED[0], who="bob")
        assert (wrong(inner._objects, inner._objects) == []) is sound
        if sound:
            clock.now += 30 * collect.DAY
            [kept] = [one for one in collected() if one.version == UNNAMED[0]]
            assert (kept.action, kept.why) == ("keep", "served by latest, though marked: promote another version")
            assert wrong(inner._objects, inner._objects) == []


def test_a_reply_that_was_cut_once_does_not_cost_the_way_back():
    cut = iter(["truncated body"])
    inner = MemoryStore()
    inner._objects = dict(past())
    store = FaultyStore(inner, lambda name, key: next(cut, None) if name == "get" and "/aliases/" in key else None)
    with Clock(BEGUN).everywhere():
        alias.promote(Sealed(store), MODEL, "latest", "1.6.0", who="ada")
    assert [one.version for one in newest(inner._objects).before] == ["1.4.0", "1.2.0", "1.0.0"]
    assert bundle.verify(Sealed(inner), MODEL, "1.6.0") == []
