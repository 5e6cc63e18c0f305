import pytest

from firesteel.registry import bundle
from firesteel.registry.store import MemoryStore
from tests.faults.store import FaultyStore


@pytest.fixture
def store():
    """Tickets in three versions, of which none is served."""
    store = FaultyStore(MemoryStore())
    for version in ("1.0.0", "1.1.0", "2.0.0"):
        bundle.publish(store, "tickets", version, {"program": version.encode()}, who="ada")
    return store
