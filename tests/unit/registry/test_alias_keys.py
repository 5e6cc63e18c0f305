"""Histories while one signing key takes over from another."""

import pytest

from firesteel.errors import UnsignedError
from firesteel.registry import alias, bundle
from firesteel.registry.seal import Sealed
from firesteel.registry.store import MemoryStore
from tests.proofs.sealed_world import Key
from tests.unit.registry.tickets import promote, rollback

OLD, NEW = Key(bytes(32)), Key(bytes(31) + b"\1")


@pytest.fixture
def raw():
    """The old key promoted 1.0.0 and 1.1.0, the new one 2.0.0 after them."""
    store = MemoryStore()
    for key, versions in ((OLD, ("1.0.0", "1.1.0")), (NEW, ("2.0.0",))):
        both = Sealed(store, [OLD.text, NEW.text], key)
        for version in versions:
            bundle.publish(both, "tickets", version, {"program": version.encode()}, who="ada")
            promote(both, version)
    return store


@pytest.fixture
def only(raw):
    """Who trusts the new key alone."""
    return Sealed(raw, [NEW.text], NEW)


def test_a_history_is_refused_where_nobody_who_is_trusted_signed_an_entry(only):
    with pytest.raises(UnsignedError):
        alias.history(only, "tickets", "latest")


def test_or_is_without_those_that_were_signed_before(only):
    assert [one.version for one in alias.history(only, "tickets", "latest", signed=True)] == ["2.0.0"]


def test_but_never_without_the_newest(raw, only):
    promote(Sealed(raw, [OLD.text, NEW.text], OLD), "1.0.0")
    with pytest.raises(UnsignedError):
        alias.history(only, "tickets", "latest", signed=True)


def test_no_way_leads_back_to_a_bundle_that_nobody_would_serve(raw, only):
    with pytest.raises(UnsignedError):
        rollback(only)
    assert alias.current(only, "tickets", "latest").generation == 3
    assert rollback(Sealed(raw, [OLD.text, NEW.text], NEW)).version == "1.1.0"
