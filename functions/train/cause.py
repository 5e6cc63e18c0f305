"""What a state's error says, in a sentence: that of a function, of a container, or of Step Functions itself."""

import json
from collections.abc import Mapping
from typing import Any

LONGEST = 1000  # characters of a cause that is none of the known documents


def told_of(error: Mapping[str, Any]) -> str:
    """`{"Error", "Cause"}` as people read it."""
    cause = str(error.get("Cause", ""))
    said = cause[:LONGEST]
    try:
        document = json.loads(cause)
    except ValueError:
        document = None
    match document:
        case {"errorMessage": str(message)}:
            said = message
        case {"JobId": _, **job} | {"jobId": _, **job}:
            said = _job(job)
    return f"{error.get('Error', 'Error')}: {said}"


def _job(job: Mapping[Any, Any]) -> str:
    """Why a job of Batch ended, and where it says more; Step Functions hands on all that DescribeJobs tells."""
    job = _named_as_in_the_api(job)
    container = _named_as_in_the_api(job.get("container") or {})
    reasons = [job.get("statusReason"), container.get("reason")]
    said = "; ".join(str(one) for one in dict.fromkeys(reasons) if one) or "the container failed"
    code, stream = container.get("exitCode"), container.get("logStreamName")
    return (
        said
        + (f" (exit code {code})" if code is not None else "")
        + (f"; its log stream is {stream}" if stream else "")
    )


def _named_as_in_the_api(document: Mapping[Any, Any]) -> dict[str, Any]:
    """With a small first letter, which Step Functions makes a capital one."""
    return {f"{name[:1].lower()}{name[1:]}": value for name, value in document.items()}
