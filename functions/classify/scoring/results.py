"""A run's results: parts as they are answered, each with its record, and the manifest, which is written last.

    run.json                what the run is: claimed by put-if-absent, so no two runs mix in one folder
    part-00000.jsonl        the answers to a part
    failed-00000.jsonl      its rows that have none, if there are any: {"line", "problems"}
    parts/00000.json        the record of a part, written after both: what has one is done
    manifest.json           counts, sizes and hashes of all

Everything is created by put-if-absent, so a part that is answered twice, by a retry or a rival, is there once.
"""

import hashlib
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from firesteel import strictjson
from firesteel.errors import ConflictError, IntegrityError, NotFoundError
from firesteel.registry import record
from firesteel.registry.store import Store, put_once
from functions.classify.scoring.part import Scored
from functions.classify.scoring.run import Run

MANIFEST = "manifest.json"
_READERS = 16  # records on their way at once
_RECORD: record.Fields = {"format": int, "part": int, "begin": int, "end": int, "line": int, "rows": int, "failed": int,
                          "answers": dict, "refused": (dict, type(None)), "seconds": (int, float)}  # fmt: skip


class Done(NamedTuple):
    """The record of a part: which rows it has, how many have no answer, its files, and how long it took."""

    part: int
    begin: int
    end: int
    line: int
    rows: int
    failed: int
    answers: dict[str, Any]
    refused: dict[str, Any] | None
    seconds: float


class Results:
    """A folder of results in a store; `folder` is empty or ends with a slash."""

    def __init__(self, store: Store, folder: str = "") -> None:
        self.store, self.folder = store, folder

    def done(self, part: int) -> Done | None:
        """The record of a part; None while it is not done. Raises IntegrityError, StoreError."""
        key = self._record(part)
        try:
            value = record.decode(self.store.get(key, limit=record.LIMIT), _RECORD, key)
        except NotFoundError:
            return None
        return Done(**{name: value[name] for name in Done._fields})

    def write(self, run: Run, part: int, place: tuple[int, int, int], scored: Scored, seconds: float) -> Done:
        """Write a part's files, then its record. `place` is its begin, end and line. Raises ConflictError, StoreError."""
        answers = self._file(f"part-{part:05d}.{run.answers}", scored.answers)
        refused = self._file(f"failed-{part:05d}.jsonl", scored.refused) if scored.refused else None
        done = Done(part, *place, scored.rows, scored.failed, answers, refused, round(seconds, 3))
        try:
            put_once(self.store, self._record(part), record.encode({"format": record.FORMAT, **done._asdict()}))
        except ConflictError:  # a rival that took another time over it
            there = self.done(part)
            if there is None or there._replace(seconds=0.0) != done._replace(seconds=0.0):
                raise
            return there
        return done

    def manifest(self, run: Run, parts: Iterable[int]) -> dict[str, Any]:
        """Write the manifest of a run whose parts are done, or give the one that is there.

        Raises IntegrityError naming the parts that are not done; StoreError.
        """
        with ThreadPoolExecutor(_READERS) as readers:
            records = list(readers.map(self.done, parts))
        if missing := [number for number, one in enumerate(records) if one is None]:
            named = ", ".join(map(str, missing[:10])) + (", ..." if len(missing) > 10 else "")
            raise IntegrityError(f"{len(missing)} of {len(records)} parts are not done: {named}; run it again to go on")
        told = _manifest(run, [one for one in records if one])
        try:
            self.store.create(self.folder + MANIFEST, record.encode(told))
        except ConflictError:
            there = strictjson.parse(self.store.get(self.folder + MANIFEST, limit=1 << 30))
            return dict(there)
        return told

    def _file(self, name: str, data: bytes) -> dict[str, Any]:
        put_once(self.store, self.folder + name, data)
        return {"name": name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}

    def _record(self, part: int) -> str:
        return f"{self.folder}parts/{part:05d}.json"


def _manifest(run: Run, records: Sequence[Done]) -> dict[str, Any]:
    first, *segments = run.bundles
    return {
        "format": record.FORMAT,
        "model": first.model,
        "version": first.version,
        "digest": first.digest,
        "segments": [one._asdict() for one in segments],
        "input": run.input._asdict(),
        "answers": run.answers,
        "explained": run.explained,
        "rows": sum(one.rows for one in records),
        "answered": sum(one.rows - one.failed for one in records),
        "failed": sum(one.failed for one in records),
        "seconds": round(sum(one.seconds for one in records), 3),
        "begun": run.begun,
        "finished": record.timestamp(),
        "parts": [_entry(one) for one in records],
    }


def _entry(one: Done) -> dict[str, Any]:
    """A part in the manifest."""
    return {name: value for name, value in one._asdict().items() if value is not None and name not in ("begin", "end")}
