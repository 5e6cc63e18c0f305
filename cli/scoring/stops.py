"""How a run is stopped: by Ctrl-C or SIGTERM, in order, saying how to go on."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import typer

from cli.output import errors


class _Stopped(BaseException):
    """A signal came. No Exception, so that nothing on the way up takes it for a failure of its own."""


@contextmanager
def told() -> Iterator[None]:
    """Let what is done meanwhile end where it is when a signal stops it, with the exit code that shells give for that."""
    before = {number: signal.signal(number, _stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    except _Stopped as stopped:
        [number] = stopped.args
        errors.print(f"stopped by {signal.Signals(number).name}; run the same command again to go on")
        raise typer.Exit(128 + number) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop(number: int, _frame: FrameType | None) -> None:
    for ignored in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ignored, signal.SIG_IGN)  # ending takes as long as the parts that are under way
    raise _Stopped(number)
