"""A folder as an object store, durable: what was written is still there after a crash or a power cut, whole."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from firesteel.errors import ConflictError, IntegrityError, NotFoundError, StoreError
from firesteel.registry.store import check_key, check_prefix, is_key


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
            with os.fdopen(self._open(key), "rb") as file:
                status = os.fstat(file.fileno())
                if not stat.S_ISREG(status.st_mode):
                    raise IntegrityError(f"{key} is no plain file")
                if status.st_size > limit:
                    raise IntegrityError(f"{key} has {status.st_size} bytes, more than {limit}")
                data = file.read(limit + 1)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise NotFoundError(f"{key} does not exist") from None
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise IntegrityError(f"{key} is a link, no plain file") from None
            raise StoreError(f"{key} cannot be read: {error.strerror}") from error
        if len(data) > limit:
            raise IntegrityError(f"{key} has more than {limit} bytes")
        return data

    def create(self, key: str, data: bytes) -> None:
        check_key(key)
        path = self._root / key
        with _translated(f"{key} may not have been written"):
            self._refuse_links(key)
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
            real = (path for path in inside if is_key(path.name) and path.is_dir(follow_symlinks=False))
            return sorted(path.name for path in real if any(_files(path)))

    def delete(self, key: str) -> None:
        check_key(key)
        path = self._root / key
        with _translated(f"{key} may not have been deleted"):
            self._refuse_links(key)
            with suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
                path.unlink()
            # Also when it is gone: whoever deleted it may not have come so far.
            if path.parent.is_dir():
                _sync(path.parent)

    def _refuse_links(self, key: str) -> None:
        """Raises OSError where a folder on the way to a key is a link, which reading does not follow either."""
        for folder in list(Path(key).parents)[:-1]:
            if (self._root / folder).is_symlink():
                raise OSError(errno.ELOOP, f"{folder} is a link, no folder")

    def _open(self, key: str) -> int:
        """A descriptor for reading. No link below the root is followed, and no pipe waited for."""
        *folders, name = key.split("/")
        place = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for folder in folders:
                inner = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=place)
                os.close(place)
                place = inner
            return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=place)
        finally:
            os.close(place)


@contextmanager
def _translated(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(f"{what}: {error.strerror}") from error


def _files(folder: Path) -> Iterator[Path]:
    for place, inner, names in folder.walk(on_error=_unless_missing):
        inner[:] = [name for name in inner if not name.startswith(".")]
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
