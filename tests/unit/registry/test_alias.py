"""Aliases: an append-only log in which every generation has one winner and every entry names a whole bundle."""

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import pairwise

import pytest

from firesteel.errors import ConflictError, IntegrityError, NotFoundError, RegistryError, StoreError
from firesteel.registry import alias, bundle
from firesteel.registry.store import MemoryStore
from tests.faults.store import FaultyStore
from tests.unit.registry.tickets import beside, key, promote, rollback


def test_an_entry_says_who_moved_the_alias_where_why_and_when(store):
    promote(store, "1.0.0")
    entry = promote(store, "1.1.0")
    assert (entry.generation, entry.version, entry.previous, entry.kind) == (2, "1.1.0", "1.0.0", "promote")
    assert (entry.who, entry.why) == ("ada", "because")
    assert entry.digest == bundle.read_manifest(store, "tickets", "1.1.0").digest
    assert alias.current(store, "tickets", "latest") == entry
    assert [one.version for one in alias.history(store, "tickets", "latest")] == ["1.0.0", "1.1.0"]


def test_aliases_move_apart(store):
    promote(store, "1.0.0")
    promote(store, "2.0.0", "champion")
    assert alias.aliases(store, "tickets") == ["champion", "latest"]
    assert alias.current(store, "tickets", "latest").version == "1.0.0"


def test_a_reader_asks_for_the_next_generation_with_one_request(store):
    first = promote(store, "1.0.0")
    store.log.clear()
    assert alias.newer(store, "tickets", "latest", first.generation) is None
    assert store.log == [("get", key(2))]
    promote(store, "1.1.0")
    last = promote(store, "2.0.0")
    assert alias.newer(store, "tickets", "latest", first.generation) == last


def test_an_alias_that_was_never_set_is_not_found(store):
    assert alias.history(store, "tickets", "latest") == []
    for attempt in (
        lambda: alias.current(store, "tickets", "latest"),
        lambda: alias.rollback(store, "tickets", "latest", who="ada"),
    ):
        with pytest.raises(NotFoundError, match="no alias latest"):
            attempt()


def test_rollback_is_the_next_entry_and_two_of_them_go_two_back(store):
    for version in ("1.0.0", "1.1.0", "2.0.0"):
        promote(store, version)
    assert alias.rollback(store, "tickets", "latest", who="ada").version == "1.1.0"
    entry = alias.rollback(store, "tickets", "latest", who="ada", why="still worse")
    assert (entry.generation, entry.kind, entry.version, entry.previous) == (5, "rollback", "1.0.0", "1.1.0")
    with pytest.raises(NotFoundError, match=r"no version before 1\.0\.0"):
        alias.rollback(store, "tickets", "latest", who="ada")
    promote(store, "2.0.0")
    assert alias.rollback(store, "tickets", "latest", who="ada").version == "1.0.0"


def test_rollback_goes_to_a_named_version_that_was_served(store):
    for version in ("1.0.0", "1.1.0"):
        promote(store, version)
    assert rollback(store, to="1.0.0").version == "1.0.0"
    assert rollback(store, to="1.1.0").version == "1.1.0"
    for version in ("2.0.0", "9.9.9"):
        with pytest.raises(NotFoundError, match=f"never named {version}"):
            rollback(store, to=version)


def test_rollbacks_go_back_the_way_that_was_come(store):
    for version in ("1.0.0", "1.1.0", "1.0.0", "2.0.0"):
        promote(store, version)
    assert [rollback(store).version for _ in range(3)] == ["1.0.0", "1.1.0", "1.0.0"]
    with pytest.raises(NotFoundError, match="no version before"):
        rollback(store)


@pytest.mark.parametrize("running", [(), ("canary",), ("shadow",), ("canary", "shadow")])
def test_a_rollback_is_three_operations_however_long_the_history(store, running):
    for version in ("1.0.0", "1.1.0", "1.0.0") * 8:
        promote(store, version)
    for kind in running:
        beside(store, kind, "2.0.0")
    store.log.clear()
    rollback(store)
    folder = "models/tickets/aliases/latest/"
    newest = 24 + len(running)
    assert store.log == [("keys", folder), ("get", key(newest)), ("create", key(newest + 1))]


