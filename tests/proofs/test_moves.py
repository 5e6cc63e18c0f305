import time
from random import Random

import pytest

from functions.classify import serving
from functions.classify.refresh import Freshness
from tests.proofs import moves, moves_frozen, moves_worlds, proof
from tests.proofs.proof import SEED, Run, holds


def test_while_aliases_move_an_answer_comes_from_one_bundle_and_never_from_an_older_one():
    run = holds("moves")
    assert run.figures["alias_moves"] >= 20


class Torn(Freshness):
    """Swaps the predictor first, and what is said of it a moment later."""

    def _served(self, fetched, state):
        whole = super()._served(fetched, state)
        if state.sides:
            stable = state.sides.stable
            mixed = whole.sides.stable._replace(version=stable.version, digest=stable.digest)
            self.state = whole._replace(sides=whole.sides._replace(stable=mixed))
            time.sleep(0.01)
        return whole


class Forgetful(Freshness):
    """Does not look at how far it has come."""

    def _served(self, fetched, state):
        self._reached.clear()
        return super()._served(fetched, state)


class Lazy(Freshness):
    """Looks a tenth as often."""

    def __init__(self, *source, ttl, **about):
        super().__init__(*source, ttl=10 * ttl, **about)


class Lagging:
    """Now and then lists an alias as it was some moves ago."""

    def __init__(self, store):
        self._store, self._odds = store, Random(SEED)
        self.get = store.get

    def keys(self, prefix):
        found = self._store.keys(prefix)
        return found[:-4] if "/aliases/" in prefix and len(found) > 6 and self._odds.random() < 0.5 else found


@pytest.fixture
def wrongs(monkeypatch):
    """What is wrong in the world of Lambda with such a Freshness: how many answers, and in sentences."""

    def lived_with(freshness, ttl=0.05, allowed=None, **about):
        monkeypatch.setattr(serving, "Freshness", freshness)
        monkeypatch.setattr(proof, "_SHOWN", 10_000)
        monkeypatch.setattr(moves_worlds, "TTL", ttl)
        monkeypatch.setattr(moves, "TTL", allowed or ttl)
        run = Run("moves", SEED, full=False)
        lanes = moves_worlds.Lanes(run.random("pauses"), **about)
        run.note(requests=0, alias_moves=0, over_damaged_entries=0)
        moves.told(run, lanes, moves.lived(run, lanes, moves_worlds.Plan(requests=1_000, moves=120, pause=0.01)))
        return run.failed, " ".join(run.wrong)

    return lived_with


def test_what_swaps_predictor_and_version_one_after_the_other_is_found_out(wrongs):
    failed, sentences = wrongs(Torn)
    assert failed
    assert "the digest is that of" in sentences


@pytest.mark.parametrize(("freshness", "goes_back"), [(Forgetful, True), (Freshness, False)])
def test_what_goes_back_with_a_store_that_lags_is_found_out_and_ours_does_not(wrongs, freshness, goes_back):
    _, sentences = wrongs(freshness, allowed=1e9, through=Lagging)  # what lags may be of any age
    assert ("older than what was answered before it" in sentences) is goes_back


@pytest.mark.parametrize(("freshness", "fails"), [(Lazy, True), (Freshness, False)])
def test_what_looks_too_seldom_is_found_out(wrongs, freshness, fails):
    failed, sentences = wrongs(freshness, ttl=0.2)
    assert bool(failed) is fails
    assert ("too old" in sentences) is fails


class Alone(Freshness):
    """Nobody joins a look that was frozen."""

    def _refresh_after(self):
        pass


def test_what_answers_after_a_freeze_from_a_look_of_before_is_found_out():
    run = Run("moves", SEED, full=False)
    moves_frozen.prove(run, 20, Alone)
    assert run.failed == run.cases
