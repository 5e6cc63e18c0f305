"""How aliases moved, and whether what was answered meanwhile fits: nothing older than what was answered before."""

import heapq
import time
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import accumulate
from random import Random
from typing import NamedTuple

import numpy as np

from firesteel.errors import FiresteelError
from firesteel.registry import alias
from firesteel.registry.alias import Entry
from firesteel.registry.store import Store
from functions.classify.live import place
from tests.proofs.moves_asked import KEYS, MODELS, VERSIONS, Told
from tests.proofs.moves_watch import Look

_LATEST = "latest"
_DAMAGE = 0.08


class Move(NamedTuple):
    """One generation. A damaged one names nothing: its `entry` is the last good one, of an older generation."""

    begun: float
    done: float
    entry: Entry


class Seen(NamedTuple):
    """An answer, when it was asked for and when it was there."""

    begun: float
    done: float
    key: str
    told: Told


class Moves:
    """Moves the aliases of a store, one move at a time, and remembers them."""

    def __init__(self, store: Store, random: Random) -> None:
        self._store, self._random = store, random
        self.made = self.damages = 0
        self.history: dict[str, list[Move]] = {}
        self._damaged: dict[str, bool] = dict.fromkeys(MODELS, False)
        for model in MODELS:
            entries = alias.history(store, model, _LATEST)
            self.history[model] = [Move(0.0, 0.0, entry) for entry in entries]

    def move(self) -> None:
        """One more generation of one alias."""
        model = self._random.choice((MODELS[0], *MODELS))
        begun = time.monotonic()
        entry = self._moved(model)
        self.history[model].append(Move(begun, time.monotonic(), entry))
        self.made += 1

    def _moved(self, model: str) -> Entry:
        """Whatever can be done now: over a damaged entry nothing runs beside, and nothing is rolled back unnamed."""
        last, store, random = self.history[model][-1].entry, self._store, self._random
        if not self._damaged[model] and random.random() < _DAMAGE:
            generation = len(self.history[model]) + 1
            store.create(f"models/{model}/aliases/{_LATEST}/{generation:08d}.json", random.randbytes(200))
            self._damaged[model] = True
            self.damages += 1
            return last
        others = [version for version in VERSIONS if version != last.version]
        version, weight = random.choice(others), random.choice((0.1, 0.5, 0.9))
        about = {"who": "proof", "why": "one of many"}
        ways = {
            "promote": lambda: alias.promote(store, model, _LATEST, version, **about),
            "switch": lambda: alias.promote(store, model, _LATEST, version, kind="switch", **about),
            "back to": lambda: alias.rollback(store, model, _LATEST, to=self._before(model), **about),
            "rollback": lambda: alias.rollback(store, model, _LATEST, **about),
            "canary": lambda: alias.canary(store, model, _LATEST, version, weight=weight, **about),
            "shadow": lambda: alias.shadow(store, model, _LATEST, version, **about),
        }
        way = random.choice(list(ways)[: 3 if self._damaged[model] else None])
        self._damaged[model] = False
        try:
            return ways[way]()
        except FiresteelError:  # there is nothing to go back to
            return ways["promote"]()

    def _before(self, model: str) -> str:
        return self._random.choice(self.history[model]).entry.version


class _Alias:
    """Which generations may answer what."""

    def __init__(self, moves: list[Move]) -> None:
        self.moves = moves
        self.begun, self.done = [move.begun for move in moves], [move.done for move in moves]
        self.answering: dict[tuple[str, str], list[int]] = defaultdict(list)
        for generation, (_, _, entry) in enumerate(moves, 1):
            for key in KEYS:
                self.answering[key, _version(entry, key)].append(generation)

    def fresh(self, when: float) -> int:
        """The generation that was named then."""
        return self.moves[max(bisect_right(self.done, when), 1) - 1].entry.generation

    def ended(self, seen: Seen) -> float | None:
        """When the last generation that may answer so was followed by another; None if it was not."""
        possible = self.possible(seen)
        until = bisect_right(possible, bisect_left(self.begun, seen.done))
        last = possible[until - 1] if until else len(self.moves)
        return next((done for _, done, entry in self.moves[last:] if entry.generation > last), None)

    def possible(self, seen: Seen) -> list[int]:
        """All generations that answer so, the earliest first."""
        exact = seen.told.generation
        if exact is None:
            return self.answering[seen.key, seen.told.version]
        return [exact] if 1 <= exact <= len(self.moves) and self._is(self.moves[exact - 1].entry, seen) else []

    @staticmethod
    def _is(entry: Entry, seen: Seen) -> bool:
        """What /model/status says is of no side; it names both."""
        if seen.told.canary == "":
            return _version(entry, seen.key) == seen.told.version
        return (entry.version, entry.canary and entry.canary.version) == (seen.told.version, seen.told.canary)

    def first(self, seen: Seen, least: int) -> int | None:
        """The first generation from `least` on that answers so and had begun; None if there is none."""
        possible = self.possible(seen)
        place = bisect_left(possible, least)
        if place == len(possible) or self.moves[possible[place] - 1].begun > seen.done:
            return None
        return possible[place]


