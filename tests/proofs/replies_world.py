"""A bucket in moto's S3 on the loopback, with the one thing mended that the registry rests on: put-if-absent."""

import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from threading import Lock
from unittest.mock import patch
from uuid import uuid4
from wsgiref.types import StartResponse, WSGIEnvironment

import boto3
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from firesteel.registry.s3 import S3Store
from firesteel.registry.seal import Sealed
from infra.cloud.server import serve, stop

TIMEOUT = 1.0
"""Seconds that a writer waits for an answer: the product's is minutes."""
_REGION = "us-east-1"


class _Atomic:
    """moto looks and then puts: of two conditional puts at the same time both may win. On S3 one does."""

    def __init__(self) -> None:
        self._app, self._lock = DomainDispatcherApplication(create_backend_app), Lock()

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "PUT":
            return self._app(environ, start)
        with self._lock:
            return self._app(environ, start)


class Bucket:
    """An empty bucket of the S3 at `url`."""

    def __init__(self, url: str) -> None:
        self.url, self.name = url, f"replies-{uuid4()}"
        self.client(url).create_bucket(Bucket=self.name)

    def client(self, url: str):
        """The client that everybody has, as it comes, over this endpoint."""
        return boto3.client("s3", endpoint_url=url, region_name=_REGION)

    def store(self, url: str) -> Sealed:
        """The registry's own, over this endpoint; only its patience is shorter."""
        with patch.dict(os.environ, {"AWS_ENDPOINT_URL": url}):
            store = S3Store(self.name, "")
            store._writer = store.client({"connect_timeout": f"{TIMEOUT}s", "timeout": f"{TIMEOUT}s"})
            assert store._reader  # made now, while the environment says where
        return Sealed(store)


@contextmanager
def bucket() -> Iterator[Bucket]:
    """An S3 that lives until the end, and in the environment what finds it."""
    logging.getLogger("moto").setLevel(logging.CRITICAL)
    server = serve(_Atomic())
    keys = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_REGION": _REGION}
    with patch.dict(os.environ):
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            del os.environ[name]
        os.environ |= keys
        yield Bucket(f"http://127.0.0.1:{server.port}")
    stop(server)
