"""The models of the registry beside the served one: loaded when first asked for, the least recently asked put out.

A version of a model that somebody asked for by its number is one of them: `tickets@1.2.0`.
"""

from collections.abc import Callable
from threading import Lock

from functions.classify.refresh import Freshness

PINNED = "@"
"""Between a model and its version. A model's name has none, so what a path calls a model is never taken for one."""
PINNED_SHARE = 2
"""Versions asked for by number have at most one part in so many of the bound."""
_TROUBLE = 4096  # bytes, of a model that could not be loaded: it has no program, and is not for nothing
RESIDENT = 32
"""What a loaded model takes of memory, in bytes a byte of its program: measured 15 to 33, once it has explained."""


def programs_within(mib: int) -> int:
    """Bytes of programs whose models fit into so much memory."""
    return (mib << 20) // RESIDENT


class _Turn:
    """Who loads a model; the others wait. It is there for as long as anybody is."""

    def __init__(self) -> None:
        self.lock, self.waiting = Lock(), 0


class Models:
    """Name -> freshness. The programs in memory have at most `bound` bytes, beside the one that was asked for last.

    Versions asked for by number put out one another and never a model that is live under an alias, which puts out them.
    `opened` loads a model's newest bundle and raises NotFoundError for a name that there is not: such a name leaves no
    trace here. A model that is there and cannot be loaded stays with its trouble, to be tried again like any other.
    Safe to use from several threads: one of them loads a model, and who asks for another does not wait.
    """

    def __init__(self, opened: Callable[[str], Freshness], bound: int) -> None:
        self._opened, self._bound = opened, bound
        self._kept: dict[str, Freshness] = {}  # the least recently asked first
        self._sizes: dict[str, int] = {}
        self._opening: dict[str, _Turn] = {}
        self._lock = Lock()

    def of(self, name: str) -> Freshness:
        """The freshness of a model, which is loaded if it is not there. Raises NotFoundError, RegistryError."""
        with self._lock:
            if found := self._asked(name):
                return found
            turn = self._opening.setdefault(name, _Turn())
            turn.waiting += 1
        try:
            with turn.lock:
                with self._lock:
                    if found := self._asked(name):
                        return found
                opened = self._opened(name)
                with self._lock:
                    self._kept[name] = opened
                    self._asked(name)
        finally:
            with self._lock:
                turn.waiting -= 1
                if not turn.waiting:
                    del self._opening[name]
        return opened

    def known(self, name: str) -> Freshness | None:
        """The freshness of a model if it is in memory; asking this loads nothing and keeps nothing."""
        with self._lock:
            return self._kept.get(name)

    def all(self) -> list[Freshness]:
        """Those in memory now that are live under an alias."""
        with self._lock:
            return [freshness for name, freshness in self._kept.items() if PINNED not in name]

    def _asked(self, name: str) -> Freshness | None:
        """What is kept under a name, from now on the most recently asked. The caller holds the lock."""
        found = self._kept.pop(name, None)
        if found:
            self._kept[name] = found
            size = found.size or _TROUBLE
            if self._sizes.get(name) != size:
                self._sizes[name] = size
                self._put_out(name)
        return found

    def _put_out(self, asked: str) -> None:
        """Make room, but not of the one that was asked for."""
        others = [name for name in self._kept if name != asked]
        pinned = [name for name in others if PINNED in name]
        live = [] if PINNED in asked else [name for name in others if PINNED not in name]
        for name in pinned + live:
            of_pinned = sum(size for name, size in self._sizes.items() if PINNED in name)
            if sum(self._sizes.values()) <= self._bound and of_pinned <= self._bound // PINNED_SHARE:
                break
            del self._kept[name], self._sizes[name]
