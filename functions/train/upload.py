"""Uploads: the one version of one object that a training run is about, and which of several is the newest."""

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol, Self
from urllib.parse import unquote

from obstore.exceptions import BaseError, PreconditionError
from obstore.store import LocalStore

from firesteel.errors import DataError, NotFoundError, StoreError
from firesteel.registry.s3 import S3Store

if TYPE_CHECKING:
    from obstore import GetOptions, ObjectMeta
    from obstore.store import ClientConfig, ObjectStore

FILE = re.compile(r"\w[\w .()+=@,-]{0,199}\.csv(\.gz)?")
SHAPE = "incoming/<model>/<file>.csv or .csv.gz, the file's name of letters, digits, blanks and ._()+=@,-"
_CHUNK = 8 << 20
_OPTIONS: "ClientConfig" = {"connect_timeout": "5s", "read_timeout": "30s", "timeout": "900s"}


class Upload(NamedTuple):
    """One version of one object. `uploaded` is UTC in whole seconds, as S3 tells it; `etag` has no quotes."""

    data: str
    version_id: str | None
    etag: str
    uploaded: str

    @classmethod
    def parse(cls, value: object) -> Self:
        """An upload as tasks hand it on. Raises DataError."""
        if not (isinstance(value, dict) and value.keys() == set(cls._fields)):
            raise DataError(f"an upload has the fields {', '.join(cls._fields)}")
        if not all(isinstance(part, str) or (part is None and name == "version_id") for name, part in value.items()):
            raise DataError("the fields of an upload are text; its version_id may be null")
        return cls(**value)

    @property
    def folder(self) -> str:
        return self.data.rpartition("/")[0]

    @property
    def file(self) -> str:
        return self.data.rpartition("/")[2]

    @property
    def order(self) -> tuple[str, str]:
        """Uploads of a model by age, the newest last."""
        return self.uploaded, self.data

    @property
    def sha256(self) -> str:
        return hashlib.sha256(json.dumps(self).encode()).hexdigest()

    @property
    def quarantine(self) -> str:
        """The folder's name, below that of the model, of what is reported about it."""
        return f"{self.file}.{re.sub(r'[^0-9A-Za-z-]', '', self.etag)[:8]}"


class Uploads(Protocol):
    """Where uploads are. Nothing here writes."""

    def find(self, data: str, version_id: str | None = None) -> tuple[Upload, int]:
        """The object at a URL, or that version of it, and its size in bytes. Raises NotFoundError, StoreError."""
        ...

    def current(self, folder: str) -> list[Upload]:
        """The CSV files right below a folder's URL as they are now, the newest last. Raises StoreError.

        Their `version_id` is None: listings do not tell it.
        """
        ...

    def chunks(self, upload: Upload) -> Iterator[bytes]:
        """The bytes of this upload and no other. Raises NotFoundError, DataError when it was replaced, StoreError."""
        ...


class ObjectUploads:
    """Uploads on S3 or, where objects have no versions, in a folder."""

    def find(self, data: str, version_id: str | None = None) -> tuple[Upload, int]:
        folder, name = _parted(data)
        with _translated(data):
            meta = _client(folder).get(name, options=_options(version_id, head=True)).meta
        return _upload(folder, meta, version_id), meta["size"]

    def current(self, folder: str) -> list[Upload]:
        with _translated(folder):
            try:
                found = _client(folder).list_with_delimiter()["objects"]
            except FileNotFoundError:
                return []
        return sorted((_upload(folder, meta) for meta in found if FILE.fullmatch(meta["path"])), key=_order)

    def chunks(self, upload: Upload) -> Iterator[bytes]:
        folder, name = _parted(upload.data)
        with _translated(upload.data):
            found = _client(folder).get(name, options=_options(upload.version_id))
            if _upload(folder, found.meta, upload.version_id).etag != upload.etag:
                raise DataError(
                    f"{upload.data} was replaced after {upload.uploaded}; the new one is an upload of its own"
                )
            for chunk in found.stream(min_chunk_size=_CHUNK):
                yield bytes(chunk)


def replace(url: str, key: str, data: bytes) -> None:
    """Write an object of the store at a URL, in place of one that may be there. Raises StoreError."""
    if url.startswith("file://"):
        Path(unquote(url.removeprefix("file://"))).absolute().mkdir(parents=True, exist_ok=True)
    with _translated(f"{url}/{key}"):
        _client(url).put(key, data, use_multipart=False)


def download(uploads: Uploads, upload: Upload, path: Path, *, limit: int) -> str:
    """Write an upload to a file, a piece at a time; its SHA-256. Raises DataError above `limit` bytes."""
    sha256, size = hashlib.sha256(), 0
    with path.open("wb") as file:
        for chunk in uploads.chunks(upload):
            size += len(chunk)
            if size > limit:
                raise DataError(f"{upload.data} has more than {limit} bytes")
            sha256.update(chunk)
            file.write(chunk)
    return sha256.hexdigest()


def _order(upload: Upload) -> tuple[str, str]:
    return upload.order


def _parted(data: str) -> tuple[str, str]:
    folder, slash, name = data.rpartition("/")
    if not re.match(r"(s3|file)://.", folder) or not slash or not name:
        raise DataError(f"{data[:200]!r} is not where rows can be: s3://bucket/key or file:///path")
    return folder, name


def _client(folder: str) -> "ObjectStore":
    scheme, _, place = folder.partition("://")
    if scheme == "s3":
        bucket, _, prefix = place.partition("/")
        return S3Store(bucket, prefix).client(_OPTIONS)  # one place knows how S3 is reached
    path = Path(unquote(place)).absolute()
    if not path.is_dir():
        raise FileNotFoundError(folder)
    return LocalStore(path)


def _options(version_id: str | None, *, head: bool = False) -> "GetOptions":
    return {"version": version_id, "head": head} if version_id else {"head": head}


def _upload(folder: str, meta: "ObjectMeta", version_id: str | None = None) -> Upload:
    name = meta["path"].rpartition("/")[2]
    version, etag = meta["version"] or version_id, (meta["e_tag"] or "").strip('"')
    return Upload(f"{folder}/{name}", version, etag, _timestamp(meta["last_modified"]))


def _timestamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@contextmanager
def _translated(what: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise NotFoundError(f"{what} does not exist") from None
    except PreconditionError as error:
        raise StoreError(f"{what} changed while it was read") from error
    except (BaseError, OSError, ValueError) as error:
        reason = str(error).partition("\n")[0][:300]
        raise StoreError(f"{what} cannot be read: {reason}") from error
