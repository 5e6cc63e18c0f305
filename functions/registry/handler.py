"""Wiring: the environment -> settings -> registry; one event in, one answer and one log line out."""

import json
import os
from traceback import extract_tb
from typing import Any

from aws_lambda_powertools import Logger

from firesteel.registry.seal import registry_of
from firesteel.settings import Settings
from functions.registry import approvals, moves
from functions.registry.moves import Decision, Refused

settings = Settings.read(os.environ)
store = registry_of(settings, signs=True)
logger = Logger(service=settings.service, level=settings.log_level, utc=True, use_rfc3339=True)


@logger.inject_lambda_context
def handler(event: object, context: object) -> dict[str, Any]:
    """Answers one event of API Gateway's REST API. Never raises."""
    request_id = _request_id(event) or getattr(context, "aws_request_id", "")
    answer = _decided(event, request_id)
    if settings.cors_origins:
        answer["headers"] |= _shown_to(_origin(event))
    return answer


def _decided(event: object, request_id: str) -> dict[str, Any]:
    facts: dict[str, Any] = {"request_id": request_id}
    try:
        asked = moves.read(event)
        if isinstance(asked, Decision):
            facts |= {"model": asked.model, "version": asked.version, "who": asked.who}
            decided = approvals.decide(asked, store, settings.work)
            told = {name: decided[name] for name in ("model", "run", "approved")}
            logger.info("training decided", extra=facts | told)
            return _answer(200, decided, request_id)
        facts |= {"kind": asked.kind, "model": asked.model, "alias": asked.alias, "who": asked.who}
        model, entry = moves.perform(asked, store)
    except Refused as refused:
        return _refuse(refused, refused.__cause__, facts)
    except Exception as error:  # noqa: BLE001 - the last line of defence: a fault of ours is a 500, never a crash
        fault = Refused("internal_error", "Something failed on our side; the log has it under this request id.")
        return _refuse(fault, error, facts)
    logger.info("alias moved", extra=facts | {"model": model, "version": entry.version, "generation": entry.generation})
    return _answer(200, {"model": model, **entry.document()}, request_id)


def _refuse(refused: Refused, cause: BaseException | None, facts: dict[str, Any]) -> dict[str, Any]:
    status = moves.STATUS[refused.code]
    logged = facts | {"code": refused.code, "status": status}
    if status < 500:
        logger.info("refused", extra=logged)
    else:
        logger.error("refused", extra=logged | _fault(cause))
    body = {"detail": refused.detail, "code": refused.code, "request_id": facts["request_id"]}
    return _answer(status, body, facts["request_id"])


def _fault(cause: BaseException | None) -> dict[str, Any]:
    """What kind it was and where. Its message may quote the request, so it is left out."""
    frames = (
        [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in extract_tb(cause.__traceback__)] if cause else []
    )
    return {"exception_name": type(cause).__name__, "frames": frames}


def _request_id(event: object) -> str:
    match event:
        case {"requestContext": {"requestId": str(request_id)}}:
            return request_id
    return ""


def _origin(event: object) -> str:
    """Where the page is from that a browser asks for; nothing when it was no page."""
    match event:
        case {"headers": dict(headers)}:
            return next((str(value) for name, value in headers.items() if str(name).lower() == "origin"), "")
    return ""


def _shown_to(origin: str) -> dict[str, str]:
    """What lets a browser show the answer to a page of the listed origins, and to no other."""
    allowed = {"access-control-allow-origin": origin, "access-control-expose-headers": "x-request-id"}
    return {"vary": "origin"} | (allowed if origin in settings.cors_origins else {})


def _answer(status: int, body: object, request_id: str) -> dict[str, Any]:
    return {
        "statusCode": status,
        "headers": {"content-type": "application/json", "x-request-id": request_id},
        "body": json.dumps(body, ensure_ascii=False, separators=(",", ":")),
        "isBase64Encoded": False,
    }
