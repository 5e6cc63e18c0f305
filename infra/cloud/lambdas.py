"""Lambda: execution environments of the built functions, started when a call finds none idle, kept warm after it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import BoundedSemaphore, Condition
from typing import Any, NamedTuple, Self

from cli.emulator import Emulator, EmulatorError

ENVIRONMENTS_AT_ONCE = 4  # as many as are useful on a small machine; more calls wait, where Lambda would throttle
_START = 30.0  # seconds that a start takes at most
_DEAD = ("Runtime.", "Sandbox.")  # errors after which Lambda drops the environment


class Answer(NamedTuple):
    """What a function answered; `failed` when it raised, died or ran out of time: then `value` is Lambda's error."""

    value: Any
    failed: bool


class Environments:
    """All execution environments of one function, from `with` until its end."""

    def __init__(
        self,
        artifact: Path,
        handler: str,
        environment: Mapping[str, str],
        layers: Sequence[Path],
        *,
        memory: int,
        timeout: int,
    ) -> None:
        self._started_with = (artifact, handler, dict(environment), list(layers))
        self._limits = (memory, timeout)
        self._idle: list[Emulator] = []
        self._ended_logs: list[str] = []
        self.running: list[Emulator] = []
        """Those that are answering a call."""
        self._lock = Condition()
        self._starting, self._closed = 0, False
        self._room = BoundedSemaphore(ENVIRONMENTS_AT_ONCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._closed = True
            self._lock.wait_for(lambda: not self._starting, timeout=_START)  # or they would outlive us
        self.recycle()
        for emulator in list(self.running):  # a call that nobody waits for any more
            self._end(emulator)

    def invoke(self, event: object) -> Answer:
        """Call the function once, in the environment that was idle for the shortest time or in a new one."""
        with self._room:
            with self._lock:
                emulator = self._idle.pop() if self._idle else None
            if emulator:
                self.running.append(emulator)
            elif not (emulator := self._start()):
                return Answer({"errorType": "Lambda.ServiceException", "errorMessage": "torn down"}, failed=True)
            try:
                value, _ = emulator.invoke(event)
            except EmulatorError as error:
                value = {"errorType": "Runtime.ExitError", "errorMessage": str(error).splitlines()[0]}
            failed = isinstance(value, dict) and {"errorType", "errorMessage"} <= value.keys()
            self.running.remove(emulator)
            if failed and str(value["errorType"]).startswith(_DEAD):
                self._end(emulator)
            else:
                with self._lock:
                    self._idle.append(emulator)
            return Answer(value, failed)

    def log(self) -> str:
        """What all environments have written so far: what CloudWatch would have."""
        with self._lock:
            return "".join((*self._ended_logs, *(emulator.log() for emulator in (*self._idle, *self.running))))

    def each(self, event: object) -> list[Any]:
        """What every idle environment answers, asked one after the other."""
        with self._lock:
            return [emulator.invoke(event)[0] for emulator in self._idle]

    def recycle(self) -> None:
        """End the idle environments, as Lambda does when it likes."""
        with self._lock:
            idle, self._idle = self._idle, []
        for emulator in idle:
            self._end(emulator)

    def _start(self) -> Emulator | None:
        """A new environment, which then is among those that run; none once all have come to their end."""
        with self._lock:
            if self._closed:
                return None
            self._starting += 1
        memory, timeout = self._limits
        try:
            emulator = Emulator(*self._started_with, memory=memory, timeout=timeout).__enter__()
            self.running.append(emulator)
        finally:
            with self._lock:
                self._starting -= 1
                self._lock.notify_all()
        return emulator

    def _end(self, emulator: Emulator) -> None:
        with self._lock:
            self._ended_logs.append(emulator.log())
        emulator.__exit__(None, None, None)
