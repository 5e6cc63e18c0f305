"""GET /metrics: what a server counts, as Prometheus text. On Lambda the log lines carry the metrics."""

from typing import Any

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Summary,
    generate_latest,
)

from firesteel.program.results import Prediction
from functions.classify.answers import Answer
from functions.classify.events import Request
from functions.classify.live import Loaded
from functions.classify.serving import Serving
from functions.classify.telemetry import predicted

_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_SHARES = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)


class Meters:
    """The counters of one server. Labels take few values: routes of the table, statuses, models, versions, targets."""

    media_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self._children: dict[tuple[object, tuple[object, ...]], Any] = {}
        self._registry = registry = CollectorRegistry()
        self._requests = Counter(
            "firesteel_requests", "Answered requests.", ("method", "route", "status"), registry=registry
        )
        self._seconds = Histogram(
            "firesteel_request_seconds", "Time to answer.", ("route",), buckets=_SECONDS, registry=registry
        )
        self._predictions = Counter("firesteel_predictions", "Rows answered.", ("model", "version"), registry=registry)
        self._reviews = Counter("firesteel_reviews", "Rows for a person.", ("model", "version"), registry=registry)
        self._confidence = Histogram(
            "firesteel_confidence", "How sure.", ("model", "target"), buckets=_SHARES, registry=registry
        )
        self._values = Summary(
            "firesteel_predicted_value", "Predicted numbers.", ("model", "target"), registry=registry
        )
        self._widths = Summary(
            "firesteel_interval_width", "Upper less lower end.", ("model", "target"), registry=registry
        )
        self._errors = Counter(
            "firesteel_errors", "Requests that a model failed.", ("model", "version"), registry=registry
        )
        self._failures = Gauge("firesteel_refresh_failures", "Refreshes that failed.", registry=registry)
        self._live = Gauge(
            "firesteel_model_generation",
            "The live model's alias generation.",
            ("model", "version", "digest"),
            registry=registry,
        )
        self._share = Gauge(
            "firesteel_canary_share", "Of request keys.", ("model", "version", "digest"), registry=registry
        )

    def observe(self, request: Request, answer: Answer, seconds: float) -> None:
        """Count one answered request."""
        route = answer.facts.get("route") or ""
        method = request.method if route else ""  # what strangers make up is no label
        self._of(self._requests, method, route, answer.status).inc()
        self._of(self._seconds, route).observe(seconds)
        for live, predictions in predicted(answer.facts):
            self._predicted(live, predictions)
        if answer.status >= 500 and (failing := answer.facts.get("live")):
            self._of(self._errors, failing.model, failing.version).inc()

    def _predicted(self, live: Loaded, predictions: list[Prediction]) -> None:
        self._of(self._predictions, live.model, live.version).inc(len(predictions))
        reviewed = sum([prediction.review for prediction in predictions])
        self._of(self._reviews, live.model, live.version).inc(reviewed)
        for target in predictions[0].confidences:
            observe = self._of(self._confidence, live.model, target).observe
            for prediction in predictions:
                observe(prediction.confidences[target])
        for target in predictions[0].estimates:
            estimates = [prediction.estimates[target] for prediction in predictions]
            value = self._of(self._values, live.model, target)
            for estimate in estimates:
                value.observe(estimate.value)
            for width in [
                one.upper - one.lower for one in estimates if one.upper is not None and one.lower is not None
            ]:
                self._of(self._widths, live.model, target).observe(width)

    def _of[Metric: (Counter, Histogram, Summary)](self, metric: Metric, *labels: object) -> Metric:
        """The metric's child with these labels, remembered: looking it up by name costs more than counting."""
        key = (metric, labels)
        child: Metric | None = self._children.get(key)
        if child is None:
            child = self._children[key] = metric.labels(*labels)
        return child

    def text(self, serving: Serving) -> bytes:
        """The exposition of now."""
        serving.freshness.current()
        known = [serving.freshness, *serving.models.all()]
        self._failures.set(sum([freshness.failures for freshness in known]))
        self._live.clear()
        self._share.clear()
        for sides in [freshness.sides for freshness in known if freshness.sides]:
            live = sides.stable
            self._live.labels(live.model, live.version, live.digest).set(live.generation)
            if sides.canary:
                self._share.labels(live.model, sides.canary.version, sides.canary.digest).set(sides.weight)
        return generate_latest(self._registry)
