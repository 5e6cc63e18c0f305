"""What a model makes its answers of, in one hash: the names and kinds of its inputs and of its feature steps, in order.

Retraining keeps it; another input, step or order changes it. It stands in the program, the manifest and the metadata,
and a caller can demand it: what does not fit is refused.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def signature(meta: Mapping[str, Any]) -> str:
    """SHA-256, in hexadecimal, of a program's inputs and steps. Identifiers are passed through and do not count."""
    fields = [[entry["kind"], entry["name"]] for entry in meta["inputs"] if entry["kind"] != "identifier"]
    steps = [[step["kind"], step["name"], list(step["inputs"])] for step in (*meta["text"], *meta["steps"])]
    return hashlib.sha256(json.dumps([fields, steps], separators=(",", ":")).encode()).hexdigest()
