"""OpenTelemetry for the server: a span and a few metrics a request, sent by OTLP over HTTP. The extra `otel` installs it.

It is on when OTEL_EXPORTER_OTLP_ENDPOINT is set; OTEL_SERVICE_NAME, OTEL_TRACES_SAMPLER, OTEL_EXPORTER_OTLP_HEADERS and
the SDK's other variables mean what they mean everywhere. A span says which route was answered by which version, how, and
how long it took; no text of a request, no value and no address is on it. A request's `traceparent` (W3C Trace Context)
makes its span a part of the caller's trace. On Lambda none of this is imported.
"""

import atexit
import logging
import os
import time
from collections.abc import Callable
from importlib.util import find_spec
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Self

from functions.classify.answers import Answer
from functions.classify.events import Request
from functions.classify.telemetry import predicted

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.trace import TracerProvider

LAST_WORDS = 5.0  # seconds that a server which ends waits for a collector that may be gone
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
_NEEDED = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"}
_TRACEPARENT = 512  # characters; of a longer one the SDK would write a line of its own
_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_SHARES = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)


def start(service: str) -> "Otel | None":
    """What tells a collector of requests; None when no endpoint is set, or the extra is not installed, which is logged.

    `service` is the name that OTEL_SERVICE_NAME overrides.
    """
    if not os.environ.get(ENDPOINT):
        return None
    if not all(map(_is_installed, _NEEDED)):
        hint = "pip install 'firesteel[otel]'"
        logging.getLogger(__name__).warning("%s is set, and OpenTelemetry is not installed: %s", ENDPOINT, hint)
        return None
    return Otel.exporting(service)


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # not even the package above it
        return False


class Otel:
    """Spans and metrics of one server, handed to their exporters by threads of the SDK's own."""

    def __init__(self, tracers: "TracerProvider", meters: "MeterProvider") -> None:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._endings = [_Ending(tracers.shutdown), _Ending(meters.shutdown)]
        atexit.register(self.close)
        self._tracer = tracers.get_tracer("firesteel")
        self._caller = TraceContextTextMapPropagator()
        meter = meters.get_meter("firesteel")
        self._seconds = meter.create_histogram(
            "http.server.request.duration", "s", "Time to answer.", explicit_bucket_boundaries_advisory=_SECONDS
        )
        self._predictions = meter.create_counter("firesteel.predictions", "{row}", "Rows answered.")
        self._reviews = meter.create_counter("firesteel.reviews", "{row}", "Rows for a person.")
        self._confidence = meter.create_histogram(
            "firesteel.confidence", "1", "How sure.", explicit_bucket_boundaries_advisory=_SHARES
        )

    @classmethod
    def exporting(cls, service: str) -> Self:
        """One that sends to the collector that the environment names."""
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
        from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        resource = Resource({SERVICE_NAME: service}).merge(OTELResourceDetector().detect())
        tracers = TracerProvider(resource=Resource.create(resource.attributes), shutdown_on_exit=False)
        tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        reader = PeriodicExportingMetricReader(OTLPMetricExporter())
        meters = MeterProvider([reader], Resource.create(resource.attributes), shutdown_on_exit=False)
        return cls(tracers, meters)

    def observe(self, request: Request, answer: Answer, seconds: float) -> None:
        """Tell of one answered request. Called after the answer was sent, which so never waits for it."""
        from opentelemetry.trace import SpanKind, StatusCode

        route, failed = answer.facts.get("route") or "", answer.status >= 500
        method = request.method if request.method in _METHODS else "_OTHER"  # what strangers make up names nothing
        about: dict[str, Any] = {"http.request.method": method, "http.response.status_code": answer.status}
        about |= {"http.route": route} if route else {}
        about |= {"error.type": str(answer.status)} if failed else {}
        ended = time.time_ns()
        traceparent = request.headers.get("traceparent", "")[:_TRACEPARENT]
        span = self._tracer.start_span(
            f"{method} {route}" if route else method,
            context=self._caller.extract({"traceparent": traceparent}),  # without tracestate, which may be any text
            kind=SpanKind.SERVER,
            attributes=about | _model(answer) | {"firesteel.request_id": request.request_id},
            start_time=ended - int(seconds * 1e9),
        )
        if failed:
            span.set_status(StatusCode.ERROR)
        span.end(ended)
        self._seconds.record(seconds, about)
        self._count(answer)

    def _count(self, answer: Answer) -> None:
        for live, predictions in predicted(answer.facts):
            version = {"firesteel.model": live.model, "firesteel.version": live.version}
            self._predictions.add(len(predictions), version)
            self._reviews.add(sum([one.review for one in predictions]), version)
            for target in predictions[0].confidences:
                of_target = {"firesteel.model": live.model, "firesteel.target": target}
                for one in predictions:
                    self._confidence.record(one.confidences[target], of_target)

    def close(self) -> None:
        """Send what is left and end, in LAST_WORDS at most. The interpreter's end does it, too."""
        atexit.unregister(self.close)
        deadline = time.monotonic() + LAST_WORDS
        for ending in self._endings:
            ending.told.set()
        for ending in self._endings:
            ending.join(max(0.0, deadline - time.monotonic()))


class _Ending(Thread):
    """Ends one exporter when told to. Waits from the start: no thread can be started while the interpreter ends."""

    def __init__(self, shutdown: Callable[..., object]) -> None:
        super().__init__(name="end of OpenTelemetry", daemon=True)
        self._shutdown, self.told = shutdown, Event()
        self.start()

    def run(self) -> None:
        self.told.wait()
        self._shutdown()


def _model(answer: Answer) -> dict[str, Any]:
    """What is known of who answered, and why it was refused."""
    facts = answer.facts
    told: dict[str, Any] = {}
    if live := facts.get("live"):
        told = {"firesteel.model": live.model, "firesteel.version": live.version, "firesteel.digest": live.digest}
    if "rows" in facts:
        told["firesteel.rows"] = facts["rows"]
    if code := facts.get("code"):
        told["firesteel.code"] = code
    return told
