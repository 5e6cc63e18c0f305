"""An S3 on the loopback, registries in it, and what serves from them through a proxy that treats requests as told."""

import io
import json
import logging
import os
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from threading import Lock
from typing import Any, NamedTuple
from unittest.mock import patch
from uuid import uuid4

import boto3
from moto.server import ThreadedMotoServer

from firesteel.registry.s3 import S3Store
from functions.classify import serving
from functions.classify.lane import Lane
from functions.classify.telemetry import Telemetry
from tests.proofs.moves_worlds import process
from tests.unit.classify.bundles import MODEL, source_over

_REGION = "eu-central-1"
_FAILURES = re.compile(rb"^firesteel_refresh_failures (\S+)$", re.MULTILINE)
_opening = Lock()


class Told(NamedTuple):
    """An answer."""

    status: int
    headers: dict[str, str]
    body: Any


class S3:
    """A bucket of its own in moto's S3, at `url` with the `environ` that finds it."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint, self.bucket = endpoint, f"proof-{uuid4()}"
        with patch.dict(os.environ, self.environ(endpoint)):
            self._client = boto3.client("s3", endpoint_url=endpoint, region_name=_REGION)
        self._client.create_bucket(Bucket=self.bucket, CreateBucketConfiguration={"LocationConstraint": _REGION})

    @staticmethod
    def environ(endpoint: str) -> dict[str, str]:
        keys = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_REGION": _REGION}
        return {**keys, "AWS_ENDPOINT_URL": endpoint}

    def url(self, prefix: str) -> str:
        return f"s3://{self.bucket}/{prefix}"

    def opened(self, prefix: str, endpoint: str = "") -> S3Store:
        """A registry in the bucket, as a client at this endpoint has it: its clients are made now, in that environment."""
        with _opening, patch.dict(os.environ, self.environ(endpoint or self.endpoint)):
            store = S3Store(self.bucket, prefix)
            assert store._reader
            assert store._writer
        return store

    def spoil(self, prefix: str, alias: str, version: str, what: str) -> None:
        """Overwrite a file of a version, or the second entry of an alias, as no client of the registry can."""
        place = f"aliases/{alias}/00000002.json" if what == "entry" else f"v{version}/{what}"
        self._client.put_object(Bucket=self.bucket, Key=f"{prefix}/models/{MODEL}/{place}", Body=b"{}" * 100)

    def close(self) -> None:
        self._client.close()


@contextmanager
def s3() -> Iterator[S3]:
    """S3 on the loopback until the end."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # every request would be a line
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    found = S3(f"http://127.0.0.1:{port}")
    try:
        yield found
    finally:
        found.close()
        server.stop()


class Environment:
    """One execution environment of Lambda."""

    def __init__(self, place: S3, prefix: str, alias: str, endpoint: str, ttl: float) -> None:
        self._log = io.StringIO()
        self._telemetry = Telemetry(service=f"proof-{uuid4()}", level="CRITICAL", namespace="Proof")
        for handler in self._telemetry.logger.handlers:
            handler.setStream(self._log)
        source = source_over(place.opened(prefix, endpoint))
        source.alias = alias
        self._serving = serving.over(source, ttl=ttl, memory=0, on_failure=self._telemetry.refresh_failed)
        self._serving.freshness.start()
        self._lane = Lane(self._serving, self._telemetry)

    def ask(self, method: str, path: str, body: object = None) -> Told:
        http = {"method": method, "path": path, "sourceIp": "10.0.0.1"}
        headers = {"content-type": "application/json"}
        event = {"version": "2.0", "rawPath": path, "headers": headers, "body": json.dumps(body) if body else ""}
        answer = self._lane(event | {"requestContext": {"http": http, "requestId": "r"}})
        return Told(answer["statusCode"], answer["headers"], json.loads(answer["body"]))

    def failures(self) -> int:
        """What the metric RefreshFailures counts until now; of those since the last request, with the next."""
        lines = [json.loads(line) for line in self._log.getvalue().splitlines()]
        return sum(int(line["RefreshFailures"][0]) for line in lines if "RefreshFailures" in line)

    def close(self) -> None:
        self._log.close()


class Served:
    """A server's process."""

    def __init__(self, place: S3, prefix: str, alias: str, endpoint: str, ttl: float) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self._stack = ExitStack()
        about = {"store": place.url(prefix), "alias": alias, "monitor": "memory://"}
        self._stack.enter_context(process(place.environ(endpoint), port=port, refresh_seconds=ttl, **about))
        self._connection = HTTPConnection("127.0.0.1", port, timeout=60)
        self._stack.callback(self._connection.close)

    def ask(self, method: str, path: str, body: object = None) -> Told:
        status, headers, content = self._answer(method, path, json.dumps(body).encode() if body else b"")
        return Told(status, headers, json.loads(content))

    def failures(self) -> int:
        found = _FAILURES.search(self._answer("GET", "/metrics", b"")[2])
        return int(float(found[1])) if found else 0

    def _answer(self, method: str, path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        self._connection.request(method, path, body, {"content-type": "application/json"})
        answer = self._connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()

    def close(self) -> None:
        self._stack.close()


Serves = Environment | Served
