"""A server's inference log: whatever was answered is in it, and it never hurts an answer."""

import asyncio
import gzip
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager

import httpx
import pytest

from firesteel.errors import StoreError
from firesteel.monitor.spool import Spool
from firesteel.registry.store import MemoryStore, open_store
from firesteel.settings import Settings
from functions.classify import server
from functions.classify.telemetry import Telemetry
from tests.unit.classify.bundles import TICKET, release

PATIENCE = 30  # seconds


@pytest.fixture
def registry(tmp_path):
    url = f"file://{tmp_path}/store"
    release(open_store(url), "1.0.0")
    return url


@pytest.fixture
def monitor(tmp_path):
    return f"file://{tmp_path}/monitor"


@pytest.fixture
def make(request):
    """Makes the telemetry of a test, whose output is caught from then on."""
    service = f"tests-{request.node.name}"
    yield lambda: Telemetry(service=service, level="INFO")
    logging.getLogger(service).handlers.clear()


def ids(monitor):
    """How often each request id is in the store, nothing dropped."""
    store = open_store(monitor)
    objects = [gzip.decompress(store.get(key, limit=1 << 30)) for key in store.keys("inferences/")]
    return Counter(json.loads(line)["request_id"] for data in objects for line in data.splitlines())


@contextmanager
def running(registry, monitor, **settings):
    """A real server in a process of its own; gives its URL and the process."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    script = "from firesteel.settings import Settings; from functions.classify import server; "
    chosen = Settings(store=registry, monitor=monitor, port=port, rate_limit=0, **settings)
    script += f"server.run({chosen!r})"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.DEVNULL, env=os.environ) as process:
        try:
            wait_for(lambda: _answers(port), "the server to answer")
            yield f"http://127.0.0.1:{port}", process
        finally:
            process.kill()


def _answers(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_for(happened, what):
    give_up = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < give_up, f"waited in vain for {what}"
        time.sleep(0.02)


def ask(client, name):
    return client.post("/classify", json=TICKET, headers={"x-request-id": name}).status_code == 200


def test_after_a_kill_every_answered_request_but_the_very_last_is_in_the_log_once(registry, monitor, tmp_path):
    answered = []

    def work(worker, url):
        with httpx.Client(base_url=url, timeout=5) as client:
            try:
                for name in (f"w{worker}-{number}" for number in range(10_000)):
                    assert ask(client, name)
                    answered.append(name)
            except httpx.TransportError:
                return  # killed: this one was not answered

    with running(registry, monitor) as (url, process):
        workers = [threading.Thread(target=work, args=(worker, url)) for worker in range(4)]
        for worker in workers:
            worker.start()
        wait_for(lambda: len(answered) >= 200, "200 answers")
        process.kill()
        for worker in workers:
            worker.join(PATIENCE)
    assert list((tmp_path / "monitor" / ".spool").glob("*.jsonl"))
    with running(registry, monitor):
        wait_for(lambda: len(set(answered) - ids(monitor).keys()) <= 1, "what was left behind")
    found = ids(monitor)
    assert set(found.values()) == {1}
    assert len(found) <= len(answered) + len(workers)  # answers that never arrived, at most one a connection


def test_a_server_that_ends_in_good_order_leaves_nothing_behind(registry, monitor, tmp_path):
    with running(registry, monitor) as (url, process):
        with httpx.Client(base_url=url) as client:
            assert all(ask(client, f"r{number}") for number in range(5))
            assert client.post("/classify", json={}).status_code == 422  # refused: no inference
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
    assert ids(monitor) == {f"r{number}": 1 for number in range(5)}
    assert list((tmp_path / "monitor" / ".spool").iterdir()) == []


def test_lines_go_to_the_store_while_the_server_runs(registry, monitor):
    with running(registry, monitor) as (url, _), httpx.Client(base_url=url) as client:
        assert ask(client, "mine")
        wait_for(lambda: ids(monitor) == {"mine": 1}, "the line in the store")


def test_a_store_in_memory_gets_no_log(registry, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with running(registry, "memory://") as (url, _), httpx.Client(base_url=url) as client:
        assert ask(client, "mine")
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


def post(app, body=TICKET):
    async def post():
        transport = httpx.ASGITransport(app, client=("10.0.0.1", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://server") as http:
            return await http.post("/classify", json=body)

    return asyncio.run(post())


class Failing(MemoryStore):
    def create(self, key, data):
        raise StoreError("the store takes nothing")


def test_a_store_that_fails_hurts_no_answer(registry, make, tmp_path, capsys):
    telemetry = make()
    spool = Spool(tmp_path / "spool", Failing, telemetry.troubled, age=0)
    telemetry.keep = spool.append
    app = server.create(Settings(store=registry, rate_limit=0), telemetry)
    for _ in range(3):
        assert post(app).status_code == 200
        spool.move()
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    [trouble] = [line for line in told if line["message"] == "inference log not delivered"]
    assert (trouble["level"], trouble["cause"]) == ("ERROR", "the store takes nothing")
    kept = "".join(path.read_text() for path in (tmp_path / "spool").iterdir())
    assert len(kept.splitlines()) == 3


def test_a_disk_that_takes_nothing_hurts_no_answer(registry, make, tmp_path, capsys):
    telemetry = make()
    (tmp_path / "spool").write_text("a file, no folder")
    spool = Spool(tmp_path / "spool", MemoryStore, telemetry.troubled)
    telemetry.keep = spool.append
    app = server.create(Settings(store=registry, rate_limit=0), telemetry)
    assert post(app).status_code == 200
    spool.move()
    assert '"dropped":1' in capsys.readouterr().out


def test_an_answer_is_sent_before_it_is_logged_and_a_refusal_is_not_in_the_log(registry, make):
    order, telemetry = [], make()
    telemetry.keep = lambda model, _created, line: order.append((model, json.loads(line)["status"]))
    app = server.create(Settings(store=registry, rate_limit=0), telemetry)

    async def ask(body):
        sent = iter([{"type": "http.request", "body": json.dumps(body).encode()}])

        async def receive():
            return next(sent)

        async def send(message):
            order.append(message["type"])

        headers = [(b"content-type", b"application/json")]
        await app(
            {"type": "http", "method": "POST", "path": "/classify", "headers": headers, "query_string": b""},
            receive,
            send,
        )

    asyncio.run(ask(TICKET))
    assert order == ["http.response.start", "http.response.body", ("tickets", 200)]
    order.clear()
    asyncio.run(ask({}))
    assert order == ["http.response.start", "http.response.body"]


def test_the_line_that_is_kept_is_the_line_that_is_written(registry, make, capsys):
    kept, telemetry = [], make()
    telemetry.keep = lambda _model, created, line: kept.append((created, line))
    app = server.create(Settings(store=registry, rate_limit=0), telemetry)
    post(app)
    [(created, line)] = kept
    assert capsys.readouterr().out == f"{line}\n"
    assert abs(created - time.time()) < PATIENCE


@pytest.mark.parametrize("before", [1, 400, 600_000, 1_000_000])
def test_a_line_goes_to_the_folder_that_firehose_would_choose(registry, make, tmp_path, monkeypatch, before):
    """By the model and the first ten characters of the line's own timestamp, a moment before midnight too."""
    telemetry, store = make(), MemoryStore()
    spool = Spool(tmp_path / "spool", lambda: store, telemetry.troubled, age=0)
    lines = []

    def keep(model, created, line):
        lines.append(json.loads(line))
        spool.append(model, created, line)

    telemetry.keep = keep
    app = server.create(Settings(store=registry, rate_limit=0), telemetry)
    midnight = 1_795_219_200 * 10**9  # 2026-11-21T00:00:00Z
    monkeypatch.setattr(logging.time, "time_ns", lambda: midnight - before)
    post(app)
    spool.move()
    [line], [key] = lines, store.keys("inferences/")
    model, day = line["model"].replace("/", "."), line["timestamp"][:10]  # as the template's JQ has it
    assert key.startswith(f"inferences/model={model}/day={day}/")
