"""A person's word on a trained version, passed on to the state machine that waits for it.

The training writes `approvals/<model>/<version>.json` to the work bucket, with the token under which Step Functions
waits. The version is published then, and serves nobody: approving lets the state machine promote it, rejecting ends it.
"""

import json
from typing import Any

from firesteel.errors import IntegrityError, NotFoundError
from firesteel.registry import names, record
from firesteel.registry.record import Fields
from firesteel.registry.store import Store, open_store
from functions.registry.moves import Decision, Refused, refusing, require

_APPROVAL: Fields = {"format": int, "model": str, "version": str, "token": str, "run": str, "when": str}
_OVER = ("TaskTimedOut", "TaskDoesNotExist", "InvalidToken")
"""What Step Functions calls a token that nobody waits for: decided already, timed out, stopped, or of another account."""


def key_of(model: str, version: str) -> str:
    """Where the work bucket holds what is asked about a version. NotFoundError for what can be no model or version."""
    names.version_folder(model, version)
    return f"approvals/{model}/{version}.json"


def decide(decision: Decision, store: Store, work: str) -> dict[str, Any]:
    """Tells the state machine; returns what was decided about what. `work`: the URL of the work bucket. Raises Refused."""
    if not work:
        raise Refused("not_in_registry", "This stack has no work bucket, so nothing in it waits for approval.")
    with refusing():
        require(decision.model, store)
        asked = _asked(open_store(work), decision.model, decision.version)
    said = {"who": record.one_line(decision.who, 200), "why": record.one_line(decision.why, 1000)}
    _tell(asked["token"], decision.approved, **said)
    return {name: asked[name] for name in ("model", "version", "run")} | {"approved": decision.approved, **said}


def _asked(work: Store, model: str, version: str) -> dict[str, Any]:
    key = key_of(model, version)
    try:
        asked = record.decode(work.get(key, limit=record.LIMIT), _APPROVAL, key)
    except NotFoundError:
        raise NotFoundError(
            f"nobody asked for approval of {model} {version} yet; people may be told a moment before the training waits, "
            f"so if you were just told, try again in a minute"
        ) from None
    if (asked["model"], asked["version"]) != (model, version):
        raise IntegrityError(f"{key} asks for approval of {asked['model']} {asked['version']}")
    return asked


def _tell(token: str, approved: bool, *, who: str, why: str) -> None:
    import boto3  # a quarter of a second that moving an alias must not pay
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    config = Config(connect_timeout=3, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})
    try:
        machine = boto3.client("stepfunctions", config=config)
        if approved:
            output = json.dumps({"approved": True, "who": who, "why": why}, ensure_ascii=False)
            machine.send_task_success(taskToken=token, output=output)
        else:
            machine.send_task_failure(taskToken=token, error="Rejected", cause=f"{who}: {why}")
    except ClientError as error:
        if error.response["Error"]["Code"] in _OVER:
            detail = "The training does not wait any more: it was decided already, or it timed out or was stopped."
            raise Refused("conflict", detail) from error
        raise _untold() from error
    except BotoCoreError as error:
        raise _untold() from error


def _untold() -> Refused:
    return Refused("approvals_unavailable", "The state machine could not be told. It is safe to try again.")
