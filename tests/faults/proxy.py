"""A proxy on the loopback that treats the requests of one S3 as it is told: cut, late, refused, spoiled."""

import http.client
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Self
from urllib.parse import urlsplit

_PATIENCE = 60  # seconds for the S3 behind
_KEPT = ("content-length", "connection", "transfer-encoding", "server", "date")
_CODES = {403: "AccessDenied", 429: "SlowDown", 500: "InternalError", 503: "SlowDown"}


@dataclass(frozen=True)
class Fault:
    """What becomes of one request. The default is that nothing does."""

    lands: bool = True
    """Whether the S3 behind gets it."""
    status: int = 0
    """Answered with this error, whether it landed or not."""
    keep: float = 1.0
    """This share of the answer's bytes, head and body, goes out; then the connection is closed."""
    reset: bool = False
    """What is closed is reset."""
    delay: float = 0.0
    """Seconds before the answer, if it still goes out."""
    late: float = 0.0
    """Seconds before it lands, which whoever sent it may not have waited for."""
    spoil: bool = False
    """One bit of the body is another."""
    content: bytes = b""
    """Answered 200 with this XML instead of what the S3 behind says."""


PASS = Fault()
DOWN = Fault(lands=False, keep=0.0, reset=True)


def refused(status: int) -> Fault:
    """Answered with an error by an S3 that did nothing: 403, 429 and 503 (SlowDown), 500."""
    return Fault(lands=False, status=status)


class Proxy:
    """Listens at `url` from `with` until its end, and asks `fault(method, path)` of every request what becomes of it.

    `fault` may be set anew at any time, and is called by the threads of the connections. `log` has the requests in
    their order, with what became of them.
    """

    def __init__(self, behind: str, fault: Callable[[str, str], Fault] = lambda *_: PASS) -> None:
        self.behind, self.fault = urlsplit(behind).netloc, fault
        self.log: list[tuple[str, str, Fault]] = []

    def __enter__(self) -> Self:
        self._server = _Server(("127.0.0.1", 0), _Handler, self)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def settle(self) -> None:
        """Wait until every request that came has been treated: what lands late has landed then."""
        end = time.monotonic() + _PATIENCE
        while self._server.busy:
            if time.monotonic() > end:
                raise TimeoutError(f"{len(self._server.busy)} requests are not answered")
            time.sleep(0.005)

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        for connection in list(self._server.open):
            connection.close()


class _Server(ThreadingHTTPServer):
    daemon_threads, block_on_close, request_queue_size = True, False, 128

    def __init__(self, address, handler, proxy: Proxy) -> None:
        self.proxy, self.open, self.busy = proxy, set(), set()
        super().__init__(address, handler)

    def handle_error(self, request, client_address) -> None:
        """Nothing: that connections break is the trade."""


class _Handler(BaseHTTPRequestHandler):
    """One connection, which has one of its own to the S3 behind."""

    protocol_version, disable_nagle_algorithm = "HTTP/1.1", True
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.behind = http.client.HTTPConnection(self.server.proxy.behind, timeout=_PATIENCE)
        self.server.open.add(self.connection)

    def finish(self) -> None:
        self.behind.close()
        self.server.open.discard(self.connection)
        super().finish()

    def log_message(self, *_: object) -> None:
        """Nothing: every request would be a line."""

    def _handle(self) -> None:
        self.server.busy.add(self)
        try:
            self._treat()
        finally:
            self.server.busy.discard(self)

    def _treat(self) -> None:
        proxy = self.server.proxy
        fault = proxy.fault(self.command, self.path)
        proxy.log.append((self.command, self.path, fault))
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        time.sleep(fault.late)
        answer = self._ask(body) if fault.lands else b""
        if fault.status:
            answer = _error(fault.status)
        elif fault.content:
            answer = _answer("200 OK", fault.content)
        if fault.spoil and not answer.endswith(b"\r\n\r\n"):
            answer = answer[:-1] + bytes([answer[-1] ^ 1])
        time.sleep(fault.delay)
        self.wfile.write(answer[: int(len(answer) * fault.keep)])
        if fault.keep < 1:
            self._close(reset=fault.reset)

    do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = _handle  # noqa: N815 - what http.server calls

    def _ask(self, body: bytes) -> bytes:
        """The answer of the S3 behind, as bytes, with a length instead of chunks."""
        self.behind.request(self.command, self.path, body or None, dict(self.headers))
        answer = self.behind.getresponse()
        content = answer.read()
        length = answer.getheader("Content-Length") if self.command == "HEAD" else None
        head = [f"HTTP/1.1 {answer.status} {answer.reason}"]
        head += [f"{name}: {value}" for name, value in answer.getheaders() if name.lower() not in _KEPT]
        head += [f"Content-Length: {length or len(content)}", "", ""]
        return "\r\n".join(head).encode("latin-1") + content

    def _close(self, *, reset: bool) -> None:
        self.close_connection = True
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            self.connection.shutdown(socket.SHUT_RDWR)
        self.connection.close()


def _error(status: int) -> bytes:
    body = f"<Error><Code>{_CODES[status]}</Code><Message>Reduce your request rate.</Message></Error>"
    return _answer(f"{status} Error", body.encode())


def _answer(status: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body
