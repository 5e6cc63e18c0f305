"""Histories to the generation: what is read of them, in which order, and how long a verification is good for."""

import pytest

from firesteel.errors import IntegrityError, NotFoundError, StoreError
from firesteel.registry import alias, record
from tests.unit.registry.tickets import beside, key, promote, rollback


@pytest.fixture
def moved(store):
    """`latest` went to 1.0.0, 1.1.0 and 2.0.0."""
    for version in ("1.0.0", "1.1.0", "2.0.0"):
        promote(store, version)
    return store


def damage(store, generation, data=b"{}"):
    store.inner.delete(key(generation))
    store.inner.create(key(generation), data)


def generations(entries):
    return [one.generation for one in entries]


def test_a_history_is_read_from_either_end(moved):
    assert generations(alias.history(moved, "tickets", "latest")) == [1, 2, 3]
    assert generations(alias.newest_first(moved, "tickets", "latest")) == [3, 2, 1]
    assert generations(alias.recent(moved, "tickets", "latest", 9)) == [3, 2, 1]
    assert generations(alias.recent(moved, "tickets", "latest", 2)) == [3, 2]


def test_an_alias_that_was_never_set_has_no_history(store):
    for read in (
        alias.history,
        lambda *names: list(alias.newest_first(*names)),
        lambda *names: alias.recent(*names, 9),
    ):
        assert read(store, "tickets", "latest") == []


def test_a_missing_generation_ends_a_history_that_is_read_backwards(moved):
    moved.inner.delete(key(2))
    entries = alias.newest_first(moved, "tickets", "latest")
    assert next(entries).generation == 3
    with pytest.raises(IntegrityError, match="^the history of latest of tickets has no generation 2$"):
        next(entries)


def test_of_the_newest_those_are_told_that_can_be_read(moved):
    damage(moved, 2)
    assert generations(alias.recent(moved, "tickets", "latest", 9)) == [3, 1]
    assert generations(alias.recent(moved, "tickets", "latest", 2)) == [3]


def test_an_entry_is_asked_for_twice_before_it_counts_as_damaged(moved):
    damage(moved, 3)
    moved.log.clear()
    assert alias.recent(moved, "tickets", "latest", 1) == []
    assert [(name, place) for name, place in moved.log if name == "get"] == [("get", key(3))] * 2


def test_a_reply_that_was_cut_on_its_way_is_no_damage(moved):
    cut = [True]
    inner = moved.inner.get
    moved.inner.get = lambda place, *, limit: (
        b"{" if place == key(3) and cut and cut.pop() else inner(place, limit=limit)
    )
    assert generations(alias.recent(moved, "tickets", "latest", 1)) == [3]


def test_nothing_before_the_first_generation_is_asked_for(store):
    promote(store, "1.0.0")
    store.log.clear()
    with pytest.raises(NotFoundError, match="has no version before"):
        rollback(store)
    assert key(0) not in [place for _, place in store.log]


@pytest.mark.parametrize(("size", "newer"), [(0, True), (9000, True)])
def test_what_is_there_is_newer_whatever_it_is(moved, size, newer):
    promote(moved, "1.0.0")
    damage(moved, 4, b" " * size)
    with pytest.raises(IntegrityError):
        alias.newer(moved, "tickets", "latest", 3)
    assert alias.newer(moved, "tickets", "latest", 4) is None


def test_who_gives_no_reason_gives_none(store):
    assert alias.promote(store, "tickets", "latest", "1.0.0", who="ada").why == ""
    assert beside(store, "canary", "1.1.0").why == ""
    assert beside(store, "shadow", "2.0.0").why == ""
    promote(store, "1.1.0")
    assert rollback(store).why == ""


def moves_after(store, monkeypatch, seconds):
    """A promotion whose put comes so many seconds after its verification."""
    times = iter([1000.0])
    monkeypatch.setattr(alias.time, "time", lambda: next(times, 1000.0 + seconds))
    return promote(store, "1.0.0")


def test_a_verification_is_good_for_an_hour(store, monkeypatch):
    assert moves_after(store, monkeypatch, 3600).generation == 1


def test_and_not_for_a_second_more(store, monkeypatch):
    with pytest.raises(
        StoreError, match=r"^tickets 1\.0\.0 was verified more than an hour ago, and may be gone; try again$"
    ):
        moves_after(store, monkeypatch, 3600.5)
    assert store.inner.keys("models/tickets/aliases/latest/") == []


def test_also_of_entries_of_before_they_told_the_way_back(store):
    first = promote(store, "1.0.0")
    damage(store, 1, record.encode(first._replace(before=None).document()))
    store.log.clear()
    with pytest.raises(NotFoundError, match="has no version before"):
        rollback(store)
    assert key(0) not in [place for _, place in store.log]
