"""What is served now: one loaded bundle, whole and unchanging; while a canary runs, two."""

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple

from firesteel.program.predictor import Predictor
from firesteel.program.router import Router
from functions.classify.shape import Shape


class Live(NamedTuple):
    """One loaded bundle. A request takes it once and is answered by it alone."""

    predictor: Predictor
    model: str
    """Its name in the registry: `tickets`, or `recruits/qb` for a segment."""
    version: str
    digest: str
    generation: int
    size: int
    """Bytes of the program."""
    example: Mapping[str, Any] | None
    """The input of the first golden row."""
    shape: Shape
    """What an answer is made of."""
    side: str = ""
    """`stable` or `canary` while a canary runs."""
    shadow: "Live | None" = None
    """What is scored beside it and never answers."""


class Segmented(NamedTuple):
    """The loaded bundle of a model of segments: it says which model answers a row."""

    router: Router
    model: str
    version: str
    digest: str
    generation: int
    size: int
    side: str = ""
    shadow: None = None
    """There is none: it is the segments that predict."""


Loaded = Live | Segmented
STABLE, CANARY = "stable", "canary"


class Sides(NamedTuple):
    """What an alias names, loaded: the stable bundle and, while one runs, the canary with its share of request keys."""

    stable: Loaded
    canary: Loaded | None = None
    weight: float = 0.0

    def of(self, key: str) -> Loaded:
        """The side of a key: the same for as long as the canary runs, and a share that grows keeps who is in it."""
        return self.canary if self.canary and place(key, self.canary.digest) < self.weight else self.stable

    def all(self) -> list[Loaded]:
        """The bundles that answer."""
        return [self.stable, self.canary] if self.canary else [self.stable]

    def loaded(self) -> dict[str, Loaded]:
        """The bundles in memory, by digest."""
        shadow = self.stable.shadow
        return {one.digest: one for one in [*self.all(), *([shadow] if shadow else [])]}

    def alone(self) -> "Sides":
        """The stable bundle with nothing beside it."""
        return Sides(self.stable._replace(side="", shadow=None))


def place(key: str, digest: str) -> float:
    """Where a key stands between 0 and 1: evenly spread, and for every canary otherwise."""
    hashed = hashlib.blake2b(key.encode("utf-8", "surrogatepass"), key=digest[:16].encode(), digest_size=8).digest()
    return int.from_bytes(hashed) / 2**64
