"""The tasks of the batch machine: a plan of parts, the answers to a part, the manifest. Each may run twice, or be cut off.

A task is handed names and places alone, and answers with counts: rows never stand in the history of an execution.
"""

import hashlib
import json
import re
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from firesteel.errors import DataError
from firesteel.program import predictor
from firesteel.registry import record
from firesteel.registry.store import Store, put_once
from functions.classify.scoring import cut, layout, part, run
from functions.classify.scoring.part import Scorer
from functions.classify.scoring.place import Bucket, Object
from functions.classify.scoring.results import Results
from functions.classify.scoring.run import Input, Run

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}\Z")
PARTS = 50_000  # of one run: each child of the map leaves some bytes in a state that has room for 256 KiB
_ASKED = {"model", "data", "format", "explain", "version", "run"}

Open = Callable[[str], Bucket]


class Tasks:
    """What one execution environment of the score function can do.

    `store` has the registry, `work` takes results below batch/, `opened` opens the bucket of an s3:// URL.
    """

    def __init__(
        self, store: Store, work: Store, alias_name: str, opened: Open, *, part_rows: int = cut.PART_ROWS
    ) -> None:
        self._store, self._work, self._alias, self._open = store, work, alias_name, opened
        self._part_rows = part_rows
        self._scorer = lru_cache(maxsize=1)(self._load)
        self._named = {"prepare": self.prepare, "score": self.score, "manifest": self.manifest}

    def __call__(self, event: Any) -> dict[str, Any]:
        """What a task answers. Raises DataError for what is no task, and FiresteelError as the task does."""
        if not isinstance(event, dict) or event.get("task") not in self._named:
            raise DataError(f"the event must be {{'task': one of {', '.join(self._named)}, ...}}")
        return self._named[event["task"]](event)

    def prepare(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Resolve the alias, once for all parts; cut the file of rows; begin the run, or go on with it.

        Raises DataError, NotFoundError; ConflictError when the run that was named is another.
        """
        asked = _asked(event.get("asked"))
        bundles = run.resolve(self._store, asked["model"], asked.get("version"), self._alias)
        bucket = self._open(asked["data"])
        newest = bucket.newest()
        needed = part.needed(predictor.load(run.fetch(self._store, bundles[0]).program))
        head = bucket.range(newest, 0, min(newest.size, layout.LONGEST)) if newest.size else b""
        kind = asked["format"].lower()
        shape, start = layout.read(head, kind, needed, asked["data"])
        places, digest = _places(bucket, newest, shape, start, self._part_rows)
        if len(places) > PARTS:
            raise DataError(f"{asked['data']} makes {len(places)} parts, and a run has at most {PARTS}: cut the file")
        told = Input(asked["data"], newest.size, digest)
        wanted = Run(bundles, told, shape, start, "jsonl", asked["explain"], self._part_rows, record.timestamp())
        name = asked.get("run") or f"{asked['model'].replace('/', '-')}-{bundles[0].version}-{wanted.identity[:16]}"
        folder = f"batch/{name}/"
        run.claim(self._work, folder, wanted)
        plan = [{"task": "score", "folder": folder, "etag": newest.etag, **place} for place in places]
        key = f"{folder}plan-{newest.etag.strip(chr(34))}.json"  # the same bytes put again have another entity tag
        put_once(self._work, key, _compact(plan))
        first = bundles[0]
        return {
            "folder": folder,
            "plan": key,
            "parts": len(plan),
            "bytes": newest.size,
            "model": first.model,
            "version": first.version,
            "digest": first.digest,
        }

    def score(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Answer a part, unless it is done. Raises ConflictError when its file was replaced; StoreError."""
        results, number = Results(self._work, event["folder"]), event["part"]
        done = results.done(number)
        if done is None:
            begun, scorer = self._scorer(event["folder"])
            one = Object(begun.input.name, begun.input.size, event["etag"])
            place = (event["begin"], event["end"], event["line"])
            data = self._open(one.url).range(one, *place[:2])
            started = time.perf_counter()
            scored = scorer.score(data, event["line"])
            done = results.write(begun, number, place, scored, time.perf_counter() - started)
        return {"part": number, "rows": done.rows, "failed": done.failed}

    def manifest(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Write the manifest, and give its counts. Raises IntegrityError when a part is not done."""
        folder = event["folder"]
        told = Results(self._work, folder).manifest(run.read(self._work, folder), range(event["parts"]))
        names = ("model", "version", "digest", "rows", "answered", "failed", "seconds")
        return {"results": folder, "parts": event["parts"], **{name: told[name] for name in names}}

    def _load(self, folder: str) -> tuple[Run, Scorer]:
        begun = run.read(self._work, folder)
        bundles = {one.model: run.fetch(self._store, one) for one in begun.bundles}
        scorer = Scorer(bundles, begun.layout, begun.answers, explained=begun.explained, begun=begun.begun)
        return begun, scorer


def _places(
    bucket: Bucket, one: Object, shape: layout.Layout, start: layout.Start, rows: int
) -> tuple[list[dict[str, int]], str]:
    """The parts of an object, and its SHA-256: one pass over it."""
    digest = hashlib.sha256()
    with bucket.stream(one) as stream:

        def read(size: int) -> bytes:
            data = stream.read(size)
            digest.update(data)
            return data

        read(start.byte)
        places = [
            {"part": found.number, "begin": found.begin, "end": found.end, "line": found.line}
            for found in cut.parts(read, shape, start, rows, name=one.url)
        ]
    return places, digest.hexdigest()


def _asked(event: Any) -> dict[str, Any]:
    """What a run is asked for, checked. Raises DataError."""
    if not isinstance(event, dict) or not all(isinstance(event.get(name), str) for name in ("model", "data")):
        raise DataError('a run is asked for by {"model": "tickets", "data": "s3://bucket/rows.csv"}')
    if unknown := event.keys() - _ASKED:
        raise DataError(f"a run has fields that mean nothing: {', '.join(sorted(map(str, unknown)))}")
    asked: dict[str, Any] = {"format": "", "explain": False, **event}
    if not isinstance(asked["explain"], bool) or not all(
        isinstance(asked.get(name, ""), str) for name in ("format", "version", "run")
    ):
        raise DataError("a run's explain is true or false, its format, version and run are texts")
    if "run" in asked and not _NAME.match(asked["run"]):
        raise DataError("a run's name has letters, digits, - and _, at most 80")
    asked["format"] = asked["format"].upper() or layout.kind_of(asked["data"]).upper()
    if asked["format"] == "PARQUET":
        raise DataError(
            f"{asked['data']}: Lambda reads no Parquet; `firesteel score {asked['model']} FILE.parquet` does"
        )
    if asked["format"] not in ("CSV", "JSONL"):
        raise DataError(f"a run's format is CSV or JSONL, not {asked['format']!r:.20}")
    return asked


def _compact(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
