"""Where rows are: one version of an object on S3, read in ranges or as a stream, and never another version of it."""

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from obstore.exceptions import BaseError, PreconditionError
from obstore.store import S3Store as Client

from firesteel.errors import ConflictError, DataError, StoreError

if TYPE_CHECKING:
    from obstore import GetOptions
    from obstore.store import ClientConfig, S3Config

_CLIENT: "ClientConfig" = {"connect_timeout": "2s", "read_timeout": "30s", "timeout": "300s"}
_CHUNK = 8 << 20


class Object(NamedTuple):
    """One version of an object: its entity tag says which."""

    url: str
    size: int
    etag: str


class Bucket:
    """The bucket of an s3:// URL. Region and endpoint come from AWS_* variables of `environ`, as all clients read them.

    Raises DataError for a URL that names no object, and StoreError when S3 does not answer.
    """

    def __init__(self, url: str, environ: Mapping[str, str]) -> None:
        scheme, _, place = url.partition("://")
        bucket, _, self._key = place.partition("/")
        if scheme != "s3" or not bucket or not self._key or self._key.endswith("/"):
            raise DataError(f"{url[:200]!r} is no s3://bucket/key of a file of rows")
        self._url = url
        endpoint = environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL") or ""
        config: S3Config = {"endpoint": endpoint} if endpoint else {}
        self._client = Client(
            bucket,
            region=environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or "us-east-1",
            virtual_hosted_style_request=not endpoint and "." not in bucket,
            config=config,
            client_options={**_CLIENT, "allow_http": endpoint.startswith("http://")},
        )

    def newest(self) -> Object:
        """The object as it is now. Raises DataError when there is none."""
        with self._translated():
            meta = self._client.head(self._key)
        return Object(self._url, meta["size"], meta["e_tag"] or "")

    def range(self, one: Object, begin: int, end: int) -> bytes:
        """Some of its bytes. Raises ConflictError when the object was replaced."""
        options: GetOptions = {"if_match": one.etag, "range": (begin, end)}
        with self._translated():
            return bytes(self._client.get(self._key, options=options).bytes())

    def stream(self, one: Object) -> io.BufferedReader:
        """All its bytes, in order. Raises ConflictError when the object was replaced."""
        options: GetOptions = {"if_match": one.etag}
        with self._translated():
            chunks = self._client.get(self._key, options=options).stream(min_chunk_size=_CHUNK)
        return io.BufferedReader(_Chunks(self._told(chunks)), _CHUNK)

    def _told(self, chunks: Iterator[object]) -> Iterator[memoryview]:
        with self._translated():
            for chunk in chunks:
                yield memoryview(chunk)  # type: ignore[arg-type]  # it speaks the buffer protocol

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise DataError(f"{self._url} does not exist") from None
        except PreconditionError:
            raise ConflictError(f"{self._url} was replaced while its rows were answered; begin anew") from None
        except (BaseError, OSError, ValueError) as error:
            raise StoreError(f"{self._url} cannot be read: {str(error).partition(chr(10))[0][:300]}") from error


class _Chunks(io.RawIOBase):
    def __init__(self, chunks: Iterator[memoryview]) -> None:
        self._chunks, self._rest = chunks, memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = chunk
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count
