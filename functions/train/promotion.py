"""The promotion of what a retraining published: the newest upload wins, in whatever order executions come to the end."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from firesteel.errors import ConflictError, DataError, GateError, IntegrityError, NotFoundError
from firesteel.registry import alias
from firesteel.registry.alias import Entry
from functions.train import published, release
from functions.train.deployment import Deployment, text
from functions.train.release import LATEST
from functions.train.upload import Upload

_ATTEMPTS = 12
_WAIT = wait_random_exponential(multiplier=0.05, max=2)  # seconds


def promote(deployment: Deployment, task: dict[str, Any]) -> dict[str, Any]:
    """Move `latest` to a version, unless it names one of a newer upload. Doing it again moves nothing.

    Returns {moved, kind, generation, reason}; `moved` says that the alias has come to name this bundle, now or by an
    earlier try of this task. Raises GateError when a gate fails against what `latest` names by now, which need not be what
    the version was compared with; ConflictError when others moved the alias again and again meanwhile.
    """
    return until_settled(_promote, deployment, task)


def until_settled[**P, R](move: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """The result of what moves an alias, tried again as often as others move it meanwhile, within bounds."""
    patient = Retrying(
        stop=stop_after_attempt(_ATTEMPTS), wait=_WAIT, retry=retry_if_exception_type(ConflictError), reraise=True
    )
    return patient(move, *args, **kwargs)


def _promote(deployment: Deployment, task: dict[str, Any]) -> dict[str, Any]:
    address, version, digest = text(task, "address"), text(task, "version"), text(task, "digest")
    upload, who, why = Upload.parse(task.get("upload")), f"run:{text(task, 'run')}", ""
    how, weight = _policy(task.get("promote"))
    entries = _history(deployment, address)
    newest = entries[-1] if entries else None
    for entry in reversed(entries or ()):
        if digest in _answering(entry).values():
            return _answer(entry, moved=True, reason=f"{LATEST} of {address} came to name {version} before")
    for named in _answering(newest):
        theirs = published.read(deployment.registry, address, named)
        if newest and theirs and theirs.upload and _is_newer(deployment, theirs.upload, upload):
            reason = f"{LATEST} of {address} names {named}, of the newer upload {theirs.upload.data}"
            return _answer(newest, moved=False, reason=reason)
    if how == "approval":
        who, why = _approval(task.get("approved"))
    latest = release.DAMAGED if entries is None else release.NONE_YET
    latest = release.latest_of(deployment.registry, address, newest) if newest else latest
    verdicts = release.judged(deployment.registry, address, version, digest, latest)
    if failed := [one for one in verdicts if not one.passed]:
        raise GateError(f"{address} {version} is not promoted: {'; '.join(one.sentence() for one in failed)}")
    move = partial(alias.canary, weight=weight) if how == "canary" and newest else alias.promote
    after = None if entries is None else newest.generation if newest else 0
    why = why or f"trained on {upload.data}"
    moved = move(deployment.registry, address, LATEST, version, who=who, why=why, digest=digest, after=after)
    return _answer(moved, moved=True, reason=f"{LATEST} of {address} names {version}")


def _policy(promote: object) -> tuple[str, float]:
    match promote:
        case {"how": "direct" | "canary" | "approval" as how, "weight": int() | float() as weight}:
            return how, float(weight)
    raise DataError('promote must be {"how": "direct", "canary" or "approval", "weight": <share>}')


def _approval(approved: object) -> tuple[str, str]:
    match approved:
        case {"who": str(who), "why": str(why)}:
            return who, why
    raise DataError("a version that waits for approval is promoted only with `approved`: who and why")


def _history(deployment: Deployment, address: str) -> list[Entry] | None:
    """All entries of `latest`, or the newest where others are damaged; None if that is, which a promotion mends."""
    with suppress(IntegrityError):
        return alias.history(deployment.registry, address, LATEST)
    with suppress(IntegrityError):
        return [alias.current(deployment.registry, address, LATEST)]
    return None


def _answering(entry: Entry | None) -> dict[str, str]:
    """The versions that answer by an entry, and their digests."""
    if entry is None:
        return {}
    canary = {entry.canary.version: entry.canary.digest} if entry.canary else {}
    return {entry.version: entry.digest} | canary


def _is_newer(deployment: Deployment, theirs: Upload, mine: Upload) -> bool:
    """Of two versions of one object from the same second, the newer is the one that is there now."""
    if theirs == mine or theirs.order != mine.order:
        return theirs.order > mine.order
    try:
        current, _ = deployment.uploads.find(mine.data)
    except NotFoundError:
        return False
    return current != mine


def _answer(entry: Entry, *, moved: bool, reason: str) -> dict[str, Any]:
    return {"moved": moved, "kind": entry.kind, "generation": entry.generation, "reason": reason}
