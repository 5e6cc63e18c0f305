"""Runs commands one after another in one process, as a shell would, and tells how each ended: as JSON, for tests.

The packages of extras take seconds to import and warn of what is none of ours, so they are tested out here.
"""

import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout

from cli import environment, main, output


def run(arguments: list[str]) -> dict[str, object]:
    """Exit code and what was said of one command."""
    out, err = io.StringIO(), io.StringIO()
    sys.argv = ["firesteel", *arguments]
    environment.settings.cache_clear()
    with redirect_stdout(out), redirect_stderr(err):
        output.console.file, output.errors.file = out, err
        try:
            main.run()
            code: object = 0
        except SystemExit as exit_info:
            code = exit_info.code
    return {"code": code, "out": out.getvalue(), "err": err.getvalue()}


if __name__ == "__main__":
    print(json.dumps([run(arguments) for arguments in json.loads(sys.argv[1])]))
