"""What an operation may use besides its request: the served model, all others, and the registry they come from."""

import time
from collections.abc import Callable
from contextvars import ContextVar
from functools import cache
from typing import NamedTuple

from firesteel.errors import IntegrityError, NotFoundError
from firesteel.registry import record
from firesteel.registry.store import MemoryStore, Store, open_store
from firesteel.settings import Settings
from functions.classify import refresh
from functions.classify.answers import Refused
from functions.classify.events import Request
from functions.classify.fetch import Source
from functions.classify.live import Live, Loaded, Segmented, Sides
from functions.classify.models import PINNED, Models
from functions.classify.refresh import Freshness, Trouble

SIGNATURE = "x-feature-signature"
KEY = "x-canary-key"


def by_key(sides: Sides, request: Request) -> Loaded:
    """The side that answers while a canary runs: by the caller's key, else its address, else the request's own id.

    A request that asks for a version or for features is answered by the side that has them.
    """
    if sides.canary is None:
        return sides.stable
    version, expected = request.parameters.get("version"), request.headers.get(SIGNATURE)
    if version is not None or expected is not None:
        fitting = [one for one in sides.all() if _fits(one, version, expected)]
        if len(fitting) == 1:
            return fitting[0]
    return sides.of(request.headers.get(KEY) or request.client or request.request_id)


def _fits(loaded: Loaded, version: str | None, expected: str | None) -> bool:
    has_features = expected is None or isinstance(loaded, Segmented) or loaded.predictor.signature == expected
    return has_features and version in (None, loaded.version)


class Serving(NamedTuple):
    """The served model, live under one alias; the others of the registry, live under the same; and the registry."""

    model: str
    alias: str
    freshness: Freshness
    store: Callable[[], Store]
    models: Models
    side: Callable[[Sides, Request], Loaded] = by_key
    """Which of the bundles that an alias names answers a request."""
    monitor: Callable[[], Store] = MemoryStore
    """The store of the inference log, corrections and drift reports."""
    admin: bool = False
    """Whether /admin/... is answered."""

    def live(self) -> Loaded:
        """The served model's stable bundle. Raises Refused: `no_model`."""
        return self.sides().stable

    def live_of(self, name: str) -> Loaded:
        """The stable bundle of any model of the registry, or of a segment of one. Raises what `sides` raises."""
        return self.sides(name).stable

    def sides(self, name: str | None = None) -> Sides:
        """What is live of the served model, or of any of the registry: `recruits`, `recruits/qb`.

        Raises Refused: `no_model`; NotFoundError, RegistryError.
        """
        if name is None or name == self.model:
            return _live(self.freshness)
        if PINNED in name:
            raise NotFoundError(name)
        return _live(self.models.of(name))

    def at(self, name: str, version: str) -> Loaded:
        """Any complete version of a model or segment; with what is live, if that is it, and of no side of a canary.

        Raises what `sides` raises.
        """
        freshness = self.freshness if name == self.model else self.models.known(name)
        sides = freshness.sides if freshness else None
        for one in sides.all() if sides else ():
            if one.version == version:
                return one._replace(side="", shadow=None)
        return _live(self.models.of(f"{name}{PINNED}{version}")).stable

    def take(self, request: Request) -> "Taken":
        """What a request is answered by: the model that its path names, in the version it names; or the served one."""
        version = request.pinned
        model = self.at(str(request.model), version) if version else self.side(self.sides(request.model), request)
        taken = Taken(model, self, request)
        TAKEN.set(taken)
        return taken

    def expire(self) -> None:
        """Make the next look at every alias due at once."""
        for freshness in (self.freshness, *self.models.all()):
            freshness.expire()

    @property
    def is_quick(self) -> bool:
        """Whether one request to the served model is one row of one program, which takes less than a thread costs."""
        sides = self.freshness.sides
        return sides is not None and all(isinstance(one, Live) and one.predictor.request is None for one in sides.all())

    def is_warm(self, request: Request) -> bool:
        """Whether what predicts for a request is in memory, its segments too, so that it waits for no store."""
        name, version = request.model or self.model, request.pinned
        sides = self._sides_in_memory(f"{name}{PINNED}{version}" if version else name)
        of_segments = [one for one in sides.all() if isinstance(one, Segmented)] if sides else []
        segments = {f"{one.model}/{segment}" for one in of_segments for segment in one.router.segments.values()}
        return sides is not None and all(map(self._sides_in_memory, segments))

    def _sides_in_memory(self, name: str) -> Sides | None:
        freshness = self.freshness if name == self.model else self.models.known(name)
        return freshness.sides if freshness else None


