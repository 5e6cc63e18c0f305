"""A run's results: parts as they are answered, each with its record, and the manifest, which is written last.

    run.json                what the run is: claimed by put-if-absent, so no two runs mix in one folder
    part-00000.jsonl        the answers to a part
    failed-00000.jsonl      its rows that have none, if there are any: {"line", "problems"}
    parts/00000.json        the record of a part, written after both: what has one is done
    manifest.json           counts, sizes and hashes of all

Everything is created by put-if-absent, so a part that is answered twice, by a retry or a rival, is there once. Before a
part counts as done, its files are read and compared with its record: what is missing is answered again.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from firesteel import strictjson
from firesteel.errors import ConflictError, InputError, IntegrityError, NotFoundError, Problem
from firesteel.registry import record
from firesteel.registry.store import Store, put_once
from functions.classify.scoring.layout import KINDS
from functions.classify.scoring.part import Scored
from functions.classify.scoring.run import RUN, Run

MANIFEST = "manifest.json"
_READERS = 16  # records on their way at once
_RECORD: record.Fields = {"format": int, "part": int, "begin": int, "end": int, "line": int, "rows": int, "failed": int,
                          "answers": dict, "refused": (dict, type(None)), "seconds": (int, float)}  # fmt: skip
_FILE: record.Fields = {"name": str, "size": int, "sha256": str}


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

    def leftover(self) -> str | None:
        """A file that runs leave, in a folder which says of no run that it is its own; None without. Raises StoreError."""
        names = [MANIFEST, *(f"part-00000.{kind}" for kind in KINDS), "failed-00000.jsonl"]
        found = [*filter(self._has, names), *self.store.keys(f"{self.folder}parts/")]
        return found[0] if found and not self._has(RUN) else None

    def done(self, part: int) -> Done | None:
        """The record of a part; None while it is not done, or when a file of it is gone.

        Raises IntegrityError naming the record that cannot be read, or the file that is not what the record says;
        StoreError.
        """
        there = self._recorded(part)
        if there is None:
            return None
        are_whole = [self._is_whole(file) for file in _files(there)]
        return there if all(are_whole) else None

    def refused(self, file: Mapping[str, Any]) -> Iterator[tuple[int, InputError]]:
        """The rows of a part that have no answer, from the file that a manifest names: their lines, and what is wrong.

        Raises NotFoundError, IntegrityError, StoreError.
        """
        for line in self.store.get(self.folder + file["name"], limit=file["size"]).splitlines():
            row = json.loads(line)
            yield row["line"], InputError(tuple(Problem(**one) for one in row["problems"]))

    def write(self, run: Run, part: int, place: tuple[int, int, int], scored: Scored, seconds: float) -> Done:
        """Write a part's files, then its record. `place` is its begin, end and line. Raises ConflictError, StoreError."""
        answers = self._file(f"part-{part:05d}.{run.answers}", scored.answers)
        refused = self._file(f"failed-{part:05d}.jsonl", scored.refused) if scored.refused else None
        done = Done(part, *place, scored.rows, scored.failed, answers, refused, round(seconds, 3))
        try:
            put_once(self.store, self._record(part), record.encode({"format": record.FORMAT, **done._asdict()}))
        except ConflictError:  # a rival that took another time over it
            there = self._recorded(part)
            if there is None or there._replace(seconds=0.0) != done._replace(seconds=0.0):
                raise
            return there
        return done

    def manifest(self, run: Run, parts: Iterable[int]) -> dict[str, Any]:
        """Write the manifest of a run whose parts are done, or give the one that is there.

        Raises IntegrityError naming the parts that are not done, or when the manifest says another thing; StoreError.
        """
        with ThreadPoolExecutor(_READERS) as readers:
            records = list(readers.map(self._recorded, parts))
        if missing := [number for number, one in enumerate(records) if one is None]:
            named = ", ".join(map(str, missing[:10])) + (", ..." if len(missing) > 10 else "")
            raise IntegrityError(f"{len(missing)} of {len(records)} parts are not done: {named}; run it again to go on")
        told = _manifest(run, [one for one in records if one])
        try:
            self.store.create(self.folder + MANIFEST, record.encode(told))
        except ConflictError:
            return self._manifest_like(told)
        return told

    def _manifest_like(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """The manifest that is there, which says the same but for when the run was finished."""
        key = self.folder + MANIFEST
        try:
            there = dict(strictjson.parse(self.store.get(key, limit=1 << 30)))
        except (ValueError, TypeError):
            there = {}
        if {**there, "finished": ""} != {**told, "finished": ""}:
            raise IntegrityError(f"{key} does not say what the records of the parts say; delete it, and run again")
        return there

    def _file(self, name: str, data: bytes) -> dict[str, Any]:
        put_once(self.store, self.folder + name, data)
        return {"name": name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}

    def _recorded(self, part: int) -> Done | None:
        key = self._record(part)
        try:
            value = record.decode(self.store.get(key, limit=record.LIMIT), _RECORD, key)
        except NotFoundError:
            return None
        except IntegrityError as error:
            raise IntegrityError(f"{error}; delete that file, and run again: its part is answered anew") from None
        done = Done(**{name: value[name] for name in Done._fields})
        if not all(record.has_fields(file, _FILE) for file in _files(done)):
            raise IntegrityError(f"{key} names no files; delete it, and run again: its part is answered anew")
        return done

    def _is_whole(self, file: Mapping[str, Any]) -> bool:
        """Whether a part's file is there. Raises IntegrityError when it is, with other bytes than were written."""
        key = self.folder + file["name"]
        try:
            is_same = hashlib.sha256(self.store.get(key, limit=file["size"])).hexdigest() == file["sha256"]
        except NotFoundError:
            return False
        except IntegrityError:  # it is longer
            is_same = False
        if not is_same:
            raise IntegrityError(
                f"{key} is not what was answered: its size or SHA-256 differs from its part's record; "
                "delete it, and run again: its part is answered anew"
            )
        return True

    def _has(self, name: str) -> bool:
        try:
            self.store.get(self.folder + name, limit=0)
        except NotFoundError:
            return False
        except IntegrityError:  # it has more bytes than none
            return True
        return True

    def _record(self, part: int) -> str:
        return f"{self.folder}parts/{part:05d}.json"


def _files(one: Done) -> list[dict[str, Any]]:
    return [file for file in (one.answers, one.refused) if file is not None]


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
