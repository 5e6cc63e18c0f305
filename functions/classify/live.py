"""What is served now: one loaded bundle, whole and unchanging."""

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


class Segmented(NamedTuple):
    """The loaded bundle of a model of segments: it says which model answers a row."""

    router: Router
    model: str
    version: str
    digest: str
    generation: int
    size: int


Loaded = Live | Segmented
