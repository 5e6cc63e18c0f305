"""What people are told of an execution: a notice for those who subscribed, and a report beside what was refused."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from firesteel.errors import FiresteelError, StoreError
from firesteel.registry import record
from functions.train import check, intake
from functions.train.cause import told_of
from functions.train.deployment import Deployment, text
from functions.train.upload import Upload

SUBJECT, MESSAGE = 99, 16_000  # characters: SNS takes a subject of fewer than 100; and a length that people read
_BAD = ("refused", "failed")
_EVENT = ("detail", "model", "data", "by", "again")  # an execution's input, among what was added to it
_SAID = {
    "promoted": "was trained and is served",
    "superseded": "was trained and is not served, because a newer upload is",
    "refused": "was refused by its gates",
    "rejected": "was not approved",
    "failed": "could not be trained",
}


class _Told(NamedTuple):
    """What is known of an execution at its end."""

    run: str
    outcome: str
    model: str
    upload: Upload | None
    reason: str
    error: str
    segments: Sequence[Mapping[str, Any]]


def tell(deployment: Deployment, task: dict[str, Any]) -> dict[str, Any]:
    """Subject (ASCII) and message of the notice. What was refused or failed also gets report-<run>.json and .txt.

    `known` is the state of the execution: its input, and what Check, Segments and the catches added.
    """
    told = _told(deployment, text(task, "run"), text(task, "outcome"), task.get("known") or {})
    message = "\n".join(_lines(told))[:MESSAGE]
    if told.outcome in _BAD:
        kept = _keep(deployment, told, message)
        message += f"\nreport: {deployment.settings.work.rstrip('/')}/{kept}"
    subject = record.one_line(_subject(told).encode("ascii", "replace").decode(), SUBJECT)
    return {"subject": subject, "message": message}


def _told(deployment: Deployment, run: str, outcome: str, known: Mapping[str, Any]) -> _Told:
    found = (known.get("check") or {}).get("answer") or {}
    model, upload = found.get("model"), Upload.parse(found["upload"]) if "upload" in found else None
    if upload is None:
        try:
            model, upload, *_ = check.order_of(deployment, {name: known[name] for name in _EVENT if name in known})
        except StoreError:
            raise
        except FiresteelError:
            model = known.get("model")
    segments = known.get("segments")
    return _Told(
        run,
        outcome,
        str(model or "an unknown model")[:80],
        upload,
        str(found.get("reason", "")),
        _reason(known.get("error")),
        segments if isinstance(segments, list) else [],
    )


def _subject(told: _Told) -> str:
    versions = ", ".join(one["trained"]["version"] for one in told.segments if "trained" in one)
    what = {
        "trained": f"{told.model} {versions} is served",
        "refused": f"{told.model} {versions} was refused",
        "failed": f"training {told.model} failed",
        "same": f"{told.model} has nothing new to train",
        "superseded": f"an upload for {told.model} is superseded",
        "elsewhere": f"{told.model} was not trained: another execution has the upload",
    }
    return f"Firesteel: {what.get(told.outcome, f'{told.model}: {told.outcome}')}"


def _lines(told: _Told) -> Iterator[str]:
    yield f"{_subject(told).partition(': ')[2]}."
    if told.outcome in ("same", "superseded", "elsewhere") and told.reason:
        yield told.reason
    if told.error:
        yield told.error
    for one in told.segments:
        yield ""
        yield from _segment(one)
    yield ""
    if told.upload:
        version = f", version {told.upload.version_id}" if told.upload.version_id else ""
        yield f"upload: {told.upload.data} ({told.upload.uploaded}{version})"
    yield f"run: {told.run}"


def _segment(one: Mapping[str, Any]) -> Iterator[str]:
    """A model or a segment: what became of it, why, and its metrics beside those of what was served."""
    trained, result = one.get("trained"), str(one.get("result"))
    name = f"{one.get('address')} {trained['version']}" if trained else str(one.get("address"))
    yield f"{name} {_SAID.get(result, result)}."
    if one.get("error"):
        yield f"  {_reason(one['error'])}"
    if not trained:
        return
    moved = one.get("promoted")
    if moved:
        yield f"  {moved['reason']} ({moved['kind'] or 'not moved'}, generation {moved['generation']})"
    yield from (f"  {reason}" for reason in trained["reasons"])
    yield f"  rows: {trained['rows_used']} used, {trained['rows_refused']} refused"
    yield from _metrics(trained["version"], trained["metrics"], trained["latest"])


def _metrics(version: str, metrics: Mapping[str, float], latest: Mapping[str, Any] | None) -> Iterator[str]:
    before = latest["metrics"] if latest else {}
    width = max(map(len, metrics), default=0)
    yield f"  {'':{width}}  {version:>12}" + (f"  {'latest ' + latest['version']:>16}  {'change':>9}" if latest else "")
    for name, value in metrics.items():
        compared = f"  {before[name]:16.4f}  {value - before[name]:+9.4f}" if name in before else ""
        yield f"  {name:{width}}  {value:12.4f}{compared}"


def _reason(error: object) -> str:
    """A state's error in a sentence: what a function raised, or what Step Functions says."""
    return told_of(error) if isinstance(error, Mapping) else ""


def _keep(deployment: Deployment, told: _Told, message: str) -> str:
    """Write the report; where. An execution whose upload cannot be told has one by its own name."""
    report = {
        "format": record.FORMAT,
        "run": told.run,
        "outcome": told.outcome,
        "model": told.model,
        "upload": told.upload and told.upload._asdict(),
        "error": told.error or None,
        "segments": told.segments,
    }
    folder = intake.quarantined(told.model, told.upload) if told.upload else f"quarantine/{told.run}"
    text = f"{folder}/report-{told.run}.txt"
    intake.keep(deployment.work, f"{folder}/report-{told.run}.json", record.encode(report))
    intake.keep(deployment.work, text, f"{message}\n".encode())
    return text
