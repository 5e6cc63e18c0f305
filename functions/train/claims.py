"""Claims: of all executions that hear of one upload, one goes on.

A claim is an object that can be written once. That of an execution that failed for good stays, so whoever comes on purpose,
and not because an event came twice, may make the next one when it is old: still one at a time.
"""

import time
from typing import NamedTuple

from firesteel.errors import ConflictError
from firesteel.registry import record
from firesteel.registry.record import Fields
from firesteel.registry.store import put_once
from functions.train.deployment import Deployment
from functions.train.upload import Upload

STALE = 6 * 3600
"""Seconds, as many as a container may take. Should the owner live after all, a second version is trained, and no harm done."""


_FIELDS: Fields = {"format": int, "run": str, "when": str, "upload": dict}


class Claim(NamedTuple):
    """Who has an upload, since when (UTC)."""

    run: str
    when: str

    @property
    def is_stale(self) -> bool:
        return self.when <= time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - STALE))


def claim(deployment: Deployment, model: str, upload: Upload, run: str, *, anew: bool) -> Claim:
    """The claim that holds: this run's own, or that of another. `anew` takes over from one that is stale.

    Raises StoreError, IntegrityError.
    """
    own, number = Claim(run, record.timestamp()), 1
    held = _at(deployment, f"claims/{model}/{upload.sha256}.json", upload, own)
    while held.run != run and anew and held.is_stale:
        number += 1
        held = _at(deployment, f"claims/{model}/{upload.sha256}.{number}.json", upload, own)
    return held


def _at(deployment: Deployment, key: str, upload: Upload, own: Claim) -> Claim:
    """The claim of that name, this one if there was none. Raises IntegrityError for one that cannot be read."""
    document = {"format": record.FORMAT, **own._asdict(), "upload": upload._asdict()}
    try:
        put_once(deployment.work, key, record.encode(document))
    except ConflictError:
        there = record.decode(deployment.work.get(key, limit=record.LIMIT), _FIELDS, key)
        return Claim(there["run"], there["when"])
    return own
