"""The seam to the object store: four operations, the same on local disk, on S3 and in memory.

Everything the registry does goes through these, so what can fail can fail in one place only. There is no overwriting and
no deleting here.
"""

import os
import re
from pathlib import Path
from threading import Lock
from typing import Any, Protocol
from urllib.parse import urlsplit

from firesteel.errors import ConflictError, IntegrityError, NotFoundError, StoreError

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\Z")
_PREFIX = re.compile(r"[A-Za-z0-9._/-]{0,500}\Z")
_ADDRESS = re.compile(r"https?://[A-Za-z0-9.-]+(?::([0-9]{1,5}))?/?\Z")
SCHEMES = "file:///folder, file://relative/folder, s3://bucket/prefix or memory://"


class Store(Protocol):
    """An object store. Keys are relative paths of plain names joined by slashes."""

    def get(self, key: str, *, limit: int) -> bytes:
        """The object's bytes. Raises NotFoundError; IntegrityError when there are more than `limit`; StoreError."""
        ...

    def create(self, key: str, data: bytes) -> None:
        """Put if absent. Raises ConflictError if the key exists; StoreError when the outcome is unknown."""
        ...

    def keys(self, prefix: str) -> list[str]:
        """All keys under the folder `prefix` (it ends with a slash), sorted; empty if there are none. Raises StoreError."""
        ...

    def folders(self, prefix: str) -> list[str]:
        """The names of the folders right under the folder `prefix`, sorted. Raises StoreError."""
        ...


def open_store(url: str) -> Store:
    """The store at a URL. S3 takes credentials, region and endpoint from the usual AWS_* variables. Raises StoreError."""
    parts = urlsplit(url)
    place = parts.netloc + parts.path
    if parts.scheme == "file" and place:
        return DiskStore(Path(place))
    if parts.scheme == "s3" and parts.netloc:
        return S3Store(parts.netloc, parts.path.strip("/"))
    if url == "memory://":
        return MemoryStore()
    raise StoreError(f"{url!r} is no store; possible: {SCHEMES}")


def put_once(store: Store, key: str, data: bytes) -> None:
    """Create an object; a lost reply is told from a lost race by reading back.

    If the key holds exactly these bytes, this write (or its twin) has landed: that is success. Claims and alias entries
    carry a unique write id, so for them equal bytes prove that it was this writer. Raises ConflictError when the key
    holds something else, StoreError when it cannot be told; never deletes anything.
    """
    try:
        store.create(key, data)
    except (ConflictError, StoreError) as error:
        try:
            found = store.get(key, limit=len(data))
        except NotFoundError:
            raise error from None
        except IntegrityError:
            found = b""
        if found != data:
            raise ConflictError(f"{key} was written by somebody else") from error


class MemoryStore:
    """In memory and linearizable: for tests, and for proofs about concurrency."""

    def __init__(self) -> None:
        self._objects: dict[str, bytes] = {}
        self._lock = Lock()

    def get(self, key: str, *, limit: int) -> bytes:
        with self._lock:
            data = self._objects.get(key)
        if data is None:
            raise NotFoundError(f"{key} does not exist")
        return _within(data, key, limit)

    def create(self, key: str, data: bytes) -> None:
        with self._lock:
            if key in self._objects:
                raise ConflictError(f"{key} exists already")
            self._objects[key] = bytes(data)

    def keys(self, prefix: str) -> list[str]:
        with self._lock:
            return sorted(key for key in self._objects if key.startswith(prefix))

    def folders(self, prefix: str) -> list[str]:
        rests = (key[len(prefix) :] for key in self.keys(prefix))
        return sorted({rest.split("/")[0] for rest in rests if "/" in rest})


