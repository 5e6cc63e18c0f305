"""Claims: of all executions that hear of one upload, one goes on.

A claim is an object that can be written once. It says which corrections the execution knew. That of one that failed for
good stays, so whoever comes on purpose, and not because an event came twice, may make the next one when it is old, or
when it is done and there are other corrections now: still one at a time.
"""

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from firesteel.errors import ConflictError
from firesteel.registry import record
from firesteel.registry.record import Fields
from firesteel.registry.store import put_once
from functions.train.deployment import Deployment
from functions.train.upload import Upload

STALE = 6 * 3600
"""Seconds, as many as a container may take. Should the owner live after all, a second version is trained, and no harm done."""


LIMIT = 64 << 10  # bytes of a claim: one of many segments has a fingerprint each

_FIELDS: Fields = {"format": int, "run": str, "when": str, "upload": dict}
_LATER: Fields = {"corrections": dict}

Seen = Mapping[str, str | None]
"""The fingerprint of the corrections of each model or segment, by address, whose definition says `feedback`."""


class Claim(NamedTuple):
    """Who has an upload, since when (UTC), and which corrections they knew."""

    run: str
    when: str
    corrections: Seen

    @property
    def is_stale(self) -> bool:
        return self.when <= time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - STALE))


def claim(
    deployment: Deployment, model: str, upload: Upload, run: str, seen: Seen, over: Callable[[Claim], bool]
) -> Claim:
    """The claim that holds: this run's own, or that of another. It takes `over` from those that this is true of.

    Raises StoreError, IntegrityError.
    """
    own, number = Claim(run, record.timestamp(), seen), 1
    held = _at(deployment, f"claims/{model}/{upload.sha256}.json", upload, own)
    while held.run != run and over(held):
        number += 1
        held = _at(deployment, f"claims/{model}/{upload.sha256}.{number}.json", upload, own)
    return held


def _at(deployment: Deployment, key: str, upload: Upload, own: Claim) -> Claim:
    """The claim of that name, this one if there was none. Raises IntegrityError for one that cannot be read."""
    document = {"format": record.FORMAT, **own._asdict(), "upload": upload._asdict()}
    try:
        put_once(deployment.work, key, record.encode(document))
    except ConflictError:
        there = record.decode(deployment.work.get(key, limit=LIMIT), _FIELDS, key, optional=_LATER)
        return Claim(there["run"], there["when"], there.get("corrections", {}))
    return own
