"""The inference log: what was answered, from which inputs, line by line as `functions/classify/telemetry.py` wrote it.

    inferences/model=<address with / as .>/day=2026-11-21/<anything>.jsonl.gz

On AWS Firehose writes these objects, here a server's spool does; nothing is overwritten. They are read as if strangers
had written them: what is no answer is passed over, what is damaged is passed over and counted.
"""

import gzip
import heapq
import math
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime
from io import BytesIO
from itertools import batched, chain
from time import monotonic
from typing import NamedTuple

from firesteel.errors import IntegrityError, NotFoundError
from firesteel.monitor.lines import DamagedLineError, Inference, parse, parse_line
from firesteel.monitor.measures import digest
from firesteel.registry import names
from firesteel.registry.store import Store

__all__ = ["Damage", "Inference", "Recent", "day_folder", "digest", "parse_line", "read", "recent"]

ROOT = "inferences/"
UNPACKED_LIMIT = 1 << 30  # bytes that an object may unpack to: beyond, it is damaged
OBJECT_LIMIT = 256 << 20  # bytes of an object, packed
LINE_LIMIT = 1 << 20  # bytes of a line: five times what one may have
MOST_OBJECTS = 500  # that `recent` reads: some seconds on S3
_AT_ONCE = 4  # objects asked for at a time
_OVERLAP = 2  # objects older by name may hold newer lines: writers work side by side


class Recent(NamedTuple):
    """The newest inferences, newest first; `complete` unless the search ended before all that could be there."""

    inferences: list[Inference]
    complete: bool


@dataclass
class Damage:
    """What a reader passed over: objects that could not be read to their end, lines that are no JSON or no answer."""

    files: int = 0
    lines: int = 0


def day_folder(model: str, day: date) -> str:
    """The folder of a day's objects. Raises NotFoundError for what can be no model."""
    return f"{ROOT}{_named(model)}/day={day.isoformat()}/"


def read(
    store: Store, model: str, since: datetime, until: datetime, damage: Damage | None = None
) -> Iterator[Inference]:
    """The inferences of a model from `since` on and before `until`, by day, else in no order; each once.

    `recruits` has those of its segments, too, `recruits/qb` also those that came in a batch to `recruits`. Firehose
    delivers at least once: of lines with one correlation id and time the first counts, and a number of each request of a
    day is held for that. What was passed over is counted in `damage`. Raises NotFoundError, StoreError.
    """
    damage = damage or Damage()
    for _, folders in _days(store, model, since, until):
        seen: set[int] = set()
        keys = [key for folder in folders for key in store.keys(folder)]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for some in batched(keys, _AT_ONCE, strict=False):
                for data in pool.map(lambda key: _get(store, key), some):
                    yield from _wanted(data, model, since, until, seen, damage)


def recent(
    store: Store,
    model: str,
    since: datetime,
    until: datetime,
    *,
    limit: int,
    only: Callable[[Inference], bool] = lambda _: True,
    damage: Damage | None = None,
    seconds: float = math.inf,
) -> Recent:
    """At most `limit` of the newest inferences for which `only` holds, held one by one.

    Reads newest objects first, at most 500 and no longer than `seconds`. Raises NotFoundError, StoreError.
    """
    damage, deadline = damage or Damage(), monotonic() + seconds
    newest: list[Inference] = []
    objects, beyond = 0, 0
    for _, folders in reversed(_days(store, model, since, until)):
        seen: set[int] = set()
        keys = [key for folder in folders for key in store.keys(folder)]
        for key in sorted(keys, key=lambda key: key.rpartition("/")[2], reverse=True):
            if objects == MOST_OBJECTS or monotonic() >= deadline:
                return Recent(newest, complete=False)
            objects += 1
            found = _wanted(_get(store, key), model, since, until, seen, damage, deadline)
            newest = heapq.nlargest(limit, chain(newest, filter(only, found)), key=lambda one: one.when)
            beyond += len(newest) == limit
            if beyond > _OVERLAP:
                return Recent(newest, complete=monotonic() < deadline)
    return Recent(newest, complete=monotonic() < deadline)


def _named(model: str) -> str:
    names.folder(model)
    return f"model={model.replace('/', '.')}"


def _days(store: Store, model: str, since: datetime, until: datetime) -> list[tuple[str, list[str]]]:
    """The days in UTC with lines from `since` on and before `until`, oldest first, each with its folders.

    A model's lines are in its own folder and in those of its segments, a segment's also in that of its model.
    """
    own = _named(model)
    parents = {_named(model.partition("/")[0])} if "/" in model else set()
    first, last = (f"day={when.astimezone(UTC).date().isoformat()}" for when in (since, until))
    days: dict[str, list[str]] = {}
    for name in store.folders(ROOT):
        if name == own or name in parents or name.startswith(f"{own}."):
            for day in store.folders(f"{ROOT}{name}/"):
                if first <= day <= last:
                    days.setdefault(day, []).append(f"{ROOT}{name}/{day}/")
    return sorted(days.items())


def _get(store: Store, key: str) -> bytes | None:
    """The object; nothing when its retention ended meanwhile, None when it is too large to be read."""
    try:
        return store.get(key, limit=OBJECT_LIMIT)
    except NotFoundError:
        return b""
    except IntegrityError:
        return None


def _wanted(
    data: bytes | None,
    model: str,
    since: datetime,
    until: datetime,
    seen: set[int],
    damage: Damage,
    deadline: float = math.inf,
) -> Iterator[Inference]:
    """The inferences of an object that were not seen yet, of this model and time."""
    inside = f"{model}/"
    for line in _lines(data, damage, deadline):
        try:
            inferences = parse(line)
        except DamagedLineError:
            damage.lines += 1
            continue
        if not inferences:
            continue
        first = inferences[0]
        mark = hash((first.correlation_id or first.request_id, first.when))
        if not since <= first.when < until or mark in seen:
            continue
        seen.add(mark)
        for one in inferences:
            if one.model == model or one.model.startswith(inside):
                yield one


def _lines(data: bytes | None, damage: Damage, deadline: float) -> Iterator[bytes]:
    """The lines of an object, packed or not, as far as it can be read, and before the deadline."""
    if data is None:
        damage.files += 1
        return
    file = gzip.GzipFile(fileobj=BytesIO(data)) if data[:2] == b"\x1f\x8b" else BytesIO(data)
    is_rest = False  # of a line that is too long
    try:
        while monotonic() < deadline and (line := file.readline(LINE_LIMIT)):
            if file.tell() > UNPACKED_LIMIT:
                damage.files += 1
                return
            if is_rest or (len(line) == LINE_LIMIT and not line.endswith(b"\n")):
                damage.lines += not is_rest
                is_rest = not line.endswith(b"\n")
            elif not line.isspace():
                yield line
    except (EOFError, OSError, zlib.error):
        damage.files += 1
