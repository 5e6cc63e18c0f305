"""The train task as a container's entry: `python -m functions.train.container '<json of the task>'`.

For data that are too large for a function. The settings are those of the function, in the environment. Exit code 0 says
that the version is published; the same task in the function finds it then.
"""

import json
import sys

from firesteel.errors import FiresteelError


def main(arguments: list[str]) -> int:
    """Do the task; 2 for what is none, 1 for one that failed. The answer is a line of JSON on standard output."""
    try:
        task = json.loads(arguments[0]) if len(arguments) == 1 else None
    except ValueError:
        task = None
    if not (isinstance(task, dict) and task.get("task") == "train"):
        sys.stderr.write("usage: python -m functions.train.container '<json of the train task>'\n")
        return 2
    from functions.train import handler  # a second of scikit-learn, for what is a task

    try:
        sys.stdout.write(f"{json.dumps(handler.perform(task))}\n")
    except FiresteelError:  # the log has it
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
