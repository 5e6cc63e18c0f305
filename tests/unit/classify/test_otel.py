"""OpenTelemetry as a collector sees it: a receiver of OTLP over HTTP on loopback parses what the server sends."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import httpx
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from firesteel.program.results import Prediction
from firesteel.registry.store import open_store
from firesteel.settings import Settings
from functions.classify import answers, otel, server
from functions.classify.answers import Answer
from functions.classify.events import Request
from functions.classify.telemetry import Telemetry
from tests.unit.classify.bundles import TICKET, release

LIVE = SimpleNamespace(model="tickets", version="1.2.0", digest="d" * 64)
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class Collector:
    """What was received, parsed."""

    def __init__(self):
        self.spans, self.metrics, self.resources = [], {}, []

    def take(self, path, body):
        if path == "/v1/traces":
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                self.resources.append(_values(resource.resource.attributes))
                self.spans += [span for scope in resource.scope_spans for span in scope.spans]
        elif path == "/v1/metrics":
            for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                self.resources.append(_values(resource.resource.attributes))
                for scope in resource.scope_metrics:
                    self.metrics |= {metric.name: metric for metric in scope.metrics}


def _values(attributes):
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}


@contextmanager
def receiving():
    """A collector, and the address that it listens at."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            collector.take(self.path, self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield collector, f"http://127.0.0.1:{listening.server_address[1]}"
        finally:
            listening.shutdown()
            thread.join()


@pytest.fixture
def environment(monkeypatch):
    """No variable of OpenTelemetry but those that a test sets."""
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)
    return monkeypatch


@pytest.fixture
def observed(environment):
    """What a collector has of some answered requests, each with its answer and seconds."""

    def observe(*answered, **variables):
        with receiving() as (collector, address):
            environment.setenv(otel.ENDPOINT, address)
            for name, value in variables.items():
                environment.setenv(name, value)
            telling = otel.start("tests")
            for request, answer, seconds in answered:
                telling.observe(request, answer, seconds)
            telling.close()
        return collector

    return observe


def request_of(method="POST", path="/predict", **headers):
    return Request(method, path, headers, b'{"title": "Secret words"}', "the-request-id", "the-gateways-id", "10.0.0.1")


def answer_of(status=200, **facts):
    return Answer(status, {}, b"{}", {"route": "/predict", **facts})


def predicted(confidence, *, review=False):
    return Prediction({"priority": "High"}, {"priority": confidence}, review, {})


def test_nothing_is_told_without_an_endpoint(environment):
    assert otel.start("tests") is None


def test_an_endpoint_without_the_extra_is_said_and_does_no_harm(environment, caplog):
    environment.setenv(otel.ENDPOINT, "http://127.0.0.1:1")
    environment.setattr(otel, "_NEEDED", ("no_such_package.sdk",))
    assert otel.start("tests") is None
    assert "pip install 'firesteel[otel]'" in caplog.text


def test_a_span_says_who_answered_what_how_and_for_how_long(observed):
    answer = answer_of(live=LIVE, predictions=[predicted(0.8)])
    [span] = observed((request_of(), answer, 0.25)).spans
    assert (span.name, span.kind) == ("POST /predict", Span.SPAN_KIND_SERVER)
    assert span.end_time_unix_nano - span.start_time_unix_nano == pytest.approx(0.25e9, abs=1e3)
    assert abs(time.time_ns() - span.end_time_unix_nano) < 60e9
    assert _values(span.attributes) == {
        "http.request.method": "POST",
        "http.route": "/predict",
        "http.response.status_code": 200,
        "firesteel.request_id": "the-request-id",
        "firesteel.model": "tickets",
        "firesteel.version": "1.2.0",
        "firesteel.digest": "d" * 64,
    }
    assert span.status.code == Status.STATUS_CODE_UNSET


def test_no_text_value_or_address_of_a_request_is_sent(observed):
    batch = answer_of(live=LIVE, predictions=[predicted(0.8), predicted(0.3)], rows=3)
    refused = answers.refuse(answers.Refused("invalid_input", "title must not be Secret words"), request_of())
    collector = observed((request_of(), batch, 0.1), (request_of(path="/Secret words"), refused, 0.1))
    told = "".join(map(str, [*collector.spans, *collector.metrics.values()]))
    assert "Secret" not in told
    assert "10.0.0.1" not in told
    assert _values(collector.spans[0].attributes)["firesteel.rows"] == 3


def test_a_callers_trace_is_gone_on_with_and_what_it_says_beside_is_not(observed):
    own = request_of(traceparent=f"00-{TRACE}-{PARENT}-01", tracestate="vendor=1")
    malformed = request_of(traceparent="00-zz-zz-01")
    first, second = observed((own, answer_of(), 0.1), (malformed, answer_of(), 0.1)).spans
    assert (first.trace_id.hex(), first.parent_span_id.hex(), first.trace_state) == (TRACE, PARENT, "")
    assert second.parent_span_id == b""
    assert second.trace_id.hex() != TRACE


