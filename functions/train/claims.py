"""Claims: of all executions that hear of one upload, one goes on.

A claim is an object that can be written once. That of an execution that failed for good stays, so whoever comes on purpose,
and not because an event came twice, may make the next one when it is old: still one at a time.
"""

import time
from typing import NamedTuple

from firesteel import strictjson
from firesteel.errors import ConflictError
from firesteel.registry import record
from firesteel.registry.store import put_once
from functions.train.deployment import Deployment
from functions.train.upload import Upload

STALE = (
    6 * 3600
)  # seconds: what a container may take; should its owner live, a second version is trained and no harm done


class Claim(NamedTuple):
    """Who has an upload, since when (UTC)."""

    run: str
    when: str

    @property
    def is_stale(self) -> bool:
        return self.when <= time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - STALE))


def claim(deployment: Deployment, model: str, upload: Upload, run: str, *, anew: bool) -> Claim:
    """The claim that holds: this run's own, or that of another. `anew` takes over from one that is stale.

    Raises StoreError.
    """
    own, number = Claim(run, record.timestamp()), 1
    held = _at(deployment, f"claims/{model}/{upload.sha256}.json", upload, own)
    while held.run != run and anew and held.is_stale:
        number += 1
        held = _at(deployment, f"claims/{model}/{upload.sha256}.{number}.json", upload, own)
    return held


def _at(deployment: Deployment, key: str, upload: Upload, own: Claim) -> Claim:
    """The claim of that name, this one if there was none."""
    try:
        put_once(
            deployment.work, key, record.encode({"format": record.FORMAT, **own._asdict(), "upload": upload._asdict()})
        )
    except ConflictError:
        there = strictjson.parse(deployment.work.get(key, limit=record.LIMIT))
        return Claim(str(there["run"]), str(there["when"]))
    return own
