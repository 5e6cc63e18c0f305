"""An environment of Lambda that is frozen in the middle of a look, and thawed hours later: what it answers first then."""

from threading import Event, Thread

from firesteel.registry import alias, bundle
from firesteel.registry.store import MemoryStore, Store
from functions.classify import refresh
from functions.classify.refresh import Freshness
from tests.proofs.proof import Run
from tests.unit.classify import bundles
from tests.unit.classify.bundles import MODEL, Clock, source_over

_TTL = 30.0
_VERSIONS = {f"1.{minor}.0": bundles.files(lean=0.1 * minor) for minor in range(4)}


class Frozen:
    """An alias that a look has read when the environment is frozen; time stands still for it, not for the clock."""

    def __init__(self, store: Store, kind: type[Freshness]) -> None:
        self.clock, self.is_slow, self.read, self.thawed = Clock(), False, Event(), Event()
        source, self._threads = source_over(store), list[Thread]()
        self._newer, source.newer = source.newer, self._read
        about = {"on_failure": lambda *_: None, "clock": self.clock, "run": self._run}
        self.freshness = kind(source, MODEL, ttl=_TTL, **about)
        self.freshness.start()

    def _read(self, generation: int) -> alias.Entry | None:
        found = self._newer(generation)
        if self.is_slow:
            self.read.set()
            self.thawed.wait()
        return found

    def _run(self, work) -> None:
        """A request waits for a look until it is frozen, and after that to the end: not for real seconds."""
        self._threads.append(refresh._aside(work))
        if self.is_slow:
            self.read.wait()
            self.is_slow = False
        else:
            self.thawed.set()
            self._threads[-1].join()

    def end(self) -> None:
        self.thawed.set()
        for thread in self._threads:
            thread.join()


def prove(run: Run, cases: int, kind: type[Freshness] = Freshness) -> None:
    """After a freeze of any length the first request is answered by nothing older than the time to live."""
    for case in range(cases):
        random, store = run.random("frozen", case), MemoryStore()
        for version, files in _VERSIONS.items():
            bundle.publish(store, MODEL, version, files, who="proof")
        alias.promote(store, MODEL, "latest", "1.0.0", who="proof")
        frozen = Frozen(store, kind)
        if random.random() < 0.5:
            alias.promote(store, MODEL, "latest", "1.1.0", who="proof")
        frozen.clock.now += _TTL + random.random() * 100
        frozen.is_slow = True
        frozen.freshness.look()
        alias.promote(store, MODEL, "latest", "1.2.0", who="proof")
        frozen.clock.now += _TTL + random.random() * 7_200
        if random.random() < 0.5:
            alias.promote(store, MODEL, "latest", "1.3.0", who="proof")
        newest = alias.current(store, MODEL, "latest").version
        answered = frozen.freshness.current()
        frozen.end()
        version = answered.version if answered else None
        run.check(version == newest, f"frozen, case {case}: answered by {version}, and the alias names {newest}")
