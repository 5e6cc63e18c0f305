"""What stops a canary when an alarm says that it does harm. It can do nothing else.

EventBridge hands over each "CloudWatch Alarm State Change" of the canary's alarms, at least once and in any order. An
alarm ends the canary that runs; where none runs there is nothing to do, so a second delivery has no effect. An alarm that
rang before the canary began is another's: it came late.
"""

from contextlib import suppress
from datetime import datetime
from typing import Any

from firesteel.errors import ConflictError, IntegrityError, NotFoundError
from firesteel.registry import alias
from firesteel.registry.alias import Entry
from firesteel.registry.store import Store
from functions.registry.handler import logger, settings, store

_ATTEMPTS = 5
NONE_RUNS, IS_LATE = "no canary runs", "the alarm is older than the canary"


@logger.inject_lambda_context
def handler(event: object, context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Ends the canary of the served alias if the event is an alarm. Says whether it did.

    Raises RegistryError when the alias could not be read or moved: Lambda tries again, and then the event goes to the
    dead-letter queue.
    """
    match event:
        case {"detail": {"alarmName": str(name), "state": {"value": "ALARM", **state}}}:
            why, rang = str(state.get("reason", "")), _time(state.get("timestamp"))
        case _:
            logger.info("no alarm")
            return {"stopped": False}
    facts: dict[str, Any] = {"alarm": name, "model": settings.model, "alias": settings.alias}
    ended = stop(store, settings.model, settings.alias, who=f"alarm:{name}", why=why, rang=rang)
    if isinstance(ended, str):
        logger.info(ended, extra=facts)
        return {"stopped": False}
    logger.warning(
        "canary stopped", extra=facts | {"version": ended.version, "generation": ended.generation, "why": why}
    )
    return {"stopped": True, "version": ended.version, "generation": ended.generation}


def stop(store: Store, model: str, alias_name: str, *, who: str, why: str, rang: datetime | None = None) -> Entry | str:
    """Ends the canary of an alias: the new entry, or why there is nothing to end; then the alias is not touched.

    `rang`: when the alarm did; without it, it is taken to mean the canary that runs. Raises RegistryError; ConflictError
    when somebody else moved the alias each time.
    """
    for _ in range(_ATTEMPTS):
        try:
            newest = alias.current(store, model, alias_name)
        except NotFoundError:
            return NONE_RUNS
        if newest.canary is None:
            return NONE_RUNS
        if rang and _is_before(rang, newest) and _is_before(rang, _beginning(store, model, newest)):
            return IS_LATE
        with suppress(ConflictError):  # look again: what moved may run a canary, too
            return alias.rollback(store, model, alias_name, who=who, why=why, after=newest.generation)
    raise ConflictError(f"{alias_name} of {model} moved {_ATTEMPTS} times while its canary was to be stopped")


def _beginning(store: Store, model: str, newest: Entry) -> Entry | None:
    """The entry with which the canary of the newest began: growing it is no beginning.

    None where it cannot be known, because an entry since then, or the one before it, cannot be read.
    """
    began = newest
    try:
        for one in alias.newest_first(store, model, newest.alias):
            if one.generation >= newest.generation:
                continue
            if not (one.canary and newest.canary and one.canary[:2] == newest.canary[:2]):
                break
            began = one
    except IntegrityError:
        return None
    return began


def _is_before(rang: datetime, entry: Entry | None) -> bool:
    """Whether an alarm rang before an entry was made; not, where that is not known."""
    made = _time(entry.when) if entry else None
    return made is not None and rang < made


def _time(text: object) -> datetime | None:
    """A point in time as CloudWatch and the registry write it, None for anything else."""
    with suppress(ValueError):
        if isinstance(text, str) and (found := datetime.fromisoformat(text)).tzinfo:
            return found
    return None
