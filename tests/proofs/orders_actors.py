"""Who takes turns in the proof of `orders`: each is the product's own code, told what it did. And the worlds they meet."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import NamedTuple
from unittest.mock import patch

from firesteel.errors import ConflictError, NotFoundError, RegistryError
from firesteel.registry import alias, bundle, collect, entry
from firesteel.registry.alias import Entry
from firesteel.registry.store import MemoryStore
from functions.classify import refresh
from functions.classify.fetch import GOLDEN, PROGRAM, Source
from functions.classify.live import Segmented
from tests.faults.schedules import on
from tests.faults.stepping import Stepped, act, determined

MODEL, ALIAS = "m", "latest"
LATER = 1_800_000_000.0
"""A time long after all that is recorded here."""
VERSIONS = ("1.0.0", "1.1.0", "2.0.0")


class Won(NamedTuple):
    """A move that was acknowledged. `seen` is the generation that it had to come right after, if it said so."""

    entry: Entry
    seen: int | None


class Lost(NamedTuple):
    """A move that was refused as a conflict."""

    seen: int | None


class Nothing(NamedTuple):
    """A move that had nothing to move to, or a server that found nothing to serve."""


class Saw(NamedTuple):
    """A look: what is served from now on."""

    generation: int
    bundles: tuple[tuple[str, bytes], ...]


class Published(NamedTuple):
    version: str
    digest: str


class Refused(NamedTuple):
    """Somebody else took the number."""


class Wrong(NamedTuple):
    """What nobody may meet."""

    what: str


def files(version: str) -> dict[str, bytes]:
    return {PROGRAM: f"the program of {version}".encode(), GOLDEN: f"the golden rows of {version}".encode()}


def moves(move: Callable[..., Entry], *arguments: str, seen: int | None = None, **options) -> Callable:
    """One who moves the alias once."""

    def play(store, tell):
        try:
            made = move(store, MODEL, ALIAS, *arguments, who="w", after=seen, **options)
        except ConflictError as error:
            tell(Nothing() if "beside itself" in str(error) else Lost(seen))
        except NotFoundError:
            tell(Nothing())
        except RegistryError as error:
            tell(Nothing() if "being collected" in str(error) else Wrong(repr(error)))
        else:
            tell(Won(made, seen))

    return play


def back_and_forth(store, tell):
    """A to B and back to A: the content comes back, the generation does not."""
    for version in ("1.1.0", "1.0.0"):
        moves(alias.promote, version)(store, tell)


def publishes(store, tell):
    """One who publishes the next version and promotes it, as a training run does."""
    version = bundle.next_version(store, MODEL, "minor")
    try:
        manifest = bundle.publish(store, MODEL, version, files(version), who="w")
    except ConflictError:
        tell(Refused())
        return
    tell(Published(version, manifest.digest))
    moves(alias.promote, version, digest=manifest.digest)(store, tell)


def collects(store, tell):
    """One who marks whatever nothing leads to. What was marked is deleted a day later at the earliest: `swept`."""
    collect.collect(store, MODEL, who="w", keep=1, older_than=0, now=lambda: LATER)
    tell(Nothing())


def swept(objects: Mapping[str, bytes]) -> list[str]:
    """What is missing of all that an alias names once the collector has come again, two days later."""
    store = stored(objects.items())
    collect.collect(store, MODEL, who="w", keep=1, older_than=0, now=lambda: LATER + 2 * collect.DAY)
    missing = []
    for newest in alias.history(store, MODEL, ALIAS)[-1:]:
        for one in filter(None, (newest.served, newest.canary, newest.shadow, *(newest.before or ()))):
            try:
                manifest = bundle.read_manifest(store, MODEL, one.version, one.digest)
                for name in manifest.files:
                    bundle.read_file(store, manifest, name)
            except RegistryError as error:
                missing.append(f"after the collection: {error}")
    return missing


def serves(looks: int, wrapped: Callable = lambda store: store) -> Callable:
    """A server that looks so many times: the real refresh, whose programs are their bytes."""

    def play(store, tell):
        source = Source("memory://", MODEL, ALIAS, with_shadows=False)
        source.store = wrapped(store)
        failed = []
        fresh = refresh.Freshness(
            source, MODEL, ttl=0, on_failure=lambda *found: failed.append(found[1].code), clock=lambda: 0.0
        )
        fresh.start()
        for look in range(looks):
            if look:
                fresh.expire()
                fresh.look()
            if failed and failed != ["nothing_published"]:
                tell(Wrong(f"the server met {failed}"))
            else:
                tell(_seen(fresh.sides) if fresh.sides else Nothing())
            failed.clear()

    return play


@contextmanager
def playing() -> Iterator[None]:
    """Around whatever these actors do. An entry that was parsed is not parsed again: a million schedules repeat them."""
    with determined(), patch.object(refresh, "load", _load), patch.object(entry, "parse", cache(entry.parse)):
        yield


def _load(fetched, model, known=None):
    named = fetched.entry
    if known and named.digest in known:
        return known[named.digest]._replace(generation=named.generation, side="", shadow=None)
    contents = fetched.program + b" with " + fetched.golden
    return Segmented(contents, model, named.version, named.digest, named.generation, len(contents))


def _seen(sides) -> Saw:
    return Saw(sides.stable.generation, tuple((one.version, one.router) for one in sides.all()))


class Overwriting:
    """A store whose put is no put-if-absent."""

    def __init__(self, store: Stepped) -> None:
        self.get, self.keys, self.create = store.get, store.keys, store.replace


class Remembering:
    """A store that lists a folder once and gives the same list ever after."""

    def __init__(self, store: Stepped) -> None:
        self.get, self.keys = store.get, cache(store.keys)


def collects_rashly(store, tell):
    """Broken: deletes at once what it finds that nothing leads to."""
    for round_ in range(2):
        now = LATER + round_ * 2 * collect.DAY
        collect.collect(store, MODEL, who="w", keep=1, older_than=0, now=lambda now=now: now)
    tell(Nothing())


def overwrites(version: str) -> Callable:
    """Broken: whoever comes last wins."""
    return lambda store, tell: moves(alias.promote, version)(Overwriting(store), tell)


def reuses(store, tell):
    """Broken: what was promoted by mistake is taken away, so the next move has its generation."""
    newest = alias.current(store, MODEL, ALIAS)
    store.delete(f"models/{MODEL}/aliases/{ALIAS}/{newest.generation:08d}.json")
    moves(alias.promote, "2.0.0")(store, tell)


@cache
def world(name: str) -> dict[str, bytes]:
    """Objects to begin with: three versions, and the alias `unset`, `set`, `moved` to and fro, or with a `canary`."""
    store = MemoryStore()
    history = {
        "unset": (),
        "set": ("1.0.0",),
        "moved": ("1.0.0", "1.1.0", "2.0.0", "1.0.0"),
        "canary": ("1.1.0", "1.0.0"),
    }

    def play(stepped, _):
        for version in VERSIONS:
            bundle.publish(stepped, MODEL, version, files(version), who="w")
        for version in history[name]:
            alias.promote(stepped, MODEL, ALIAS, version, who="w")
        if name == "canary":
            alias.canary(stepped, MODEL, ALIAS, "2.0.0", weight=0.5, who="w")

    act("first", play, lambda step: on(store, step), lambda _: None)
    return dict(store._objects)


def stored(objects: Iterable[tuple[str, bytes]]) -> MemoryStore:
    """A store that holds these."""
    store = MemoryStore()
    store._objects = dict(objects)
    return store
