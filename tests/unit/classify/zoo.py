"""Hand-made models of the other kinds: a regression, a count whose requests list things, and one with segments."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from firesteel.program import format as program_format
from firesteel.registry.store import MemoryStore, Store
from tests.unit.classify import bundles
from tests.unit.classify.bundles import golden, release, signed

BUSINESS = {
    "gid": "G2G-1",
    "region": "EU",
    "revenue": 4.0,
    "debt": 1.0,
    "description": "We grow, and we pay our debts.",
}
READY_TERMS = ("debts", "grow", "late")
GIFT = {"shop": "north", "product_id": "P1", "price": 20, "kind": "toy", "group_id": "A", "employees": 100}
ORDER = {
    "shop": "north",
    "products": [
        {"product_id": "P1", "price": 20, "kind": "toy"},
        {"product_id": "P2", "price": 80, "kind": "watch"},
    ],
    "groups": [{"group_id": "A", "employees": 100}, {"group_id": "B", "employees": 50}],
}
PLAYERS = {
    "qb": {"player_id": "p-1", "position": "QB", "passing_yards": 4000},
    "rb": {"player_id": "p-2", "position": "RB", "rushing_yards": 900, "fumbles": 3},
}


def interval(
    coverage: float = 0.9, *, below: float, above: float, levels: tuple[float, float] | None
) -> dict[str, Any]:
    high, medium = levels or (None, None)
    return {"coverage": coverage, "edges": [], "below": [below], "above": [above], "high": high, "medium": medium}


def numbers(name: str, *inputs: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """A step that takes numbers as they are."""
    count = len(inputs)
    wide = np.full(count, 1e100)
    tensors = {"low": -wide, "high": wide, "fill": np.zeros(count), "centre": np.zeros(count), "scale": np.ones(count)}
    return {"kind": "number", "name": name, "inputs": list(inputs), "missing_flags": False}, tensors


def onehot(name: str, **values: list[str]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    about = {"inputs": list(values), "sizes": [len(known) for known in values.values()], "separator": "\n"}
    known = "\n".join(value for known in values.values() for value in known)
    return {"kind": "onehot", "name": name, **about}, {"values": np.frombuffer(known.encode(), np.uint8)}


def field(kind: str, name: str, **about: Any) -> dict[str, Any]:
    usual: dict[str, dict[str, Any]] = {
        "number": {"required": True, "minimum": None, "maximum": None, "integer": False, "unit": None},
        "category": {"required": True, "values": None, "max_length": 200},
        "identifier": {"required": False, "max_length": 320},
        "text": {"required": True, "min_length": 1, "max_length": 10_000},
    }
    return {"kind": kind, "name": name, **usual[kind], **about}


def linear(
    model: str,
    inputs: list[dict[str, Any]],
    steps: list[tuple[dict[str, Any], dict[str, np.ndarray]]],
    targets: list[dict[str, Any]],
    weights: list[list[float]],
    *,
    intercept: list[float],
    terms: tuple[str, ...] = (),
    answer: Mapping[str, str] | None = None,
    request: Mapping[str, Any] | None = None,
) -> bytes:
    """A linear program: `weights` has a line a feature, those of the terms first."""
    text = {**bundles.STEP, "inputs": ["description"], "ngrams": [1, 1], "name": "said"}
    sizes = [len(target.get("labels", [0])) for target in targets]
    ends = np.cumsum([0, *sizes]).tolist()
    columns = {target["name"]: [a, b] for target, a, b in zip(targets, ends, ends[1:], strict=False)}
    meta = {
        "model": model,
        "inputs": inputs,
        "text": [text] if terms else [],
        "steps": [step for step, _ in steps],
        "estimators": [{"kind": "linear", "text": [0, 1 if terms else 0], "columns": columns}],
        "targets": targets,
        "answer": answer,
        "request": request,
    }
    tensors = {f"steps.{n}.{key}": array for n, (_, arrays) in enumerate(steps) for key, array in arrays.items()}
    tensors |= {"estimators.0.weights": np.array(weights), "estimators.0.intercept": np.array(intercept)}
    if terms:
        blob = np.frombuffer("\n".join(terms).encode(), np.uint8)
        tensors |= {"text.0.idf": np.ones(len(terms)), "text.0.terms": blob}
    return signed(meta, tensors)


def readiness(**changes: Any) -> bytes:
    """A score in [0, 1] with an interval of +- 0.1, answered in the definition's own words."""
    target = {"name": "score", "task": "regression", "range": [0.0, 1.0], "unit": None}
    target["interval"] = interval(below=0.1, above=0.1, levels=(0.15, 0.25))
    answer = {"gid": "input.gid", "score": "score.value", "level": "score.level", "at": "timestamp"}
    answer |= {"confidence": "score.score", "by": "model", "version": "model_version", "low": "score.lower"}
    inputs = [
        field("identifier", "gid"),
        field("category", "region", values=["EU", "US"]),
        field("number", "revenue", minimum=0, unit="million dollars"),
        field("number", "debt", required=False),
        field("text", "description"),
    ]
    steps = [onehot("where", region=["EU", "US"]), numbers("size", "revenue", "debt")]
    weights = [[0.1], [0.2], [-0.3], [0.05], [-0.05], [0.1], [-0.2]]
    about: dict[str, Any] = {"answer": answer, **changes}
    return linear("readiness", inputs, steps, [target], weights, intercept=[0.2], terms=READY_TERMS, **about)


