"""The registry as plain lists and dictionaries: what every operation must come to."""

from dataclasses import dataclass, field
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

    @property
    def named(self) -> set[str]:
        return {self.version, *self.beside.values(), *self.back}


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
        """The newest entry cannot be read: what it named is not known, and neither is the way back."""
        self.moves[-1] = self.moves[-1]._replace(damaged=True)
        self.way, self.beside = [], {}

    def promote(self, kind: str, version: str) -> None:
        if self.way[-1:] != [version]:
            self.way.append(version)
        self._moved(kind, {})

    def run_beside(self, kind: str, version: str) -> None:
        self._moved(kind, {**self.beside, kind: version})

    def roll_back(self) -> str:
        if not self.beside:
            self.way.pop()
        self._moved("rollback", {})
        return self.way[-1]

    def roll_back_to(self, version: str) -> None:
        if version in self.way:
            while self.way[-1] != version:
                self.way.pop()
        else:  # left behind earlier: what it went from is undone, so the next way back does not lead there
            self.way[-1:] = [version]
        self._moved("rollback", {})

    def _moved(self, kind: str, beside: dict[str, str]) -> None:
        self.beside = beside
        del self.way[: -REMEMBERED - 1]
        self.moves.append(Move(kind, self.way[-1], beside, tuple(self.way[-2::-1]), self.clock))

    def named_since(self, since: int) -> set[str] | None:
        """The versions that it names, or named after `since`; None when that cannot be read."""
        named: set[str] = set()
        until = None
        for move in reversed(self.moves):
            if until is not None and until <= since:
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

    def state(self, version: str) -> str | None:
        if version in self.gone:
            return "collected"
        return "marked" if version in self.marked else "complete" if version in self.claimed else None

    def collect(self, named: set[str] | None, now: int, keep: int, older_than: int) -> dict[str, str]:
        """What a collection does to each version that is still there."""
        if named is None:
            return {version: "keep" for version in self.claimed if version not in self.gone}
        whole = [version for version in sorted(self.claimed) if self.state(version) == "complete"]
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
