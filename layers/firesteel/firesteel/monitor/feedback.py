"""Corrections: what people say the right answer was. An append-only log beside the inference log, one object each.

    feedback/<address>/<2026-11-21>/<subject>.<write id>.json

Nothing is overwritten: who changes their mind sends another. Everything ever said can be read; what holds is the latest
of each subject and target (`settled`), by time and then by id, and what it contradicts stays visible beside it.
"""

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from firesteel import strictjson
from firesteel.errors import IntegrityError
from firesteel.monitor.subject import canonical, subject_of
from firesteel.registry import names, record
from firesteel.registry.store import Store, put_once

LIMIT = 1 << 20  # bytes of a record: requests are smaller
WHO, WHY = 200, 1000  # characters kept of each

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z")
_AT_ONCE = 16
_FIELDS: record.Fields = {
    "format": int,
    "id": str,
    "when": str,
    "model": str,
    "subject": str,
    "request_id": (str, type(None)),
    "row": (int, type(None)),
    "input": (dict, type(None)),
    "answer": dict,
    "who": str,
    "why": str,
    "version": (str, type(None)),
    "caller": str,
}


class Correction(NamedTuple):
    """One thing that somebody said.

    `subject` is what it is about: a request id (`id@3`: the row 3, from 0 on, of a batch's), or `input-` and 32 hex
    digits of the SHA-256 of the input's canonical JSON. `answer` has the right label or number of one target or more.
    `version` is the one whose answer was corrected, where that is known. `who` is what the sender says of themselves,
    `caller` what the gateway verified; empty where nobody did.
    """

    id: str
    when: datetime
    model: str
    subject: str
    request_id: str | None
    input: dict[str, Any] | None
    answer: dict[str, str | float]
    who: str
    why: str
    version: str | None = None
    row: int | None = None
    caller: str = ""

    def document(self) -> dict[str, Any]:
        """As it is stored and shown."""
        return {"format": record.FORMAT, **self._asdict(), "when": _written(self.when)}

    @property
    def order(self) -> tuple[datetime, str]:
        """Of two corrections the later holds; of two at one time, that of the greater id."""
        return self.when, self.id


class Settled(NamedTuple):
    """What holds of a subject after all that was said of it.

    `latest` is, by target, the correction that holds: its own input, and no other's, is what it speaks of. `conflicts` has
    the targets on which people differed, or one person with themselves: all corrections that answered them, oldest first.
    `input` is the one that all who sent any agree on; if they do not (`disputed`), nobody knows what the subject was.
    """

    subject: str
    request_id: str | None
    row: int | None
    input: dict[str, Any] | None
    answer: dict[str, str | float]
    latest: dict[str, Correction]
    conflicts: dict[str, tuple[Correction, ...]]
    disputed: bool = False


def send(
    store: Store,
    model: str,
    answer: Mapping[str, str | float],
    *,
    request_id: str | None = None,
    row: int | None = None,
    input: Mapping[str, Any] | None = None,  # noqa: A002 - the field's name everywhere
    who: str = "",
    why: str = "",
    version: str | None = None,
    when: datetime | None = None,
    caller: str = "",
) -> Correction:
    """Append a correction of the answer to a request, or to an input, or to both, which then are one.

    It is durable when this returns; a lost reply is told from a lost write. Raises ValueError for a correction of
    nothing, NotFoundError for what is no model, StoreError when it cannot be told whether it was written.
    """
    if not answer:
        raise ValueError("a correction has an answer for one target at least")
    when = when or datetime.now(UTC)
    said = Correction(
        id=_new_id(when),
        when=when,
        model=model,
        subject=subject_of(request_id, row, input),
        request_id=request_id,
        input=None if input is None else dict(input),
        answer=dict(answer),
        who=record.one_line(who, WHO),
        why=record.one_line(why, WHY),
        version=version,
        row=row,
        caller=record.one_line(caller, WHO),
    )
    data = record.encode(said.document())
    if len(data) > LIMIT:
        raise ValueError(f"the correction has {len(data)} bytes, more than {LIMIT}")
    put_once(store, key_of(said), data)
    return said


def read(
    store: Store,
    model: str,
    since: datetime | None = None,
    *,
    keys: list[str] | None = None,
    damaged: list[str] | None = None,
) -> list[Correction]:
    """All corrections of a model, oldest first; those sent at or after `since`; or those at some of its `keys`.

    A record that is not what was written raises IntegrityError, which names it; with a list `damaged`, what is wrong is
    appended there, and the others are still read. Raises StoreError, and NotFoundError for what is no model.
    """
    keys = listed(store, model, since) if keys is None else keys
    found = _parsed(store, model, keys, damaged)
    return sorted((one for one in found if since is None or one.when >= since), key=lambda one: one.order)


def newest(
    store: Store, model: str, since: datetime, most: int, *, damaged: list[str] | None = None
) -> tuple[list[Correction], bool]:
    """The last `most` corrections of a model that were sent at or after `since`, newest first, and whether those are all.

    No others are read. Raises as `read` does.
    """
    keys = listed(store, model, since)
    found = _parsed(store, model, keys[: -most - 1 : -1], damaged)
    recent = sorted((one for one in found if one.when >= since), key=lambda one: one.order, reverse=True)
    return recent, len(keys) <= most


