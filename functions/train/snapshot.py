"""Snapshots: what was said of a model at the moment of a check, so that all tasks of a run learn from the same.

One object in the work bucket, named by the SHA-256 of its bytes, which the state machine hands on:

    corrections/<address>/<sha256>.json.gz
"""

import gzip
import hashlib
import json
import zlib
from datetime import datetime
from typing import Any

from firesteel import strictjson
from firesteel.definition import Definition
from firesteel.errors import DataError, IntegrityError
from firesteel.monitor import feedback
from firesteel.monitor.feedback import Correction
from firesteel.registry import record
from firesteel.registry.store import open_store, put_once
from functions.train import corrections
from functions.train.corrections import Corrections, Said
from functions.train.deployment import Deployment

LIMIT = 256 << 20  # bytes of a snapshot, packed


def listed(deployment: Deployment, part: Definition) -> list[str] | None:
    """The keys of all that was said of a model or segment; None unless its definition says `feedback`. Raises StoreError."""
    return feedback.listed(open_store(deployment.settings.monitor), part.address) if part.feedback else None


def take(deployment: Deployment, part: Definition, keys: list[str] | None) -> str | None:
    """Write what stands at these keys, as `listed` gave them, into a snapshot; its SHA-256. Raises StoreError."""
    if keys is None:
        return None
    data = _encoded(corrections.collected(open_store(deployment.settings.monitor), part, keys))
    sha256 = hashlib.sha256(data).hexdigest()
    put_once(deployment.work, _key(part, sha256), data)
    return sha256


def read(deployment: Deployment, part: Definition, sha256: object) -> Corrections | None:
    """The corrections to train on; None without a snapshot.

    Raises DataError for what is no SHA-256, IntegrityError for an object that has another one, NotFoundError, StoreError.
    """
    if sha256 is None:
        return None
    if not isinstance(sha256, str) or not record.is_sha256(sha256):
        raise DataError("the task's corrections are the SHA-256 that the check gave, or null")
    data = deployment.work.get(_key(part, sha256), limit=LIMIT)
    if (found := hashlib.sha256(data).hexdigest()) != sha256:
        raise IntegrityError(f"{_key(part, sha256)} is not what was checked: its SHA-256 is {found}")
    return corrections.checked(_decoded(data), part)


def _key(part: Definition, sha256: str) -> str:
    return f"corrections/{part.address}/{sha256}.json.gz"


def _encoded(said: Said) -> bytes:
    document = {
        "format": record.FORMAT,
        "corrections": [one.document() for one in said.corrections],
        "logged": [[*about, given] for about, given in said.logged.items()],
        "fingerprint": said.fingerprint,
        "damaged": said.damaged,
    }
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
    return gzip.compress(text.encode(), mtime=0)


def _decoded(data: bytes) -> Said:
    """Raises IntegrityError for what is no snapshot, or one that unpacks to more than LIMIT bytes."""
    try:
        unpacking = zlib.decompressobj(wbits=31)
        text = unpacking.decompress(data, LIMIT)
        if unpacking.unconsumed_tail:
            raise IntegrityError(f"a snapshot of corrections unpacks to more than {LIMIT} bytes")
        value: dict[str, Any] = strictjson.parse(text)
        said = [
            Correction(
                **{name: one[name] for name in Correction._fields} | {"when": datetime.fromisoformat(one["when"])}
            )
            for one in value["corrections"]
        ]
        logged = {(request_id, row): given for request_id, row, given in value["logged"]}
        return Said(said, logged, value["fingerprint"], value["damaged"])
    except (KeyError, TypeError, ValueError, zlib.error) as error:
        raise IntegrityError(f"a snapshot of corrections is damaged: {type(error).__name__}") from None
