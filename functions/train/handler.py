"""The train function: a task of a retraining, or a model's name and where its rows are; what came of it, out."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from traceback import extract_tb
from typing import Any

from aws_lambda_powertools import Logger

from firesteel import definition_file
from firesteel.definition import Definition
from firesteel.errors import DataError, FiresteelError
from firesteel.registry.seal import registry_of
from firesteel.settings import Settings
from functions.train import csvfile, dataset, release, tasks, train
from functions.train.dataset import Dataset
from functions.train.deployment import DATA_LIMIT, Deployment
from functions.train.upload import ObjectUploads, download

SHOWN = 20  # refused rows that the answer tells of
_ROOT = Path(os.environ.get("LAMBDA_TASK_ROOT", Path(__file__).resolve().parents[2]))
_settings = Settings.read(os.environ)
logger = Logger(service=_settings.service, level=_settings.log_level, utc=True, use_rfc3339=True)


@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Do the task that the event names; without one, train and promote at once.

    That is: train `event["model"]` on the CSV at `event["data"]` (s3://bucket/key or file:///path), publish, and judge. Of
    a model of segments it trains `event["segment"]`, or all of them. Returns {model, version, digest, promoted, rows_used,
    rows_refused, first_refused, gates}, or {model, segments: [...]} of those. Raises FiresteelError: the invocation then
    counts as failed.
    """
    if isinstance(event, dict) and "task" in event:
        return perform(event)
    with _failures_logged():
        return _train(event)


def perform(task: dict[str, Any]) -> dict[str, Any]:
    """Do a task, log what came of it and, of a look for drift, its metrics. Raises FiresteelError."""
    with logger.append_context_keys(task=task["task"], run=task.get("run")), _failures_logged():
        answer = tasks.run(Deployment.open(_settings, definition_of), task)
        message, told = tasks.summary(task, answer)
        logger.info(message, extra=told)
        for document in answer.get("metrics", ()) if task["task"] == "drift" else ():
            logger.info("metrics", extra=document)
        return answer


@contextmanager
def _failures_logged() -> Iterator[None]:
    """What fails is logged and raised without a word of the data. Whatever else an exception quotes stays here."""
    try:
        with csvfile.unquoted():
            yield
    except FiresteelError as error:
        logger.error("training failed", extra={"error": type(error).__name__, "reason": str(error)})
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, its message may quote a row
        frames = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in extract_tb(error.__traceback__)]
        logger.error("training failed", extra={"error": type(error).__name__, "frames": frames})
        raise FiresteelError(f"a fault of the program, {type(error).__name__} at {frames[-1]}") from None


def _train(event: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(event, dict) or not all(isinstance(event.get(key), str) for key in ("model", "data")):
        raise DataError('the event must be {"model": "<name>", "data": "s3://bucket/key"}, or a task')
    if unknown := set(event) - {"model", "data", "segment", "tune", "changelog"}:
        raise DataError(f"the event has fields that mean nothing: {', '.join(sorted(map(str, unknown)))}")
    if not isinstance(event.get("tune", True), bool):
        raise DataError("the event's tune must be true or false")
    described = definition_of(event["model"])
    segments = _segments(described, event.get("segment"))
    with tempfile.TemporaryDirectory() as folder:
        path, uploads = Path(folder) / "data.csv", ObjectUploads()
        download(uploads, uploads.find(event["data"])[0], path, limit=DATA_LIMIT)
        if not described.segments:
            return _one(described, dataset.read(path, described), event)
        parts = [described.of_segment(segment) for segment in segments]
        read = [dataset.read(path, part) for part in parts]  # before anything is published
        done = [_one(part, rows, event) for part, rows in zip(parts, read, strict=True)]
    routed = release.release_segments(registry_of(_settings, signs=True), described, who=_who())
    return {"model": described.model, "segments": done, "router_version": routed}


def _segments(described: Definition, segment: object) -> list[str]:
    if segment is not None and segment not in described.segments:
        raise DataError(
            f"the event's segment is none of {described.model}: {', '.join(described.segments) or 'it has none'}"
        )
    return list(described.segments) if segment is None else [str(segment)]


def _who() -> str:
    return f"lambda:{os.environ.get('AWS_LAMBDA_FUNCTION_NAME', 'local')}"


def _one(described: Definition, rows: Dataset, event: dict[str, Any]) -> dict[str, Any]:
    """Train and release one model, or one segment."""
    trained = train.train(described, rows, tune=event.get("tune", True))
    done = release.release(
        registry_of(_settings, signs=True),
        trained,
        data_name=event["data"].rpartition("/")[2],
        changelog=str(event.get("changelog", "")),
        who=_who(),
    )
    summary = {
        "model": described.address,
        "version": done.version,
        "promoted": done.promoted is not None,
        "rows_used": len(rows),
        "rows_refused": len(rows.bad_rows),
    }
    logger.info("trained", extra=summary)
    return summary | {
        "digest": done.digest,
        "first_refused": [str(bad) for bad in rows.bad_rows[:SHOWN]],
        "gates": [verdict._asdict() for verdict in done.verdicts],
    }


def definition_of(model: str) -> Definition:
    """The definition of a model that ships with the function; the name is looked up, never a path."""
    known = {path.stem: path for path in sorted((_ROOT / "models").glob("*.yaml"))}
    if model not in known:
        raise DataError(f"there is no model {model[:80]!r}; there are: {', '.join(known)}")
    return definition_file.load(known[model])
