"""Aliases: names that move. An alias is an append-only log, one object a generation, each created by put-if-absent."""

import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Literal

from firesteel.errors import ConflictError, IntegrityError, NotFoundError, RegistryError, StoreError, UnsignedError
from firesteel.registry import bundle, entry, names, record, seal
from firesteel.registry.entry import Canary, Entry, Kind, Served
from firesteel.registry.store import Store, put_once

__all__ = (
    "Canary", "Entry", "Kind", "Served",
    "aliases", "canary", "current", "history", "newer", "newest_first", "promote", "recent", "rollback", "shadow",
)  # fmt: skip

VERIFIED_FOR = 3600.0  # seconds within which what was verified must be named: garbage collection waits a day


def aliases(store: Store, model: str) -> list[str]:
    """The names of a model's aliases. Folders that can be none are passed over."""
    return list(filter(names.is_alias, store.folders(f"{names.folder(model)}{names.ALIASES}/")))


def history(store: Store, model: str, alias: str, *, signed: bool = False) -> list[Entry]:
    """All entries, oldest first; empty if the alias does not exist. IntegrityError if one is damaged or missing.

    With `signed`, without those before the newest that no key signed which is trusted now.
    """
    generations = entry.generations(store, model, alias)
    if generations != list(range(1, len(generations) + 1)):
        raise IntegrityError(f"the history of {alias} of {model} has gaps: there are only generations {generations}")
    entries = []
    for generation in generations:
        try:
            entries.append(entry.read(store, model, alias, generation))
        except UnsignedError:
            if not signed or generation == generations[-1]:
                raise
    return entries


def newest_first(store: Store, model: str, alias: str) -> Iterator[Entry]:
    """All entries, newest first, each read when it is asked for. IntegrityError where one is damaged or missing."""
    for generation in range(max(entry.generations(store, model, alias), default=0), 0, -1):
        try:
            yield entry.read(store, model, alias, generation)
        except NotFoundError:
            raise IntegrityError(f"the history of {alias} of {model} has no generation {generation}") from None


def recent(store: Store, model: str, alias: str, most: int) -> list[Entry]:
    """At most so many of the newest entries, newest first. Damaged ones are left out: their generations are missing."""
    generations = sorted(entry.generations(store, model, alias), reverse=True)[:most]
    return [found for found in (entry.if_sound(store, model, alias, one) for one in generations) if found]


def current(store: Store, model: str, alias: str) -> Entry:
    """The newest entry: one listing and one read. Raises NotFoundError when the alias was never set."""
    return entry.read(store, model, alias, _existing(store, model, alias))


def newer(store: Store, model: str, alias: str, generation: int) -> Entry | None:
    """The newest entry after `generation`, None if there is none: one read that finds nothing when nothing moved.

    Only the newest must be whole: one that was damaged and followed by a good one is passed over.
    """
    return current(store, model, alias) if entry.exists(store, entry.key_of(model, alias, generation + 1)) else None


def promote(
    store: Store,
    model: str,
    alias: str,
    version: str,
    *,
    who: str,
    why: str = "",
    kind: Literal["promote", "switch"] = "promote",
    digest: str | None = None,
    after: int | None = None,
) -> Entry:
    """Move an alias to a version, whose every file is read and checked first. Its canary and its shadow end.

    `digest`: to this bundle and no other. `after`: only if that is the alias's newest generation (0 when it was never
    set), so that nobody promotes over what they have not seen.

    Raises NotFoundError for a version that is not complete, IntegrityError for one that is not what was published, and
    ConflictError when somebody else moved the alias meanwhile.
    """
    since, newest = time.time(), _generation(store, model, alias, after)
    served = _verified(store, model, version, digest)
    last = entry.last_sound(store, model, alias, newest)
    return _append(store, model, alias, newest, kind, served, last, who, why, since)


def canary(
    store: Store,
    model: str,
    alias: str,
    version: str,
    *,
    weight: float,
    who: str,
    why: str = "",
    digest: str | None = None,
    after: int | None = None,
) -> Entry:
    """Let a version answer a share of the requests, 0 < weight < 1, beside the one that is served. A shadow stays.

    Raises what `promote` raises, NotFoundError when the alias was never set, and ConflictError when the version is the
    one that is served.
    """
    if not 0 < weight < 1:
        raise RegistryError(f"a canary answers a share of the requests above 0 and below 1, not {weight}")
    since, (last, found) = time.time(), _beside(store, model, alias, version, digest, after)
    beside = Canary(*found, float(weight)), last.shadow
    return _append(store, model, alias, last.generation, "canary", last.served, last, who, why, since, *beside)


def shadow(
    store: Store,
    model: str,
    alias: str,
    version: str,
    *,
    who: str,
    why: str = "",
    digest: str | None = None,
    after: int | None = None,
) -> Entry:
    """Let a version be scored beside the one that is served; it never answers. A canary stays.

    Raises what `canary` raises.
    """
    since, (last, found) = time.time(), _beside(store, model, alias, version, digest, after)
    beside = last.canary, found
    return _append(store, model, alias, last.generation, "shadow", last.served, last, who, why, since, *beside)


