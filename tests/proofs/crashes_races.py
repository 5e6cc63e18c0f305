"""Garbage collection while others publish and move the alias, some of whom stall for hours, fail or die.

Every actor is a thread that waits before each store operation until it is its turn, so an order is a row of numbers.
Time is virtual: between two turns it may jump, by weeks too, while others are at work. It never jumps so far that somebody
who has looked at the clock would take longer than STALL to write: that is what nobody can be kept from but by the network.
"""

from collections import Counter
from collections.abc import Callable
from math import inf
from random import Random
from threading import Semaphore, Thread
from typing import Any

from firesteel.errors import RegistryError
from firesteel.registry import alias, bundle, collect
from firesteel.registry.bundle import COLLECTED
from firesteel.registry.collect import DAY
from firesteel.registry.seal import Sealed
from firesteel.registry.store import Store
from tests.faults.store import FAULTS, Crash, FaultyStore
from tests.proofs.crashes_operations import collects, goes_back_to, publishes
from tests.proofs.crashes_world import KEEP, MODEL, NEW, UNNAMED, Clock, Watched, past
from tests.proofs.proof import Run

STALL = 11 * 3600.0
"""Seconds that a mark, and an entry of an alias, may take from the look at the clock on: for both together, and the hour
in which what was verified must be named, less than the day they are given."""

_VERSIONS = (*UNNAMED, *UNNAMED, "1.0.0", "1.2.0", NEW)
_JUMPS = (60.0, 3600.0, 10 * 3600.0, 1.1 * DAY, 1.1 * DAY, 31 * DAY)

_VERSION = f"models/{MODEL}/v"

type Play = Callable[[Store, Clock], Any]


def prove(run: Run) -> None:
    done = Counter[str]()
    for number in range(5000 if run.full else 100):
        found = race(run.random("race", number), collects, done)
        run.check(
            not found, lambda number=number, found=found: f"race {number}: {'; '.join(dict.fromkeys(found))[:400]}"
        )
    run.note(races=number + 1, moves_of_the_alias=done["move"], versions_removed=done["removed"])


def race(random: Random, collecting: Play, done: Counter[str]) -> list[str]:
    """One order of one cast: what was wrong after any write."""
    clock = Clock()
    watched = Watched(past(marked=random.random() < 0.25))
    alone = random.random() < 0.25  # one who is held up with what he has verified, and nobody else but the collector
    movers = 1 if alone else random.randint(1, 4)
    casts = [[collecting] * 4, *([_play(random) for _ in range(3)] for _ in range(movers))]
    with clock.everywhere():
        actors = [_Actor(plays, watched, clock, random) for plays in casts]
        stalls = actors[1] if alone else random.choice(actors)  # what goes wrong is often one who stalls
        after, long = (None, inf) if alone else (random.randint(2, 14), 2 * DAY)
        while able := [one for one in actors if not one.over]:
            if random.random() < 0.15:
                _jump(clock, actors, random.choice(_JUMPS))
            awake = [one for one in able if one is not stalls or one.goes_on(after, long)]
            random.choice(awake or able).turn()
            for one in actors:
                if random.random() < 0.1:
                    one.land()
        for one in actors:
            one.thread.join()
            one.land()
    watched.judge()
    keys = set(watched._objects)
    done["move"] += sum("/aliases/" in key for key in keys - set(past()))
    done["removed"] += sum(key.replace("collected", "manifest") not in keys for key in keys if "collected" in key)
    return watched.wrong


def _jump(clock: Clock, actors: "list[_Actor]", seconds: float) -> None:
    """Time passes, as far as those allow who write; what is late lands before it would be too late."""
    begun = [one.writes_since for one in actors if one.writes_since is not None]
    clock.now = min([clock.now + seconds, *(since + STALL for since in begun)])
    for one in actors:
        if one.late_since is not None and clock.now - one.late_since >= STALL - 3600:
            one.land()


