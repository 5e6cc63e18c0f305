"""Aliases: names that move. An alias is an append-only log, one object a generation, each created by put-if-absent."""

import re
from itertools import pairwise
from typing import Literal

from firesteel.errors import ConflictError, IntegrityError, NotFoundError, RegistryError
from firesteel.registry import bundle, entry, names, record
from firesteel.registry.entry import Canary, Entry, Kind, Served
from firesteel.registry.store import Store, put_once

__all__ = (
    "Canary", "Entry", "Kind", "Served",
    "aliases", "canary", "current", "history", "newer", "promote", "recent", "rollback", "shadow",
)  # fmt: skip

_KEY = re.compile(r"[0-9]{8}\.json\Z")


def aliases(store: Store, model: str) -> list[str]:
    """The names of a model's aliases."""
    return store.folders(f"{names.folder(model)}{names.ALIASES}/")


def history(store: Store, model: str, alias: str) -> list[Entry]:
    """All entries, oldest first; empty if the alias does not exist. IntegrityError if one is damaged or missing."""
    generations = _generations(store, model, alias)
    if generations != list(range(1, len(generations) + 1)):
        raise IntegrityError(f"the history of {alias} of {model} has gaps: there are only generations {generations}")
    return [_read(store, model, alias, generation) for generation in generations]


def recent(store: Store, model: str, alias: str, most: int) -> list[Entry]:
    """At most so many of the newest entries, newest first. Damaged ones are left out: their generations are missing."""
    generations = sorted(_generations(store, model, alias), reverse=True)[:most]
    return [found for found in (_if_sound(store, model, alias, one) for one in generations) if found]


def current(store: Store, model: str, alias: str) -> Entry:
    """The newest entry: one listing and one read. Raises NotFoundError when the alias was never set."""
    return _read(store, model, alias, _existing(store, model, alias))


def newer(store: Store, model: str, alias: str, generation: int) -> Entry | None:
    """The newest entry after `generation`, None if there is none: one read that finds nothing when nothing moved.

    Only the newest must be whole: one that was damaged and followed by a good one is passed over.
    """
    return current(store, model, alias) if _exists(store, _key(model, alias, generation + 1)) else None


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
    newest = _generation(store, model, alias, after)
    served = _verified(store, model, version, digest)
    last = _if_sound(store, model, alias, newest)
    return _append(store, model, alias, newest, kind, served, last, who, why)


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
    last, found = _beside(store, model, alias, version, digest, after)
    challenger = Canary(*found, float(weight))
    return _append(store, model, alias, last.generation, "canary", last.served, last, who, why, challenger, last.shadow)


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
    last, found = _beside(store, model, alias, version, digest, after)
    return _append(store, model, alias, last.generation, "shadow", last.served, last, who, why, last.canary, found)


def rollback(
    store: Store, model: str, alias: str, *, who: str, why: str = "", to: str | None = None, after: int | None = None
) -> Entry:
    """Move an alias back. The way back is the next entry, too.

    While a canary or a shadow runs, these end and the version stays. Else the alias goes to the very bundle that was
    served before: one listing, one read and one put. The bundle is not read: those who serve it check it, and stay with
    what they have if it is damaged. `to` goes to a version that was served once, and checks it as `promote` does.

    Raises what `promote` raises, and NotFoundError when there is nothing to go back to.
    """
    newest = _existing(store, model, alias, after)
    if to:
        served = _verified(store, model, to, _last_of(store, model, alias, to, newest).digest)
        last = _if_sound(store, model, alias, newest)
    else:
        last = _read(store, model, alias, newest)
        served = last.served if last.canary or last.shadow else _one_back(store, model, last)
    return _append(store, model, alias, newest, "rollback", served, last, who, why)


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
    canary: Canary | None = None,
    shadow: Served | None = None,
) -> Entry:
    """Create the entry after `newest`, which is `last`, or None where that cannot be read."""
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
        before=entry.way_back(last, _way_back(store, model, last), kind, served.version) if last else (),
    )
    try:
        put_once(store, _key(model, alias, added.generation), record.encode(added.document()))
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


def _beside(
    store: Store, model: str, alias: str, version: str, digest: str | None, after: int | None
) -> tuple[Entry, Served]:
    """The newest entry, and the version that is to run beside what it names."""
    last = _read(store, model, alias, _existing(store, model, alias, after))
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
    while entries[-1].before is None and (earlier := _if_sound(store, model, last.alias, entries[-1].generation - 1)):
        entries.append(earlier)
    way = entries[-1].before or ()
    for one, following in pairwise(reversed(entries)):
        way = entry.way_back(one, way, following.kind, following.version)
    return way


def _last_of(store: Store, model: str, alias: str, version: str, newest: int) -> Entry:
    """The newest entry that names a version. One that is damaged or missing names none: the way back stays open."""
    for generation in range(newest, 0, -1):
        found = _if_sound(store, model, alias, generation)
        if found and found.version == version:
            return found
    raise NotFoundError(f"{alias} of {model} never named {version}; `firesteel switch` moves it anywhere")


def _generation(store: Store, model: str, alias: str, after: int | None) -> int:
    """The newest generation, 0 for none. Raises ConflictError when it is not the one that was seen."""
    newest = max(_generations(store, model, alias), default=0)
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


def _generations(store: Store, model: str, alias: str) -> list[int]:
    folder = names.alias_folder(model, alias)
    keys = (key[len(folder) :] for key in store.keys(folder))
    return [int(key[:8]) for key in keys if _KEY.match(key)]


def _key(model: str, alias: str, generation: int) -> str:
    return f"{names.alias_folder(model, alias)}{generation:08d}.json"


def _exists(store: Store, key: str) -> bool:
    try:
        store.get(key, limit=record.LIMIT)
    except NotFoundError:
        return False
    except IntegrityError:  # too large to be an entry, and yet there
        return True
    return True


def _if_sound(store: Store, model: str, alias: str, generation: int) -> Entry | None:
    """An entry; None where there is none, or a damaged one, which names nothing: promoting mends the alias."""
    try:
        return _read(store, model, alias, generation) if generation else None
    except (IntegrityError, NotFoundError):
        return None


def _read(store: Store, model: str, alias: str, generation: int) -> Entry:
    key = _key(model, alias, generation)
    return entry.parse(store.get(key, limit=record.LIMIT), key, alias, generation)
