"""The hook that CodeDeploy calls before new code gets its first request: it tries that code and says how it went."""

import json
import logging
import os
from typing import Any

import boto3
from botocore.config import Config

from functions.smoke import trial
from functions.smoke.trial import Failed

_CONFIG = Config(connect_timeout=3, read_timeout=20, retries={"total_max_attempts": 2})
_lambda = boto3.client("lambda", config=_CONFIG)
_codedeploy = boto3.client("codedeploy", config=_CONFIG)
_log = logging.getLogger("smoke")  # Lambda makes its lines JSON


def handler(event: dict[str, Any], _context: object) -> dict[str, str]:
    """Tries the version in SMOKE_VERSION and tells CodeDeploy; the requests stay where they are when it fails.

    CodeDeploy takes silence for failure, after an hour, so whatever goes wrong while trying is told at once.
    """
    version = os.environ["SMOKE_VERSION"]
    try:
        found = trial.of(version, _invoke)
    except Failed as failed:
        status, found = "Failed", str(failed)
    except Exception:  # noqa: BLE001 - see above: a fault of the trial is told, too
        status, found = "Failed", "the trial itself failed"
        _log.exception("smoke test failed")
    else:
        status = "Succeeded"
    _log.warning("smoke test %s: %s", status.lower(), found, extra={"version": version})
    _codedeploy.put_lifecycle_event_hook_execution_status(
        deploymentId=event["DeploymentId"],
        lifecycleEventHookExecutionId=event["LifecycleEventHookExecutionId"],
        status=status,
    )
    return {"version": version, "status": status, "found": found}


def _invoke(function: str, event: dict[str, Any]) -> Any:
    answer = _lambda.invoke(FunctionName=function, Payload=json.dumps(event).encode())
    if "FunctionError" in answer:
        raise Failed(f"the function ended with {answer['FunctionError']}: it crashed or ran out of time")
    return json.load(answer["Payload"])
