"""What is served now: loaded whole or not at all, fresh within a time to live, never going backward."""

import math
import time
from collections.abc import Callable, Collection, Mapping
from threading import Lock, Thread
from types import MappingProxyType
from typing import NamedTuple, Protocol

from firesteel.errors import FiresteelError, IntegrityError, NotFoundError, ProgramError, StoreError
from firesteel.program import predictor
from firesteel.program.router import Router
from firesteel.registry.alias import Entry
from functions.classify import replay, shape
from functions.classify.fetch import Fetched
from functions.classify.live import CANARY, STABLE, Live, Loaded, Segmented, Sides

SHADOW = "shadow"
PATIENCE = 1.0
"""Seconds that a request waits for a look at the alias: an S3 that is well needs a tenth of it."""


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
    """The one request that finds the model too old does the look at the alias."""
    work()


def run_awaited(work: Callable[[], None]) -> None:
    """Lambda's way: that request waits for the look, but not for ever. What comes later is the next requests'.

    An environment may be frozen once the request is answered; the look goes on, or fails, when it is thawed.
    """
    _aside(work).join(PATIENCE)


def run_aside(work: Callable[[], None]) -> None:
    """A server's way: everybody goes on with the old model while one thread looks."""
    _aside(work)


class NotBegunError(Exception):
    """No thread could be started for a look."""


def _aside(work: Callable[[], None]) -> Thread:
    thread = Thread(target=work, name="refresh", daemon=True)
    try:
        thread.start()
    except RuntimeError as error:
        raise NotBegunError(str(error)) from error
    return thread


class State(NamedTuple):
    """What is served and what is known of it, of one moment."""

    sides: Sides | None = None
    entry: Entry | None = None
    """The newest that was read."""
    trouble: Trouble | None = None
    beside: Mapping[str, Trouble] = MappingProxyType({})
    """Troubles of the canary and of the shadow, by role."""

    @property
    def status(self) -> str:
        """`ok`, `degraded` (what the alias names is not all served) or `unavailable`."""
        if self.sides is None:
            return "unavailable"
        return "degraded" if self.trouble or self.beside else "ok"

    @property
    def stable(self) -> Loaded | None:
        """The stable model."""
        return self.sides.stable if self.sides else None

    @property
    def programs(self) -> Mapping[str, Loaded]:
        """All bundles in memory, by digest."""
        return self.sides.loaded() if self.sides else {}

    def after(self, entry: Entry) -> "State":
        """Where an entry was read and its bundle cannot be served: what ran beside the last good one has ended."""
        if self.sides is None:
            return self._replace(entry=entry)
        return State(self.sides.alone(), entry) if entry.generation > self.sides.stable.generation else self


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
        reached: dict[str, int] | None = None,
    ) -> None:
        """`what` troubles call the stable bundle. `reached` has by model the newest generation that was ever served."""
        self.ttl = ttl
        self.failures = 0
        self.state = State()
        """Replaced as a whole: who takes it once has what belongs together."""
        self.model, self._source = model, source
        self._on_failure, self._clock, self._run = on_failure, clock, run
        self._what = what
        self._reached = {} if reached is None else reached
        self._due = clock()
        self._joined = math.inf  # from then on a request joins the look that is under way
        self._refreshing = Lock()

    def start(self, newest: Callable[[], Fetched] | None = None) -> None:
        """Load the newest bundle, or note why not. `newest` stands in for the source's when it was begun ahead."""
        with self._refreshing:
            made = self._due
            self._attempt(newest or self._source.newest)
            self._due = made + self.ttl  # the alias may have been read as soon as this was made

    def look(self) -> Sides | None:
        """What is live, None while nothing is. Looks at the alias when the time to live is over.

        One look is under way at a time, and nobody else waits for it; but where it should have ended long ago, one
        request joins it and looks again after it: it was frozen, perhaps for hours, and what it reads is as old.
        """
        now = self._clock()
        if now >= self._due:
            mine = self._refreshing.acquire(blocking=False)
            try:
                if mine:
                    self._joined = now + PATIENCE
                    self._run(self._refresh)
                elif now >= self._joined:
                    self._joined = math.inf
                    self._run(self._refresh_after)
            except NotBegunError as error:
                self._not_begun(error, mine)
        return self.sides

    def current(self) -> Loaded | None:
        """The stable model of what `look` gives."""
        sides = self.look()
        return sides.stable if sides else None

    def expire(self) -> None:
        """Make the next look due at once."""
        self._due = float("-inf")

    @property
    def sides(self) -> Sides | None:
        """What is live, without a look at the alias."""
        return self.state.sides

    @property
    def size(self) -> int:
        """Bytes of all programs in memory."""
        return sum([one.size for one in self.state.programs.values()])

    def _not_begun(self, error: Exception, mine: bool) -> None:
        """A look that cannot even begin has failed, and is tried again after the time to live."""
        try:
            trouble = self._failed(error, STABLE)
            if mine:
                self.state = self.state._replace(trouble=trouble)
                self._due = self._clock() + self.ttl
        finally:
            if mine:
                self._refreshing.release()

    def _refresh_after(self) -> None:
        self._refreshing.acquire()
        if self._clock() >= self._due:
            self._refresh()
        else:
            self._refreshing.release()

    def _refresh(self) -> None:
        try:
            self._attempt(None if self.sides else self._source.newest)
        finally:
            self._refreshing.release()

    def _attempt(self, newest: Callable[[], Fetched] | None) -> None:
        """Serve what the alias names: `newest`, where nothing is served; else what it names since, if it moved."""
        begun, state, entry, fetched = self._clock(), self.state, None, None
        try:
            if newest:
                fetched = newest()
                entry = fetched.entry
            elif entry := self._missing(state):
                fetched = self._source.fetch(entry, state.programs.keys())
            self.state = self._served(fetched, state) if fetched else state._replace(trouble=None)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with a successor must not end what serves
            known = state.after(entry) if entry else state
            self.state = known._replace(trouble=self._failed(error, STABLE))
        finally:
            self._due = begun + self.ttl

    def _missing(self, state: State) -> Entry | None:
        """What the alias names, if it moved; or still, if something beside the stable model is not loaded yet."""
        assert state.sides
        return self._source.newer(state.sides.stable.generation) or (state.entry if state.beside else None)

    def _served(self, fetched: Fetched, state: State) -> State:
        """What was fetched, loaded, to be served from now on instead of `state`. Raises what `load` raises."""
        entry, known = fetched.entry, state.programs
        reached = self._reached.get(self.model, 0)
        if entry.generation < reached:
            raise IntegrityError(f"the alias went from generation {reached} back to {entry.generation}")
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
        self._reached[self.model] = entry.generation
        return State(sides, entry, beside=troubles)

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
