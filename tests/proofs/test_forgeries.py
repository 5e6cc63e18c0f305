"""The proof of `forgeries` holds, and the same attacks work where nothing is signed."""

from random import Random

import pytest

from tests.proofs import forgeries, forgeries_attacks
from tests.proofs.proof import Run, holds
from tests.proofs.sealed_world import World

WORKING = {
    "a version of one's own",
    "a move to it",
    "a canary of one's own",
    "a shadow of one's own",
    "a way back to it",
    "a version replaced",
    "a file and its hash",
}
"""What does harm where nobody has a key; the other attacks are refused there, too."""


def test_nothing_is_forged() -> None:
    holds("forgeries")


def test_where_nobody_has_a_key_the_attacks_work() -> None:
    found = forgeries.controls(Random(1))
    assert {name for name, believed in found.items() if believed} >= WORKING


def test_a_reader_that_takes_any_signature_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(forgeries.Key(forgeries.OPERATOR))
    genuine, run = forgeries.Genuine(world), Run("forgeries", seed=1, full=False)
    monkeypatch.setattr("firesteel.registry.seal.is_signature", lambda *_: True)
    for name in sorted(WORKING):
        for case in range(30):  # each time under another seal
            forgeries.judge(run, genuine, forgeries_attacks.ATTACKS[name](world, run.random(name, case)), name)
    assert run.failed > len(WORKING)
