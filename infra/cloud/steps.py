"""What a story is made of: steps, what they measured, and how one fails."""

from collections.abc import Callable
from typing import NamedTuple

from cli.insights.evaluate import Result


class StepError(Exception):
    """A step did not come to what it must. The message says what was found instead."""


class Step(NamedTuple):
    """A step: what it is called, and what does it and answers with what to say of it, or with a table."""

    name: str
    do: Callable[[], str | Result]


class Measured(NamedTuple):
    """A time in seconds, what was wanted of it, and whether it is so."""

    name: str
    seconds: float
    wanted: str
    met: bool


def expect(holds: bool, otherwise: str) -> None:
    """Raises StepError with what was found instead."""
    if not holds:
        raise StepError(otherwise)