def test_rollback_goes_back_to_the_bundle_that_was_served_and_to_no_other_under_its_number(store):
    promote(store, "1.0.0")
    served = promote(store, "1.1.0").before[0]
    folder = "models/tickets/v1.0.0/"
    for at in store.inner.keys(folder):
        del store.inner._objects[at]
    other = bundle.publish(store, "tickets", "1.0.0", {"program": b"other"}, who="eve")
    with pytest.raises(IntegrityError, match="not the manifest that was promoted"):
        rollback(store, to="1.0.0")
    entry = rollback(store)
    assert entry.served == served
    assert entry.digest != other.digest
    with pytest.raises(IntegrityError, match="not the manifest that was promoted"):  # as servers do, which then stay
        bundle.read_manifest(store, "tickets", entry.version, entry.digest)


def test_a_digest_names_the_only_bundle_to_promote(store):
    digest = bundle.read_manifest(store, "tickets", "1.0.0").digest
    with pytest.raises(IntegrityError, match="not the manifest"):
        alias.promote(store, "tickets", "latest", "1.1.0", who="ada", digest=digest)
    assert alias.promote(store, "tickets", "latest", "1.0.0", who="ada", digest=digest).digest == digest


def test_nobody_moves_an_alias_over_what_they_have_not_seen(store):
    def move(after, version="1.1.0"):
        return alias.promote(store, "tickets", "latest", version, who="ada", after=after)

    with pytest.raises(ConflictError, match="at generation 0 and not, as you saw it, at 1"):
        move(1)
    assert move(0, "1.0.0").generation == 1
    assert move(1, "1.1.0").generation == 2
    assert move(2, "1.0.0").generation == 3  # where it was, but not what a reader of generation 1 has seen
    for stale in (0, 1, 2):
        with pytest.raises(ConflictError, match="at generation 3"):
            move(stale)
        with pytest.raises(ConflictError, match="at generation 3"):
            rollback(store, after=stale)
    assert rollback(store, after=3).version == "1.1.0"


def test_a_rollback_that_was_overtaken_is_a_conflict(store):
    promote(store, "1.0.0")
    promote(store, "1.1.0")

    def overtake(name, at):
        if name == "create":
            store.fault = lambda *_: None
            promote(store, "2.0.0")

    store.fault = overtake
    with pytest.raises(ConflictError, match="generation 3 at the same time"):
        rollback(store)
    assert alias.current(store, "tickets", "latest").version == "2.0.0"


@pytest.mark.parametrize("damage", [b"", b"{}", b"x" * 9000])
def test_a_damaged_newest_entry_is_refused_until_the_next_one_mends_the_alias(store, damage):
    promote(store, "1.0.0")
    promote(store, "1.1.0")
    store.inner._objects[key(2)] = damage
    for attempt in (
        lambda: alias.current(store, "tickets", "latest"),
        lambda: alias.newer(store, "tickets", "latest", 1),
        lambda: alias.history(store, "tickets", "latest"),
        lambda: rollback(store),
    ):
        with pytest.raises(IntegrityError):
            attempt()
    mended = rollback(store, to="1.0.0")
    assert (mended.generation, mended.previous) == (3, "1.0.0")
    assert alias.newer(store, "tickets", "latest", 1) == mended
    assert promote(store, "2.0.0").generation == 4


def test_what_was_put_over_the_newest_entry_ends_no_way_back(store):
    """The way back is that of the newest entry that can be read, as far as its bundles are still there."""
    promote(store, "1.0.0")
    promote(store, "1.1.0")
    for generation in (3, 4):
        store.inner._objects[key(generation)] = b"{}"
    mended = promote(store, "2.0.0")
    assert (mended.generation, mended.previous) == (5, "1.1.0")
    assert [one.version for one in mended.before] == ["1.1.0", "1.0.0"]
    assert rollback(store).version == "1.1.0"
    store.inner._objects[key(7)] = b"{}"
    del store.inner._objects["models/tickets/v1.0.0/manifest.json"]
    assert [one.version for one in promote(store, "2.0.0").before] == ["1.1.0"]


def test_a_way_back_from_which_bundles_are_gone_leads_to_no_version_from_itself(store):
    for version in ("2.0.0", "1.0.0", "1.1.0", "1.0.0", "1.1.0"):
        promote(store, version)
    store.inner._objects[key(6)] = b"{}"
    del store.inner._objects["models/tickets/v1.1.0/manifest.json"]
    assert [one.version for one in promote(store, "1.0.0").before] == ["2.0.0"]
    assert rollback(store).version == "2.0.0"
    with pytest.raises(NotFoundError):
        rollback(store)


def test_a_folder_that_can_be_no_alias_is_passed_over(store):
    promote(store, "1.0.0")
    store.inner._objects["models/tickets/aliases/Latest/x"] = b""
    assert alias.aliases(store, "tickets") == ["latest"]


