"""A bucket, or a prefix of one, on S3 or whatever speaks its protocol. No exception of the client passes through."""

import atexit
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import S3Store as Client

from firesteel.errors import ConflictError, IntegrityError, NotFoundError, RegistryError, StoreError
from firesteel.registry.store import check_key, check_prefix, is_key

if TYPE_CHECKING:
    from obstore.store import ClientConfig, S3Config

# Reading must fail within seconds: a request may be waiting for it. Writing is patient: an upload is silence until its
# answer comes, and nobody writes while serving.
_READ: "ClientConfig" = {"connect_timeout": "1s", "read_timeout": "2s", "timeout": "60s"}
_WRITE: "ClientConfig" = {"connect_timeout": "2s", "timeout": "300s"}
_RETRIES = 2
_RETRY_WITHIN = timedelta(seconds=3)

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\Z")
_PREFIX = re.compile(r"[A-Za-z0-9._/-]{0,500}\Z")
_ADDRESS = re.compile(r"https?://[A-Za-z0-9.-]+(?::([0-9]{1,5}))?/?\Z")
_CODE = re.compile(r"<Code>(\w{1,64})</Code>")


class S3Store:
    """Credentials, region and endpoint come from AWS_* variables; http is spoken only to an endpoint that says so."""

    def __init__(self, bucket: str, prefix: str) -> None:
        if not _BUCKET.match(bucket) or not _PREFIX.match(prefix) or ".." in prefix:
            raise StoreError(f"s3://{bucket}/{prefix} is no bucket with a prefix of plain names")
        self._bucket, self._prefix, self._endpoint = bucket, prefix, _endpoint()

    def get(self, key: str, *, limit: int) -> bytes:
        check_key(key)
        with _translated(f"{key} cannot be read", absent=f"{key} does not exist"):
            found = self._reader.get(key)
            if (size := found.meta["size"]) > limit:
                raise IntegrityError(f"{key} has {size} bytes, more than {limit}")
            data = bytes(found.bytes())
        if len(data) != size:
            raise StoreError(f"{key} cannot be read: {len(data)} of its {size} bytes came")
        return data

    def create(self, key: str, data: bytes) -> None:
        check_key(key)
        with _translated(f"{key} may not have been written", taken=f"{key} exists already"):
            self._writer.put(key, data, mode="create", use_multipart=False)

    def keys(self, prefix: str) -> list[str]:
        check_prefix(prefix)
        with _translated(f"{prefix} cannot be listed"):
            found = [entry["path"] for page in self._reader.list(prefix, chunk_size=1000) for entry in page]
        # Consoles make an object of an empty folder, and other tools bring what can be no key, like .DS_Store.
        return sorted(key for key in found if key.startswith(prefix) and is_key(key))

    def folders(self, prefix: str) -> list[str]:
        check_prefix(prefix)
        with _translated(f"{prefix} cannot be listed"):
            found = self._reader.list_with_delimiter(prefix)["common_prefixes"]
        return sorted(filter(is_key, (path.rpartition("/")[2] for path in found)))

    def delete(self, key: str) -> None:
        check_key(key)
        with suppress(NotFoundError), _translated(f"{key} may not have been deleted", absent=f"{key} does not exist"):
            self._writer.delete(key)

    @cached_property
    def _reader(self) -> Client:
        return self.client(_READ)

    @cached_property
    def _writer(self) -> Client:
        return self.client(_WRITE)

    def client(self, options: "ClientConfig") -> Client:
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
        # AWS wants the bucket in the host name, where one with a dot fits no certificate; others want it in the path.
        in_host = not self._endpoint and "." not in self._bucket
        endpoint: S3Config = {"endpoint": self._endpoint} if self._endpoint else {}
        return Client(
            self._bucket,
            prefix=self._prefix or None,
            region=region,
            virtual_hosted_style_request=in_host,
            config={**endpoint, **_container()},
            client_options={**options, "allow_http": self._endpoint.startswith("http://")},
            retry_config={"max_retries": _RETRIES, "retry_timeout": _RETRY_WITHIN},
        )


def _container() -> "S3Config":
    """How to ask for credentials where only a service on this host has them, as on Lambda with SnapStart.

    Its token is in the environment. The client would look for access keys there, and for the token in a file.
    """
    service, token = (
        os.environ.get(f"AWS_CONTAINER_{name}") for name in ("CREDENTIALS_FULL_URI", "AUTHORIZATION_TOKEN")
    )
    if not service or not token or "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE" in os.environ:
        return {}
    return {"container_credentials_full_uri": service, "container_authorization_token_file": _file_of(token)}


@cache
def _file_of(token: str) -> str:
    """A file that has the token, which nobody else can read, for as long as the process lives."""
    from tempfile import mkstemp  # where there is no such token, a start need not pay for it

    descriptor, path = mkstemp(prefix="firesteel-")
    with os.fdopen(descriptor, "w") as file:
        file.write(token)
    atexit.register(Path(path).unlink, missing_ok=True)
    return path


def _endpoint() -> str:
    """Where S3 is, empty for its usual address; checked here, because the client would panic on what is no address."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""
    if endpoint:
        match = _ADDRESS.match(endpoint)
        if not match or int(match[1] or 0) > 65535:
            raise StoreError(
                f"AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL is {endpoint[:200]!r}, not http(s)://host[:port]"
            )
    return endpoint


@contextmanager
def _translated(what: str, *, absent: str = "", taken: str = "") -> Iterator[None]:
    """`absent` and `taken` are what to say if the client finds no object, or one too many, where that can be told."""
    try:
        yield
    except (BaseError, OSError, ValueError, NotImplementedError) as error:
        raise _translate(error, what, absent, taken) from error


def _translate(error: Exception, what: str, absent: str, taken: str) -> RegistryError:
    code = _CODE.search(str(error))
    if taken and isinstance(error, AlreadyExistsError):
        return ConflictError(taken)
    # A missing bucket answers 404 as well, and so may a proxy: they say nothing about the object.
    if absent and isinstance(error, FileNotFoundError) and code and code[1] == "NoSuchKey":
        return NotFoundError(absent)
    reason = str(error).partition("\n")[0].partition(": <")[0][:300]
    return StoreError(f"{what}: {reason} {code[1] if code else ''}".rstrip())
