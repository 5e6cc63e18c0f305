"""A folder as an object store, durable: what was written is still there after a crash or a power cut, whole."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from firesteel.errors import ConflictError, IntegrityError, NotFoundError, StoreError
from firesteel.registry.store import check_key, check_prefix


class DiskStore:
    """A folder. An object is written aside, made durable, then linked to its name, which fails if the name is taken.

    Files whose names begin with a dot are no objects: a crash may leave one that was being written aside. `place` is a
    path, relative to the current directory unless it begins with a slash; %20 stands for a space, as in any URL.
    """

    def __init__(self, place: str) -> None:
        if "%" in place:
            from urllib.parse import unquote

            place = unquote(place)
        self._root = Path(place).absolute()
        if self._root.exists() and not self._root.is_dir():
            raise StoreError(f"{self._root} is a file, not a folder to keep a store in")

    def get(self, key: str, *, limit: int) -> bytes:
        check_key(key)
        try:
            with (self._root / key).open("rb") as file:
                if (size := os.fstat(file.fileno()).st_size) > limit:
                    raise IntegrityError(f"{key} has {size} bytes, more than {limit}")
                data = file.read(limit + 1)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise NotFoundError(f"{key} does not exist") from None
        except OSError as error:
            raise StoreError(f"{key} cannot be read: {error.strerror}") from error
        if len(data) > limit:
            raise IntegrityError(f"{key} has more than {limit} bytes")
        return data

    def create(self, key: str, data: bytes) -> None:
        check_key(key)
        path = self._root / key
        with _translated(f"{key} may not have been written"):
            _make_folder(path.parent)
            taken = not _link(path, data)
            # Also when the key is taken: whoever took it may not have come so far, and we are about to tell of it.
            for folder in path.parents[: len(Path(key).parts)]:
                _sync(folder)
        if taken:
            raise ConflictError(f"{key} exists already")

    def keys(self, prefix: str) -> list[str]:
        check_prefix(prefix)
        with _translated(f"{prefix} cannot be listed"):
            return sorted(path.relative_to(self._root).as_posix() for path in _files(self._root / prefix))

    def folders(self, prefix: str) -> list[str]:
        check_prefix(prefix)
        with _translated(f"{prefix} cannot be listed"):
            try:
                inside = list((self._root / prefix).iterdir())
            except (FileNotFoundError, NotADirectoryError):
                return []
            return sorted(path.name for path in inside if path.is_dir() and any(_files(path)))


@contextmanager
def _translated(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(f"{what}: {error.strerror}") from error


def _files(folder: Path) -> Iterator[Path]:
    for place, _, names in folder.walk(on_error=_unless_missing):
        yield from (place / name for name in names if not name.startswith("."))


def _unless_missing(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        raise error


def _link(path: Path, data: bytes) -> bool:
    """Make a durable file of `data` at `path`, whole from its first moment on; False if there is one."""
    aside = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    try:
        with aside.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(aside)
    except FileExistsError:
        return False
    finally:
        aside.unlink(missing_ok=True)
    return True


def _make_folder(folder: Path) -> None:
    """The folder and what is missing above it, each made durable in its parent."""
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        _sync(folder.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
