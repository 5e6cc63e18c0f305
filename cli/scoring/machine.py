"""A run on AWS: an execution of the batch machine, followed to its end."""

import json
import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cli.aws import AwsError, explained, step_functions
from firesteel.errors import DataError, SettingsError

if TYPE_CHECKING:
    from types_boto3_stepfunctions import SFNClient

_LOOKS = 2.0  # seconds between two looks
_LIMIT = 24 * 3600.0
_ENDED = {"SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"}


def run(
    machine: str, asked: dict[str, Any], told: Callable[[str, int, int], None], *, looks: float = _LOOKS
) -> dict[str, Any]:
    """Start the machine and wait for what it answers; `told` hears of the state, and of parts done and in all.

    Raises SettingsError without a machine, AwsError.
    """
    if not machine:
        raise SettingsError("FIRESTEEL_BATCH_MACHINE is not set: it is the output BatchMachine of the stack")
    if not str(asked["data"]).startswith("s3://"):
        raise DataError(f"{asked['data']}: --aws answers files on S3, s3://bucket/key")
    with explained(machine):
        client = step_functions(machine)
        name = f"{asked['model'].replace('/', '-')[:40]}-{uuid.uuid4()}"
        started = client.start_execution(stateMachineArn=machine, name=name, input=json.dumps(asked))
        return _followed(client, started["executionArn"], told, looks)


def _followed(
    client: "SFNClient", execution: str, told: Callable[[str, int, int], None], looks: float
) -> dict[str, Any]:
    ends = time.monotonic() + _LIMIT
    while (found := client.describe_execution(executionArn=execution))["status"] not in _ENDED:
        told(found["status"].lower(), *_parts(client, execution))
        if time.monotonic() > ends:
            raise AwsError(f"{execution} still runs after {_LIMIT / 3600:.0f} hours; it is left running")
        time.sleep(looks)
    told(found["status"].lower(), *_parts(client, execution))
    if found["status"] != "SUCCEEDED":
        why = found.get("cause") or found.get("error") or "no cause is given"
        raise AwsError(f"{execution} {found['status'].lower()}: {why[:1000]}")
    return dict(json.loads(found["output"]))


def _parts(client: "SFNClient", execution: str) -> tuple[int, int]:
    """The parts that are done and that there are, of the execution's map; 0 of 0 before it began, or if that is not told."""
    from botocore.exceptions import ClientError

    try:
        runs = client.list_map_runs(executionArn=execution)["mapRuns"]
        if not runs:
            return 0, 0
        counts = client.describe_map_run(mapRunArn=runs[0]["mapRunArn"])["itemCounts"]
    except ClientError:  # progress is told to people; the execution goes on without it
        return 0, 0
    return counts["succeeded"], counts["total"]
