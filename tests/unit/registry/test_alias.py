"""Aliases: an append-only log in which every generation has one winner and every entry names a whole bundle."""

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from firesteel.errors import ConflictError, IntegrityError, NotFoundError, StoreError
from firesteel.registry import alias, bundle
from firesteel.registry.store import MemoryStore
from tests.faults.store import FaultyStore


@pytest.fixture
def store():
    store = FaultyStore(MemoryStore())
    for version in ("1.0.0", "1.1.0", "2.0.0"):
        bundle.publish(store, "tickets", version, {"program": version.encode()}, who="ada")
    return store


def promote(store, version, name="latest"):
    return alias.promote(store, "tickets", name, version, who="ada", why="because")


def key(generation):
    return f"models/tickets/aliases/latest/{generation:08d}.json"


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


def rollback(store, **options):
    return alias.rollback(store, "tickets", "latest", who="ada", **options)


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


def test_rollback_reads_only_what_it_needs(store):
    for version in ("1.0.0", "1.1.0", "1.0.0", "2.0.0"):
        promote(store, version)
    store.log.clear()
    rollback(store)
    folder = "models/tickets/aliases/latest/"
    assert {at.removeprefix(folder) for name, at in store.log if name == "get" and at.startswith(folder)} == {
        "00000003.json",
        "00000004.json",
    }


def test_rollback_goes_back_to_the_bundle_that_was_served_and_to_no_other_under_its_number(store):
    promote(store, "1.0.0")
    promote(store, "1.1.0")
    folder = "models/tickets/v1.0.0/"
    for at in store.inner.keys(folder):
        del store.inner._objects[at]
    bundle.publish(store, "tickets", "1.0.0", {"program": b"other"}, who="eve")
    for way in ({}, {"to": "1.0.0"}):
        with pytest.raises(IntegrityError, match="not the manifest that was promoted"):
            rollback(store, **way)


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
        if at.endswith("manifest.json"):
            store.fault = lambda *_: None
            promote(store, "2.0.0")

    store.fault = overtake
    with pytest.raises(ConflictError):
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
    assert (mended.generation, mended.previous) == (3, None)
    assert alias.newer(store, "tickets", "latest", 1) == mended
    assert promote(store, "2.0.0").generation == 4


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


class RegistryMachine(RuleBasedStateMachine):
    """The registry against a plain model: a set of versions, where the alias was, and the way back from there."""

    def __init__(self):
        super().__init__()
        self.store, self.versions, self.moves = MemoryStore(), set(), []
        self.served = []  # the way back: what rollback undoes is taken off its end

    @rule(version=st.sampled_from(["1.0.0", "1.1.0", "2.0.0"]))
    def publish(self, version):
        if version in self.versions:
            with pytest.raises(ConflictError):
                bundle.publish(self.store, "m", version, {"program": b"x"}, who="w")
        else:
            bundle.publish(self.store, "m", version, {"program": version.encode()}, who="w")
            self.versions.add(version)

    @rule(version=st.sampled_from(["1.0.0", "1.1.0", "2.0.0"]), kind=st.sampled_from(["promote", "switch"]))
    def promote(self, version, kind):
        if version in self.versions:
            alias.promote(self.store, "m", "latest", version, who="w", kind=kind, after=len(self.moves))
            self.moves.append(version)
            if self.served[-1:] != [version]:
                self.served.append(version)
        else:
            with pytest.raises(NotFoundError):
                alias.promote(self.store, "m", "latest", version, who="w")

    @rule()
    def roll_back(self):
        if len(self.served) < 2:
            with pytest.raises(NotFoundError):
                alias.rollback(self.store, "m", "latest", who="w")
        else:
            self.served.pop()
            assert alias.rollback(self.store, "m", "latest", who="w").version == self.served[-1]
            self.moves.append(self.served[-1])

    @rule(version=st.sampled_from(["1.0.0", "1.1.0", "2.0.0"]))
    def roll_back_to(self, version):
        if version in self.moves:
            alias.rollback(self.store, "m", "latest", who="w", to=version)
            self.moves.append(version)
            if version in self.served:
                while self.served[-1] != version:
                    self.served.pop()
            else:  # left behind earlier: what it went from is undone, so the next way back does not lead there
                self.served[-1] = version
        else:
            with pytest.raises(NotFoundError):
                alias.rollback(self.store, "m", "latest", who="w", to=version)

    @rule(seen=st.integers(0, 12))
    def catch_up(self, seen):
        entry = alias.newer(self.store, "m", "latest", seen)
        assert (entry and entry.generation) == (len(self.moves) if seen < len(self.moves) else None)

    @invariant()
    def history_is_the_moves_and_every_version_is_whole(self):
        history = alias.history(self.store, "m", "latest")
        assert [entry.version for entry in history] == self.moves
        assert {one.version for one in bundle.versions(self.store, "m") if one.complete} == self.versions
        for entry in history:
            assert bundle.verify(self.store, "m", entry.version) == []


TestRegistryMachine = RegistryMachine.TestCase
TestRegistryMachine.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