def rollback(
    store: Store, model: str, alias: str, *, who: str, why: str = "", to: str | None = None, after: int | None = None
) -> Entry:
    """Move an alias back. The way back is the next entry, too.

    While a canary or a shadow runs, these end and the version stays. Else the alias goes to the very bundle that was
    served before: one listing, one read and one put. The bundle is not read: those who serve it check it, and stay with
    what they have if it is damaged. With public keys its manifest is read first, as nobody would serve what no key signed.
    `to` goes to a version that was served once, and checks it as `promote` does.

    Raises what `promote` raises, and NotFoundError when there is nothing to go back to.
    """
    since, newest = time.time(), _existing(store, model, alias, after)
    if to:
        served = _verified(store, model, to, _last_of(store, model, alias, to, newest).digest)
        last = entry.last_sound(store, model, alias, newest)
    else:
        last = entry.read(store, model, alias, newest)
        served = last.served if last.canary or last.shadow else _one_back(store, model, last)
        if seal.checks_signatures(store):
            bundle.read_manifest(store, model, served.version, served.digest)
    return _append(store, model, alias, newest, "rollback", served, last, who, why, since)


def _append(
    store: Store,
    model: str,
    alias: str,
    newest: int,
    kind: Kind,
    served: Served,
    last: Entry | None,
    who: str,
    why: str,
    since: float,
    canary: Canary | None = None,
    shadow: Served | None = None,
) -> Entry:
    """Create the entry after `newest`. What it names was good at `since`; `last` is the newest that can be read, if any."""
    if newest >= names.LAST_GENERATION:
        raise RegistryError(
            f"{alias} of {model} has an entry of generation {newest}, after which there is none: somebody put it there; "
            "look at its entries, and delete those that are none"
        )
    before = entry.way_back(last, _way_back(store, model, last), kind, served.version) if last else ()
    if last and last.generation < newest:  # garbage collection does not look so far back
        there = (one for one in before if _is_there(store, model, one))
        before = tuple(one for since_then, one in pairwise((served, *there)) if one != since_then)  # no way to itself
    added = Entry(
        format=record.FORMAT,
        alias=alias,
        generation=newest + 1,
        kind=kind,
        version=served.version,
        digest=served.digest,
        previous=last.version if last else None,
        write_id=record.new_write_id(),
        who=record.one_line(who, 200),
        why=record.one_line(why, 1000),
        when=record.timestamp(),
        canary=canary,
        shadow=shadow,
        before=before,
    )
    if time.time() - since > VERIFIED_FOR:
        raise StoreError(f"{model} {served.version} was verified more than an hour ago, and may be gone; try again")
    try:
        put_once(store, entry.key_of(model, alias, added.generation), record.encode(added.document()))
    except ConflictError:
        raise ConflictError(
            f"somebody else moved {alias} of {model} to generation {added.generation} at the same time; "
            f"look at `firesteel show {model}` and try again"
        ) from None
    return added


def _verified(store: Store, model: str, version: str, digest: str | None) -> Served:
    """A version whose every file is what was published."""
    manifest = bundle.read_manifest(store, model, version, digest)
    if problems := bundle.problems(store, manifest):
        raise IntegrityError(f"{model} {version} cannot be served: {'; '.join(problems)}")
    return Served(version, manifest.digest)


def _is_there(store: Store, model: str, one: Served) -> bool:
    """Whether a bundle can be served."""
    try:
        return _verified(store, model, one.version, one.digest) == one
    except (NotFoundError, IntegrityError):
        return False


def _beside(
    store: Store, model: str, alias: str, version: str, digest: str | None, after: int | None
) -> tuple[Entry, Served]:
    """The newest entry, and the version that is to run beside what it names."""
    last = entry.read(store, model, alias, _existing(store, model, alias, after))
    if version == last.version:
        raise ConflictError(f"{alias} of {model} is {version} already, which cannot run beside itself")
    return last, _verified(store, model, version, digest)


def _one_back(store: Store, model: str, last: Entry) -> Served:
    if way := _way_back(store, model, last):
        return way[0]
    raise NotFoundError(
        f"{last.alias} of {model} has no version before {last.version} to go back to; "
        f"`firesteel switch` moves it anywhere"
    )


def _way_back(store: Store, model: str, last: Entry) -> tuple[Served, ...]:
    """What rollbacks go back to from `last`. Entries of before it was kept are replayed, as far back as can be read."""
    entries = [last]
    while entries[-1].before is None and (
        earlier := entry.if_sound(store, model, last.alias, entries[-1].generation - 1)
    ):
        entries.append(earlier)
    way = entries[-1].before or ()
    for one, following in pairwise(reversed(entries)):
        way = entry.way_back(one, way, following.kind, following.version)
    return way


def _last_of(store: Store, model: str, alias: str, version: str, newest: int) -> Entry:
    """The newest entry that names a version. One that is damaged or missing names none: the way back stays open."""
    for found in entry.sound(store, model, alias, newest):
        if found.version == version:
            return found
    raise NotFoundError(f"{alias} of {model} never named {version}; `firesteel switch` moves it anywhere")


def _generation(store: Store, model: str, alias: str, after: int | None) -> int:
    """The newest generation, 0 for none. Raises ConflictError when it is not the one that was seen."""
    newest = max(entry.generations(store, model, alias), default=0)
    if after is not None and after != newest:
        raise ConflictError(f"{alias} of {model} is at generation {newest} and not, as you saw it, at {after}")
    return newest


def _existing(store: Store, model: str, alias: str, after: int | None = None) -> int:
    """The newest generation of an alias that was ever set."""
    newest = _generation(store, model, alias, after)
    if not newest:
        raise NotFoundError(
            f"{model} has no alias {alias}: nothing was promoted to it yet (`firesteel versions {model}`)"
        )
    return newest
