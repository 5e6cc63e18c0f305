"""What a write on disk tells of is durable: the order of what is asked of the file system, and a disk that fails or is full.

Processes that end leave what the system still holds in memory, so only the order shows that nothing depends on it: a file is
flushed before it has its name, and the folders of what was named, made or deleted are flushed before that is told.
"""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from firesteel.errors import RegistryError
from firesteel.registry.disk import DiskStore
from firesteel.registry.seal import Sealed
from tests.proofs.crashes_disk import objects
from tests.proofs.crashes_operations import OPERATIONS, Operation
from tests.proofs.crashes_world import Clock, wrong
from tests.proofs.proof import Run

FAILURES = (errno.EIO, errno.ENOSPC)
_CALLS = ("fsync", "link", "unlink", "mkdir")
_QUICK = ("promote", "gc, mark", "gc, sweep")


def prove(run: Run) -> None:
    begun = run.cases
    with Clock().everywhere() as clock:
        for operation in OPERATIONS:
            if operation.name == "release" or not (run.full or operation.name in _QUICK):
                continue  # what a release loads asks more of the file system than what it writes
            asked, found = follow(operation, clock)
            run.check(not found, f"on disk, {operation.name}: {'; '.join(found)[:400]}")
            every = range(1, asked + 1)
            for place in every if run.full else run.random("failure", operation.name).sample(every, 3):
                for failure in FAILURES:
                    _, found = follow(operation, clock, place, failure)
                    what = f"on disk, {operation.name}, {errno.errorcode[failure]} at {place}: {'; '.join(found)[:400]}"
                    run.check(not found, what)
    run.note(orders_and_failures_of_a_disk=run.cases - begun)


def follow(operation: Operation, clock: Clock, place: int = 0, failure: int = 0) -> tuple[int, list[str]]:
    """How much was asked of the file system, and what was wrong: with the order, or with what a failure left."""
    with TemporaryDirectory() as folder:
        begin = operation.begin()
        for key, data in begin.items():
            path = Path(folder) / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        journal = Journal(place, failure)
        try:
            with journal.watching():
                operation.run(Sealed(Told(folder, journal)), clock)
        except RegistryError as error:
            if not place:
                journal.wrong.append(str(error))
        left = objects(Path(folder))
        found = journal.wrong + wrong(left, {**left, **begin})
        if not place and not operation.done(left):
            found.append("it is not done")
        operation.run(Sealed(DiskStore(folder)), clock)
        after = objects(Path(folder))
        found += wrong(after, {**after, **left})
        if not operation.done(after):
            found.append("it is not done when it is run again")
        return journal.asked, found


class Journal:
    """What is asked of the file system: the files that are flushed, and the folders that are not. One call may fail."""

    def __init__(self, place: int, failure: int) -> None:
        self.asked, self.wrong = 0, list[str]()
        self.unflushed, self._flushed = set[int](), set[tuple[int, int]]()
        self.place, self._failure = place, failure

    @contextmanager
    def watching(self) -> Iterator[None]:
        real = {name: getattr(os, name) for name in _CALLS}
        with patch.multiple(os, **{name: self._watched(getattr(self, f"_{name}"), real[name]) for name in _CALLS}):
            yield

    def _watched(self, seen: Callable[..., None], real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            self.asked += 1
            if self.asked == self.place:
                raise OSError(self._failure, os.strerror(self._failure))
            if real.__name__ == "unlink":
                self._changes(given[0])
            result = real(*given, **named)
            seen(*given)
            return result

        return call

    def _fsync(self, descriptor: int) -> None:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            self.unflushed.discard(status.st_ino)
        else:
            self._flushed.add((status.st_ino, status.st_size))

    def _link(self, source: Any, name: Any) -> None:
        status = Path(source).stat()
        if (status.st_ino, status.st_size) not in self._flushed:
            self.wrong.append(f"{Path(name).name} has its name before it is flushed")
        self._changes(name)

    def _unlink(self, *_: Any) -> None:
        """Its folder is noted before: what is absent changes nothing, and is flushed all the same."""

    def _mkdir(self, folder: Any, *_: Any) -> None:
        self._changes(folder)

    def _changes(self, path: Any) -> None:
        self.unflushed.add(Path(path).parent.stat().st_ino)


class Told(DiskStore):
    """Judges what it has told of: nothing may be left to flush when a write returns.

    Not where a flush failed: what a disk keeps then, nobody is told, and that the object is read back says nothing of it.
    """

    def __init__(self, place: str, journal: Journal) -> None:
        super().__init__(place)
        self._journal = journal

    def create(self, key: str, data: bytes) -> None:
        super().create(key, data)
        self._judge(key)

    def delete(self, key: str) -> None:
        super().delete(key)
        self._judge(key)

    def _judge(self, key: str) -> None:
        if self._journal.unflushed and not self._journal.place:
            self._journal.wrong.append(f"{key} was told of before its folders were flushed")
            self._journal.unflushed.clear()
