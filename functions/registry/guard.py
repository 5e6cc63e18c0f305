"""What stops a canary when an alarm says that it does harm. It can do nothing else.

EventBridge hands over each "CloudWatch Alarm State Change" of the canary's alarms, at least once and in any order. An
alarm ends the canary that runs; where none runs there is nothing to do, so a second delivery has no effect.
"""

from contextlib import suppress
from typing import Any

from firesteel.errors import ConflictError, NotFoundError
from firesteel.registry import alias
from firesteel.registry.alias import Entry
from firesteel.registry.store import Store
from functions.registry.handler import logger, settings, store

_ATTEMPTS = 5


@logger.inject_lambda_context
def handler(event: object, context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Ends the canary of the served alias if the event is an alarm. Says whether it did.

    Raises RegistryError when the alias could not be read or moved: Lambda tries again, and then the event goes to the
    dead-letter queue.
    """
    match event:
        case {"detail": {"alarmName": str(name), "state": {"value": "ALARM", **state}}}:
            why = str(state.get("reason", ""))
        case _:
            logger.info("no alarm")
            return {"stopped": False}
    facts: dict[str, Any] = {"alarm": name, "model": settings.model, "alias": settings.alias}
    ended = stop(store, settings.model, settings.alias, who=f"alarm:{name}", why=why)
    if ended is None:
        logger.info("no canary runs", extra=facts)
        return {"stopped": False}
    logger.warning(
        "canary stopped", extra=facts | {"version": ended.version, "generation": ended.generation, "why": why}
    )
    return {"stopped": True, "version": ended.version, "generation": ended.generation}


def stop(store: Store, model: str, alias_name: str, *, who: str, why: str) -> Entry | None:
    """Ends the canary of an alias: the new entry, or None when no canary runs, which is never touched.

    Raises RegistryError; ConflictError when somebody else moved the alias each time.
    """
    for _ in range(_ATTEMPTS):
        try:
            newest = alias.current(store, model, alias_name)
        except NotFoundError:
            return None
        if newest.canary is None:
            return None
        with suppress(ConflictError):  # look again: what moved may run a canary, too
            return alias.rollback(store, model, alias_name, who=who, why=why, after=newest.generation)
    raise ConflictError(f"{alias_name} of {model} moved {_ATTEMPTS} times while its canary was to be stopped")
