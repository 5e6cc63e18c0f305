"""One JSON line a request, written by Powertools' Logger. On Lambda the same line carries the metrics.

CloudWatch takes metrics out of any log line whose root has `_aws` (the Embedded Metric Format), so Powertools' Metrics
makes the document and the Logger writes it: one line and one serialisation a request. What a line says is listed in
`_line` and `_answered`; no text of a request, no identifier of a person and no message of an exception is among it.
"""

import json
import logging
import time
import traceback
from typing import Any, NamedTuple

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter
from aws_lambda_powertools.metrics import EphemeralMetrics
from aws_lambda_powertools.metrics.functions import is_metrics_disabled

from firesteel.program.predictor import Prediction
from functions.classify.answers import Answer
from functions.classify.events import Request
from functions.classify.refresh import Live, Trouble

_SERIALISE = json.JSONEncoder(default=str, separators=(",", ":")).encode  # ASCII: nothing can look like a line break


class _Formatter(LambdaPowertoolsFormatter):
    """Powertools' line, made of what we know is there: a third of the time of the general way.

    A line has Powertools' keys (its level, message, timestamp, service, what was appended) and the record's `facts`.
    """

    def format(self, record: logging.LogRecord) -> str:
        line = {key: value for key, value in self.log_format.items() if value is not None}
        line["level"], line["message"], line["timestamp"] = record.levelname, record.msg, self.formatTime(record)
        line.pop("location", None)  # it would always be this file
        if trace := self._get_latest_trace_id():
            line["xray_trace_id"] = trace
        return _SERIALISE(line | record.__dict__.get("facts", {}))


class Invocation(NamedTuple):
    """What Lambda says of the invocation that brought a request."""

    function_request_id: str
    cold_start: bool


class Telemetry:
    """Writes the lines of one process. With a namespace, on Lambda, they carry metrics; a server has /metrics."""

    def __init__(self, *, service: str, level: str, namespace: str | None = None) -> None:
        self.logger = Logger(service=service, level=level, logger_formatter=_Formatter(utc=True, use_rfc3339=True))
        self._log = logging.getLogger(service)  # the logger that Powertools has set up
        self._service = service
        self._metrics = EphemeralMetrics(namespace=namespace, service=service) if namespace else None
        self._directives: dict[tuple[str, ...], Any] = {}
        self._refresh_failures = 0

    def answered(self, request: Request, answer: Answer, seconds: float, invocation: Invocation | None = None) -> None:
        """The line of one request, and its metrics."""
        line = _line(request, answer, seconds)
        if invocation:
            line |= invocation._asdict()
        document = self._document(answer, seconds, invocation) if self._metrics else {}
        level = logging.ERROR if answer.status >= 500 else logging.INFO
        if self._log.isEnabledFor(level):
            self._write(level, "request", document | line)
        elif document:
            print(_SERIALISE(document))  # noqa: T201 - metrics are not a matter of the log level

    def refresh_failed(self, trouble: Trouble, error: Exception) -> None:
        """The newest bundle could not be loaded. A line of its own: it belongs to no request."""
        self._refresh_failures += 1
        facts = {"reason": trouble.code, "error": type(error).__name__, "cause": str(error)}
        self._write(logging.ERROR, "refresh failed", facts)

    def _write(self, level: int, message: str, facts: dict[str, Any]) -> None:
        """Straight to the handlers: who called is always this module, and looking it up is a quarter of the time."""
        record = self._log.makeRecord(self._log.name, level, "", 0, message, (), None, extra={"facts": facts})
        self._log.handle(record)

    def _document(self, answer: Answer, seconds: float, invocation: Invocation | None) -> dict[str, Any]:
        """The metrics of one request in the Embedded Metric Format; empty when there is nothing to measure."""
        measured: dict[str, dict[str, Any]] = {}
        dimensions = {"service": self._service}
        if predictions := answer.facts.get("predictions"):
            dimensions["model"] = answer.facts["live"].model
            measured |= _measures(predictions, seconds)
        if invocation and invocation.cold_start:
            measured["ColdStarts"] = {"Unit": "Count", "Value": [1.0]}
        if self._refresh_failures:
            measured["RefreshFailures"] = {"Unit": "Count", "Value": [float(self._refresh_failures)]}
            self._refresh_failures = 0
        if not measured or is_metrics_disabled():
            return {}
        about = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": self._directive(measured, dimensions)}
        return {"_aws": about, **dimensions, **{name: measure["Value"] for name, measure in measured.items()}}

    def _directive(self, measured: dict[str, dict[str, Any]], dimensions: dict[str, str]) -> Any:
        """What tells CloudWatch which members of a line are metrics. It is the same for the same names, so it is kept."""
        names = tuple(measured)
        if names not in self._directives and self._metrics:
            document = self._metrics.serialize_metric_set(measured, dimensions, {})
            self._directives[names] = document["_aws"]["CloudWatchMetrics"]
        return self._directives[names]


def _measures(predictions: list[Prediction], seconds: float) -> dict[str, dict[str, Any]]:
    """How many, how sure, how many of them for a person, how long."""
    count = len(predictions)
    share = sum([prediction.review for prediction in predictions]) / count
    measured = {
        "Predictions": {"Unit": "Count", "Value": [float(count)]},
        "ReviewShare": {"Unit": "Percent", "Value": [100 * share]},
        "Latency": {"Unit": "Milliseconds", "Value": [round(seconds * 1e3, 3)]},
    }
    for target in predictions[0].confidences:
        mean = sum([prediction.confidences[target] for prediction in predictions]) / count
        measured[f"Confidence.{target}"] = {"Unit": "None", "Value": [round(mean, 6)]}
    return measured


def _line(request: Request, answer: Answer, seconds: float) -> dict[str, Any]:
    facts = answer.facts
    line = {
        "request_id": request.request_id,
        "correlation_id": request.correlation_id,
        "method": request.method[:16],
        "status": answer.status,
        "latency_ms": round(seconds * 1e3, 3),
    }
    line |= {name: facts[name] for name in ("route", "code") if facts.get(name)}
    if live := facts.get("live"):
        line |= _answered(live, facts["predictions"], facts)
    if error := facts.get("error"):
        line |= _fault(error)
    return line


def _answered(live: Live, predictions: list[Prediction], facts: dict[str, Any]) -> dict[str, Any]:
    line: dict[str, Any] = {"model": live.model, "model_version": live.version, "model_digest": live.digest}
    if "rows" in facts:
        reviewed = sum([prediction.review for prediction in predictions])
        refused = facts["rows"] - len(predictions)
        return line | {"rows": facts["rows"], "rows_refused": refused, "rows_to_review": reviewed}
    [prediction] = predictions
    confidences = {target: round(value, 6) for target, value in prediction.confidences.items()}
    return line | {"labels": prediction.labels, "confidences": confidences, "review": prediction.review}


def _fault(error: Exception) -> dict[str, Any]:
    """Where it happened and what kind it was. Its message may quote the request, so it is left out."""
    frames = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    return {"error": type(error).__name__, "frames": frames}
