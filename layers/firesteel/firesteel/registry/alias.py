"""Aliases: names that move. An alias is an append-only log, one object a generation, each created by put-if-absent."""

import re
from types import NoneType
from typing import Literal, NamedTuple, get_args

from firesteel.errors import ConflictError, IntegrityError, NotFoundError
from firesteel.registry import bundle, names, record
from firesteel.registry.record import Fields
from firesteel.registry.store import Store, put_once

_KEY = re.compile(r"[0-9]{8}\.json\Z")

Kind = Literal["promote", "rollback", "switch"]


class Entry(NamedTuple):
    """One generation of an alias: the version it names from then on, and who moved it there, why and when."""

    format: int
    alias: str
    generation: int
    kind: Kind
    version: str
    digest: str
    previous: str | None
    write_id: str
    who: str
    why: str
    when: str


_ENTRY: Fields = {
    **dict.fromkeys(Entry._fields, str),
    "format": int,
    "generation": int,
    "previous": (str, NoneType),
}


def aliases(store: Store, model: str) -> list[str]:
    """The names of a model's aliases."""
    return store.folders(f"{names.folder(model)}{names.ALIASES}/")


def history(store: Store, model: str, alias: str) -> list[Entry]:
    """All entries, oldest first; empty if the alias does not exist. IntegrityError if one is damaged or missing."""
    generations = _generations(store, model, alias)
    if generations != list(range(1, len(generations) + 1)):
        raise IntegrityError(f"the history of {alias} of {model} has gaps: there are only generations {generations}")
    return [_read(store, model, alias, generation) for generation in generations]


def current(store: Store, model: str, alias: str) -> Entry:
    """The newest entry: one listing and one read. Raises NotFoundError when the alias was never set."""
    return _read(store, model, alias, _newest(store, model, alias))


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
    kind: Kind = "promote",
    digest: str | None = None,
    after: int | None = None,
) -> Entry:
    """Move an alias to a version, whose every file is read and checked first.

    `digest`: to this bundle and no other. `after`: only if that is the alias's newest generation (0 when it was never
    set), so that nobody promotes over what they have not seen.

    Raises NotFoundError for a version that is not complete, IntegrityError for one that is not what was published, and
    ConflictError when somebody else moved the alias meanwhile.
    """
    newest = max(_generations(store, model, alias), default=0)
    if after is not None and after != newest:
        raise ConflictError(f"{alias} of {model} is at generation {newest} and not, as you saw it, at {after}")
    manifest = bundle.read_manifest(store, model, version, digest)
    if problems := bundle.problems(store, manifest):
        raise IntegrityError(f"{model} {version} cannot be served: {'; '.join(problems)}")
    entry = Entry(
        format=record.FORMAT,
        alias=alias,
        generation=newest + 1,
        kind=kind,
        version=version,
        digest=manifest.digest,
        previous=_version_at(store, model, alias, newest),
        write_id=record.new_write_id(),
        who=record.one_line(who, 200),
        why=record.one_line(why, 1000),
        when=record.timestamp(),
    )
    try:
        put_once(store, _key(model, alias, entry.generation), record.encode(entry._asdict()))
    except ConflictError:
        raise ConflictError(
            f"somebody else moved {alias} of {model} to generation {entry.generation} at the same time; "
            f"look at `firesteel show {model}` and try again"
        ) from None
    return entry


def rollback(
    store: Store, model: str, alias: str, *, who: str, why: str = "", to: str | None = None, after: int | None = None
) -> Entry:
    """Move an alias back: to the version before the current one, or to `to`. The way back is the next entry, too.

    It goes back to the very bundle that was served then. Raises what `promote` raises, and NotFoundError when the alias
    never named such a version.
    """
    newest = _newest(store, model, alias)
    target = _last_of(store, model, alias, to, newest) if to else _before(store, model, alias, newest)
    seen = newest if after is None else after
    return promote(
        store, model, alias, target.version, who=who, why=why, kind="rollback", digest=target.digest, after=seen
    )


def _before(store: Store, model: str, alias: str, generation: int) -> Entry:
    """What was served before the newest entry. A rollback is undone in the log, so two of them go two back."""
    newest = _read(store, model, alias, generation)
    if newest.kind != "rollback" and newest.previous not in (None, newest.version):
        return _read(store, model, alias, generation - 1)
    served: list[Entry] = []
    for entry in history(store, model, alias):
        if entry.kind == "rollback":
            known = any(entry.version == earlier.version for earlier in served)
            while served and served[-1].version != entry.version:
                served.pop()
                if not known:  # it went to a version that was left behind earlier: only what it went from is undone
                    break
            if not known:
                served.append(entry)
        elif not served or served[-1].version != entry.version:
            served.append(entry)
    if len(served) < 2:
        raise NotFoundError(f"{alias} of {model} has no version before {newest.version} to go back to")
    return served[-2]


def _last_of(store: Store, model: str, alias: str, version: str, newest: int) -> Entry:
    """The newest entry that names a version. One that is damaged or missing names none: the way back stays open."""
    for generation in range(newest, 0, -1):
        try:
            entry = _read(store, model, alias, generation)
        except (IntegrityError, NotFoundError):
            continue
        if entry.version == version:
            return entry
    raise NotFoundError(f"{alias} of {model} never named {version}; `firesteel switch` moves it anywhere")


def _version_at(store: Store, model: str, alias: str, generation: int) -> str | None:
    """What a generation names; None for none. A damaged entry names nothing, and promoting mends the alias."""
    try:
        return _read(store, model, alias, generation).version if generation else None
    except IntegrityError:
        return None


def _newest(store: Store, model: str, alias: str) -> int:
    newest = max(_generations(store, model, alias), default=0)
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


def _read(store: Store, model: str, alias: str, generation: int) -> Entry:
    key = _key(model, alias, generation)
    entry = Entry(**record.decode(store.get(key, limit=record.LIMIT), _ENTRY, key))
    if (entry.alias, entry.generation) != (alias, generation) or not _is_sound(entry):
        raise IntegrityError(f"{key} is not an entry of this alias and generation")
    return entry


def _is_sound(entry: Entry) -> bool:
    return (
        entry.kind in get_args(Kind)
        and names.is_version(entry.version)
        and (entry.previous is None or names.is_version(entry.previous))
        and record.is_sha256(entry.digest)
    )
