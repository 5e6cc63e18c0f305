"""What moto's interpreter leaves out: names of Batch's parameters, and two words of the language.

State machines write `JobName`, Batch's API says `jobName`, and the state's result says `JobId` again. moto 5.2.5 passes
all of them on as they are, so no job could be submitted.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from botocore.session import get_session
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_batch import (
    StateTaskServiceBatch,
)

_CALL = StateTaskServiceBatch._eval_service_task  # noqa: SLF001 - what is mended


@contextmanager
def batch_names() -> Iterator[None]:
    """Names are translated as long as this is open."""
    model = get_session().get_service_model("batch").operation_model("SubmitJob")

    def call(
        self: Any, env: Any, resource_runtime_part: Any, normalised_parameters: dict[str, Any], state_credentials: Any
    ) -> None:
        self._to_boto_request(normalised_parameters, model.input_shape)
        _CALL(self, env, resource_runtime_part, normalised_parameters, state_credentials)
        self._from_boto_response(env.stack[-1], model.output_shape)

    with patch.object(StateTaskServiceBatch, "_eval_service_task", call):
        yield


def executable(definition: str) -> str:
    """A definition as moto's grammar takes it: it knows no express children, and only fractions of a percentage."""
    return json.dumps(_executable(json.loads(definition)))


def _executable(value: Any) -> Any:
    if isinstance(value, list):
        return [_executable(one) for one in value]
    if not isinstance(value, dict):
        return value
    changed = {key: _executable(one) for key, one in value.items()}
    if changed.get("ExecutionType") == "EXPRESS":
        changed["ExecutionType"] = "STANDARD"
    if "ToleratedFailurePercentage" in changed:
        changed["ToleratedFailurePercentage"] = float(changed["ToleratedFailurePercentage"])
    return changed
