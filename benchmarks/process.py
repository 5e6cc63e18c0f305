"""Processes that a benchmark starts and ends itself: each in a group of its own, its output in a file."""

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

LOOPBACK = "127.0.0.1"
LOGS = Path(__file__).parent.parent / ".benchmarks" / "logs"
START_LIMIT = 60.0  # seconds until a started process must answer
PATIENCE = 10.0  # seconds a process may take to end when asked


@contextmanager
def running(
    command: Sequence[str | Path], *, log: Path, environment: Mapping[str, str], folder: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run the command beside the block; afterwards end it and what it started."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=dict(environment), cwd=folder, stdout=output, stderr=output, start_new_session=True
        )
    try:
        yield process
    finally:
        _end(process)


def free_port() -> int:
    """A port of the loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask the process's group to end, then insist. Its group is its own, so nobody else is hit."""
    for request in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, request)
        with suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE)


def timed(command: Sequence[str], *, cwd: Path, **settings: str) -> dict[str, float]:
    """Run a command to its end: wall seconds and peak resident memory. Raises CalledProcessError when it fails."""
    started = time.perf_counter()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, cwd=cwd, env=os.environ | settings, stdout=output, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - started
        if process.returncode:
            output.seek(0)
            raise subprocess.CalledProcessError(process.returncode, command, output.read().decode()[-2000:])
    return {"seconds": seconds, "cpu seconds": usage.ru_utime + usage.ru_stime, "MiB": usage.ru_maxrss / 1024}
