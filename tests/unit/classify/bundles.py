"""Small bundles made by hand, and what serves them: training and Lambda are far away."""

import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np

from firesteel.program import format as program_format
from firesteel.program import predictor
from firesteel.program.signature import signature
from firesteel.registry import alias, bundle
from firesteel.registry.store import MemoryStore, Store
from functions.classify import serving
from functions.classify.fetch import Source
from functions.classify.refresh import Trouble
from functions.classify.serving import Serving

MODEL = "tickets"
TICKET = {"title": "Cannot log in", "description": "My account is locked.", "customer_email": "ada@example.com"}
TERMS = ("account", "buy", "cannot", "invoice", "locked", "log in", "price", "refund")
PRIORITY = ("Urgent", "High", "Medium", "Low")
DEPARTMENT = ("Tech Support", "Billing", "Sales")
LABELS_OF_TERMS = ((0, 0), (3, 2), (0, 0), (2, 1), (1, 0), (1, 0), (3, 2), (2, 1))  # indices of priority, department
INPUTS = (
    {"kind": "text", "name": "title", "required": True, "min_length": 1, "max_length": 200},
    {"kind": "text", "name": "description", "required": True, "min_length": 1, "max_length": 10_000},
    {"kind": "identifier", "name": "customer_email", "required": False, "max_length": 320},
)
STEP = {
    "name": "words",
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


def program(*, model: str = MODEL, lean: float = 0.0, threshold: float | None = None) -> bytes:
    """A program over eight terms; `lean` pushes priority to Low, below `threshold` a person looks."""
    weights = np.zeros((len(TERMS), len(PRIORITY) + len(DEPARTMENT)))
    for row, (priority, department) in enumerate(LABELS_OF_TERMS):
        weights[row, priority] = weights[row, len(PRIORITY) + department] = 4.0
    intercept = np.zeros(weights.shape[1])
    intercept[len(PRIORITY) - 1] = lean
    meta = {
        "model": model,
        "inputs": list(INPUTS),
        "text": [STEP],
        "steps": [],
        "estimators": [
            {
                "kind": "linear",
                "text": [0, 1],
                "columns": {"priority": [0, len(PRIORITY)], "department": [len(PRIORITY), weights.shape[1]]},
            }
        ],
        "targets": [_target("priority", PRIORITY, threshold), _target("department", DEPARTMENT, threshold)],
        "answer": None,
        "request": None,
    }
    tensors = {
        "text.0.idf": np.ones(len(TERMS)),
        "text.0.terms": np.frombuffer("\n".join(TERMS).encode(), np.uint8),
        "estimators.0.weights": weights,
        "estimators.0.intercept": intercept,
    }
    return signed(meta, tensors)


def signed(meta: dict[str, Any], tensors: Mapping[str, np.ndarray]) -> bytes:
    """A program file with the signature that its inputs and steps have."""
    return program_format.write({**meta, "signature": signature(meta)}, tensors)


def _target(name: str, labels: tuple[str, ...], threshold: float | None) -> dict[str, Any]:
    calibration = {"scale": 1.0, "bias": [0.0] * len(labels), "threshold": threshold}
    return {"name": name, "task": "classification", "labels": list(labels), **calibration}


def golden(content: bytes, row: Mapping[str, Any] = TICKET) -> dict[str, Any]:
    """What golden.json says of a program that answers as it did when it was published."""
    loaded = predictor.load(content)
    assert isinstance(loaded, predictor.Predictor)
    labels, confidences, _, estimates = loaded.predict(loaded.check(row))
    values = {name: estimate.value for name, estimate in estimates.items()}
    return {
        "format": 1,
        "rows": [{"input": dict(row), "labels": labels, "confidences": confidences, "values": values}],
    }


def files(**changes: Any) -> dict[str, bytes]:
    """The files of a bundle; `changes` are those of `program`."""
    content = program(**changes)
    report = {"accuracy": 0.9, "macro_f1": 0.8, "confusion_matrix": [[1, 0], [0, 1]]}
    documents = {
        "golden.json": golden(content),
        "metrics.json": {"format": 1, "targets": {"priority": report, "department": report}},
        "model_metadata.json": {"format": 1, "model": MODEL, "changelog": "made by hand"},
    }
    return {"program.safetensors": content, **{name: json.dumps(value).encode() for name, value in documents.items()}}


def release(
    store: Store,
    version: str,
    contents: Mapping[str, bytes] | None = None,
    *,
    name: str = MODEL,
    signature: str | None = None,
    **changes: Any,
) -> str:
    """Publish a version and promote it to `latest`; gives the bundle's digest."""
    published = bundle.publish(store, name, version, contents or files(**changes), who="tests", signature=signature)
    alias.promote(store, name, "latest", version, who="tests", why="a test")
    return published.digest


def beside(
    store: Store,
    version: str,
    contents: Mapping[str, bytes] | None = None,
    *,
    weight: float | None = None,
    name: str = MODEL,
    **changes: Any,
) -> str:
    """Publish a version and let `latest` have it beside what it serves: as a canary of this weight, or as a shadow."""
    published = bundle.publish(store, name, version, contents or files(**changes), who="tests")
    if weight is None:
        alias.shadow(store, name, "latest", version, who="tests", why="a test")
    else:
        alias.canary(store, name, "latest", version, weight=weight, who="tests", why="a test")
    return published.digest


def damage(store: MemoryStore, version: str, file: str = "program.safetensors", *, model: str = MODEL) -> None:
    """Change one byte of a published file, as no client of the registry can."""
    key = f"models/{model}/v{version}/{file}"
    data = bytearray(store._objects[key])
    data[-1] ^= 1
    store._objects[key] = bytes(data)


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def source_over(store: Store, model: str = MODEL, *, with_shadows: bool = False) -> Source:
    source = Source("memory://", model, "latest", with_shadows=with_shadows)
    source.store = store
    return source


def serving_over(
    store: Store,
    *,
    model: str = MODEL,
    memory: int = 1 << 20,
    clock: Callable[[], float] | None = None,
    on_failure: Callable[[str, Trouble, Exception], None] = lambda model, trouble, error: None,
    with_shadows: bool = False,
    monitor: Store | None = None,
    admin: bool = False,
) -> Serving:
    """What operations use, over the newest bundles of a store, with a time to live of 30 seconds."""
    source = source_over(store, model, with_shadows=with_shadows)
    made = serving.over(source, ttl=30, memory=memory, on_failure=on_failure, clock=clock or Clock(), admin=admin)
    made = made._replace(monitor=cache(lambda: monitor or MemoryStore()))
    made.freshness.start()
    return made


def released(version: str = "1.0.0", **changes: Any) -> MemoryStore:
    """A store in memory with one promoted version."""
    store = MemoryStore()
    release(store, version, **changes)
    return store
