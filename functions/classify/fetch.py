"""A bundle's way from the registry: bytes that are what was published. Needs no numpy, so it can begin before it."""

from collections.abc import Callable
from functools import cached_property
from threading import Thread
from typing import NamedTuple

from firesteel.registry import alias, bundle
from firesteel.registry.store import Store, open_store

PROGRAM = "program.safetensors"
GOLDEN = "golden.json"


class Fetched(NamedTuple):
    """What an alias entry names: the verified bytes of the program and of its golden rows."""

    entry: alias.Entry
    program: bytes
    golden: bytes
    signature: str | None = None
    """Of the features, as the manifest has it."""


class Source:
    """One alias of one model in a registry. Every method raises RegistryError and may be called from any thread."""

    def __init__(self, url: str, model: str, alias_name: str) -> None:
        self.url, self.model, self.alias = url, model, alias_name

    @cached_property
    def store(self) -> Store:
        return open_store(self.url)

    def of(self, model: str) -> "Source":
        """The same alias of another model in the same registry."""
        other = Source(self.url, model, self.alias)
        other.store = self.store
        return other

    def entry(self) -> alias.Entry:
        """Which bundle the alias names now: one request to the store finds that there is none."""
        return alias.current(self.store, self.model, self.alias)

    def newest(self) -> Fetched:
        """What the alias names now."""
        return self.fetch(self.entry())

    def newer(self, generation: int) -> Fetched | None:
        """What the alias names now, if it moved since `generation`; one request to the store if it did not."""
        entry = alias.newer(self.store, self.model, self.alias, generation)
        return self.fetch(entry) if entry else None

    def fetch(self, entry: alias.Entry) -> Fetched:
        """The bundle that an entry names."""
        manifest, files = bundle.read_bundle(self.store, self.model, entry.version, (PROGRAM, GOLDEN), entry.digest)
        return Fetched(entry, files[PROGRAM], files[GOLDEN], manifest.signature)


class Ahead[Value]:
    """Work begun in a thread: network and hashing let go of the interpreter, which imports the rest meanwhile."""

    def __init__(self, work: Callable[[], Value]) -> None:
        self._work = work
        self._thread = Thread(target=self._run, name="ahead", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._value = self._work()
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is asked for
            self._error = error

    def result(self) -> Value:
        """The work's value, or its exception."""
        self._thread.join()
        if hasattr(self, "_error"):
            raise self._error
        return self._value
