"""Who looked at an alias and when: what a proof must know of a process to say how old its answers may be."""

import time
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from functions.classify import refresh

_lock = Lock()


class Look(NamedTuple):
    """A look at a model's alias, from when a request wanted it until it had ended."""

    model: str
    begun: float
    done: float


def watched(
    run: Callable[[Callable[[], None]], None], note: Callable[[Look], None]
) -> Callable[[Callable[[], None]], None]:
    """A way to run looks that notes each."""

    def timed(work: Callable[[], None]) -> None:
        begun = time.monotonic()

        def look() -> None:
            try:
                work()
            finally:
                note(Look(work.__self__.model, begun, time.monotonic()))

        run(look)

    return timed


def write_looks(path: str) -> None:
    """From now on every look of this process's server is a line of a file; its clock is that of the whole machine."""

    def note(look: Look) -> None:
        with _lock, Path(path).open("a", encoding="utf-8") as file:
            file.write(f"{look.model} {look.begun!r} {look.done!r}\n")

    refresh.run_aside = watched(refresh.run_aside, note)


def read_looks(path: Path) -> list[Look]:
    """What `write_looks` wrote."""
    lines = map(str.split, path.read_text(encoding="utf-8").splitlines() if path.exists() else [])
    return [Look(model, float(begun), float(done)) for model, begun, done in lines]
