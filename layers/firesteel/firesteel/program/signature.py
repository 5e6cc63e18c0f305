"""What a model makes its answers of, in one hash: the names and kinds of its inputs and its features, in their order.

Of a feature step that is its kind, name, inputs and settings, which say what features it makes; not what training learns
for them: a vocabulary, means, categories. So retraining keeps the signature, and another input, step, setting or order
changes it. It stands in the program, the manifest and the metadata, and a caller can demand it: what does not fit is refused.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

_LEARNED = {"lookup", "separator", "lengths", "sizes", "alphabet"}


def signature(meta: Mapping[str, Any]) -> str:
    """SHA-256, in hexadecimal, of a program's inputs and steps. Identifiers are passed through and do not count."""
    fields = [[entry["kind"], entry["name"]] for entry in meta["inputs"] if entry["kind"] != "identifier"]
    steps = [
        {key: value for key, value in step.items() if key not in _LEARNED} for step in (*meta["text"], *meta["steps"])
    ]
    return hashlib.sha256(json.dumps([fields, steps], separators=(",", ":"), sort_keys=True).encode()).hexdigest()
