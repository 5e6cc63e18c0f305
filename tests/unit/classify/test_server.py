import asyncio
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from threading import Event

import httpx
import pytest

from firesteel.registry.store import MemoryStore, open_store
from firesteel.settings import Settings
from functions.classify import app, server
from functions.classify.meters import Meters
from functions.classify.telemetry import Telemetry
from tests.unit.classify import zoo
from tests.unit.classify.bundles import TICKET, release, serving_over

SETTINGS = Settings(rate_limit=0, refresh_seconds=0)


@pytest.fixture
def store(tmp_path):
    """A registry on disk with one version, as `Settings` name it."""
    url = f"file://{tmp_path}/store"
    release(open_store(url), "1.0.0")
    return url


@pytest.fixture
def serve(store, request):
    """A client of a server with these settings, in process."""
    name = f"tests-{request.node.name}"

    def make(**changes):
        telemetry = Telemetry(service=name, level="INFO")
        app = server.create(replace(SETTINGS, **{"store": store, **changes}), telemetry)
        return Client(app)

    yield make
    logging.getLogger(name).handlers.clear()


class Client:
    """Asks an ASGI app, one request after the other."""

    def __init__(self, app):
        self.app = app

    def ask(self, method, path, *, client="10.0.0.1", **options):
        async def ask():
            transport = httpx.ASGITransport(self.app, client=(client, 1), raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://server") as http:
                return await http.request(method, path, **options)

        return asyncio.run(ask())


def test_a_ticket_is_classified_and_logged_in_one_line(serve, capsys):
    answer = serve().ask("POST", "/classify", json=TICKET, headers={"x-request-id": "mine"})
    assert answer.status_code == 200
    assert answer.json()["predicted_department"] == "Tech Support"
    assert answer.headers["x-request-id"] == "mine"
    assert int(answer.headers["content-length"]) == len(answer.content)
    [line] = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert (line["route"], line["status"], line["request_id"]) == ("/classify", 200, "mine")
    assert "_aws" not in line


def test_answers_under_one_id_of_their_caller_are_told_apart(serve, capsys):
    client = serve()
    for _ in range(3):
        client.ask("POST", "/classify", json=TICKET, headers={"x-request-id": "job"})
    lines = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert {line["request_id"] for line in lines} == {"job"}
    assert len({line["correlation_id"] for line in lines}) == 3


def test_every_request_has_its_line_pages_and_refusals_too(serve, capsys):
    client = serve()
    pages = [("GET", "/docs"), ("GET", "/openapi.json"), ("GET", "/metrics")]
    refusals = [("GET", "/nope"), ("POST", "/metrics"), ("POST", "/docs")]
    ids = [client.ask(method, path).headers["x-request-id"] for method, path in pages + refusals]
    lines = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert [line["request_id"] for line in lines] == ids
    statuses = [(line.get("route"), line["status"], line.get("code")) for line in lines]
    assert statuses == [
        ("/docs", 200, None),
        ("/openapi.json", 200, None),
        ("/metrics", 200, None),
        (None, 404, "not_found"),
        (None, 405, "method_not_allowed"),
        (None, 405, "method_not_allowed"),
    ]


def test_a_client_may_ask_as_often_as_the_limit_says(serve):
    client = serve(rate_limit=3, rate_window_seconds=60)
    assert [client.ask("POST", "/classify", json=TICKET).status_code for _ in range(4)] == [200, 200, 200, 429]
    for path in ("/nope", "/docs"):
        refused = client.ask("GET", path)
        assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert client.ask("GET", "/models", client="10.0.0.2").status_code == 200


def test_probes_and_scrapers_are_not_limited(serve):
    client = serve(rate_limit=1)
    for path in ("/health", "/health/live", "/health/ready", "/v2/health/live", "/v2/health/ready", "/metrics"):
        assert [client.ask("GET", path).status_code for _ in range(3)] == [200] * 3


def test_a_client_cannot_choose_the_address_it_is_limited_by(serve):
    client = serve(rate_limit=1)
    codes = [client.ask("GET", "/version", headers={"x-forwarded-for": f"1.2.3.{n}"}).status_code for n in range(2)]
    assert codes == [200, 429]


def test_a_window_that_passed_makes_room_again(serve):
    client = serve(rate_limit=1, rate_window_seconds=1)
    assert client.ask("GET", "/version").status_code == 200
    wait = int(client.ask("GET", "/version").headers["retry-after"])
    time.sleep(wait + 0.05)
    assert client.ask("GET", "/version").status_code == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [("localhost:8000", 200), ("127.0.0.1", 200), ("127.1.2.3:80", 200), ("[::1]:8000", 200), ("LocalHost", 200),
     ("evil.example", 421), ("evil.example:8000", 421), ("localhost.evil.example", 421), ("127.0.0.1.evil.example", 421),
     ("[::1].evil.example", 421), ("0.0.0.0:8000", 421), ("192.168.1.5", 421), ("localhost:8000, evil.example", 421), ("", 421)],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/admin/recent_inferences", "/", "/docs", "/version"])
def test_with_admin_a_page_that_points_its_name_at_this_machine_reads_nothing(serve, tmp_path, path, host, status):
    client = serve(admin=True, monitor=f"file://{tmp_path}/monitor")
    answer = client.ask("GET", path, headers={"host": host})
    assert answer.status_code == status
    if status == 421:
        assert answer.json()["code"] == "misdirected_request"
        assert "evil" not in answer.text


@pytest.mark.parametrize("changes", [{"admin": False}, {"admin": True, "host": "0.0.0.0"}], ids=["own", "of all"])
def test_a_server_of_others_has_a_name_of_its_own(serve, changes):
    assert serve(**changes).ask("GET", "/version", headers={"host": "api.example.com"}).status_code == 200


def test_what_is_counted_is_shown_as_prometheus_text(serve):
    client = serve()
    for body in (TICKET, TICKET, {"title": 1}):
        client.ask("POST", "/classify", json=body)
    client.ask("POST", "/classify/batch", json={"items": [TICKET] * 3})
    client.ask("PROPFIND", "/never/heard/of")
    answer = client.ask("GET", "/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    lines = answer.text.splitlines()
    assert 'firesteel_requests_total{method="POST",route="/classify",status="200"} 2.0' in lines
    assert 'firesteel_requests_total{method="POST",route="/classify",status="422"} 1.0' in lines
    assert 'firesteel_requests_total{method="",route="",status="404"} 1.0' in lines
    assert 'firesteel_predictions_total{model="tickets",version="1.0.0"} 5.0' in lines
    assert 'firesteel_request_seconds_count{route="/classify"} 3.0' in lines
    assert 'firesteel_confidence_count{model="tickets",target="priority"} 5.0' in lines
    assert "firesteel_refresh_failures 0.0" in lines
    assert any(line.startswith("firesteel_model_generation{") and line.endswith(" 1.0") for line in lines)
    assert "never" not in answer.text


def test_estimates_are_counted_by_model_and_target(serve, tmp_path):
    url = f"file://{tmp_path}/zoo"
    zoo.release_all(open_store(url))
    client = serve(store=url)
    for _ in range(2):
        assert client.ask("POST", "/models/readiness/predict", json=zoo.BUSINESS).status_code == 200
    cases = {"cases": [zoo.PLAYERS["qb"], zoo.PLAYERS["rb"]]}
    assert client.ask("POST", "/models/recruits/batch", json=cases).status_code == 200
    lines = client.ask("GET", "/metrics").text.splitlines()
    assert 'firesteel_predicted_value_count{model="readiness",target="score"} 2.0' in lines
    [width] = [line for line in lines if line.startswith("firesteel_interval_width_sum{")]
    assert float(width.split()[-1]) == pytest.approx(0.4)
    assert 'firesteel_predictions_total{model="recruits/rb",version="1.4.0"} 1.0' in lines
    live = [line for line in lines if line.startswith("firesteel_model_generation{")]
    assert len(live) == 5  # tickets, readiness, recruits and two segments


def test_the_metrics_are_documented_too(serve):
    assert serve().ask("GET", "/openapi.json").json()["paths"]["/metrics"]


def test_without_origins_no_browser_is_let_in(serve):
    answer = serve().ask("POST", "/classify", json=TICKET, headers={"origin": "https://a.example"})
    assert "access-control-allow-origin" not in answer.headers


def test_listed_origins_are_let_in_and_no_others(serve):
    client = serve(cors_origins=("https://a.example",), cors_credentials=True)
    good = client.ask("POST", "/classify", json=TICKET, headers={"origin": "https://a.example"})
    assert good.headers["access-control-allow-origin"] == "https://a.example"
    assert good.headers["access-control-allow-credentials"] == "true"
    bad = client.ask("POST", "/classify", json=TICKET, headers={"origin": "https://b.example"})
    assert "access-control-allow-origin" not in bad.headers
    asking = {
        "origin": "https://a.example",
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type",
    }
    assert client.ask("OPTIONS", "/classify", headers=asking).status_code == 200


def test_the_server_starts_without_a_model_and_serves_it_once_it_is_there(serve, tmp_path, capsys):
    url = f"file://{tmp_path}/empty"
    client = serve(store=url)
    assert client.ask("GET", "/health/ready").status_code == 503
    release(open_store(url), "1.0.0")
    give_up = time.monotonic() + 10
    while client.ask("GET", "/health/ready").status_code == 503:
        assert time.monotonic() < give_up
        time.sleep(0.01)
    assert client.ask("POST", "/classify", json=TICKET).status_code == 200
    assert '"reason":"nothing_published"' in capsys.readouterr().out


def test_a_body_is_read_no_further_than_its_limit(serve):
    app, read = serve().app, 0

    async def receive():
        nonlocal read
        read += 1
        return {"type": "http.request", "body": b" " * 40_000, "more_body": True}

    sent = []

    async def send(message):
        sent.append(message)

    headers = [(b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": "/classify", "headers": headers, "client": None}
    asyncio.run(app(scope, receive, send))
    assert sent[0]["status"] == 413
    assert read == 2


def test_the_app_survives_a_caller_that_goes_away(serve):
    messages = iter([{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}])
    sent = []

    async def receive():
        return next(messages)

    async def send(message):
        sent.append(message)

    headers = [(b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": "/classify", "headers": headers, "client": ("10.0.0.1", 1)}
    asyncio.run(serve().app(scope, receive, send))
    assert sent[0]["status"] == 400


def test_a_fault_of_ours_is_a_500_and_the_next_request_is_answered(serve, monkeypatch, capsys):
    client = serve()

    def fail(self, prefix):
        raise RuntimeError("a secret")

    with monkeypatch.context() as patched:
        patched.setattr(type(open_store(SETTINGS.store)), "folders", fail)
        answer = client.ask("GET", "/models")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert client.ask("GET", "/models").status_code == 200
    assert "a secret" not in answer.text + capsys.readouterr().out


class Stuck(MemoryStore):
    """Answers nobody until it is let go."""

    def __init__(self):
        super().__init__()
        self.let_go = Event()
        self.let_go.set()

    def folders(self, prefix):
        assert self.let_go.wait(20)
        return super().folders(prefix)


def test_however_many_wait_for_the_registry_a_model_in_memory_predicts():
    """They shared their threads with batches, which waited behind them for as long as S3 was slow."""
    store = Stuck()
    release(store, "1.0.0")
    serving = serving_over(store)
    telemetry = Telemetry(service="tests-stuck", level="CRITICAL")
    front = server.Front(app.create(serving), serving, telemetry, Meters(), server.RateLimit(0, 60))

    async def ask():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(front), base_url="http://server") as http:
            store.let_go.clear()
            waiting = [asyncio.create_task(http.get("/models")) for _ in range(100)]
            await asyncio.sleep(0.05)
            try:
                async with asyncio.timeout(10):
                    batch = await http.post("/classify/batch", json={"items": [TICKET]})
            finally:
                store.let_go.set()
            return batch.status_code, {answer.status_code for answer in await asyncio.gather(*waiting)}

    assert asyncio.run(ask()) == (200, {200})


def test_memory_is_a_store_too():
    assert isinstance(open_store("memory://"), MemoryStore)


def test_a_real_server_answers_over_a_socket_and_ends_when_told(store):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    script = "import sys; from firesteel.settings import Settings; from functions.classify import server; "
    monitor = store.replace("/store", "/monitor")
    script += f"server.run(Settings(store={store!r}, monitor={monitor!r}, port={port}))"
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ
    ) as process:
        try:
            answer = _first_answer(f"http://127.0.0.1:{port}", process)
        finally:
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=20)
    assert answer.status_code == 200
    assert answer.json()["model_version"] == "1.0.0"
    assert "server" not in answer.headers
    assert [json.loads(line)["route"] for line in out.splitlines()] == ["/classify"]
    assert err == b""


def _first_answer(url, process):
    give_up = time.monotonic() + 30
    while True:
        try:
            return httpx.post(f"{url}/classify", json=TICKET, headers={"connection": "close"})
        except httpx.ConnectError:
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < give_up
            time.sleep(0.05)


def test_a_page_that_cannot_be_made_is_a_500_in_our_words_and_logged(serve, monkeypatch, capsys):
    client = serve()
    monkeypatch.setattr("functions.classify.schemas.complete", lambda *_: 1 / 0)
    answer = client.ask("GET", "/openapi.json", headers={"x-request-id": "mine"})
    assert (answer.status_code, answer.json()["code"], answer.headers["x-request-id"]) == (
        500,
        "internal_error",
        "mine",
    )
    [line] = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert (line["route"], line["status"], line["error"]) == ("/openapi.json", 500, "ZeroDivisionError")


def test_a_server_that_trusts_a_key_serves_nothing_that_it_did_not_sign(serve):
    golden = Path(__file__).parents[2] / "golden"
    keys = tuple((golden / "signed.pub").read_text().split())
    answers = [
        serve(store=f"file://{golden}/{kind}", public_keys=keys).ask("POST", "/classify", json=TICKET)
        for kind in ("signed", "sealed")
    ]
    assert [answer.status_code for answer in answers] == [200, 503]
