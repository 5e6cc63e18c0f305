"""The tasks of a retraining, each a state of infra/retrain.asl.json. Every one may run twice, or be killed and run again.

    check -> candidate... -> train -> (ask) -> promote -> route -> tell

docs/retraining.md has what goes in and out. What a task leaves behind is written by put-if-absent or found again by its run.
One more task, drift, stands by itself: a schedule asks for it every day (docs/drift.md).
"""

from collections.abc import Callable, Sequence
from typing import Any

from firesteel.definition import Definition
from firesteel.errors import DataError
from functions.train import (
    approvals,
    check,
    dataset,
    gate,
    intake,
    notice,
    promotion,
    published,
    release,
    snapshot,
    train,
)
from functions.train.corrections import Corrections
from functions.train.deployment import Deployment, text
from functions.train.drift.daily import drift
from functions.train.fit import Judged
from functions.train.metadata import Origin
from functions.train.promotion import until_settled
from functions.train.published import Published
from functions.train.train import Trained
from functions.train.upload import Upload

Task = Callable[[Deployment, dict[str, Any]], dict[str, Any]]


def run(deployment: Deployment, task: dict[str, Any]) -> dict[str, Any]:
    """What came of a task. Raises FiresteelError; of these, StoreError alone is worth trying again."""
    if task["task"] not in TASKS:
        raise DataError(f"there is no task {task['task']!r:.80}; there are: {', '.join(TASKS)}")
    return TASKS[task["task"]](deployment, task)


def summary(task: dict[str, Any], answer: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """What the log says of a task that was done: a message, and fields."""
    match task["task"]:
        case "check":
            return "checked", {name: answer.get(name) for name in ("model", "outcome", "reason", "rows", "where")}
        case "train":
            kept = ("version", "passed", "reasons", "rows_used", "rows_refused")
            refused = {} if answer["passed"] else {"promoted": False}
            return "trained", {"model": answer["address"], **{name: answer[name] for name in kept}, **refused}
        case "promote":
            return "promoted" if answer["moved"] else "not promoted", {
                "model": task["address"],
                "version": task["version"],
                "kind": answer["kind"],
                "reason": answer["reason"],
            }
        case "drift":
            return "looked for drift", {"model": answer["model"], "looked": answer["looked"]}
        case _:
            return "task done", {}


def _candidate(deployment: Deployment, task: dict[str, Any]) -> dict[str, Any]:
    """Cross-validate one candidate of a search."""
    part, upload = _part(deployment, task), Upload.parse(task.get("upload"))
    match task.get("candidate"):
        case {"target": str(target), "settings": dict(settings)}:
            pass
        case _:
            raise DataError('a candidate is {"target": "<name>", "settings": {...}}')
    with intake.fetched(deployment, upload) as (path, _):
        rows = dataset.read(path, part)
    scores = train.judge_candidate(
        part, rows, target, settings, snapshot.read(deployment, part, task.get("corrections"))
    )
    return {"target": target, "settings": settings, "scores": scores}


def _train(deployment: Deployment, task: dict[str, Any]) -> dict[str, Any]:
    """Train one model or segment and publish the version, or find that this run did so before."""
    part, upload, own_run = _part(deployment, task), Upload.parse(task.get("upload")), text(task, "run")
    data_sha256, judged = text(task, "data_sha256"), _judged(task.get("trials"))
    if not (found := _published(deployment, part, data_sha256, own_run)):
        said = snapshot.read(deployment, part, task.get("corrections"))
        trained = _trained(deployment, part, upload, data_sha256, judged, said)
        origin = Origin(upload.file, changelog=f"retrained on {upload.file}", upload=upload, run=own_run)
        written = release.publish(deployment.registry, trained, origin, who=f"run:{own_run}")
        found = published.read(deployment.registry, part.address, written.version)
        assert found
    return _summary(deployment, part, found)


def _trained(
    deployment: Deployment,
    part: Definition,
    upload: Upload,
    data_sha256: str,
    judged: dict[str, list[Judged]],
    said: Corrections | None,
) -> Trained:
    with intake.fetched(deployment, upload) as (path, sha256):
        if sha256 != data_sha256:
            raise DataError(f"{upload.data} is not what was checked: its SHA-256 is {sha256}")
        rows = intake.read(deployment, upload, path, part)
    return train.train(part, rows, judged=judged, corrections=said)


def _published(deployment: Deployment, part: Definition, data_sha256: str, own_run: str) -> Published | None:
    known = published.newest_first(deployment.registry, part.address)
    return next((one for one in known if one.run == own_run and one.is_of(part, data_sha256)), None)


def _summary(deployment: Deployment, part: Definition, found: Published) -> dict[str, Any]:
    """What the state machine and the notice need to know of a version."""
    version, metadata = found.manifest.version, found.metadata
    verdicts = [gate.Verdict(**verdict) for verdict in metadata["gates"]]
    latest = metadata["compared_with"]
    return {
        "model": part.model,
        "segment": part.segment or "",
        "address": part.address,
        "version": version,
        "digest": found.manifest.digest,
        "passed": all(verdict.passed for verdict in verdicts),
        "reasons": [verdict.sentence() for verdict in verdicts if not verdict.passed],
        "metrics": published.metrics(deployment.registry, part, version),
        "latest": latest and {"version": latest, "metrics": published.metrics(deployment.registry, part, latest)},
        "rows_used": metadata["data"]["rows_used"],
        "rows_refused": metadata["data"]["rows_quarantined"],
    }


def _route(deployment: Deployment, task: dict[str, Any]) -> dict[str, Any]:
    """Serve the program that sends a row to its segment; null when `latest` sends as the definition says."""
    definition = deployment.definition_of(text(task, "model"))
    who = f"run:{text(task, 'run')}"
    return {"version": until_settled(release.release_segments, deployment.registry, definition, who=who)}


def _part(deployment: Deployment, task: dict[str, Any]) -> Definition:
    return deployment.part(text(task, "model"), task.get("segment"))


def _judged(trials: object) -> dict[str, list[Judged]]:
    """The candidates' answers, by target."""
    judged: dict[str, list[Judged]] = {}
    for trial in trials if isinstance(trials, Sequence) else ():
        match trial:
            case {"target": str(target), "settings": dict(settings), "scores": [*scores]}:
                judged.setdefault(target, []).append(Judged(settings, scores))
            case _:
                raise DataError("trials are what the candidate task gives")
    return judged


TASKS: dict[str, Task] = {
    "check": check.check,
    "candidate": _candidate,
    "train": _train,
    "ask": approvals.ask,
    "promote": promotion.promote,
    "route": _route,
    "tell": notice.tell,
    "drift": drift,
}
