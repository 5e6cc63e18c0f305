"""The model that is served now: loaded whole or not at all, fresh within a time to live, never going backward."""

import time
from collections.abc import Callable
from threading import Lock, Thread
from typing import NamedTuple, Protocol

from firesteel.errors import FiresteelError, IntegrityError, NotFoundError, ProgramError, StoreError
from firesteel.program import predictor
from firesteel.program.router import Router
from functions.classify import replay, shape
from functions.classify.fetch import Fetched
from functions.classify.live import Live, Loaded, Segmented


class Trouble(NamedTuple):
    """Why the newest bundle is not the one served: a stable word and a sentence, with nothing of our insides."""

    code: str
    detail: str


class Source(Protocol):
    """Where bundles come from: functions.classify.fetch.Source, or a test's own."""

    def newest(self) -> Fetched: ...
    def newer(self, generation: int) -> Fetched | None: ...


def run_now(work: Callable[[], None]) -> None:
    """Lambda's way: the one request that finds the model too old waits for the look at the alias."""
    work()


def run_aside(work: Callable[[], None]) -> None:
    """A server's way: everybody goes on with the old model while one thread looks."""
    Thread(target=work, name="refresh", daemon=True).start()


class Freshness:
    """Holds one live model and keeps it fresh.

    A refresh that fails, for whatever reason, leaves the last good model in place, is counted, told to `on_failure`,
    and tried again after the time to live. Safe to use from several threads; one of them refreshes at a time.
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
    ) -> None:
        self.ttl = ttl
        self.failures = 0
        self.trouble: Trouble | None = None
        self.loaded: Loaded | None = None
        self.model, self._source = model, source
        self._on_failure, self._clock, self._run = on_failure, clock, run
        self._due = clock()
        self._refreshing = Lock()

    def start(self, newest: Callable[[], Fetched] | None = None) -> None:
        """Load the newest bundle, or note why not. `newest` stands in for the source's when it was begun ahead."""
        with self._refreshing:
            self._attempt(newest or self._source.newest)

    def current(self) -> Loaded | None:
        """The live model, None while there is none. Looks at the alias when the time to live is over."""
        if self._clock() >= self._due and self._refreshing.acquire(blocking=False):
            self._run(self._refresh)
        return self.loaded

    @property
    def status(self) -> str:
        """`ok`, `degraded` (an older model is served than should be) or `unavailable`."""
        if self.loaded is None:
            return "unavailable"
        return "degraded" if self.trouble else "ok"

    def _refresh(self) -> None:
        try:
            live = self.loaded
            self._attempt(lambda: self._source.newer(live.generation) if live else self._source.newest())
        finally:
            self._refreshing.release()

    def _attempt(self, fetch: Callable[[], Fetched | None]) -> None:
        try:
            fetched = fetch()
            if fetched:
                self.loaded = load(fetched, self.model, self.loaded)
            self.trouble = None
        except Exception as error:  # noqa: BLE001 - whatever is wrong with a successor must not end what serves
            self.failures += 1
            self.trouble = _trouble(error)
            self._on_failure(self.model, self.trouble, error)
        finally:
            self._due = self._clock() + self.ttl


def load(fetched: Fetched, model: str, live: Loaded | None = None) -> Loaded:
    """A new live model from verified bytes. Raises ProgramError or IntegrityError; `live` is never touched.

    A program that is loaded already (an alias that moved back) is not loaded again.
    """
    entry = fetched.entry
    if live and entry.generation <= live.generation:
        raise IntegrityError(f"the alias went from generation {live.generation} back to {entry.generation}")
    rows = replay.read(fetched.golden)
    if live and live.digest == entry.digest:
        return live._replace(generation=entry.generation)
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


def _trouble(error: Exception) -> Trouble:
    match error:
        case NotFoundError():
            return Trouble("nothing_published", "The alias names no version, or one that is not there.")
        case IntegrityError() | ProgramError():
            return Trouble("corrupt_bundle", "The newest bundle failed its checks and is not served.")
        case StoreError():
            return Trouble("store_unreachable", "The object store could not be reached.")
        case FiresteelError():
            return Trouble("registry_unusable", "The registry refused to give the newest bundle.")
        case _:
            return Trouble("refresh_failed", "The newest bundle could not be loaded.")
