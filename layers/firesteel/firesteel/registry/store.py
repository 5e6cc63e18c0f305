"""The seam to the object store: five operations, the same on local disk, on S3 and in memory.

Everything the registry does goes through these, so what can fail can fail in one place only. Nothing is overwritten
here, and only garbage collection (`collect`) deletes.
"""

from threading import Lock, Thread
from typing import Protocol

from firesteel.errors import ConflictError, IntegrityError, NotFoundError, StoreError

SCHEMES = "file:///folder, file://relative/folder, s3://bucket/prefix or memory://"
_ATTEMPTS = 3


class Store(Protocol):
    """An object store. Keys are relative paths of plain names joined by slashes; NotFoundError for any other key.

    An operation sees every write that returned before it began.
    """

    def get(self, key: str, *, limit: int) -> bytes:
        """The object's bytes. Raises NotFoundError; IntegrityError when there are more than `limit`; StoreError.

        What is too large is refused by its size, before it is read.
        """
        ...

    def create(self, key: str, data: bytes) -> None:
        """Put if absent: all of it or nothing, durable when this returns.

        Raises ConflictError if the key is taken; StoreError when the outcome is unknown. Clients retry, so the key may
        be taken by this very write: `put_once` finds out.
        """
        ...

    def keys(self, prefix: str) -> list[str]:
        """All keys under the folder `prefix` (it ends with a slash), sorted; maybe none. Raises StoreError.

        Objects that can have no key, because a part of their name begins with a dot, are not listed. All or an error:
        never a part of what is there.
        """
        ...

    def folders(self, prefix: str) -> list[str]:
        """The names of the folders with keys right under the folder `prefix`, sorted. Raises StoreError."""
        ...

    def delete(self, key: str) -> None:
        """The object is gone, durably, when this returns; one that is absent is success. StoreError when unknown."""
        ...


def open_store(url: str) -> Store:
    """The store at a URL. S3 takes credentials, region and endpoint from the usual AWS_* variables.

    Opening reads and writes nothing; a folder or prefix that is not there is an empty store. Raises StoreError if the
    URL can name no store.
    """
    scheme, _, place = url.partition("://")
    if scheme == "file" and place and "\0" not in place:
        from firesteel.registry.disk import DiskStore

        return DiskStore(place)
    if scheme == "s3" and place:
        from firesteel.registry.s3 import S3Store

        bucket, _, prefix = place.partition("/")
        return S3Store(bucket, prefix.strip("/"))
    if url == "memory://":
        return MemoryStore()
    raise StoreError(f"{url[:200]!r} is no store; possible: {SCHEMES}")


def put_once(store: Store, key: str, data: bytes) -> None:
    """Create an object; a lost reply is told from a lost race by reading back.

    If the key holds exactly these bytes, this write has landed: that is success. Claims and alias entries carry a
    unique write id, so for them equal bytes prove that it was this writer. Raises ConflictError when the key holds
    something else, StoreError when it cannot be told; never deletes anything.
    """
    for _ in range(_ATTEMPTS):
        try:
            store.create(key, data)
        except (ConflictError, StoreError) as error:
            failure = error
        else:
            return
        try:
            landed = store.get(key, limit=len(data)) == data
        except NotFoundError:
            if isinstance(failure, StoreError):
                raise failure from None
            continue  # S3 answers 409 while rival writes are under way, and then neither may have landed: ask again
        except IntegrityError:
            landed = False
        if not landed:
            raise ConflictError(f"{key} was written by somebody else") from failure
        return
    raise StoreError(f"{key} was refused {_ATTEMPTS} times as taken, and yet is not there")


class Arriving(Thread):
    """An object of at most `limit` bytes on its way, in a thread of its own, while something else is read."""

    def __init__(self, store: Store, key: str, limit: int) -> None:
        super().__init__(name="reading a bundle", daemon=True)
        self._store, self._key, self._limit = store, key, limit
        self._outcome: bytes | Exception = b""
        self.start()

    def run(self) -> None:
        try:
            self._outcome = self._store.get(self._key, limit=self._limit)
        except Exception as error:  # noqa: BLE001 - raised where the result is asked for
            self._outcome = error

    def result(self) -> bytes:
        """The object's bytes, once they are there. Raises what reading it raised."""
        self.join()
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome


def is_key(text: str) -> bool:
    """Whether a store may be asked for it: no part is empty or begins with a dot, so it never leaves the root."""
    return "\0" not in text and all(part and not part.startswith(".") for part in text.split("/"))


def check_key(key: str) -> None:
    if not is_key(key):
        raise NotFoundError(f"{key[:200]!r} can be no key")


def check_prefix(prefix: str) -> None:
    if not (prefix.endswith("/") and is_key(prefix[:-1])):
        raise NotFoundError(f"{prefix[:200]!r} can be no folder")


class MemoryStore:
    """In memory and linearizable: for tests, and for proofs about concurrency."""

    def __init__(self) -> None:
        self._objects: dict[str, bytes] = {}
        self._lock = Lock()

    def get(self, key: str, *, limit: int) -> bytes:
        check_key(key)
        with self._lock:
            data = self._objects.get(key)
        if data is None:
            raise NotFoundError(f"{key} does not exist")
        if len(data) > limit:
            raise IntegrityError(f"{key} has {len(data)} bytes, more than {limit}")
        return data

    def create(self, key: str, data: bytes) -> None:
        check_key(key)
        with self._lock:
            if key in self._objects:
                raise ConflictError(f"{key} exists already")
            self._objects[key] = bytes(data)

    def keys(self, prefix: str) -> list[str]:
        check_prefix(prefix)
        with self._lock:
            return sorted(key for key in self._objects if key.startswith(prefix))

    def folders(self, prefix: str) -> list[str]:
        rests = (key[len(prefix) :] for key in self.keys(prefix))
        return sorted({rest.split("/")[0] for rest in rests if "/" in rest})

    def delete(self, key: str) -> None:
        check_key(key)
        with self._lock:
            self._objects.pop(key, None)
