"""Runs a plan in a process of its own, and hands on how it goes."""

import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from tempfile import TemporaryFile
from typing import IO, Any, NamedTuple

from cli.load.plan import Outcome, Plan
from firesteel.errors import FiresteelError

_COMMAND = (sys.executable, "-P", "-m", "cli.load.run")  # -P: what lies in the current folder is not imported
_LAST_WORDS = 30.0  # seconds to end in, once told


class LoadError(FiresteelError):
    """The process that makes the load ended without an outcome."""


class Progress(NamedTuple):
    """How a run goes: seconds since it began, users there are by now, and answers by how they ended."""

    seconds: float
    users: int
    succeeded: int
    failed: int
    limited: int


def drive(plan: Plan, told: Callable[[Progress], None]) -> tuple[Outcome, bool]:
    """The outcome, and whether it was interrupted: Ctrl-C ends the run, not the report. Raises LoadError."""
    with TemporaryFile() as complaints:
        process = subprocess.Popen(  # noqa: S603 - it is our own
            _COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=complaints, text=True,
            start_new_session=True,  # or Ctrl-C would end it before it has told its outcome
        )  # fmt: skip
        assert process.stdin
        assert process.stdout
        interrupted = False
        try:
            process.stdin.write(plan.to_json() + "\n")
            process.stdin.flush()
            outcome = _heard(process.stdout, told)
        except KeyboardInterrupt:
            interrupted = True
            process.stdin.close()
            outcome = _heard(process.stdout, told)
        finally:
            _end(process)
        if outcome is None:
            complaints.seek(0)
            said = complaints.read().decode(errors="replace").strip().splitlines()
            raise LoadError(f"the load's process ended with {process.returncode}: {' '.join(said[-1:]) or 'no word'}")
    return outcome, interrupted


def _heard(lines: IO[str], told: Callable[[Progress], None]) -> Outcome | None:
    """Listens until there is an outcome; None when the process ends without one."""
    for line in lines:
        word: dict[str, Any] = json.loads(line)
        if "outcome" in word:
            return Outcome.of(word["outcome"])
        told(Progress(*word["progress"]))
    return None


def _end(process: "subprocess.Popen[str]") -> None:
    """Closing its input ends it; if not, it is killed."""
    assert process.stdin
    assert process.stdout
    with suppress(BrokenPipeError):
        process.stdin.close()
    try:
        process.wait(_LAST_WORDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()
