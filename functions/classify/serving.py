"""What an operation may use besides its request: the served model, all others, and the registry they come from."""

import time
from collections.abc import Callable
from typing import NamedTuple

from firesteel.errors import NotFoundError
from firesteel.registry import record
from firesteel.registry.store import Store
from functions.classify import refresh
from functions.classify.answers import Refused
from functions.classify.events import Request
from functions.classify.fetch import Source
from functions.classify.live import Live, Loaded
from functions.classify.models import Models
from functions.classify.refresh import Freshness, Trouble

SIGNATURE = "x-feature-signature"


class Serving(NamedTuple):
    """The served model, live under one alias; the others of the registry, live under the same; and the registry."""

    model: str
    alias: str
    freshness: Freshness
    store: Callable[[], Store]
    models: Models

    def live(self) -> Loaded:
        """The served model. Raises Refused: `no_model`."""
        return _loaded(self.freshness)

    def live_of(self, name: str) -> Loaded:
        """Any model of the registry, or a segment of one: `recruits`, `recruits/qb`.

        Raises Refused: `no_model`; NotFoundError, RegistryError.
        """
        return _loaded(self.freshness if name == self.model else self.models.of(name))

    def take(self, request: Request) -> "Taken":
        """What a request is answered by: the model that its path names, or the served one."""
        model = request.model
        return Taken(self.live_of(model) if model else self.live(), self, request.headers.get(SIGNATURE))

    @property
    def is_quick(self) -> bool:
        """Whether one request to the served model is one row of one program, which takes less than a thread costs."""
        loaded = self.freshness.loaded
        return isinstance(loaded, Live) and loaded.predictor.request is None


class Taken:
    """The bundles that answer one request, each taken once: the model's own or, with segments, one a segment.

    A request that expects another feature signature than a bundle has is not answered by it.
    """

    def __init__(self, model: Loaded, serving: Serving, expected: str | None = None) -> None:
        self.model = model
        self._serving, self._expected = serving, expected
        self._segments: dict[str, Live | Refused] = {}
        if expected is not None and isinstance(model, Live):
            _require(expected, model)

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
            found = self._serving.live_of(f"{self.model.model}/{segment}")
            assert isinstance(found, Live)  # as it was loaded: a segment has no segments
            if self._expected is not None:
                _require(self._expected, found)
        except NotFoundError:
            return Refused("no_model", f"No model is loaded: nothing is published for the segment {segment}.")
        except Refused as refused:
            return refused
        return found


def over(
    source: Source,
    *,
    ttl: float,
    memory: int,
    on_failure: Callable[[str, Trouble, Exception], None],
    clock: Callable[[], float] = time.monotonic,
    run: Callable[[Callable[[], None]], None] = refresh.run_now,
) -> Serving:
    """Serves the source's model, which is not loaded yet, and any other of the same registry and alias.

    The programs of the others may take `memory` bytes.
    """

    def fresh(source: Source) -> Freshness:
        return Freshness(source, source.model, ttl=ttl, on_failure=on_failure, clock=clock, run=run)

    def opened(name: str) -> Freshness:
        other = source.of(name)
        entry = other.entry()
        freshness = fresh(other)
        freshness.start(lambda: other.fetch(entry))
        return freshness

    return Serving(source.model, source.alias, fresh(source), lambda: source.store, Models(opened, memory))


def _loaded(freshness: Freshness) -> Loaded:
    if loaded := freshness.current():
        return loaded
    trouble = freshness.trouble
    retry = {"retry-after": str(max(1, round(freshness.ttl)))}
    raise Refused("no_model", f"No model is loaded: {trouble.detail}" if trouble else None, headers=retry)


def _require(expected: str, live: Live) -> None:
    """Raises Refused: `signature_mismatch`. Only what looks like a signature is repeated."""
    if expected != live.predictor.signature:
        asked = expected if record.is_sha256(expected) else "one that is no SHA-256"
        detail = f"The request expects the feature signature {asked}; that of {live.model} {live.version}"
        raise Refused("signature_mismatch", f"{detail} is {live.predictor.signature}.")
