"""The score function: one task of the batch machine in, its counts and one log line out."""

import os
from typing import Any

from aws_lambda_powertools import Logger

from firesteel.errors import FiresteelError
from firesteel.registry.seal import registry_of
from firesteel.registry.store import open_store
from firesteel.settings import Settings
from functions.classify.scoring.place import Bucket
from functions.classify.scoring.tasks import Tasks

_settings = Settings.read(os.environ)
_tasks = Tasks(
    registry_of(_settings),
    open_store(_settings.work),
    _settings.alias,
    lambda url: Bucket(url, os.environ),
)
logger = Logger(service=_settings.service, level=_settings.log_level, utc=True, use_rfc3339=True)


@logger.inject_lambda_context
def handler(event: Any, _context: object) -> dict[str, Any]:
    """What the task `event["task"]` answers. Raises FiresteelError: the invocation then counts as failed."""
    task = event.get("task") if isinstance(event, dict) else None
    try:
        told = _tasks(event)
    except FiresteelError as error:
        logger.error("batch task failed", extra={"task": task, "error": type(error).__name__, "reason": str(error)})
        raise
    logger.info("batch task done", extra={"task": task, **told})
    return told
