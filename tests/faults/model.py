"""The registry as plain lists and dictionaries: what every operation must come to."""

from collections.abc import Collection
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple

DAY = 86_400
REMEMBERED = 16
"""So many steps back are remembered."""


class Move(NamedTuple):
    """A generation of an alias: how it was made, what it names and when."""

    kind: str
    version: str
    beside: dict[str, str]
    """What runs beside what is served: canary or shadow -> version."""
    back: tuple[str, ...]
    """Where rollbacks lead, the next one first."""
    when: int = 0
    damaged: bool = False
    told: bool = True
    """Whether its entry tells the way back, as those of the first releases do not."""

    @property
    def named(self) -> set[str]:
        return {self.version, *self.beside.values(), *(self.back if self.told else ())}


@dataclass
class PlainAlias:
    """Its moves by generation, and `way`: what is served and, before it, where rollbacks lead back to."""

    moves: list[Move] = field(default_factory=list)
    way: list[str] = field(default_factory=list)
    beside: dict[str, str] = field(default_factory=dict)
    clock: int = 0

    @property
    def served(self) -> str | None:
        return self.way[-1] if self.way else None

    @property
    def is_damaged(self) -> bool:
        """Whether its newest entry cannot be read."""
        return bool(self.moves) and self.moves[-1].damaged

    @property
    def can_roll_back(self) -> bool:
        return bool(self.beside) or len(self.way) > 1

    def was(self, version: str) -> bool:
        """Whether an entry that can be read served it."""
        return any(move.version == version and not move.damaged for move in self.moves)

    def damage(self) -> None:
        """The newest entry cannot be read: what it named is not known, and the way back is that of the last that can be."""
        self.moves[-1] = self.moves[-1]._replace(damaged=True)
        sound = next((move for move in reversed(self.moves) if not move.damaged), None)
        self.way, self.beside = [*reversed(sound.back), sound.version] if sound else [], {}

    def promote(self, kind: str, version: str, there: Collection[str] = ()) -> None:
        if self.way[-1:] != [version]:
            self.way.append(version)
        self._moved(kind, {}, there)

    def run_beside(self, kind: str, version: str) -> None:
        self._moved(kind, {**self.beside, kind: version})

    def roll_back(self) -> str:
        if not self.beside:
            self.way.pop()
        self._moved("rollback", {})
        return self.way[-1]

    def roll_back_to(self, version: str, there: Collection[str] = ()) -> None:
        if version in self.way:
            while self.way[-1] != version:
                self.way.pop()
        else:  # left behind earlier: what it went from is undone, so the next way back does not lead there
            self.way[-1:] = [version]
        self._moved("rollback", {}, there)

    def forget_the_way(self, number: int) -> None:
        """That entry, counted from 0, is one of the first releases: the way back is in those before it alone."""
        self.moves[number] = self.moves[number]._replace(told=False)

    def _moved(self, kind: str, beside: dict[str, str], there: Collection[str] = ()) -> None:
        """`there`: the versions that can be served. Over what is damaged no others stay on the way back."""
        self.beside = beside
        if self.is_damaged:
            way = [*(version for version in self.way[:-1] if version in there), self.way[-1]]
            self.way = [version for version, _ in groupby(way)]
        del self.way[: -REMEMBERED - 1]
        self.moves.append(Move(kind, self.way[-1], beside, tuple(self.way[-2::-1]), self.clock))

    def named_since(self, since: int) -> set[str] | None:
        """The versions that it names, or named after `since`; None when that cannot be read.

        Where the newest entry does not tell the way back, all that it ever named.
        """
        named: set[str] = set()
        until = None
        for move in reversed(self.moves):
            if until is not None and until <= since and self.moves[-1].told:
                break
            if move.damaged:
                return None
            named |= move.named
            until = move.when
        return named


@dataclass
class PlainVersions:
    """Versions of a model: when each was claimed, and when it was marked for collection; what is gone stays claimed."""

    claimed: dict[str, int] = field(default_factory=dict)
    marked: dict[str, int] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)

    @property
    def complete(self) -> set[str]:
        return {version for version in self.claimed if self.state(version) == "complete"}

    def state(self, version: str) -> str | None:
        if version in self.gone:
            return "collected"
        return "marked" if version in self.marked else "complete" if version in self.claimed else None

    def collect(self, named: set[str] | None, now: int, keep: int, older_than: int) -> dict[str, str]:
        """What a collection does to each version that is still there."""
        if named is None:
            return {version: "keep" for version in self.claimed if version not in self.gone}
        whole = sorted(self.complete)
        actions = {}
        for version in self.claimed:
            if version in self.gone:
                continue
            kept = version in named or (version in whole[-keep:] and version not in self.marked)
            if kept or (version not in self.marked and self.claimed[version] > now - older_than):
                actions[version] = "keep"
            elif version not in self.marked:
                actions[version] = "mark"
                self.marked[version] = now
            elif now < self.marked[version] + DAY:
                actions[version] = "wait"
            else:
                actions[version] = "remove"
                self.gone.add(version)
        return actions