class DiskStore:
    """A folder. An object is written aside, made durable, then linked to its name, which fails if the name is taken."""

    def __init__(self, root: Path) -> None:
        if root.exists() and not root.is_dir():
            raise StoreError(f"{root} is a file, not a folder to keep a store in")
        self._root = root

    def get(self, key: str, *, limit: int) -> bytes:
        try:
            with (self._root / key).open("rb") as file:
                if (size := os.fstat(file.fileno()).st_size) > limit:
                    raise IntegrityError(f"{key} has {size} bytes, more than {limit}")
                return _within(file.read(limit + 1), key, limit)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise NotFoundError(f"{key} does not exist") from None
        except OSError as error:
            raise StoreError(f"{key} cannot be read: {error.strerror}") from error

    def create(self, key: str, data: bytes) -> None:
        path = self._root / key
        aside = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
        try:
            self._make_folder(path.parent)
            with aside.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            taken = not _link(aside, path)
            aside.unlink()
            _sync(path.parent)
        except OSError as error:
            raise StoreError(f"{key} cannot be written: {error.strerror}") from error
        if taken:
            raise ConflictError(f"{key} exists already")

    def keys(self, prefix: str) -> list[str]:
        return sorted(
            path.relative_to(self._root).as_posix()
            for path in (self._root / prefix).rglob("*")
            if path.is_file() and not path.name.startswith(".")
        )

    def folders(self, prefix: str) -> list[str]:
        folder = self._root / prefix
        return sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []

    def _make_folder(self, folder: Path) -> None:
        """The folder and what is missing above it, each made durable in its parent."""
        if not folder.is_dir():
            self._make_folder(folder.parent)
            folder.mkdir(exist_ok=True)
            _sync(folder.parent)


def _link(source: Path, name: Path) -> bool:
    """Give a file a name unless the name is taken: atomic, and false if it is."""
    try:
        os.link(source, name)
    except FileExistsError:
        return False
    return True


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class S3Store:
    """A bucket, or a prefix of one, on S3 or anything that speaks its protocol."""

    def __init__(self, bucket: str, prefix: str) -> None:
        from datetime import timedelta

        from obstore.store import S3Store as Client

        if not _BUCKET.match(bucket) or not _PREFIX.match(prefix) or ".." in prefix:
            raise StoreError(f"s3://{bucket}/{prefix} is no bucket with a prefix of plain names")
        endpoint = _endpoint()
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
        place: Any = {"region": region, "virtual_hosted_style_request": endpoint is None}
        if endpoint:
            place["endpoint"] = endpoint
        self._client = Client(
            bucket,
            prefix=prefix or None,
            config=place,
            client_options={
                "connect_timeout": timedelta(seconds=2),
                "timeout": timedelta(seconds=30),
                "allow_http": endpoint is not None and endpoint.startswith("http://"),
            },
            retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=10)},
        )

    def get(self, key: str, *, limit: int) -> bytes:
        import obstore

        try:
            found = obstore.get(self._client, key)
            if (size := found.meta["size"]) > limit:
                raise IntegrityError(f"{key} has {size} bytes, more than {limit}")
            return _within(bytes(found.bytes()), key, limit)
        except (obstore.exceptions.NotFoundError, FileNotFoundError):
            raise NotFoundError(f"{key} does not exist") from None
        except (obstore.exceptions.BaseError, OSError) as error:
            raise StoreError(f"{key} cannot be read: {_first_line(error)}") from error

    def create(self, key: str, data: bytes) -> None:
        import obstore

        try:
            obstore.put(self._client, key, data, mode="create", use_multipart=False)
        except (obstore.exceptions.AlreadyExistsError, obstore.exceptions.PreconditionError):
            raise ConflictError(f"{key} exists already") from None
        except (obstore.exceptions.BaseError, OSError) as error:
            raise StoreError(f"{key} may not have been written: {_first_line(error)}") from error

    def keys(self, prefix: str) -> list[str]:
        import obstore

        try:
            return sorted(str(entry["path"]) for page in obstore.list(self._client, prefix) for entry in page)
        except (obstore.exceptions.BaseError, OSError) as error:
            raise StoreError(f"{prefix} cannot be listed: {_first_line(error)}") from error

    def folders(self, prefix: str) -> list[str]:
        import obstore

        try:
            found = obstore.list_with_delimiter(self._client, prefix)["common_prefixes"]
        except (obstore.exceptions.BaseError, OSError) as error:
            raise StoreError(f"{prefix} cannot be listed: {_first_line(error)}") from error
        return sorted(path.rstrip("/").rpartition("/")[2] for path in found)


def _endpoint() -> str | None:
    """Where S3 is, if not at its usual address; checked here, because the client would panic on what is no address."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or None
    if endpoint:
        match = _ADDRESS.match(endpoint)
        if not match or int(match[1] or 0) > 65535:
            raise StoreError(
                f"AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL is {endpoint[:200]!r}, not http(s)://host[:port]"
            )
    return endpoint


def _within(data: bytes, key: str, limit: int) -> bytes:
    if len(data) > limit:
        raise IntegrityError(f"{key} has more than {limit} bytes")
    return data


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:300]
