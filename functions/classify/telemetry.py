"""One JSON line a request, written by Powertools' Logger. On Lambda the same line carries the metrics.

CloudWatch takes metrics out of any log line whose root has `_aws` (the Embedded Metric Format), so Powertools' Metrics
makes the document and the Logger writes it: one line and one serialisation a request. A line can carry the metrics of
one model, so a batch over segments has one more for each. While a canary runs, the few metrics that it is judged by are
counted once more by side. What a line says is listed in `_line` and `_answered`; no text of a request, no identifier of
a person and no message of an exception is among it, but for inputs that the model's definition says are kept.
"""

import json
import logging
import time
import traceback
from collections.abc import Callable
from typing import Any, NamedTuple

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter
from aws_lambda_powertools.metrics import EphemeralMetrics
from aws_lambda_powertools.metrics.functions import is_metrics_disabled

from firesteel.program.results import Estimate, Prediction
from functions.classify.answers import Answer
from functions.classify.events import Request
from functions.classify.live import STABLE, Loaded
from functions.classify.refresh import Trouble

_METHODS = {"", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"}  # none: no request
_BY_SIDE = ("Predictions", "Latency", "ReviewShare")
_Measures = dict[str, dict[str, Any]]
_SERIALISE = json.JSONEncoder(default=str, separators=(",", ":")).encode  # ASCII: nothing can look like a line break
LINE_LIMIT = 200_000
"""Characters of a line: CloudWatch takes 256 KiB. A longer one goes without its inputs, and if need be its answers."""


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
        facts = record.__dict__.get("facts", {})
        written = _SERIALISE(line | facts)
        for shorter in (_without_inputs, _without_answers):
            if len(written) <= LINE_LIMIT:
                break
            facts = shorter(facts)
            written = _SERIALISE(line | facts)
        record.__dict__["written"] = written
        return written


class Invocation(NamedTuple):
    """What Lambda says of the invocation that brought a request."""

    function_request_id: str
    cold_start: bool


class Telemetry:
    """Writes the lines of one process. With a namespace, on Lambda, they carry metrics; a server has /metrics."""

    keep: Callable[[str, float, str], None] | None = None
    """Given every line that has a model: the model, the line's time in seconds since 1970, and the line."""

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
        line |= _inferred(answer.facts)
        document, *others = self._documents(answer, seconds, invocation) if self._metrics else [{}]
        level = logging.ERROR if answer.status >= 500 else logging.INFO
        if self._log.isEnabledFor(level):
            record = self._write(level, "request", document | line)
            if self.keep and "model" in line and (written := record.__dict__.get("written")):
                self.keep(line["model"], record.created, written)
        else:
            others = [document, *others]
        for other in filter(None, others):
            self._write(logging.INFO, "metrics", other)  # metrics are not a matter of the log level

    def refresh_failed(self, model: str, trouble: Trouble, error: Exception) -> None:
        """A bundle that an alias names could not be loaded. A line of its own: it belongs to no request."""
        self._refresh_failures += 1
        facts = {"model": model, "reason": trouble.code, "error": type(error).__name__, "cause": str(error)}
        self._write(logging.ERROR, "refresh failed", facts | ({} if trouble.role == STABLE else {"role": trouble.role}))

    def shadowed(self, facts: dict[str, Any]) -> None:
        """The line of one request that a shadow was asked, too."""
        level = logging.WARNING if "code" in facts else logging.INFO
        if self._log.isEnabledFor(level):
            self._write(level, "shadow", facts)

    def troubled(self, message: str, facts: dict[str, Any]) -> None:
        """A line about what keeps inferences, of no request."""
        self._write(logging.ERROR, message, facts)

    def _write(self, level: int, message: str, facts: dict[str, Any]) -> logging.LogRecord:
        """Straight to the handlers: who called is always this module, and looking it up is a quarter of the time."""
        record = self._log.makeRecord(self._log.name, level, "", 0, message, (), None, extra={"facts": facts})
        self._log.handle(record)
        return record

    def _documents(self, answer: Answer, seconds: float, invocation: Invocation | None) -> list[dict[str, Any]]:
        """The metrics of one request in the Embedded Metric Format: first those that its line carries, maybe none."""
        process: _Measures = {}
        if invocation and invocation.cold_start:
            process["ColdStarts"] = {"Unit": "Count", "Value": [1.0]}
        failures, self._refresh_failures = self._refresh_failures, 0  # at once: a thread counts them
        if failures:
            process["RefreshFailures"] = {"Unit": "Count", "Value": [float(failures)]}
        documents = []
        for live, predictions in predicted(answer.facts):
            documents.append(self._document(_measures(predictions, seconds) | process, live))
            process = {}
        if documents and "parts" in answer.facts:
            documents.insert(0, {})
        if documents:
            return documents
        failing: Loaded | None = answer.facts.get("live") if answer.status >= 500 else None
        if failing and failing.side:
            return [self._document(process, failing, errors=1.0)]
        return [self._document(process)]

    def _document(self, measured: _Measures, live: Loaded | None = None, *, errors: float = 0.0) -> dict[str, Any]:
        """What was measured, by model; and while a canary of the model runs what it is judged by, by side."""
        dimensions = {"service": self._service} | ({"model": live.model} if live else {})
        directives = self._directives_of(measured, dimensions) if measured else []
        if live and live.side:
            by_side = {name: measured[name] for name in _BY_SIDE if name in measured}
            by_side["Errors"] = {"Unit": "Count", "Value": [errors]}
            dimensions["side"] = live.side
            directives = directives + self._directives_of(by_side, dimensions)
            measured = measured | by_side
        if not measured or is_metrics_disabled():
            return {}
        about = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": directives}
        return {"_aws": about, **dimensions, **{name: measure["Value"] for name, measure in measured.items()}}

    def _directives_of(self, measured: _Measures, dimensions: dict[str, str]) -> Any:
        """What tells CloudWatch which members of a line are metrics. It is the same for the same names, so it is kept."""
        names = (*dimensions, *measured)
        if names not in self._directives and self._metrics:
            document = self._metrics.serialize_metric_set(measured, dimensions, {})
            self._directives[names] = document["_aws"]["CloudWatchMetrics"]
        return self._directives[names]


def predicted(facts: dict[str, Any]) -> list[tuple[Loaded, list[Prediction]]]:
    """Which model predicted what in an answer; nothing when no row was answered."""
    if "parts" in facts:
        return list(facts["parts"])
    return [(facts["live"], facts["predictions"])] if facts.get("predictions") else []


def _measures(predictions: list[Prediction], seconds: float) -> _Measures:
    """How many and how long; how sure and how many for a person; or what numbers and how wide their intervals."""
    measured = {
        "Predictions": {"Unit": "Count", "Value": [float(len(predictions))]},
        "Latency": {"Unit": "Milliseconds", "Value": [round(seconds * 1e3, 3)]},
    }
    first = predictions[0]
    if first.confidences:
        share = _mean([prediction.review for prediction in predictions])
        measured["ReviewShare"] = {"Unit": "Percent", "Value": [100 * share]}
    for target in first.confidences:
        confidence = _mean([prediction.confidences[target] for prediction in predictions])
        measured[f"Confidence.{target}"] = {"Unit": "None", "Value": [round(confidence, 6)]}
    for target in first.estimates:
        estimates = [prediction.estimates[target] for prediction in predictions]
        value = _mean([estimate.value for estimate in estimates])
        measured[f"Prediction.{target}"] = {"Unit": "None", "Value": [round(value, 6)]}
        if widths := [one.upper - one.lower for one in estimates if one.upper is not None and one.lower is not None]:
            measured[f"IntervalWidth.{target}"] = {"Unit": "None", "Value": [round(_mean(widths), 6)]}
    return measured


def _mean(values: list[float] | list[bool]) -> float:
    return sum(values) / len(values)


def _line(request: Request, answer: Answer, seconds: float) -> dict[str, Any]:
    facts = answer.facts
    line = {
        "request_id": request.request_id,
        "correlation_id": request.correlation_id,
        "method": request.method if request.method in _METHODS else "_OTHER",
        "status": answer.status,
        "latency_ms": round(seconds * 1e3, 3),
    }
    line |= {name: facts[name] for name in ("route", "code") if facts.get(name)}
    if live := facts.get("live"):
        line |= _answered(live, facts.get("predictions"), facts)
    if error := facts.get("error"):
        line |= _fault(error)
    return line


def _answered(live: Loaded, predictions: list[Prediction] | None, facts: dict[str, Any]) -> dict[str, Any]:
    """What a bundle answered, or that it failed to."""
    line: dict[str, Any] = {"model": live.model, "model_version": live.version, "model_digest": live.digest}
    if live.side:
        line["side"] = live.side
    if predictions is None:
        return line
    if "parts" in facts:
        line["segments"] = {segment.model: segment.version for segment, _ in facts["parts"]}
    if "rows" in facts:
        reviewed = sum([prediction.review for prediction in predictions])
        refused = facts["rows"] - len(predictions)
        return line | {"rows": facts["rows"], "rows_refused": refused, "rows_to_review": reviewed}
    [prediction] = predictions
    if prediction.labels:
        confidences = {target: round(value, 6) for target, value in prediction.confidences.items()}
        line |= {"labels": prediction.labels, "confidences": confidences, "review": prediction.review}
    if prediction.estimates:
        line["estimates"] = {target: _measured(estimate) for target, estimate in prediction.estimates.items()}
    return line


def _inferred(facts: dict[str, Any]) -> dict[str, Any]:
    """What a line has for the inference log alone: inputs that are kept, and of a batch every row's answer.

    It stands last: CloudWatch finds the first 200 members of a line, and counts each value of a column.
    """
    if facts.get("predictions") is None:
        return {}
    if "rows" not in facts:
        return {"inputs": facts["inputs"][0]} if facts.get("inputs") else {}
    from functions.classify import columns

    return {"answers": columns.of(facts)}


def _measured(estimate: Estimate) -> dict[str, float | None]:
    ends = {"value": estimate.value, "lower": estimate.lower, "upper": estimate.upper}
    return {name: None if end is None else round(end, 6) for name, end in ends.items()}


def _without_inputs(facts: dict[str, Any]) -> dict[str, Any]:
    less = {name: value for name, value in facts.items() if name != "inputs"}
    if "answers" in less:
        less["answers"] = {name: value for name, value in less["answers"].items() if name != "inputs"}
    return less | {"inputs_left_out": True}


def _without_answers(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if name != "answers"} | {"answers_left_out": True}


def _fault(error: Exception) -> dict[str, Any]:
    """Where it happened and what kind it was. Its message may quote the request, so it is left out."""
    frames = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    return {"error": type(error).__name__, "frames": frames}
