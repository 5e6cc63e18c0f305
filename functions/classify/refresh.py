"""What is served now: loaded whole or not at all, fresh within a time to live, never going backward."""

import time
from collections.abc import Callable, Collection, Mapping
from threading import Lock, Thread
from typing import NamedTuple, Protocol

from firesteel.errors import FiresteelError, IntegrityError, NotFoundError, ProgramError, StoreError
from firesteel.program import predictor
from firesteel.program.router import Router
from firesteel.registry.alias import Entry
from functions.classify import replay, shape
from functions.classify.fetch import Fetched
from functions.classify.live import CANARY, STABLE, Live, Loaded, Segmented, Sides

SHADOW = "shadow"


class Trouble(NamedTuple):
    """Why a bundle is not served as it should be: a stable word and a sentence, with nothing of our insides."""

    code: str
    detail: str
    role: str = STABLE
    """Which bundle of the alias: stable, canary or shadow."""


class Source(Protocol):
    """Where bundles come from: functions.classify.fetch.Source, or a test's own."""

    def newest(self) -> Fetched: ...
    def newer(self, generation: int) -> Entry | None: ...
    def fetch(self, entry: Entry, known: Collection[str]) -> Fetched: ...


def run_now(work: Callable[[], None]) -> None:
    """Lambda's way: the one request that finds the model too old waits for the look at the alias."""
    work()


def run_aside(work: Callable[[], None]) -> None:
    """A server's way: everybody goes on with the old model while one thread looks."""
    Thread(target=work, name="refresh", daemon=True).start()


class Freshness:
    """Holds what one alias of a model names and keeps it fresh.

    A refresh that fails, for whatever reason, leaves the last good model in place, is counted, told to `on_failure`,
    and tried again after the time to live. So is a canary or a shadow that cannot be loaded; the stable model goes on
    without it. Safe to use from several threads; one of them refreshes at a time.
    """

    def __init__(
        self,
        source: Source,
        model: str,
        *,
        ttl: float,
        on_failure: Callable[[str, Trouble, Exception], None],
        clock: Callable[[], float] = time.monotonic,
        run: Callable[[Callable[[], None]], None] = run_now,
        what: str = "newest bundle",
    ) -> None:
        """`what` troubles call the stable bundle."""
        self.ttl = ttl
        self.failures = 0
        self.trouble: Trouble | None = None
        self.beside: dict[str, Trouble] = {}
        """Troubles of the canary and of the shadow, by role."""
        self.sides: Sides | None = None
        self.entry: Entry | None = None
        """The newest that was read."""
        self.model, self._source = model, source
        self._on_failure, self._clock, self._run = on_failure, clock, run
        self._what = what
        self._due = clock()
        self._refreshing = Lock()

    def start(self, newest: Callable[[], Fetched] | None = None) -> None:
        """Load the newest bundle, or note why not. `newest` stands in for the source's when it was begun ahead."""
        with self._refreshing:
            self._attempt(newest or self._source.newest)

    def look(self) -> Sides | None:
        """What is live, None while nothing is. Looks at the alias when the time to live is over."""
        if self._clock() >= self._due and self._refreshing.acquire(blocking=False):
            self._run(self._refresh)
        return self.sides

    def current(self) -> Loaded | None:
        """The stable model of what `look` gives."""
        sides = self.look()
        return sides.stable if sides else None

    def expire(self) -> None:
        """Make the next look due at once."""
        self._due = float("-inf")

    @property
    def loaded(self) -> Loaded | None:
        """The stable model, without a look at the alias."""
        return self.sides.stable if self.sides else None

    @property
    def size(self) -> int:
        """Bytes of all programs in memory."""
        return sum([one.size for one in self.sides.loaded().values()]) if self.sides else 0

    @property
    def status(self) -> str:
        """`ok`, `degraded` (what the alias names is not all served) or `unavailable`."""
        if self.sides is None:
            return "unavailable"
        return "degraded" if self.trouble or self.beside else "ok"

    def _refresh(self) -> None:
        try:
            self._attempt(self._newer if self.sides else self._source.newest)
        finally:
            self._refreshing.release()

    def _newer(self) -> Fetched | None:
        """What the alias names, if it moved; or once more if something beside the stable model is not loaded yet."""
        assert self.sides
        entry = self._source.newer(self.sides.stable.generation)
        if entry is None and not self.beside:
            return None
        self.entry = entry or self.entry
        assert self.entry
        return self._source.fetch(self.entry, self.sides.loaded().keys())

    def _attempt(self, fetch: Callable[[], Fetched | None]) -> None:
        try:
            fetched = fetch()
            if fetched:
                self.entry = fetched.entry
                self._serve(fetched)
            self.trouble = None
        except Exception as error:  # noqa: BLE001 - whatever is wrong with a successor must not end what serves
            self.trouble = self._failed(error, STABLE)
            self._stand_alone()
        finally:
            self._due = self._clock() + self.ttl

    def _serve(self, fetched: Fetched) -> None:
        """Load what was fetched and serve it from now on, all of it at once. Raises what `load` raises."""
        entry, known = fetched.entry, self.sides.loaded() if self.sides else {}
        if self.sides and entry.generation < self.sides.stable.generation:
            raise IntegrityError(
                f"the alias went from generation {self.sides.stable.generation} back to {entry.generation}"
            )
        stable = load(fetched, self.model, known)
        found: dict[str, Loaded] = {}
        troubles: dict[str, Trouble] = {}
        for role, beside in ((CANARY, fetched.canary), (SHADOW, fetched.shadow)):
            try:
                if beside:
                    found[role] = load(beside(), self.model, known)
            except Exception as error:  # noqa: BLE001 - and nothing beside it may end the stable model
                troubles[role] = self._failed(error, role)
        if isinstance(stable, Live) and isinstance(shadow := found.get(SHADOW), Live):
            stable = stable._replace(shadow=shadow)
        sides = Sides(stable)
        if entry.canary and CANARY in found:
            canary = found[CANARY]._replace(side=CANARY)
            sides = Sides(stable._replace(side=STABLE), canary, entry.canary.weight)
        self.sides, self.beside = sides, troubles

    def _stand_alone(self) -> None:
        """An entry that was read but whose bundle cannot be served: what ran beside the last good one has ended."""
        if self.sides and self.entry and self.entry.generation > self.sides.stable.generation:
            self.sides, self.beside = self.sides.alone(), {}

    def _failed(self, error: Exception, role: str) -> Trouble:
        self.failures += 1
        trouble = _trouble(error, role, self._what if role == STABLE else f"{role}'s bundle")
        self._on_failure(self.model, trouble, error)
        return trouble


