"""The proof of `bits` holds, and can fail."""

import pytest

from tests.proofs import bits, sealed_world
from tests.proofs.proof import Run, holds
from tests.proofs.sealed_world import Key, World


def test_a_changed_bit_is_refused() -> None:
    holds("bits")


@pytest.mark.parametrize("key", [None, Key(bytes(range(32)))], ids=["sha256", "ed25519"])
def test_without_a_look_at_the_seals_changed_bits_are_believed(
    key: Key | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(key)
    monkeypatch.setattr(sealed_world.Sealed, "_signer_of", lambda *_: "anybody")
    run = Run("bits", seed=1, full=False)
    bits.turned(bits.Judge(world, run, "none"), run, "none")
    assert run.failed > run.cases // 20


def test_every_record_is_read_by_somebody() -> None:
    """What nobody reads would be refused by nobody: claims by verify, older entries by the history."""
    world = World(None)
    reading = world.reading()
    assert {key for key in world.genuine if f"/{sealed_world.OTHER}/" not in key and "/champion/" not in key} == set(
        reading
    )
