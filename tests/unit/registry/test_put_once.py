"""put_once: what a writer may conclude from every kind of reply, and from none."""

import pytest

from firesteel.errors import ConflictError, StoreError
from firesteel.registry.store import MemoryStore, put_once
from tests.faults.store import FaultyStore


def faulty(*replies):
    """A store whose operations meet these faults, one after the other; then none."""
    store, left = FaultyStore(MemoryStore()), list(replies)
    store.fault = lambda *_: left.pop(0) if left else None
    return store


def operations(store):
    return [name for name, _ in store.log]


def test_a_write_that_was_answered_is_not_read_back():
    store = faulty()
    put_once(store, "k", b"mine")
    assert operations(store) == ["create"]


def test_a_lost_reply_to_a_write_that_landed_is_success():
    store = faulty("after")
    put_once(store, "k", b"mine")
    assert operations(store) == ["create", "get"]


def test_a_conflict_with_ones_own_write_is_success():
    store = faulty()
    store.inner.create("k", b"mine")  # the client's own retry, after a reply was lost on the way
    put_once(store, "k", b"mine")
    assert operations(store) == ["create", "get"]


@pytest.mark.parametrize("theirs", [b"", b"min", b"Mine", b"mine, and more"])
@pytest.mark.parametrize("reply", [None, "before", "after"])
def test_a_key_that_somebody_else_wrote_is_a_conflict_however_it_was_answered(theirs, reply):
    store = faulty()
    store.inner.create("k", theirs)
    if reply == "after":
        store.create = lambda *_: (_ for _ in ()).throw(StoreError("the reply was lost"))
    elif reply:
        store = FaultyStore(store.inner, lambda name, _: reply if name == "create" else None)
    with pytest.raises(ConflictError, match="k was written by somebody else"):
        put_once(store, "k", b"mine")
    assert store.inner.get("k", limit=99) == theirs


def test_a_write_that_is_not_there_is_unknown_because_it_may_still_land():
    store = faulty("before")
    with pytest.raises(StoreError, match="refused"):
        put_once(store, "k", b"mine")
    store.inner.create("k", b"mine")  # late
    put_once(store, "k", b"mine")


def test_a_write_that_cannot_be_read_back_is_unknown():
    for first in ("before", "after", "taken"):
        with pytest.raises(StoreError):
            put_once(faulty(first, "before"), "k", b"mine")


def test_a_conflict_over_nothing_is_tried_again():
    store = faulty("taken", None, "taken", None)
    put_once(store, "k", b"mine")
    assert operations(store) == ["create", "get"] * 2 + ["create"]
    assert store.inner.get("k", limit=4) == b"mine"


def test_a_conflict_over_nothing_that_does_not_end_is_a_store_error():
    store = FaultyStore(MemoryStore(), lambda name, _: "taken" if name == "create" else None)
    with pytest.raises(StoreError, match="refused 3 times as taken, and yet is not there"):
        put_once(store, "k", b"mine")
    assert store.inner.keys("k/") == []
