"""A bundle's way from the registry: bytes that are what was published. Needs no numpy, so it can begin before it."""

from collections.abc import Callable, Collection
from functools import cached_property
from threading import Thread
from typing import NamedTuple, Self

from firesteel.registry import alias, bundle, record, seal
from firesteel.registry.store import Store
from firesteel.settings import Settings

PROGRAM = "program.safetensors"
GOLDEN = "golden.json"


class Fetched(NamedTuple):
    """What an alias entry names: the verified bytes of the program and of its golden rows.

    Those of its canary and its shadow are on their way; what comes of them is raised where they are asked for.
    """

    entry: alias.Entry
    program: bytes
    golden: bytes
    signature: str | None = None
    """Of the features, as the manifest has it."""
    canary: "Callable[[], Fetched] | None" = None
    shadow: "Callable[[], Fetched] | None" = None


class Source:
    """One alias of one model in a registry. Every method raises RegistryError and may be called from any thread.

    Shadows are fetched by a source `with_shadows`: where nothing scores them, they would take memory for nothing. With
    `public_keys` only what one of them signed is fetched, and of this alias nothing `oldest` says somebody deleted.
    """

    def __init__(
        self,
        url: str,
        model: str,
        alias_name: str,
        *,
        with_shadows: bool = False,
        public_keys: tuple[str, ...] = (),
        oldest: int = 0,
    ) -> None:
        self.url, self.model, self.alias, self.with_shadows = url, model, alias_name, with_shadows
        self._public_keys, self._oldest = public_keys, seal.Oldest(model, alias_name, oldest)

    @classmethod
    def configured(cls, settings: Settings, *, with_shadows: bool = False) -> Self:
        """What a deployment serves."""
        return cls(
            settings.store,
            settings.model,
            settings.alias,
            with_shadows=with_shadows,
            public_keys=settings.public_keys,
            oldest=settings.oldest_generation,
        )

    @cached_property
    def store(self) -> Store:
        return seal.open_registry(self.url, self._public_keys, oldest=self._oldest)

    def of(self, model: str) -> "Source":
        """The same alias of another model in the same registry."""
        other = Source(self.url, model, self.alias, with_shadows=self.with_shadows, public_keys=self._public_keys)
        other.store = self.store
        return other

    def at(self, version: str) -> "Pinned":
        """One version of the model, whatever the alias names."""
        return Pinned(self, version)

    def reconnect(self) -> None:
        """Open the store anew when it is next asked: connections and credentials do not live through a snapshot."""
        self.__dict__.pop("store", None)

    def entry(self) -> alias.Entry:
        """Which bundle the alias names now: one request to the store finds that there is none."""
        return alias.current(self.store, self.model, self.alias)

    def newest(self) -> Fetched:
        """What the alias names now."""
        return self.fetch(self.entry())

    def newer(self, generation: int) -> alias.Entry | None:
        """What the alias names now, if it moved since `generation`; one request to the store if it did not."""
        return alias.newer(self.store, self.model, self.alias, generation)

    def fetch(self, entry: alias.Entry, known: Collection[str] = ()) -> Fetched:
        """The bundles that an entry names, asked for all at once. Those `known`, by digest, come without their bytes."""
        canary = self._beside(entry, entry.canary, known)
        shadow = self._beside(entry, entry.shadow, known) if self.with_shadows else None
        return self._bundle(entry, known)._replace(canary=canary, shadow=shadow)

    def _beside(
        self, entry: alias.Entry, named: alias.Canary | alias.Served | None, known: Collection[str]
    ) -> Callable[[], Fetched] | None:
        """A bundle that an entry names beside the one it serves, as if it were served."""
        if named is None:
            return None
        served = entry._replace(version=named.version, digest=named.digest)
        return Ahead(lambda: self._bundle(served, known)).result

    def _bundle(self, entry: alias.Entry, known: Collection[str]) -> Fetched:
        if entry.digest in known:
            return Fetched(entry, b"", b"")
        manifest, files = bundle.read_bundle(self.store, self.model, entry.version, (PROGRAM, GOLDEN), entry.digest)
        return Fetched(entry, files[PROGRAM], files[GOLDEN], manifest.signature)


class Pinned:
    """One complete version of a model. It is what it is: there is never a newer one."""

    def __init__(self, source: Source, version: str) -> None:
        self._source, self._version = source, version

    def entry(self) -> alias.Entry:
        """The bundle as an alias would name it. Raises NotFoundError for a version that is not there or not complete."""
        model, version = self._source.model, self._version
        manifest = bundle.read_manifest(self._source.store, model, version)
        return alias.Entry(
            record.FORMAT,
            alias="",
            generation=0,
            kind="switch",
            version=version,
            digest=manifest.digest,
            previous=None,
            write_id="",
            who="",
            why="",
            when=manifest.created,
        )

    def newest(self) -> Fetched:
        return self.fetch(self.entry())

    def newer(self, _generation: int) -> None:
        return None

    def fetch(self, entry: alias.Entry, known: Collection[str] = ()) -> Fetched:
        return self._source.fetch(entry, known)


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
