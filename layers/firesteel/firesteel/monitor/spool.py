"""A server's way to the inference log: lines to a file at once, files to the store every few seconds.

A line is one write() to a spool file, so it outlives the process: a kill loses nothing that was written, only a power
cut may. Each file is locked by the process that writes it, and is named after the object that it becomes:

    inferences,model=tickets,day=2026-11-21,20261121T185600123Z-9f86d081.jsonl

A thread puts files that are old or large enough into the store, packed, and also those that nobody holds, which a dead
process left. An object is put if absent under the file's own key, so it is there once however often that is tried, and
two servers may share a folder. While the store takes nothing, files wait; when there is no room, lines are dropped and
counted. Not a line, not even an unwritable disk, ever fails a request.
"""

import fcntl
import gzip
import hashlib
import os
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from threading import Event, Lock, Thread
from time import monotonic
from typing import Any, NamedTuple
from urllib.parse import unquote

from firesteel.errors import ConflictError, NotFoundError
from firesteel.monitor.inferences import day_folder
from firesteel.registry.store import Store, put_once

AGE = 5.0  # seconds after which a file is put into the store
SIZE = 8 << 20  # bytes after which it is
ROOM = 256 << 20  # bytes that the files of a folder may take
TICK = 1.0  # seconds between two looks
REPEAT = 60.0  # seconds until a trouble that lasts is told again, and files grow while the store takes nothing
TRIES = 3  # files that may fail in one look
_NAME = re.compile(r"inferences,model=[a-z0-9.-]+,day=\d{4}-\d\d-\d\d,\d{8}T\d{9}Z-[0-9a-f]{8}\.jsonl\Z")


class _Spooled(NamedTuple):
    """A file that is written, and locked as long as its descriptor is open."""

    descriptor: int
    opened: float


