"""Garbage collection to the second: what counts as old, when a mark is due, and what a run says of each version."""

import pytest

from firesteel.registry import alias, bundle, record
from firesteel.registry.collect import DAY, Outcome, collect
from firesteel.registry.store import MemoryStore
from tests.faults.store import FaultyStore

KEY = "models/tickets/aliases/latest/{:08d}.json"


@pytest.fixture
def store(clock):
    """Three versions of 10 bytes each, claimed a hundred days ago; none is served."""
    store = FaultyStore(MemoryStore())
    publish(store, clock, 100, "1.0.0", "1.1.0", "1.2.0")
    return store


def publish(store, clock, days_ago, *versions):
    clock.now -= days_ago * DAY
    for version in versions:
        bundle.publish(store, "tickets", version, {"program": version.encode() * 2}, who="ada")
    clock.now += days_ago * DAY


def promote(store, version):
    return alias.promote(store, "tickets", "latest", version, who="ada")


def run(store, clock, **options):
    options = {"who": "eve", "keep": 1, **options}
    return {one.version: one for one in collect(store, "tickets", now=clock.time, **options)}


def test_a_mark_is_due_after_86400_seconds_and_says_so(store, clock):
    marked = run(store, clock)["1.0.0"]
    clock.now += 86_400
    assert marked.until == clock.stamp()
    clock.now -= 1
    waiting = run(store, clock)["1.0.0"]
    assert (waiting.action, waiting.until) == ("wait", marked.until)
    clock.now += 1
    removed = run(store, clock)["1.0.0"]
    assert (removed.action, removed.until) == ("remove", marked.until)


def test_ten_versions_and_thirty_days_are_kept_unless_something_else_is_asked_for(clock):
    store = MemoryStore()
    publish(store, clock, 31, "0.0.1")
    publish(store, clock, 29, "0.0.2")
    newest = [f"1.{minor}.0" for minor in range(10)]
    publish(store, clock, 31, *newest)
    found = {one.version: one for one in collect(store, "tickets", who="eve", now=clock.time)}
    assert (found["0.0.1"].action, found["0.0.2"].why) == ("mark", "younger than 30 days")
    assert [found[version].why for version in newest] == ["one of the 10 newest"] * 10


def test_a_version_is_old_the_second_that_retention_is_over(store, clock):
    publish(store, clock, 30, "0.8.0")
    clock.now += 1
    publish(store, clock, 30, "0.9.0")
    clock.now -= 1
    found = run(store, clock)
    assert found["0.8.0"].action == "mark"
    assert found["0.9.0"] == Outcome("tickets", "0.9.0", "keep", "younger than 30 days")


def test_what_was_named_until_retention_and_a_day_ago_goes_and_a_second_later_stays(store, clock):
    promote(store, "1.0.0")
    clock.now += DAY
    promote(store, "1.1.0")
    alias.rollback(store, "tickets", "latest", who="ada")
    clock.now += 31 * DAY - 1
    assert run(store, clock, dry_run=True)["1.1.0"].why.startswith("served by latest until 2")
    clock.now += 1
    assert run(store, clock, dry_run=True)["1.1.0"].action == "mark"


def test_damage_below_an_entry_of_when_retention_began_keeps_nothing(store, clock):
    promote(store, "1.0.0")
    promote(store, "1.2.0")
    store.inner._objects[KEY.format(1)] = b"damaged"
    clock.now += 31 * DAY - 1
    assert run(store, clock, dry_run=True)["1.1.0"].why.startswith("nothing is collected while ")
    clock.now += 1
    assert run(store, clock, dry_run=True)["1.1.0"].action == "mark"


def test_what_was_verified_before_the_mark_and_named_after_it_is_kept_and_said_so(store, clock):
    def meanwhile(name, key):
        if (name, key) == ("create", KEY.format(1)):
            store.fault = lambda *_: None
            run(store, clock)

    store.fault = meanwhile
    promote(store, "1.0.0")
    clock.now += 90 * DAY
    why = "served by latest, though marked: promote another version"
    assert run(store, clock)["1.0.0"] == Outcome("tickets", "1.0.0", "keep", why)
    assert store.get("models/tickets/v1.0.0/program", limit=10) == b"1.0.01.0.0"


def test_only_what_goes_says_of_how_many_bytes_it_is(store, clock):
    store.inner.delete("models/tickets/v1.1.0/manifest.json")
    found = run(store, clock)
    assert [(one.action, one.bytes) for one in found.values()] == [("mark", 10), ("mark", 0), ("keep", 0)]


def test_a_version_of_unknown_age_stays_as_it_is(store, clock):
    store.inner.delete("models/tickets/v1.0.0/claim.json")
    assert run(store, clock)["1.0.0"].action == "keep"
    assert "models/tickets/v1.0.0/collected.json" not in store.keys("models/tickets/")


def test_whoever_waits_is_told_after_every_version(store, clock):
    marked = []
    run(store, clock, told=lambda: marked.append(sum("collected" in key for key in store.inner.keys("models/"))))
    assert marked == [1, 2, 2]


def test_of_who_marked_200_characters_are_kept(store, clock):
    run(store, clock, who="e" * 201)
    assert b'"who": "' + b"e" * 200 + b'"' in store.get("models/tickets/v1.0.0/collected.json", limit=record.LIMIT)