def listed(store: Store, model: str, since: datetime | None = None) -> list[str]:
    """The keys of a model's corrections from the day of `since` on, oldest first."""
    folder = _folder(model)
    first = "" if since is None else since.astimezone(UTC).date().isoformat()
    days = [day for day in store.folders(folder) if _DAY.match(day) and day >= first]
    keys = [key for day in days for key in store.keys(f"{folder}{day}/") if key.count("/") == folder.count("/") + 1]
    return sorted(keys, key=lambda key: (key.split("/")[-2], key.removesuffix(".json").rpartition(".")[2]))


def fingerprint(keys: list[str]) -> str | None:
    """A SHA-256 of all that was said, by its keys: another one after every correction sent; None before the first."""
    return hashlib.sha256("\n".join(sorted(keys)).encode()).hexdigest() if keys else None


def parse(data: bytes | IntegrityError, key: str, model: str) -> Correction:
    """The correction stored at a key. Raises IntegrityError, which names the key, for anything else."""
    if isinstance(data, IntegrityError):
        raise data
    try:
        value = strictjson.parse(data, depth=8)
    except ValueError as error:
        raise IntegrityError(f"{key} cannot be read: {error}") from None
    if isinstance(value, dict) and value.get("format") != record.FORMAT:
        raise IntegrityError(f"{key} has format {value.get('format')!r:.20}; this release reads format {record.FORMAT}")
    if not record.has_fields(value, _FIELDS) or not _is_answer(value["answer"]):
        raise IntegrityError(f"{key} has other fields than its format says")
    try:
        when = datetime.fromisoformat(value["when"])
        when.astimezone(UTC)
        subject = subject_of(value["request_id"], value["row"], value["input"])
    except (OverflowError, ValueError) as error:
        raise IntegrityError(f"{key} cannot be read: {error}") from None
    said = Correction(**{name: value[name] for name in Correction._fields} | {"when": when})
    if when.tzinfo is None or (said.model, said.subject) != (model, subject) or key_of(said) != key:
        raise IntegrityError(f"{key} holds a correction that belongs elsewhere")
    return said


def settled(corrections: Iterable[Correction]) -> list[Settled]:
    """What holds of each subject, in the order in which the subjects were last spoken of."""
    about: dict[str, list[Correction]] = {}
    for one in sorted(corrections, key=lambda one: one.order):
        about[one.subject] = [*about.pop(one.subject, ()), one]
    return [_settled(said) for said in about.values()]


def key_of(said: Correction) -> str:
    """Where a correction is stored."""
    return f"{_folder(said.model)}{said.when.astimezone(UTC).date().isoformat()}/{said.subject}.{said.id}.json"


def _settled(said: list[Correction]) -> Settled:
    """Of one subject's corrections, oldest first."""
    by_target: dict[str, list[Correction]] = {}
    for one in said:
        for target in one.answer:
            by_target.setdefault(target, []).append(one)
    latest = {target: own[-1] for target, own in by_target.items()}
    inputs = [one.input for one in said if one.input is not None]
    disputed = len({canonical(one) for one in inputs}) > 1
    return Settled(
        subject=said[-1].subject,
        request_id=said[-1].request_id,
        row=said[-1].row,
        input=inputs[-1] if inputs and not disputed else None,
        answer={target: one.answer[target] for target, one in latest.items()},
        latest=latest,
        conflicts={
            target: tuple(own) for target, own in by_target.items() if len({one.answer[target] for one in own}) > 1
        },
        disputed=disputed,
    )


def _folder(model: str) -> str:
    names.folder(model)  # which raises NotFoundError for what is no model
    return f"feedback/{model}/"


def _new_id(when: datetime) -> str:
    """32 hex digits, later ones greater, so that keys tell the newest: 56 bits of microseconds, and 72 random ones."""
    return f"{int(when.timestamp() * 1e6):014x}{os.urandom(9).hex()}"


def _parsed(store: Store, model: str, keys: list[str], damaged: list[str] | None) -> Iterator[Correction]:
    for key, data in zip(keys, _fetched(store, keys), strict=True):
        try:
            yield parse(data, key, model)
        except IntegrityError as error:
            if damaged is None:
                raise
            damaged.append(str(error))


def _fetched(store: Store, keys: list[str]) -> Iterator[bytes | IntegrityError]:
    """The objects in the order of their keys; several are read at a time, for S3 takes a while for each."""

    def one(key: str) -> bytes | IntegrityError:
        try:
            return store.get(key, limit=LIMIT)
        except IntegrityError as error:
            return error

    if len(keys) <= 1:
        return map(one, keys)
    from concurrent.futures import ThreadPoolExecutor  # 10 ms that only readers pay

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return iter(list(pool.map(one, keys)))


def _is_answer(answer: Mapping[str, Any]) -> bool:
    return bool(answer) and all(type(value) in (str, int, float) for value in answer.values())


def _written(when: datetime) -> str:
    return when.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