def load(fetched: Fetched, model: str, known: Mapping[str, Loaded] | None = None) -> Loaded:
    """A new live model from verified bytes. Raises ProgramError or IntegrityError.

    A program that is `known` by its digest (an alias that moved back, a canary that is promoted) is not loaded again.
    """
    entry = fetched.entry
    if known and entry.digest in known:
        return known[entry.digest]._replace(generation=entry.generation, side="", shadow=None)
    rows = replay.read(fetched.golden)
    loaded = predictor.load(fetched.program)
    of_model, _, segment = model.partition("/")
    if loaded.model != of_model:
        raise IntegrityError(f"the program is one of model {loaded.model!r}, not {model!r}")
    size = len(fetched.program)
    if isinstance(loaded, Router):
        if segment:
            raise IntegrityError(f"{model} is a segment, and its program one of segments")
        return Segmented(loaded, model, entry.version, entry.digest, entry.generation, size)
    if fetched.signature not in (None, loaded.signature):
        raise IntegrityError("the program's feature signature is not that of the manifest")
    replay.replay(loaded, rows)
    example = rows[0]["input"] if rows else None
    return Live(loaded, model, entry.version, entry.digest, entry.generation, size, example, shape.of(loaded))


def _trouble(error: Exception, role: str, bundle: str) -> Trouble:
    match error:
        case NotFoundError():
            return Trouble("nothing_published", "The alias names no version, or one that is not there.", role)
        case IntegrityError() | ProgramError():
            return Trouble("corrupt_bundle", f"The {bundle} failed its checks and is not served.", role)
        case StoreError():
            return Trouble("store_unreachable", "The object store could not be reached.", role)
        case FiresteelError():
            return Trouble("registry_unusable", f"The registry refused to give the {bundle}.", role)
        case _:
            return Trouble("refresh_failed", f"The {bundle} could not be loaded.", role)
