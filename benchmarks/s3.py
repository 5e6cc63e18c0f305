"""An S3 for the contenders: moto's server over HTTP on the loopback, in a process of its own."""

import http.client
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from benchmarks.process import LOGS, LOOPBACK, START_LIMIT, free_port, running

BUCKET = "firesteel"


@dataclass(frozen=True)
class S3:
    """An S3 of our own over HTTP on the loopback, with one bucket."""

    port: int

    @property
    def environment(self) -> dict[str, str]:
        """What a client needs to find it: the usual AWS variables."""
        return {
            "AWS_ENDPOINT_URL": f"http://{LOOPBACK}:{self.port}",
            "AWS_ENDPOINT_URL_S3": f"http://{LOOPBACK}:{self.port}",
            "AWS_ACCESS_KEY_ID": "benchmark",
            "AWS_SECRET_ACCESS_KEY": "benchmark",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def upload(self, folder: Path, prefix: str) -> None:
        """Put every file of the folder under the prefix, as it is."""
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            self.put(f"/{BUCKET}/{prefix}/{file.relative_to(folder).as_posix()}", file.read_bytes())

    def put(self, path: str, data: bytes = b"") -> None:
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=10)
        try:
            connection.request("PUT", quote(path), body=data)
            reply = connection.getresponse()
            text = reply.read()
            if reply.status != 200:
                raise RuntimeError(f"S3 refused to store {path}: {reply.status} {text[:200]!r}")
        finally:
            connection.close()


@contextmanager
def serve() -> Iterator[S3]:
    """moto's server in a process of its own, empty but for the bucket."""
    service = S3(free_port())
    command = [sys.executable, "-m", "moto.server", "-H", LOOPBACK, "-p", str(service.port)]
    with running(command, log=LOGS / "s3.log", environment=os.environ):
        give_up = time.monotonic() + START_LIMIT
        while True:
            try:
                service.put(f"/{BUCKET}")
                break
            except OSError:
                if time.monotonic() > give_up:
                    raise
                time.sleep(0.1)
        yield service
