"""A model with an input of every kind, a row whose every value is easy to find again, and policies of what is logged."""

import json
from collections.abc import Mapping
from typing import Any

from firesteel.program import format as program_format
from firesteel.registry.store import MemoryStore
from tests.unit.classify import zoo
from tests.unit.classify.bundles import release
from tests.unit.classify.zoo import field

TEXT, CATEGORY, MOMENT, PERSON = "canarytext grows", "canarycategory", "1987-06-05T04:03:02", "canary@example.com"
NUMBER = 31337.25
ROW = {"story": TEXT, "shop": CATEGORY, "size": NUMBER, "at": MOMENT, "who": PERSON}
SAID = {"story": "canarytext", "shop": CATEGORY, "size": "31337.25", "at": "1987-06-05", "who": "canary@"}
"""By what each field's value is found in a line."""

CHOICES = [(name, how) for name in ROW for how in ("hash", "plain") if (name, how) != ("who", "plain")]


def logging(program: bytes, inputs: Mapping[str, str], sample: float = 1.0) -> bytes:
    """The program, with a log policy."""
    meta, tensors = program_format.read(program)
    return program_format.write({**meta, "log": {"sample": sample, "inputs": dict(inputs)}}, tensors)


def program() -> bytes:
    """A mood and a score of a story."""
    inputs = [
        field("text", "story"),
        field("category", "shop", required=False),
        field("number", "size", required=False),
        {"kind": "timestamp", "name": "at", "required": False},
        field("identifier", "who"),
    ]
    targets: list[dict[str, Any]] = [
        {"name": "mood", "task": "classification", "labels": ["Good", "Bad"], "scale": 1.0, "bias": [0.0, 0.0]},
        {"name": "score", "task": "regression", "range": [0.0, 1.0], "unit": None},
    ]
    targets[0]["threshold"] = 0.9
    targets[1]["interval"] = zoo.interval(below=0.1, above=0.1, levels=None)
    text = {"terms": ("grow", "grows", "late"), "intercept": [0.0, 0.0, 0.5]}
    meta, tensors = program_format.read(
        zoo.linear("stories", inputs, [], targets, [[1.0, -1.0, 0.1], [1.0, -1.0, 0.1], [-1.0, 1.0, -0.1]], **text)
    )
    meta["text"][0]["inputs"] = ["story"]
    return zoo.signed({name: value for name, value in meta.items() if name != "signature"}, tensors)


def stocked(inputs: Mapping[str, str] | None, sample: float = 1.0) -> MemoryStore:
    """A store with the model; it logs `inputs`, or nothing if there are none."""
    store = MemoryStore()
    made = program() if inputs is None else logging(program(), inputs, sample)
    release(
        store,
        "1.0.0",
        {**zoo.files(made, ROW), "model_metadata.json": json.dumps({"format": 1}).encode()},
        name="stories",
    )
    return store