class Spool:
    """The inference lines of one process. `append` may be called from any thread."""

    def __init__(
        self,
        folder: Path,
        store: Callable[[], Store],
        tell: Callable[[str, dict[str, Any]], None],
        *,
        age: float = AGE,
        size: int = SIZE,
        room: int = ROOM,
    ) -> None:
        """`tell` takes a message and its facts: that the store takes nothing, or that lines were dropped."""
        self._folder, self._store, self._tell = folder, store, tell
        self._age, self._size, self._room = age, size, room
        self._files: dict[tuple[str, date], _Spooled] = {}
        self._lock = Lock()
        self._used = self._dropped = 0
        self._fails, self._told = False, -REPEAT
        self._stuck: set[Path] = set()  # files that failed though others went
        self._closing = Event()
        self._thread = Thread(target=self._run, name="spool", daemon=True)

    def start(self) -> None:
        """Begin to move files: first what was left behind."""
        self._thread.start()

    def append(self, model: str, created: float, line: str) -> None:
        """Write the line of a model's answer, made at `created` (seconds since 1970), by one write(). Never raises."""
        data = line.encode() + b"\n"
        with self._lock:
            try:
                if self._used + len(data) > self._room:
                    raise OSError
                key = (model, datetime.fromtimestamp(created, UTC).date())  # rounds as the line's own timestamp does
                file = self._files.get(key) or self._open(*key)
                _write(file.descriptor, data)
                self._used += len(data)
            except (OSError, NotFoundError):
                self._dropped += 1

    def move(self, *, everything: bool = False) -> None:
        """Put what is due into the store, and what nobody holds. Never raises: whatever failed, the next look may not."""
        try:
            self._release(everything=everything)
            self._put_all()
        except Exception as error:  # noqa: BLE001 - the disk is a stranger's, too
            self._trouble(error)
        with suppress(OSError):
            used = sum([_size(path) for path in self._waiting()])
            with self._lock:
                self._used = used
        with self._lock:
            dropped, self._dropped = self._dropped, 0
        if dropped:
            self._tell("inferences dropped", {"dropped": dropped})

    def close(self) -> None:
        """Move all there is. What cannot be moved now is when the next server starts."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()
        self.move(everything=True)

    def _run(self) -> None:
        self.move()
        while not self._closing.wait(TICK):
            self.move()

    def _open(self, model: str, day: date) -> _Spooled:
        """A new file, which has its name only when it is locked: nobody takes it for one that was left."""
        now = datetime.now(UTC)
        key = f"{day_folder(model, day)}{now:%Y%m%dT%H%M%S}"
        path = self._folder / f"{key}{now.microsecond // 1000:03}Z-{os.urandom(4).hex()}.jsonl".replace("/", ",")
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        aside = path.with_name(f".{path.name}")
        descriptor = os.open(aside, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            aside.rename(path)
        except OSError:
            os.close(descriptor)
            raise
        file = self._files[model, day] = _Spooled(descriptor, monotonic())
        return file

    def _release(self, *, everything: bool) -> None:
        """Let go of files that are due. While the store takes nothing they may be older: fewer, larger files wait."""
        now, age = monotonic(), max(self._age, REPEAT) if self._fails else self._age
        with self._lock:
            for key, file in list(self._files.items()):
                if everything or now - file.opened >= age or os.fstat(file.descriptor).st_size >= self._size:
                    del self._files[key]
                    os.close(file.descriptor)

    def _waiting(self) -> list[Path]:
        """All files, oldest first in every model and day, also those that are written."""
        with suppress(FileNotFoundError):
            return sorted(path for path in self._folder.iterdir() if _NAME.match(path.name))
        return []

    def _put_all(self) -> None:
        """Put what waits into the store. A file that fails holds up no other; those that did before come last."""
        failed: dict[Path, Exception] = {}
        moved = False
        for path in sorted(self._waiting(), key=self._stuck.__contains__):
            try:
                moved |= self._put(path)
            except Exception as error:  # noqa: BLE001 - the store is one of many kinds, and may be reached by the network
                failed[path] = error
                if len(failed) == TRIES:
                    break
        if moved:
            self._stuck = set(failed)
        self._fails = not failed.keys() <= self._stuck
        if failed:
            self._trouble(next(iter(failed.values())))

    def _put(self, path: Path) -> bool:
        """Put a file into the store and remove it, unless somebody holds it. Whether the store has taken lines of it."""
        with suppress(BlockingIOError, FileNotFoundError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not os.fstat(file.fileno()).st_nlink:
                return False  # another server has moved it
            data = file.read()
            if whole := data[: data.rfind(b"\n") + 1]:  # what has no end was cut off by a full disk or a kill
                with suppress(ConflictError):  # packed otherwise by another release: the key is this file's alone
                    put_once(self._store(), f"{path.name.replace(',', '/')}.gz", gzip.compress(whole, 6, mtime=0))
            path.unlink(missing_ok=True)
            return bool(whole)
        return False

    def _trouble(self, error: Exception) -> None:
        """Said at once, and again every minute that it lasts."""
        if monotonic() - self._told >= REPEAT:
            self._told = monotonic()
            self._tell("inference log not delivered", {"error": type(error).__name__, "cause": str(error)})


def folder_of(url: str) -> Path:
    """Where a server spools for the store at a URL: in a folder store itself, for any other in the current directory."""
    scheme, _, place = url.partition("://")
    if scheme == "file":
        return Path(unquote(place)).absolute() / ".spool"
    return Path(".monitor").absolute() / f".spool-{hashlib.sha256(url.encode()).hexdigest()[:8]}"


def _write(descriptor: int, data: bytes) -> None:
    """All of it or nothing. Raises OSError."""
    written = os.write(descriptor, data)
    if written < len(data):  # the disk is full
        os.ftruncate(descriptor, os.fstat(descriptor).st_size - written)
        raise OSError("short write")


def _size(path: Path) -> int:
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0
