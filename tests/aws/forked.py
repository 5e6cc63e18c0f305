"""Runs handlers as Lambda does, each invocation in a process that has just begun: `python -m tests.aws.forked MODULE...`

Reads a line of JSON {"handler", "environment", "event"}, forks, and answers with {"answer"} or {"error", "message"}. The
modules named are imported before: what takes long and reads no environment.
"""

import importlib
import json
import os
import sys
from types import SimpleNamespace
from typing import Any

CONTEXT = SimpleNamespace(
    function_name="f", memory_limit_in_mb=512, invoked_function_arn="arn", aws_request_id="lambda-1"
)


def answer(asked: dict[str, Any]) -> dict[str, Any]:
    os.environ |= asked["environment"]
    module, _, name = asked["handler"].rpartition(".")
    try:
        return {"answer": getattr(importlib.import_module(module), name)(asked["event"], CONTEXT)}
    except Exception as error:  # noqa: BLE001 - what Lambda makes of it
        return {"error": type(error).__name__, "message": str(error)}


def main() -> None:
    for name in sys.argv[1:]:
        importlib.import_module(name)
    out = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # log lines are not answers
    for line in sys.stdin:
        child = os.fork()
        if not child:
            out.write(json.dumps(answer(json.loads(line))) + "\n")
            out.flush()
            os._exit(0)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