def test_after_the_last_generation_no_move_says_that_it_was_one(store):
    promote(store, "1.0.0")
    store.inner._objects[key(99_999_999)] = b"junk"
    with pytest.raises(RegistryError, match="generation 99999999, after which there is none: somebody put it there"):
        promote(store, "1.1.0")
    assert max(name for name in store.inner._objects if "/aliases/" in name) == key(99_999_999)


def test_a_history_with_a_gap_is_refused_but_not_what_is_served(store):
    for version in ("1.0.0", "1.1.0", "2.0.0"):
        promote(store, version)
    del store.inner._objects[key(2)]
    with pytest.raises(IntegrityError, match=r"gaps: there are only generations \[1, 3\]"):
        alias.history(store, "tickets", "latest")
    assert alias.current(store, "tickets", "latest").version == "2.0.0"
    assert rollback(store, to="1.0.0").generation == 4


def test_a_rollback_never_returns_to_what_was_rolled_back_from(store):
    for version in ("1.0.0", "1.1.0", "2.0.0"):
        promote(store, version)
    for _ in range(2):
        alias.rollback(store, "tickets", "latest", who="ada")
    promote(store, "2.0.0")
    assert alias.rollback(store, "tickets", "latest", who="ada", to="1.1.0").version == "1.1.0"
    assert alias.rollback(store, "tickets", "latest", who="ada").version == "1.0.0"


def test_a_version_promoted_again_needs_no_rollback_to_itself(store):
    promote(store, "1.0.0")
    promote(store, "1.1.0")
    promote(store, "1.1.0")
    assert alias.rollback(store, "tickets", "latest", who="ada").version == "1.0.0"


def test_only_a_whole_version_can_be_promoted(store):
    with pytest.raises(NotFoundError):
        promote(store, "9.9.9")
    store.inner._objects["models/tickets/v1.1.0/program"] = b"broken"
    with pytest.raises(IntegrityError, match="cannot be served"):
        promote(store, "1.1.0")
    assert alias.history(store, "tickets", "latest") == []


def test_a_lost_reply_is_no_conflict(store):
    store.fault = lambda name, _: "after" if name == "create" else None
    assert promote(store, "1.0.0").generation == 1
    store.fault = lambda *_: None
    assert len(alias.history(store, "tickets", "latest")) == 1


def test_a_write_that_never_landed_is_unknown_and_nothing_is_deleted(store):
    before = dict(store.inner._objects)
    store.fault = lambda name, _: "before" if name == "create" else None
    with pytest.raises(StoreError):
        promote(store, "1.0.0")
    assert store.inner._objects == before


def test_the_loser_of_a_race_gets_a_conflict_that_says_what_to_do(store):
    promote(store, "1.0.0")

    def overtake(name, at):
        if name == "create" and at == key(2):
            store.fault = lambda *_: None
            promote(store, "2.0.0")

    store.fault = overtake
    with pytest.raises(ConflictError, match=r"generation 2 at the same time.*try again"):
        promote(store, "1.1.0")
    assert [one.version for one in alias.history(store, "tickets", "latest")] == ["1.0.0", "2.0.0"]


def test_of_many_promoters_one_wins_each_generation():
    store = MemoryStore()
    for version in ("1.0.0", "1.1.0"):
        bundle.publish(store, "tickets", version, {"program": b"x"}, who="ada")

    def attempt(number):
        try:
            return alias.promote(store, "tickets", "latest", f"1.{number % 2}.0", who=str(number))
        except ConflictError:
            return None

    with ThreadPoolExecutor(8) as pool:
        won = [entry for entry in pool.map(attempt, range(64)) if entry]
    history = alias.history(store, "tickets", "latest")
    assert sorted(won, key=lambda entry: entry.generation) == history
    assert [entry.generation for entry in history] == list(range(1, len(history) + 1))
    assert all(later.previous == earlier.version for earlier, later in pairwise(history))


