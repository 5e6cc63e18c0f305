"""The operations that must be crash-safe, what each is done for, and broken ones that must be found out."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from types import SimpleNamespace
from typing import Any, NamedTuple
from unittest.mock import patch

from firesteel.errors import ConflictError, StoreError
from firesteel.registry import alias, bundle, collect, record
from firesteel.registry.bundle import CLAIM, COLLECTED, MANIFEST
from firesteel.registry.entry import Served
from firesteel.registry.store import MemoryStore, Store, put_once
from tests.proofs.crashes_world import (
    ENTRIES,
    GENERATION,
    KEEP,
    MODEL,
    NEW,
    UNFINISHED,
    UNNAMED,
    Clock,
    content,
    past,
    read_entry,
    whole,
)

type Objects = Mapping[str, bytes]


class Operation(NamedTuple):
    """What is run, and again after it stopped; what it has then done; and what it begins with."""

    name: str
    run: Callable[[Store, Clock], Any]
    done: Callable[[Objects], bool]
    begin: Callable[[], Objects] = past


def publishes(store: Store, _: Clock) -> None:
    version = bundle.next_version(store, MODEL, "minor")
    bundle.publish(store, MODEL, version, content(version), who="ada")


def promotes(store: Store, _: Clock) -> None:
    alias.promote(store, MODEL, "latest", NEW, who="ada", why="better")


def tries(store: Store, _: Clock) -> None:
    alias.canary(store, MODEL, "latest", NEW, weight=0.1, who="ada")


def goes_back(store: Store, _: Clock) -> None:
    """From the generation that was seen, once: that it was done already is a conflict."""
    try:
        alias.rollback(store, MODEL, "latest", who="ada", after=GENERATION)
    except ConflictError:
        if alias.current(store, MODEL, "latest").kind != "rollback":
            raise


def goes_back_to(store: Store, _: Clock) -> None:
    alias.rollback(store, MODEL, "latest", to="1.0.0", who="ada")


def collects(store: Store, clock: Clock) -> None:
    collect.collect(store, MODEL, who="ada", keep=KEEP, now=clock.time)


def releases(store: Store, _: Clock) -> None:
    """The train function's, with a bundle of small files in place of a trained one's."""
    from functions.train import release  # scikit-learn with it, which processes that release nothing need not load

    definition = SimpleNamespace(address=MODEL, gates=[])
    trained = SimpleNamespace(definition=definition, metrics={"targets": {}}, signature="5" * 64)
    with (
        patch.object(release.metadata, "describe", lambda _trained, _origin, version, *_: version),
        patch.object(release, "bundle_files", lambda _, version, __: content(version)),
    ):
        release.release(store, trained, who="ada", data_name="tickets.csv")


def newest(objects: Objects) -> Any:
    key = max(key for key in objects if key.startswith(ENTRIES))
    return read_entry(key, objects[key])


def names(version: str) -> Callable[[Objects], bool]:
    return lambda objects: newest(objects).version == version


def has_new(objects: Objects) -> bool:
    """There is a version that was not there, and it is whole."""
    complete = {key.split("/")[2] for key in set(objects) - set(past()) if key.endswith(MANIFEST)}
    return any(not whole(tuple(sorted(_of(objects, version))), None) for version in complete)


def serves_new(objects: Objects) -> bool:
    return has_new(objects) and f"models/{MODEL}/v{newest(objects).version}/{CLAIM}" not in past()


def is_marked(objects: Objects) -> bool:
    marked = {key.split("/")[2][1:] for key in objects if key.endswith(COLLECTED)}
    return marked == {*UNNAMED, UNFINISHED}


def is_gone(objects: Objects) -> bool:
    left = {
        version: {key.rpartition("/")[2] for key, _ in _of(objects, f"v{version}")}
        for version in (*UNNAMED, UNFINISHED)
    }
    return all(files == {CLAIM, COLLECTED} for files in left.values())


def _of(objects: Objects, folder: str) -> list[tuple[str, bytes]]:
    return [(key, data) for key, data in objects.items() if key.startswith(f"models/{MODEL}/{folder}/")]


OPERATIONS = (
    Operation("publish", publishes, has_new),
    Operation("promote", promotes, names(NEW)),
    Operation("canary", tries, lambda objects: newest(objects).canary.version == NEW),
    Operation("rollback", goes_back, names("1.2.0")),
    Operation("rollback --to", goes_back_to, names("1.0.0")),
    Operation("gc, mark", collects, is_marked),
    Operation("gc, sweep", collects, is_gone, lambda: past(marked=True)),
    Operation("release", releases, serves_new),
)


# Broken ones


def publishes_backwards(store: Store, _: Clock) -> None:
    """Serves a version whose manifest is there before its files."""
    version, digest, written = _prepared(store)
    first = [key for key in written if key.endswith((CLAIM, MANIFEST))]
    for key in first:
        put_once(store, key, written.pop(key))
    _point(store, Served(version, digest))
    for key, data in written.items():
        put_once(store, key, data)


def promotes_unseen(store: Store, _: Clock) -> None:
    """Publishes, and promotes what it published whatever came of that."""
    version, digest, written = _prepared(store)
    for key, data in written.items():
        with suppress(StoreError):
            put_once(store, key, data)
    _point(store, Served(version, digest))


def _prepared(store: Store) -> tuple[str, str, dict[str, bytes]]:
    """The next version, its digest and its objects, of which none is written."""
    version, memory = bundle.next_version(store, MODEL, "minor"), MemoryStore()
    manifest = bundle.publish(memory, MODEL, version, content(version), who="ada")
    return version, manifest.digest, memory._objects


def _point(store: Store, served: Served) -> None:
    """The next entry, without a look at what it names."""
    last = alias.current(store, MODEL, "latest")
    moved = last._replace(
        generation=last.generation + 1,
        previous=last.version,
        version=served.version,
        digest=served.digest,
        write_id=record.new_write_id(),
        before=(last.served, *last.before),
        canary=None,
        shadow=None,
    )
    put_once(store, f"{ENTRIES}{moved.generation:08d}.json", record.encode(moved.document()))


BROKEN = (
    Operation("a publisher that writes the manifest first", publishes_backwards, serves_new),
    Operation("a promoter that does not look", promotes_unseen, serves_new),
)