def gifts(*, summed: bool = True, **changes: Any) -> bytes:
    """How many of a product are chosen; a request lists products, and groups that the count is summed over."""
    target = {"name": "chosen", "task": "count", "exposure": "employees", "unit": "pieces"}
    target["interval"] = interval(below=1.0, above=2.0, levels=None)
    answer = {"product_id": "input.product_id", "expected_qty": "chosen.value", "low": "chosen.lower"}
    answer |= {"high": "chosen.upper", "confidence_score": "chosen.score"}
    inputs = [
        field("category", "shop", values=["north", "south"]),
        field("identifier", "product_id", required=True),
        field("number", "price", minimum=0, unit="euros"),
        field("category", "kind", values=["toy", "watch"]),
        field("identifier", "group_id"),
        field("number", "employees", minimum=1, integer=True),
    ]
    request = {
        "each": {"name": "products", "inputs": ["product_id", "price", "kind"]},
        "sum": {"name": "groups", "inputs": ["group_id", "employees"]} if summed else None,
    }
    steps = [onehot("where", shop=["north", "south"], kind=["toy", "watch"]), numbers("money", "price")]
    weights = [[0.1], [-0.1], [0.5], [-0.5], [-0.01]]
    about: dict[str, Any] = {"answer": answer, "request": request, **changes}
    return linear("gifts", inputs, steps, [target], weights, intercept=[-2.0], **about)


def router(fallback: str | None = None, **segments: str) -> bytes:
    """Quarterbacks and running backs have models, receivers are to have one."""
    meta = {
        "model": "recruits",
        "inputs": [field("category", "position", values=["QB", "RB", "WR", "TE"])],
        "segment_by": "position",
        "segments": segments or {"QB": "qb", "RB": "rb", "WR": "wr"},
        "fallback": fallback,
    }
    return program_format.write(meta, {})


def segment(name: str, *, lean: float = 0.0) -> bytes:
    """A rating and a tier of players of one position, from what they did there."""
    position = field("category", "position", values=["QB", "RB", "WR", "TE"])
    stats = [one for one in PLAYERS[name] if one not in ("player_id", "position")]
    targets: list[dict[str, Any]] = [
        {"name": "rating", "task": "regression", "range": None, "unit": None, "interval": None},
        {"name": "tier", "task": "classification", "labels": ["Elite", "Backup"], "scale": 1.0, "bias": [0.0, 0.0]},
    ]
    inputs = [field("identifier", "player_id"), position, *(field("number", one) for one in stats)]
    targets[1]["threshold"] = 0.9
    weights = [[0.02, 0.001, -0.001]] + [[-1.0, -0.5, 0.5]] * (len(stats) - 1)
    return linear("recruits", inputs, [numbers("stats", *stats)], targets, weights, intercept=[lean, -1.0, 1.0])


def files(program: bytes, row: Mapping[str, Any] | None) -> dict[str, bytes]:
    """A bundle of a program; without a row, as those of programs of segments, it has no golden rows."""
    metrics = {"format": 1, "targets": {"score": {"r2": 0.9, "residuals": [1, 2]}}}
    documents = {
        "golden.json": golden(program, row) if row else {"format": 1, "rows": []},
        "metrics.json": metrics,
        "model_metadata.json": {"format": 1, "changelog": "made by hand"},
        "definition.json": {"estimator": {"kind": "linear"}},
    }
    return {"program.safetensors": program, **{name: json.dumps(value).encode() for name, value in documents.items()}}


def release_all(store: Store) -> None:
    """One version of every model here, and tickets."""
    release(store, "1.2.0")
    release(store, "2.0.0", files(readiness(), BUSINESS), name="readiness")
    release(store, "3.0.0", files(gifts(), GIFT), name="gifts")
    release(store, "1.0.0", files(router(), None), name="recruits")
    for name, player in PLAYERS.items():
        release(store, {"qb": "1.1.0", "rb": "1.4.0"}[name], files(segment(name), player), name=f"recruits/{name}")


def stocked() -> MemoryStore:
    """A store in memory with all of them."""
    store = MemoryStore()
    release_all(store)
    return store
