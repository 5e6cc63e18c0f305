"""Alias entries: what a generation of an alias says, how it is stored and read, and where its rollbacks lead."""

import re
from collections.abc import Iterator
from types import NoneType
from typing import Any, Literal, NamedTuple, get_args

from firesteel.errors import IntegrityError, NotFoundError
from firesteel.registry import names, record
from firesteel.registry.record import Fields
from firesteel.registry.store import Store

BEFORE_LIMIT = 16
"""So many bundles are remembered for rollbacks to go back to."""

_KEY = re.compile(r"[0-9]{8}\.json\Z")

Kind = Literal["promote", "rollback", "switch", "canary", "shadow"]


class Served(NamedTuple):
    """A bundle that an alias names."""

    version: str
    digest: str


class Canary(NamedTuple):
    """A bundle that answers a share of the requests: `weight`, above 0 and below 1."""

    version: str
    digest: str
    weight: float


class Entry(NamedTuple):
    """One generation of an alias: the version it names from then on, and who moved it there, why and when.

    `canary` answers a share of the requests; `shadow` is scored beside and never answers. `before` is what rollbacks go
    back to, most recent first; None in entries of before it was kept.
    """

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
    canary: Canary | None = None
    shadow: Served | None = None
    before: tuple[Served, ...] | None = None

    @property
    def served(self) -> Served:
        """The bundle that answers what no canary answers."""
        return Served(self.version, self.digest)

    def document(self) -> dict[str, Any]:
        """The entry as it is stored, in terms of JSON: an optional field is there when it is set."""
        optional = {
            "canary": self.canary and self.canary._asdict(),
            "shadow": self.shadow and self.shadow._asdict(),
            "before": None if self.before is None else [one._asdict() for one in self.before],
        }
        required = {name: value for name, value in self._asdict().items() if name not in optional}
        return required | {name: value for name, value in optional.items() if value is not None}


_OPTIONAL: Fields = {"canary": dict, "shadow": dict, "before": list}
_ENTRY: Fields = {
    **{name: str for name in Entry._fields if name not in _OPTIONAL},
    "format": int,
    "generation": int,
    "previous": (str, NoneType),
}
_SERVED: Fields = {"version": str, "digest": str}
_CANARY: Fields = {**_SERVED, "weight": float}


def parse(data: bytes, key: str, alias: str, generation: int) -> Entry:
    """The entry stored at `key`. Raises IntegrityError when it is not one of this alias and generation."""
    fields = record.decode(data, _ENTRY, key, optional=_OPTIONAL)
    forms = [(fields[name], form) for name, form in (("canary", _CANARY), ("shadow", _SERVED)) if name in fields]
    forms += [(one, _SERVED) for one in fields.get("before", ())]
    if not all(record.has_fields(value, form) for value, form in forms):
        raise IntegrityError(f"{key} has other fields than its format says")
    canary, shadow, before = (fields.pop(name, None) for name in _OPTIONAL)
    entry = Entry(
        **fields,
        canary=Canary(**canary) if canary else None,
        shadow=Served(**shadow) if shadow else None,
        before=None if before is None else tuple(Served(**one) for one in before),
    )
    if (entry.alias, entry.generation) != (alias, generation) or not _is_sound(entry):
        raise IntegrityError(f"{key} is not an entry of this alias and generation")
    return entry


def _is_sound(entry: Entry) -> bool:
    named = (entry.served, entry.canary, entry.shadow, *(entry.before or ()))
    return (
        entry.kind in get_args(Kind)
        and all(names.is_version(one.version) and record.is_sha256(one.digest) for one in named if one)
        and (entry.previous is None or names.is_version(entry.previous))
        and (entry.canary is None or 0 < entry.canary.weight < 1)
        and len(entry.before or ()) <= BEFORE_LIMIT
    )


def way_back(last: Entry, way: tuple[Served, ...], kind: Kind, version: str) -> tuple[Served, ...]:
    """What rollbacks go back to after a move of this kind from `last`, whose own is `way`, to a version.

    A rollback is undone in it, so two of them go two back, and none leads to what an earlier one went from.
    """
    if version == last.version:
        return way
    if kind != "rollback":
        return (last.served, *way)[:BEFORE_LIMIT]
    earlier = [one.version for one in way]
    return way[earlier.index(version) + 1 :] if version in earlier else way


def generations(store: Store, model: str, alias: str) -> list[int]:
    """The generations an alias has entries of, oldest first."""
    folder = names.alias_folder(model, alias)
    keys = (key[len(folder) :] for key in store.keys(folder))
    return [int(key[:8]) for key in keys if _KEY.match(key)]


def key_of(model: str, alias: str, generation: int) -> str:
    """Where an entry is stored."""
    return f"{names.alias_folder(model, alias)}{generation:08d}.json"


def exists(store: Store, key: str) -> bool:
    """Whether there is an entry, or what somebody took for one."""
    try:
        store.get(key, limit=record.LIMIT)
    except NotFoundError:
        return False
    except IntegrityError:  # too large to be an entry, and yet there
        return True
    return True


def if_sound(store: Store, model: str, alias: str, generation: int) -> Entry | None:
    """An entry; None where there is none, or a damaged one, which names nothing: promoting mends the alias.

    A reply that was cut on its way looks like damage, so one is believed when it is seen twice.
    """
    for _ in range(2 if generation else 0):
        try:
            return read(store, model, alias, generation)
        except NotFoundError:
            return None
        except IntegrityError:
            continue
    return None


def sound(store: Store, model: str, alias: str, newest: int) -> Iterator[Entry]:
    """The entries up to `newest` that can be read, newest first."""
    for generation in sorted(generations(store, model, alias), reverse=True):
        if generation <= newest and (found := if_sound(store, model, alias, generation)):
            yield found


def last_sound(store: Store, model: str, alias: str, newest: int) -> Entry | None:
    """The newest entry that can be read: what was damaged or forged after it ends no way back."""
    if not newest:
        return None
    return if_sound(store, model, alias, newest) or next(sound(store, model, alias, newest - 1), None)


def read(store: Store, model: str, alias: str, generation: int) -> Entry:
    """An entry. Raises NotFoundError, IntegrityError, StoreError."""
    key = key_of(model, alias, generation)
    return parse(store.get(key, limit=record.LIMIT), key, alias, generation)
