"""Aliases: names that move. An alias is an append-only log, one object a generation, each created by put-if-absent."""

import json
import os
import re
from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

from firesteel import strictjson
from firesteel.errors import ConflictError, IntegrityError, NotFoundError
from firesteel.registry import bundle, names
from firesteel.registry.bundle import timestamp
from firesteel.registry.store import Store, put_once

FORMAT = 1
ENTRY_LIMIT = 8 * 1024
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


def aliases(store: Store, model: str) -> list[str]:
    """The names of a model's aliases."""
    return store.folders(names.folder(model) + "aliases/")


def history(store: Store, model: str, alias: str) -> list[Entry]:
    """All entries, oldest first; empty if the alias does not exist."""
    return [_read(store, model, alias, generation) for generation in _generations(store, model, alias)]


def current(store: Store, model: str, alias: str) -> Entry:
    """The newest entry: one listing and one read. Raises NotFoundError when the alias was never set."""
    generations = _generations(store, model, alias)
    if not generations:
        raise NotFoundError(f"{model} has no alias {alias}: nothing was promoted to it yet (`firesteel versions {model}`)")
    return _read(store, model, alias, generations[-1])


def newer(store: Store, model: str, alias: str, generation: int) -> Entry | None:
    """The newest entry after `generation`, None if there is none: one read that finds nothing when nothing moved."""
    found = None
    while True:
        try:
            found = _read(store, model, alias, generation + 1)
        except NotFoundError:
            return found
        generation += 1


def promote(
    store: Store, model: str, alias: str, version: str, *, who: str, why: str = "", kind: Kind = "promote"
) -> Entry:
    """Move an alias to a version, whose every file is read and checked first.

    Raises NotFoundError for a version that is not complete, IntegrityError for one that is not what was published, and
    ConflictError when somebody else moved the alias at the same time.
    """
    newest = _newest(store, model, alias)
    manifest = bundle.read_manifest(store, model, version)
    if problems := bundle.verify(store, model, version):
        raise IntegrityError(f"{model} {version} cannot be served: {'; '.join(problems)}")
    entry = Entry(
        format=FORMAT,
        alias=alias,
        generation=newest.generation + 1 if newest else 1,
        kind=kind,
        version=version,
        digest=manifest.digest,
        previous=newest.version if newest else None,
        write_id=os.urandom(16).hex(),
        who=who[:200],
        why=why[:1000],
        when=timestamp(),
    )
    try:
        put_once(store, _key(model, alias, entry.generation), json.dumps(entry._asdict(), sort_keys=True).encode())
    except ConflictError:
        raise ConflictError(
            f"somebody else moved {alias} of {model} to generation {entry.generation} at the same time; "
            f"look at `firesteel show {model}` and try again"
        ) from None
    return entry


def rollback(store: Store, model: str, alias: str, *, who: str, why: str = "", to: str | None = None) -> Entry:
    """Move an alias back: to the version before the current one, or to `to`. The way back is the next entry, too."""
    newest = current(store, model, alias)
    target = to or _before(history(store, model, alias), model, newest)
    return promote(store, model, alias, target, who=who, why=why, kind="rollback")


def _before(entries: Iterable[Entry], model: str, newest: Entry) -> str:
    """The version that was served before the current one. A rollback is undone in the log, so two of them go two back."""
    served: list[str] = []
    for entry in entries:
        if entry.kind == "rollback" and entry.version in served:
            del served[len(served) - served[::-1].index(entry.version) :]
        elif not served or served[-1] != entry.version:
            served.append(entry.version)
    if len(served) < 2:
        raise NotFoundError(f"{newest.alias} of {model} has no version before {newest.version} to go back to")
    return served[-2]


def _newest(store: Store, model: str, alias: str) -> Entry | None:
    try:
        return current(store, model, alias)
    except NotFoundError:
        return None


def _generations(store: Store, model: str, alias: str) -> list[int]:
    folder = names.alias_folder(model, alias)
    keys = (key[len(folder) :] for key in store.keys(folder))
    return [int(key[:8]) for key in keys if _KEY.match(key)]


def _key(model: str, alias: str, generation: int) -> str:
    return f"{names.alias_folder(model, alias)}{generation:08d}.json"


def _read(store: Store, model: str, alias: str, generation: int) -> Entry:
    key = _key(model, alias, generation)
    data = store.get(key, limit=ENTRY_LIMIT)
    try:
        value = strictjson.parse(data, depth=2)
        if value["format"] != FORMAT:
            raise IntegrityError(f"{key} has format {value['format']!r}; this version reads format {FORMAT}")
        entry = Entry(**value)
    except (ValueError, KeyError, TypeError) as error:
        raise IntegrityError(f"{key} is not what its format says: {error}") from None
    if (entry.alias, entry.generation) != (alias, generation) or not _sound(entry):
        raise IntegrityError(f"{key} is not an entry of this alias and generation")
    return entry


def _sound(entry: Entry) -> bool:
    texts: tuple[Any, ...] = (entry.write_id, entry.who, entry.why, entry.when, entry.digest, entry.version)
    return (
        all(type(text) is str for text in texts)
        and names.is_version(entry.version)
        and (entry.previous is None or type(entry.previous) is str)
        and entry.kind in ("promote", "rollback", "switch")
        and type(entry.generation) is int
        and len(entry.digest) == 64
    )