def _version(entry: Entry, key: str) -> str:
    if entry.canary and place(key, entry.canary.digest) < entry.canary.weight:
        return entry.canary.version
    return entry.version


class Ages:
    """How old an answer of one environment may be: all that was asked of a model there, and all its looks at the alias.

    A bundle that a look found at s is served without another until s + ttl. A request after that looks, or meets a look
    that is under way. So of the requests that had ended before a look began, none had begun after s + ttl: the alias was
    read less than a time to live before the last of them, however slow the machine is. Where one request at a time waits
    for its look, it is read less than a time to live before the request itself.
    """

    def __init__(self, moves: list[Move], seen: Iterable[Seen], looks: Iterable[Look], ttl: float, waits: bool) -> None:
        self._ttl, self._waits = ttl, waits
        asked = sorted((one.done, one.begun) for one in seen)
        self._done = [done for done, _ in asked]
        self._begun = list(accumulate((begun for _, begun in asked), max))
        self._looks = np.array([look[1:] for look in looks]).reshape(-1, 2)
        damaged = [number for number, move in enumerate(moves) if move.entry.generation != number + 1]
        ends = [moves[number + 1].done if number + 1 < len(moves) else float("inf") for number in damaged]
        self._damaged = [(moves[number].begun, end) for number, end in zip(damaged, ends, strict=True)]

    def least(self, one: Seen) -> float:
        """An answer is of what the alias named then, or later."""
        when = max(self._at(one.begun), one.begun - self._ttl if self._waits else 0.0)
        for begun, end in reversed(self._damaged):  # of a damaged entry a look learns nothing
            if begun <= one.done and when <= end:
                when = min(when, self._at(begun))
        return when

    def _at(self, when: float) -> float:
        """When the alias was read that is known at some time, at the earliest."""
        begun, done = self._looks.T
        looking = begun[(begun <= when) & (done >= when)].min(initial=when)
        ended = bisect_left(self._done, looking)
        return self._begun[ended - 1] - self._ttl if ended else 0.0


def misfits(moves: list[Move], seen: Iterable[Seen], ages: Ages) -> Iterator[str]:
    """Of each answer of one environment, why its alias cannot have given it: it is of an older generation than an answer
    that was there before it was asked for, or older than it may be. Nothing where it fits.

    An answer may be of several generations (a rollback names a version again). It is taken for the first that is
    possible, which leaves the most room to those after it; so what does not fit then, fits in no way.
    """
    named = _Alias(moves)
    least, pending = 1, list[tuple[float, int]]()
    for one in sorted(seen):
        while pending and pending[0][0] <= one.begun:
            least = max(least, heapq.heappop(pending)[1])
        fresh = named.fresh(ages.least(one))
        found = named.first(one, max(least, fresh))
        if found:
            heapq.heappush(pending, (one.done, found))
            yield ""
        else:
            late = "older than what was answered before it" if named.first(one, fresh) else "too old, or never named"
            yield f"{one.told} for {one.key} is {late}: at least {least}, and {fresh} by its age"


def staleness(moves: list[Move], seen: Iterable[Seen]) -> float:
    """The longest, in seconds, that an answer was certainly behind when it was asked for."""
    named = _Alias(moves)
    behind = [one.begun - ended for one in seen if (ended := named.ended(one)) is not None]
    return max(behind, default=0.0)