@pytest.mark.parametrize(
    "change",
    [
        lambda e: e.update(format=2),
        lambda e: e.update(extra=1),
        lambda e: e.pop("why"),
        lambda e: e.update(alias="other"),
        lambda e: e.update(generation=7),
        lambda e: e.update(generation=True),
        lambda e: e.update(version="../1"),
        lambda e: e.update(version=1),
        lambda e: e.update(digest="abc"),
        lambda e: e.update(kind="delete"),
        lambda e: e.update(previous=3),
        lambda e: e.update(who=None),
        lambda e: e.update(previous="../1"),
        lambda e: e.update(digest="G" * 64),
        lambda e: e.update(format=True),
        lambda e: e.update(canary=None),
        lambda e: e.update(canary={"version": "1.1.0", "digest": "a" * 64}),
        lambda e: e.update(canary={"version": "1.1.0", "digest": "a" * 64, "weight": "0.1"}),
        lambda e: e.update(canary={"version": "1.1.0", "digest": "a" * 64, "weight": 1.0}),
        lambda e: e.update(canary={"version": "1.1.0", "digest": "a" * 64, "weight": 0.0}),
        lambda e: e.update(canary={"version": "1.1.0", "digest": "a" * 64, "weight": 0.5, "who": "eve"}),
        lambda e: e.update(canary={"version": "../1", "digest": "a" * 64, "weight": 0.5}),
        lambda e: e.update(shadow={"version": "1.1.0", "digest": "short"}),
        lambda e: e.update(shadow=[]),
        lambda e: e.update(shadow={}),
        lambda e: e.update(before={}),
        lambda e: e.update(before=[None]),
        lambda e: e.update(before=[{"version": "1.1.0"}]),
        lambda e: e.update(before=[{"version": "1.1.0", "digest": "G" * 64}]),
        lambda e: e.update(before=[{"version": "1.1.0", "digest": "a" * 64}] * 17),
    ],
)
def test_an_entry_out_of_form_is_refused(store, change):
    promote(store, "1.0.0")
    content = json.loads(store.get(key(1), limit=9999))
    change(content)
    store.inner._objects[key(1)] = json.dumps(content).encode()
    with pytest.raises(IntegrityError):
        alias.current(store, "tickets", "latest")


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b'{"a":1,"a":1}', b"x" * 9000])
def test_an_entry_that_is_no_strict_json_of_bounded_size_is_refused(store, data):
    promote(store, "1.0.0")
    store.inner._objects[key(1)] = data
    with pytest.raises(IntegrityError):
        alias.current(store, "tickets", "latest")


def test_an_entry_with_as_much_text_as_fits_can_be_read(store):
    long = "\U0001f525\n\0\ud800" * 5000
    entry = alias.promote(store, "tickets", "latest", "1.0.0", who=long, why=long)
    assert alias.current(store, "tickets", "latest") == entry
    assert (len(entry.who), len(entry.why)) == (200, 1000)


def test_the_largest_entry_can_be_read():
    store, largest = MemoryStore(), [f"999999999.999999999.9999999{number}" for number in range(10, 29)]
    for version in largest:
        bundle.publish(store, "tickets", version, {"program": b"x"}, who="ada")
    words = {"who": "\U0001f525" * 200, "why": "\U0001f525" * 1000}
    name = "a" * 63
    for version in largest[:17]:
        alias.promote(store, "tickets", name, version, **words)
    alias.canary(store, "tickets", name, largest[17], weight=0.1 + 0.2, **words)
    entry = alias.shadow(store, "tickets", name, largest[18], **words)
    assert len(entry.before) == 16
    assert alias.current(store, "tickets", name) == entry


@pytest.mark.parametrize("fault", ["before", "after"])
@pytest.mark.parametrize("count", range(14))
def test_wherever_a_release_stops_the_alias_names_a_whole_bundle_and_the_next_release_succeeds(fault, count):
    store = FaultyStore(MemoryStore())

    def release():
        version = bundle.next_version(store, "tickets", "minor")
        bundle.publish(store, "tickets", version, {"program": b"x", "golden": b"y"}, who="ada")
        return alias.promote(store, "tickets", "latest", version, who="ada")

    first = release()
    store.log.clear()
    store.fault = lambda *_: fault if len(store.log) == count + 1 else None
    with suppress(StoreError):
        release()
    store.fault = lambda *_: None
    served = alias.current(store, "tickets", "latest")
    assert served.version in (first.version, "1.1.0")
    assert bundle.verify(store, "tickets", served.version) == []
    assert release().version == ("1.2.0" if len(bundle.versions(store, "tickets")) == 3 else "1.1.0")


def test_strange_objects_in_the_log_are_not_entries(store):
    promote(store, "1.0.0")
    store.create("models/tickets/aliases/latest/readme.txt", b"hello")
    assert alias.current(store, "tickets", "latest").generation == 1


def test_a_rollback_never_leads_to_what_an_earlier_one_went_from():
    store = MemoryStore()
    for version in ("1.0.0", "1.1.0", "2.0.0"):
        bundle.publish(store, "m", version, {"program": version.encode()}, who="w")
        alias.promote(store, "m", "latest", version, who="w")
    assert alias.rollback(store, "m", "latest", who="w").version == "1.1.0"
    assert alias.rollback(store, "m", "latest", who="w", to="2.0.0").version == "2.0.0"
    assert alias.rollback(store, "m", "latest", who="w").version == "1.0.0"
