"""A registry with a past, a clock that is moved, and what must hold of it after every single write."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache, lru_cache
from types import MappingProxyType
from unittest.mock import patch

from firesteel.errors import RegistryError
from firesteel.registry import alias, bundle, entry, record
from firesteel.registry.bundle import COLLECTED
from firesteel.registry.collect import DAY
from firesteel.registry.entry import Entry
from firesteel.registry.seal import Sealed
from firesteel.registry.store import MemoryStore

MODEL = "m"
ENTRIES = f"models/{MODEL}/aliases/latest/"
BEGUN = 1_800_000_000.0  # the present of every registry, seconds since the epoch
FILES = ("program.safetensors", "metrics.json")
NEW, SERVED, UNNAMED, UNFINISHED = "1.6.0", "1.4.0", ("1.1.0", "1.5.0"), "1.3.0"
KEEP, GENERATION = 1, 3  # newest complete versions that are kept; the newest generation of every past


class Clock:
    """Stands in for the module `time` where the registry asks what time it is."""

    def __init__(self, now: float = BEGUN) -> None:
        self.now = now

    def time(self) -> float:
        return self.now

    def stamp(self) -> str:
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.now))

    @contextmanager
    def everywhere(self) -> Iterator["Clock"]:
        """The registry's records and moves go by this clock; collecting is given it."""
        with patch.object(record, "timestamp", self.stamp), patch.object(alias, "time", self):
            yield self


class Watched(MemoryStore):
    """A store that judges itself after every write: what was wrong is kept in `wrong`."""

    def __init__(self, objects: Mapping[str, bytes]) -> None:
        super().__init__()
        self._objects = dict(objects)
        self.ever, self.wrong = dict(objects), list[str]()
        self.cut = Counter[str]()  # how often what was read of a key was cut

    def create(self, key: str, data: bytes) -> None:
        super().create(key, data)
        if self.ever.setdefault(key, data) != data:
            self.wrong.append(f"{key} was written twice")
        self.judge()

    def delete(self, key: str) -> None:
        super().delete(key)
        self.judge()

    def judge(self) -> None:
        self.wrong += wrong(self._objects, self.ever, self.cut)


def content(version: str) -> dict[str, bytes]:
    return {FILES[0]: b"the program of " + version.encode(), FILES[1]: b'{"targets": {}}'}


@cache
def past(*, marked: bool = False) -> Mapping[str, bytes]:
    """What the registry holds at first. `marked`: garbage was, a day ago."""
    from firesteel.registry import collect

    inner, clock = MemoryStore(), Clock(BEGUN - 200 * DAY)
    store = Sealed(inner)
    with clock.everywhere():
        for version in ("1.0.0", *UNNAMED[:1], "1.2.0", UNFINISHED, SERVED, *UNNAMED[1:]):
            clock.now += 10 * DAY
            manifest = bundle.publish(store, MODEL, version, content(version), who="ada")
            if version == UNFINISHED:
                inner.delete(f"models/{MODEL}/v{version}/{FILES[1]}")
                inner.delete(f"models/{MODEL}/v{version}/{bundle.MANIFEST}")
            elif version not in UNNAMED:
                alias.promote(store, MODEL, "latest", version, who="ada", digest=manifest.digest)
        clock.now = BEGUN - 2 * DAY
        bundle.publish(store, MODEL, NEW, content(NEW), who="ada")
        if marked:
            clock.now = BEGUN - DAY
            collect.collect(store, MODEL, who="ada", keep=KEEP, now=clock.time)
    return dict(inner._objects)


def wrong(
    objects: Mapping[str, bytes], ever: Mapping[str, bytes], cut: Mapping[str, int] = MappingProxyType({})
) -> list[str]:
    """What must not be: an alias that names, or leads back to, what is not whole; a history with a fault; a lost record.

    An entry that was `cut` twice when it was read counts as damaged, and what follows may follow from one before it.
    """
    folders: dict[str, list[tuple[str, bytes]]] = {}
    for key, data in sorted(objects.items()):
        folder, _, _ = key.rpartition("/")
        folders.setdefault(f"{folder}/", []).append((key, data))
    found = [f"{key} is not what it was" for key, data in objects.items() if ever[key] != data]
    kept = (bundle.CLAIM, COLLECTED)
    found += [f"{key} is gone" for key in ever if key not in objects and (key.endswith(kept) or "/aliases/" in key)]
    for folder, held in folders.items():
        if "/aliases/" in folder:
            found += _history(folder, held, folders, cut)
    return found


def _history(folder: str, held: list[tuple[str, bytes]], folders: Mapping, cut: Mapping[str, int]) -> list[str]:
    entries = [read_entry(key, data) for key, data in held]
    if broken := [one for one in entries if isinstance(one, str)]:
        return broken
    if [one.generation for one in entries] != list(range(1, len(entries) + 1)):
        return [f"{folder} has gaps"]
    found = []
    for number, one in enumerate(entries[1:], start=1):
        seen = number - 1
        while cut.get(held[seen][0], 0) > 1 and seen and not _follows(one, entries[seen]):
            seen -= 1
        if not _follows(one, entries[seen]):
            found.append(f"generation {one.generation} does not follow from the one before")
    newest = entries[-1]
    named = [one for one in (newest.served, newest.canary, newest.shadow, *newest.before) if one]
    problems = [
        (one.version, whole(tuple(folders.get(f"models/{MODEL}/v{one.version}/", ())), one.digest)) for one in named
    ]
    found += [f"generation {newest.generation} names {version}: {problem}" for version, problem in problems if problem]
    return found


def _follows(one: Entry, last: Entry) -> bool:
    """Whether an entry may have been made by somebody who took the other for the newest that can be read."""
    way = entry.way_back(last, last.before, one.kind, one.version)
    kept = way if one.generation == last.generation + 1 else tuple(back for back in way if back in one.before)
    return (one.previous, one.before) == (last.version, kept)


@lru_cache(maxsize=4096)
def read_entry(key: str, data: bytes) -> Entry | str:
    """The entry at a key, or what is wrong with it."""
    try:
        return entry.parse(_one(((key, data),)).get(key, limit=record.LIMIT), key, "latest", int(key[-13:-5]))
    except RegistryError as error:
        return str(error)


@lru_cache(maxsize=4096)
def whole(files: tuple[tuple[str, bytes], ...], digest: str | None) -> str:
    """What is wrong with a version that has these files, nothing if it is whole. That it is marked is not."""
    if not files:
        return "is not there"
    version = files[0][0].split("/")[2][1:]
    try:
        store = _one(tuple((key, data) for key, data in files if not key.endswith(COLLECTED)))
        return "; ".join(bundle.problems(store, bundle.read_manifest(store, MODEL, version, digest)))
    except RegistryError as error:
        return str(error)


def _one(files: tuple[tuple[str, bytes], ...]) -> Sealed:
    store = MemoryStore()
    store._objects = dict(files)
    return Sealed(store)