def test_a_trace_that_the_caller_does_not_sample_is_not_sent_but_counted(observed):
    collector = observed((request_of(traceparent=f"00-{TRACE}-{PARENT}-00"), answer_of(), 0.1))
    assert collector.spans == []
    assert "http.server.request.duration" in collector.metrics


def test_a_fault_of_ours_is_an_error_a_refusal_is_none(observed):
    failed = Answer(500, {}, b"", {"route": "/predict", "live": LIVE, "code": "internal_error"})
    refused = answers.refuse(answers.Refused("rate_limited"), request_of())
    first, second = observed((request_of(), failed, 0.1), (request_of(), refused, 0.1)).spans
    assert first.status.code == Status.STATUS_CODE_ERROR
    assert _values(first.attributes)["error.type"] == "500"
    assert second.status.code == Status.STATUS_CODE_UNSET
    assert _values(second.attributes)["firesteel.code"] == "rate_limited"
    assert second.name == "POST"


def test_a_method_that_a_stranger_made_up_names_nothing(observed):
    [span] = observed((request_of(method="BREW"), Answer(405, {}, b"", {}), 0.1)).spans
    assert span.name == "_OTHER"


def test_metrics_count_rows_by_model_and_seconds_by_route(observed):
    batch = answer_of(live=LIVE, predictions=[predicted(0.9), predicted(0.4, review=True)], rows=2)
    metrics = observed((request_of(), batch, 0.02), (request_of(), answer_of(), 0.5)).metrics
    [rows] = metrics["firesteel.predictions"].sum.data_points
    [reviews] = metrics["firesteel.reviews"].sum.data_points
    [confidence] = metrics["firesteel.confidence"].histogram.data_points
    [seconds] = metrics["http.server.request.duration"].histogram.data_points
    assert (rows.as_int, reviews.as_int) == (2, 1)
    assert _values(rows.attributes) == {"firesteel.model": "tickets", "firesteel.version": "1.2.0"}
    assert (confidence.count, confidence.sum) == (2, pytest.approx(1.3))
    assert (seconds.count, seconds.sum) == (2, pytest.approx(0.52))
    assert _values(seconds.attributes)["http.route"] == "/predict"


def test_the_service_has_the_name_of_the_settings_or_of_the_environment(observed):
    names = [one["service.name"] for one in observed((request_of(), answer_of(), 0.1)).resources]
    assert set(names) == {"tests"}
    names = [
        one["service.name"] for one in observed((request_of(), answer_of(), 0.1), OTEL_SERVICE_NAME="mine").resources
    ]
    assert set(names) == {"mine"}


def test_every_answer_of_the_server_is_told_pages_and_refusals_too(environment, tmp_path):
    url = f"file://{tmp_path}/store"
    release(open_store(url), "1.0.0")
    telling = []

    class Told:
        def observe(self, request, answer, seconds):
            telling.append((request.path, answer.status, seconds > 0))

    environment.setattr(otel, "start", lambda service: Told())
    app = server.create(Settings(store=url, rate_limit=2), Telemetry(service="tests-of-otel", level="CRITICAL"))

    async def ask():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://server") as http:
            await http.get("/openapi.json")
            await http.post("/classify", json=TICKET)
            await http.post("/classify", json=TICKET)

    asyncio.run(ask())
    assert telling == [("/openapi.json", 200, True), ("/classify", 200, True), ("/classify", 429, True)]


def test_a_server_that_is_told_to_end_sends_what_is_left(environment, tmp_path):
    url = f"file://{tmp_path}/store"
    release(open_store(url), "1.0.0")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = Settings(store=url, port=port, monitor="memory://", service="ends-well")
    script = f"from functions.classify import server; from firesteel.settings import Settings; server.run({settings!r})"
    with receiving() as (collector, address):
        variables = {**os.environ, otel.ENDPOINT: address}
        with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.DEVNULL, env=variables) as process:
            try:
                status = _first_answer(f"http://127.0.0.1:{port}", process)
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(30)
    assert status == 200
    [span] = collector.spans
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE, PARENT)
    assert _values(span.attributes)["firesteel.version"] == "1.0.0"
    assert {one["service.name"] for one in collector.resources} == {"ends-well"}


def _first_answer(url, process):
    give_up = time.monotonic() + 30
    headers = {"connection": "close", "traceparent": f"00-{TRACE}-{PARENT}-01"}
    while True:
        try:
            return httpx.post(f"{url}/classify", json=TICKET, headers=headers).status_code
        except httpx.ConnectError:
            assert process.poll() is None, "the server ended"
            assert time.monotonic() < give_up
            time.sleep(0.05)


def test_a_collector_that_is_gone_holds_the_end_up_for_a_few_seconds_only(environment):
    environment.setenv(otel.ENDPOINT, "http://127.0.0.1:9")
    environment.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    environment.setattr(otel, "LAST_WORDS", 0.5)
    telling = otel.start("tests")
    telling.observe(request_of(), answer_of(), 0.1)
    began = time.monotonic()
    telling.close()
    assert time.monotonic() - began < 5


def test_the_lane_of_lambda_never_imports_it():
    script = "import sys; import functions.classify.lane; sys.exit('functions.classify.otel' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False, timeout=60).returncode == 0