def _play(random: Random) -> Play:
    version = random.choice(_VERSIONS)

    def promotes(store: Store, _: Clock) -> None:
        alias.promote(store, MODEL, "latest", version, who="bob")

    def tries(store: Store, _: Clock) -> None:
        alias.canary(store, MODEL, "latest", version, weight=0.5, who="bob")

    def shadows(store: Store, _: Clock) -> None:
        alias.shadow(store, MODEL, "latest", version, who="bob")

    def goes_back(store: Store, _: Clock) -> None:
        alias.rollback(store, MODEL, "latest", who="bob")

    def releases(store: Store, clock: Clock) -> None:
        publishes(store, clock)
        newest = [one.version for one in bundle.versions(store, MODEL) if one.complete][-1]
        alias.promote(store, MODEL, "latest", newest, who="bob")

    return random.choice((promotes, promotes, tries, shadows, releases, goes_back, goes_back_to))


class _Actor:
    """One who does one thing after the other, a store operation a turn. What fails, or dies, is not done again."""

    def __init__(self, plays: list[Play], watched: Watched, clock: Clock, random: Random) -> None:
        self.over, self.turns, self.asked, self.writes_since, self.late_since = False, 0, clock.now, None, None
        self._plays, self._watched, self._clock, self._random = plays, watched, clock, random
        self._mine, self._back = Semaphore(0), Semaphore(0)
        self._faulty: list[FaultyStore] = []
        self._written, self._verified, self._last = "", False, ""
        self.thread = Thread(target=self._live, daemon=True)
        self.thread.start()
        self._back.acquire()

    def goes_on(self, after: int | None, long: float) -> bool:
        """Whether this is not its turn to be held up (where there is none: it has verified), or it was for long enough."""
        if self.turns != after if after else not self._verified:
            return True
        return self._clock.now >= (self.asked + long if self.writes_since is None else self.writes_since + STALL)

    def turn(self) -> None:
        self.turns += 1
        self._mine.release()
        self._back.acquire()

    def land(self) -> None:
        """What of its writes is late lands."""
        for store in self._faulty:
            store.land()
        self.late_since = None

    def _live(self) -> None:
        for play in self._plays:
            self._wait()
            store = FaultyStore(self._watched, self._fault, self._watched.cut)
            self._faulty.append(store)
            try:
                play(Sealed(store), self._clock)
            except (Crash, RegistryError):
                store.crashed = True
            self._asks("", "")
        self.over = True
        self._back.release()

    def _fault(self, name: str, key: str) -> str | None:
        self._asks(name, key)
        self._wait()
        fault = self._random.choice(FAULTS) if self._random.random() < 0.03 else None
        if fault == "late landing" and self.late_since is None:
            self.late_since = self._clock.now if self.writes_since is None else self.writes_since
        return fault

    def _asks(self, name: str, key: str) -> None:
        """It has just looked at the clock if it writes a mark or an entry; reading that back belongs to it."""
        self.asked = self._clock.now
        self._verified, self._last = self._last.startswith(_VERSION) and name == "get", key if name == "keys" else ""
        if name == "create" and key != self._written and ("/aliases/" in key or key.endswith(COLLECTED)):
            self._written, self.writes_since = key, self._clock.now
        elif key != self._written:
            self._written, self.writes_since = "", None

    def _wait(self) -> None:
        self._back.release()
        self._mine.acquire()


def collects_unmarked(store: Store, clock: Clock) -> None:
    """A broken one: deletes without a mark, by what it saw at first."""
    for outcome in collect.collect(store, MODEL, who="ada", keep=KEEP, now=clock.time, dry_run=True):
        if outcome.action in ("mark", "remove"):
            folder = f"models/{MODEL}/v{outcome.version}/"
            for key in store.keys(folder):
                if not key.endswith((bundle.CLAIM, bundle.COLLECTED)):
                    store.delete(key)
