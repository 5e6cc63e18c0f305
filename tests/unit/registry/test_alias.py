"""Aliases: an append-only log in which every generation has one winner and every entry names a whole bundle."""

import json
from concurrent.futures import ThreadPoolExecutor
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
    with pytest.raises(NotFoundError, match="no version before 1.0.0"):
        alias.rollback(store, "tickets", "latest", who="ada")
    promote(store, "2.0.0")
    assert alias.rollback(store, "tickets", "latest", who="ada").version == "1.0.0"


def test_rollback_goes_to_a_named_version(store):
    for version in ("1.0.0", "1.1.0", "2.0.0"):
        promote(store, version)
    assert alias.rollback(store, "tickets", "latest", who="ada", to="1.0.0").version == "1.0.0"


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
    store.fault = lambda name, at: "after" if name == "create" else None
    assert promote(store, "1.0.0").generation == 1
    store.fault = lambda *_: None
    assert len(alias.history(store, "tickets", "latest")) == 1


def test_a_write_that_never_landed_is_unknown_and_nothing_is_deleted(store):
    before = dict(store.inner._objects)
    store.fault = lambda name, at: "before" if name == "create" else None
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
    with pytest.raises(ConflictError, match="generation 2 at the same time.*try again"):
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


def test_strange_objects_in_the_log_are_not_entries(store):
    promote(store, "1.0.0")
    store.create("models/tickets/aliases/latest/readme.txt", b"hello")
    assert alias.current(store, "tickets", "latest").generation == 1


class RegistryMachine(RuleBasedStateMachine):
    """The registry against a plain model: a set of versions and a list of where the alias was."""

    def __init__(self):
        super().__init__()
        self.store, self.versions, self.moves = MemoryStore(), set(), []

    @rule(version=st.sampled_from(["1.0.0", "1.1.0", "2.0.0"]))
    def publish(self, version):
        if version in self.versions:
            with pytest.raises(ConflictError):
                bundle.publish(self.store, "m", version, {"program": b"x"}, who="w")
        else:
            bundle.publish(self.store, "m", version, {"program": version.encode()}, who="w")
            self.versions.add(version)

    @rule(version=st.sampled_from(["1.0.0", "1.1.0", "2.0.0"]))
    def promote(self, version):
        if version in self.versions:
            alias.promote(self.store, "m", "latest", version, who="w")
            self.moves.append(version)
        else:
            with pytest.raises(NotFoundError):
                alias.promote(self.store, "m", "latest", version, who="w")

    @rule()
    def roll_back(self):
        try:
            entry = alias.rollback(self.store, "m", "latest", who="w")
        except NotFoundError:
            assert len(set(self.moves)) < 2 or self.moves[-1] == self.moves[0]
        else:
            assert entry.version in self.moves
            assert entry.version != self.moves[-1]
            self.moves.append(entry.version)

    @invariant()
    def history_is_the_moves_and_every_version_is_whole(self):
        history = alias.history(self.store, "m", "latest")
        assert [entry.version for entry in history] == self.moves
        assert {one.version for one in bundle.versions(self.store, "m") if one.complete} == self.versions
        for entry in history:
            assert bundle.verify(self.store, "m", entry.version) == []


TestRegistryMachine = RegistryMachine.TestCase
TestRegistryMachine.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