class Taken:
    """The bundles that answer one request, each taken once: the model's own or, with segments, one a segment.

    A request that expects another feature signature than a bundle has is not answered by it.
    """

    def __init__(self, model: Loaded, serving: Serving, request: Request) -> None:
        self.model = model
        self._serving, self._request = serving, request
        self._expected = request.headers.get(SIGNATURE)
        self._segments: dict[str, Live | Refused] = {}
        if self._expected is not None and isinstance(model, Live):
            _require(self._expected, model)

    def of(self, row: object) -> Live:
        """The bundle that answers a row. Raises Refused: `no_model`, `signature_mismatch`; InputError, RegistryError."""
        if isinstance(self.model, Live):
            return self.model
        segment = self.model.router.segment_of(row)
        found = self._segments.get(segment)
        if found is None:
            found = self._segments[segment] = self._segment(segment)
        if isinstance(found, Refused):
            raise found.with_traceback(None)
        return found

    def _segment(self, segment: str) -> Live | Refused:
        try:
            sides = self._serving.sides(f"{self.model.model}/{segment}")
            found = self._serving.side(sides, self._request._replace(parameters={}))  # a version is that of the model
            assert isinstance(found, Live)  # as it was loaded: a segment has no segments
            if self._expected is not None:
                _require(self._expected, found)
        except NotFoundError:
            return Refused("no_model", f"No model is loaded: nothing is published for the segment {segment}.")
        except Refused as refused:
            return refused
        return found

    def answering(self) -> Loaded:
        """The bundle that answers; the model's own while no segment was chosen yet, or where several were."""
        segments = [one for one in self._segments.values() if isinstance(one, Live)]
        return segments[0] if len(segments) == 1 else self.model


TAKEN: ContextVar[Taken | None] = ContextVar("taken", default=None)
"""What the request that a thread or a task is answering has taken, for whoever must say where it failed."""


def over(
    source: Source,
    *,
    ttl: float,
    memory: int,
    on_failure: Callable[[str, Trouble, Exception], None],
    clock: Callable[[], float] = time.monotonic,
    run: Callable[[Callable[[], None]], None] = refresh.run_awaited,
    monitor: str = Settings.monitor,
    admin: bool = False,
) -> Serving:
    """Serves the source's model, which is not loaded yet, and any other of the same registry and alias.

    The programs of the others may take `memory` bytes. `monitor` is the URL of the monitoring store, which is opened
    when it is first asked for.
    """
    reached: dict[str, int] = {}  # outlives what is put out of memory: it is loaded again, and not an older one

    def fresh(source: Source, model: str) -> Freshness:
        return Freshness(source, model, ttl=ttl, on_failure=on_failure, clock=clock, run=run, reached=reached)

    def opened(name: str) -> Freshness:
        model, _, version = name.partition(PINNED)
        other = source.of(model)
        if version:
            return pinned(other, version)
        freshness = fresh(other, model)
        entry = other.entry()
        freshness.start(lambda: other.fetch(entry))
        return freshness

    def pinned(other: Source, version: str) -> Freshness:
        """A version that is there and cannot be served has its trouble; of one that is not there nothing is kept."""
        found = other.at(version)
        what = f"bundle of {version}"
        freshness = Freshness(found, other.model, ttl=ttl, on_failure=on_failure, clock=clock, run=run, what=what)
        try:
            entry = found.entry()
        except IntegrityError:
            freshness.start(found.newest)  # which fails again, and is noted
        else:
            freshness.start(lambda: found.fetch(entry))
        return freshness

    return Serving(
        source.model,
        source.alias,
        fresh(source, source.model),
        lambda: source.store,
        Models(opened, memory),
        monitor=cache(lambda: open_store(monitor)),
        admin=admin,
    )


def _live(freshness: Freshness) -> Sides:
    if sides := freshness.look():
        return sides
    trouble = freshness.state.trouble
    retry = {"retry-after": str(max(1, round(freshness.ttl)))}
    raise Refused("no_model", f"No model is loaded: {trouble.detail}" if trouble else None, headers=retry)


def _require(expected: str, live: Live) -> None:
    """Raises Refused: `signature_mismatch`. Only what looks like a signature is repeated."""
    if expected != live.predictor.signature:
        asked = expected if record.is_sha256(expected) else "one that is no SHA-256"
        detail = f"The request expects the feature signature {asked}; that of {live.model} {live.version}"
        raise Refused("signature_mismatch", f"{detail} is {live.predictor.signature}.")
