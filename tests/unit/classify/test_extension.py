"""The internal extension against an Extensions API of our own: what it asks, in which order, and when it works."""

import json
import os
import socket
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event, Thread

import pytest

from functions.classify import extension
from functions.classify.events import Request
from functions.classify.operations import respond
from functions.classify.shadow import Shadows
from tests.unit.classify.asking import JSON
from tests.unit.classify.bundles import TICKET, beside, released, serving_over

ROOT = Path(__file__).parents[3]
BODY = json.dumps(TICKET).encode()


class Api(ThreadingHTTPServer):
    """Notes what is asked; `next` is answered for every item of `events`: a status, or None for a broken connection."""

    daemon_threads = True

    def __init__(self, status=200):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status, self.asked, self.events = status, SimpleQueue(), SimpleQueue()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Api

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.asked.put((self.path, self.headers["Lambda-Extension-Name"], json.loads(body)))
        self._answer(self.server.status, {"functionName": "classify"})

    def do_GET(self):
        self.server.asked.put((self.path, self.headers["Lambda-Extension-Identifier"]))
        event = self.server.events.get()
        if event is None:
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
        else:
            self._answer(event if isinstance(event, int) else 200, event)

    def _answer(self, status, content):
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Lambda-Extension-Identifier", "id-1")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        """Nothing."""


@pytest.fixture
def serve():
    servers = []

    def make(**options):
        servers.append(Api(**options))
        Thread(target=servers[-1].serve_forever, daemon=True).start()
        return servers[-1], f"127.0.0.1:{servers[-1].server_port}"

    yield make
    for one in servers:
        one.shutdown()
        one.server_close()


NEXT = ("/2020-01-01/extension/event/next", "id-1")


def test_it_registers_for_invocations_and_scores_between_answer_and_next(serve):
    store = released("1.0.0")
    beside(store, "1.1.0")
    serving, told, scored = serving_over(store, with_shadows=True), [], Event()

    def tell(facts):
        told.append(facts["request_id"])
        scored.set()

    api, address = serve()
    after = extension.started(address, Shadows(serving, tell), pytest.fail)
    assert api.asked.get(timeout=10) == (
        "/2020-01-01/extension/register",
        "firesteel-shadow",
        {"events": ["INVOKE"]},
    )
    assert api.asked.get(timeout=10) == NEXT
    for number in range(3):
        api.events.put({"eventType": "INVOKE"})
        with pytest.raises(Empty):  # the invocation is not answered yet: the environment must not be frozen
            api.asked.get(timeout=0.1)
        request = Request("POST", "/classify", JSON, BODY, f"req-{number}", "")
        after(request, respond(request, serving))
        assert api.asked.get(timeout=10) == NEXT
        assert told == [f"req-{one}" for one in range(number + 1)]
    assert scored.is_set()


def test_an_invocation_with_nothing_to_score_ends_at_once(serve):
    serving = serving_over(released("1.0.0"), with_shadows=True)
    api, address = serve()
    after = extension.started(address, Shadows(serving, pytest.fail), pytest.fail)
    api.asked.get(timeout=10), api.asked.get(timeout=10)
    for path in ("/classify", "/health"):
        request = Request("POST", path, JSON, BODY, "req-1", "")
        after(request, respond(request, serving))  # the answer may come before the event does
        api.events.put({"eventType": "INVOKE"})
        assert api.asked.get(timeout=10) == NEXT


@pytest.mark.parametrize("status", [403, 500])
def test_an_environment_that_refuses_it_serves_without_shadows_and_says_so(serve, status):
    said = []
    _, address = serve(status=status)
    assert extension.started(address, Shadows(serving_over(released("1.0.0")), pytest.fail), said.append) is None
    assert str(status) in said[0]


def test_no_environment_at_all_is_said_too():
    said = []
    serving = serving_over(released("1.0.0"))
    assert extension.started("127.0.0.1:1", Shadows(serving, pytest.fail), said.append) is None
    assert "not scored" in said[0]


EXTENDED = """
import sys, time
from functions.classify import extension

class Nothing:
    def __bool__(self): return False
    def offer(self, request, answer): pass

after = extension.started(sys.argv[1], Nothing(), lambda line: print(line, flush=True))
for line in sys.stdin:
    after(None, None)
print("alive", flush=True)
"""


@pytest.fixture
def environment(serve):
    """An execution environment of its own, which ends when its standard input does, and the API that it asks."""
    started = []

    def start():
        api, address = serve()
        started.append(
            subprocess.Popen(
                [sys.executable, "-c", EXTENDED, address], cwd=ROOT, text=True,
                env={"PATH": os.defpath, "PYTHONPATH": f"{ROOT}:{ROOT / 'layers' / 'firesteel'}"},
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )
        )  # fmt: skip
        assert api.asked.get(timeout=20)[0].endswith("/register")
        assert api.asked.get(timeout=20) == NEXT
        return api, started[-1]

    yield start
    for each in started:
        each.kill()
        each.communicate()


@pytest.mark.parametrize("failure", [None, 500, 403], ids=["broken connection", "500", "403"])
def test_one_failure_of_the_next_event_is_asked_again_and_all_goes_on(environment, failure):
    api, process = environment()
    for _ in range(2):
        api.events.put(failure)
        assert api.asked.get(timeout=10) == NEXT
        api.events.put({"eventType": "INVOKE"})
        process.stdin.write("answered\n")
        process.stdin.flush()
        assert api.asked.get(timeout=10) == NEXT
    said, failed = process.communicate(timeout=10)
    assert (process.returncode, said, failed) == (0, "alive\n", "")


@pytest.mark.parametrize("failure", [None, 500], ids=["broken connection", "500"])
def test_who_fails_twice_ends_the_environment_and_says_why(environment, failure):
    api, process = environment()
    api.events.put(failure)
    api.events.put(failure)
    assert process.wait(timeout=10) == 1
    said = process.stdout.read()
    assert said.startswith("the extension that scores shadows failed, so this environment ends: ")
    assert ("was answered 500" in said) == (failure == 500)
