"""The CPU that Lambda gives a function by its memory, given to processes that are started here: a quota of Linux.

Lambda's documentation: CPU grows with memory, and 1,769 MB have one vCPU. The quota is one of control groups version 1
(`cpu.cfs_quota_us`). Period: 20 ms, our assumption; a shorter one makes many short pauses of few long.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

WHOLE = 1769  # MiB that have one vCPU
PERIOD = 20_000  # microseconds
WEIGHT = 16_384  # against 1,024 of everything else that runs: the quota is to be the limit, not the neighbours
_CONTROLLER = Path("/sys/fs/cgroup/cpu")


class QuotaError(RuntimeError):
    """This machine lets us set no quota; the message says why."""


class Quota:
    """A control group with the CPU of a function of that much memory. It holds what was started inside `applied`."""

    def __init__(self, group: Path, home: Path) -> None:
        self._group, self._home = group, home

    @contextmanager
    def applied(self) -> Iterator[None]:
        """What is started in the block stays in the group; this process is in it for the length of the block."""
        _move(self._group)
        try:
            yield
        finally:
            _move(self._home)


@contextmanager
def quota(memory: int) -> Iterator[Quota]:
    """A quota for the block; its processes must have ended by the end of it. Raises QuotaError when none can be set."""
    home = _own_group()
    group = home / f"firesteel-{os.getpid()}-{memory}"
    try:
        group.mkdir()
        (group / "cpu.shares").write_text(str(WEIGHT))
        (group / "cpu.cfs_period_us").write_text(str(PERIOD))
        (group / "cpu.cfs_quota_us").write_text(str(round(PERIOD * memory / WHOLE)))
    except OSError as error:
        raise QuotaError(f"{group}: {error.strerror}; quotas need root and control groups version 1") from error
    try:
        yield Quota(group, home)
    finally:
        _remove(group)


def _own_group() -> Path:
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if "cpu" in controllers.split(","):
            return _CONTROLLER / path.lstrip("/")
    raise QuotaError("no cpu controller of control groups version 1 is mounted here")


def _move(group: Path) -> None:
    (group / "cgroup.procs").write_text(str(os.getpid()))


def _remove(group: Path) -> None:
    """The kernel needs a moment to forget a process that was killed."""
    for _ in range(100):
        try:
            group.rmdir()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise QuotaError(f"{group} still has processes: {(group / 'cgroup.procs').read_text().split()}")
