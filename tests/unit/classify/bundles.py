"""Small bundles made by hand: what training publishes, without training."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from firesteel.registry.store import Store

from firesteel.program import format, predictor
from firesteel.registry import alias, bundle

MODEL = "tickets"
TICKET = {"title": "Cannot log in", "description": "My account is locked.", "customer_email": "ada@example.com"}
TERMS = ("account", "buy", "cannot", "invoice", "locked", "log in", "price", "refund")
PRIORITY = ("Urgent", "High", "Medium", "Low")
DEPARTMENT = ("Tech Support", "Billing", "Sales")
INPUTS = (
    {"kind": "text", "name": "title", "required": True, "min_length": 1, "max_length": 200},
    {"kind": "text", "name": "description", "required": True, "min_length": 1, "max_length": 10_000},
    {"kind": "identifier", "name": "customer_email", "required": False, "max_length": 320},
)


def program(*, model: str = MODEL, lean: float = 0.0, threshold: float | None = None) -> bytes:
    """A program over eight terms: access is Tech Support, money Billing, buying Sales; `lean` pushes priority to Low."""
    weights = np.zeros((len(TERMS), len(PRIORITY) + len(DEPARTMENT)))
    for row, (urgency, department) in enumerate([(0, 0), (3, 2), (0, 0), (2, 1), (1, 0), (1, 0), (3, 2), (2, 1)]):
        weights[row, urgency] = weights[row, len(PRIORITY) + department] = 4.0
    intercept = np.zeros(weights.shape[1])
    intercept[len(PRIORITY) - 1] = lean
    step = {
        "kind": "tfidf",
        "inputs": ["title", "description"],
        "lowercase": True,
        "strip_accents": None,
        "sublinear_tf": True,
        "binary": False,
        "norm": "l2",
        "weight": 1.0,
        "lookup": "words",
        "separator": "\n",
        "ngrams": [1, 2],
        "token_pattern": r"(?u)\b\w\w+\b",
        "stop_words": [],
    }
    spans = {"priority": [0, len(PRIORITY)], "department": [len(PRIORITY), weights.shape[1]]}
    targets = [
        {
            "name": name,
            "task": "classification",
            "labels": list(labels),
            "scale": 1.0,
            "bias": [0.0] * len(labels),
            "threshold": threshold,
        }
        for name, labels in (("priority", PRIORITY), ("department", DEPARTMENT))
    ]
    meta = {
        "model": model,
        "inputs": list(INPUTS),
        "steps": [step],
        "estimators": [{"kind": "linear", "steps": [0, 1], "columns": spans}],
        "targets": targets,
    }
    tensors = {
        "steps.0.idf": np.ones(len(TERMS)),
        "steps.0.terms": np.frombuffer("\n".join(TERMS).encode(), np.uint8),
        "estimators.0.weights": weights,
        "estimators.0.intercept": intercept,
    }
    return format.write(meta, tensors)


def golden(program: bytes, row: Mapping[str, Any] = TICKET) -> dict[str, Any]:
    """What golden.json says of a program that answers as it did when it was published."""
    loaded = predictor.load(program)
    prediction = loaded.predict(loaded.check(row))
    return {
        "format": 1,
        "rows": [{"input": dict(row), "labels": prediction.labels, "confidences": prediction.confidences}],
    }


def files(**changes: Any) -> dict[str, bytes]:
    """The files of a bundle; `changes` are those of `program`."""
    content = program(**changes)
    metrics = {
        "format": 1,
        "targets": {name: {"accuracy": 0.9, "macro_f1": 0.8, "report": {}} for name in ("priority", "department")},
    }
    metadata = {"format": 1, "model": MODEL, "changelog": "by hand"}
    return {
        "program.safetensors": content,
        "golden.json": json.dumps(golden(content)).encode(),
        "metrics.json": json.dumps(metrics).encode(),
        "model_metadata.json": json.dumps(metadata).encode(),
    }


def release(
    store: Store, version: str, contents: Mapping[str, bytes] | None = None, *, model: str = MODEL, **changes: Any
) -> str:
    """Publish a version and promote it to `latest`; gives the bundle's digest."""
    published = bundle.publish(store, model, version, contents or files(**changes), who="tests")
    alias.promote(store, model, "latest", version, who="tests", why="a test")
    return published.digest
