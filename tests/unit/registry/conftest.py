import pytest

from firesteel.registry import bundle
from firesteel.registry.store import MemoryStore
from tests.faults.store import FaultyStore
from tests.proofs.crashes_world import Clock


@pytest.fixture
def store():
    """Tickets in three versions, of which none is served."""
    store = FaultyStore(MemoryStore())
    for version in ("1.0.0", "1.1.0", "2.0.0"):
        bundle.publish(store, "tickets", version, {"program": version.encode()}, who="ada")
    return store


@pytest.fixture
def clock():
    """The time, everywhere, as the test wants it."""
    clock = Clock()
    with clock.everywhere():
        yield clock
