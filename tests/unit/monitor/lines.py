"""Log lines as the telemetry writes them, and stores of them, for tests."""

import gzip
import json
from datetime import UTC, datetime

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def line(request_id="r-1", when=NOON, model="tickets", **changes):
    """A line of one row as `Telemetry` writes it."""
    said = {
        "level": "INFO",
        "timestamp": when.isoformat(timespec="milliseconds"),
        "service": "firesteel",
        "message": "request",
        "request_id": request_id,
        "correlation_id": request_id,
        "method": "POST",
        "status": 200,
        "latency_ms": 0.4,
        "route": "/classify",
        "model": model,
        "model_version": "1.2.0",
        "model_digest": "d" * 64,
        "labels": {"priority": "High"},
        "confidences": {"priority": 0.75},
        "review": False,
    }
    return {**said, **changes}


def batch(request_id="r-2", when=NOON, rows=3, **changes):
    """A line of a batch whose second row was refused."""
    said = line(request_id, when, rows=rows, rows_refused=1, rows_to_review=1)
    for name in ("labels", "confidences", "review"):
        del said[name]
    answers = {
        "review": [True, None, False],
        "labels": {"priority": ["High", None, "Low"]},
        "confidences": {"priority": [0.5, None, 0.9]},
        "estimates": {"hours": {"value": [1.0, None, 2], "lower": [0.5, None, None], "upper": [2.0, None, None]}},
        "inputs": {"channel": ["mail", None, None]},
    }
    return {**said, "answers": answers, **changes}


def packed(*lines):
    """An object of lines."""
    return gzip.compress("".join(f"{one if isinstance(one, str) else json.dumps(one)}\n" for one in lines).encode())


def keep(store, *lines, model="tickets", day="2026-11-21", name="a"):
    """Put an object where Firehose and the spool put theirs."""
    store.create(f"inferences/model={model}/day={day}/{name}.jsonl.gz", packed(*lines))
