"""Bodies made from the schema of what is asked: at the ends of its ranges, of odd text, and spoiled by structure."""

import json
import struct
from random import Random
from typing import Any

from tests.proofs import requests_events

Schema = dict[str, Any]

TEXTS = (
    *("a", "Grüße 🙂", "日本語", "\0", "\u2028\u202e", "'; --", "<script>", "İ", "ﷺ" * 9, "a\nb", "e\u0301", "\ufeff"),
    *("NaN", "-0", "1e400"),
)
NUMBERS = (
    *(0, -0.0, 1, -1, 0.1, 1e-320, 1.7e308, -1.7e308, 1e400, float("nan")),
    *(2**53 + 1, 2**63, -(2**63) - 1, 10**30, 10**308),
)
CONSTANTS = ("NaN", "Infinity", "-Infinity", "1e400", "-1e400", "9" * 401, "0x10", "01", "1.", ".5", "+1", "'a'", "tru")


def fitting(schema: Schema, random: Random) -> Any:
    """A value that a schema allows, often at an end of its range."""
    if "enum" in schema:
        return random.choice(schema["enum"])
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = random.choice(kind)
    if kind in ("number", "integer"):
        return _number(schema, random, whole=kind == "integer")
    if kind == "string":
        return _text(schema, random)
    if kind == "boolean":
        return random.random() < 0.5
    if kind == "array":
        count = max(schema.get("minItems", 0), random.choice((1, 1, 2, 3)))
        return [fitting(schema["items"], random) for _ in range(count)]
    if kind == "object":
        needed = schema.get("required", ())
        properties = schema.get("properties", {}).items()
        return {name: fitting(one, random) for name, one in properties if name in needed or random.random() < 0.7}
    return None


def _number(schema: Schema, random: Random, *, whole: bool) -> float:
    low, high = schema.get("minimum", -1e6), schema.get("maximum", 1e6)
    value = random.choice((low, high, random.uniform(low, high)))
    return int(value) if whole else value


def _text(schema: Schema, random: Random) -> str:
    if schema.get("format") == "date-time":
        return random.choice(
            ("2024-05-17T12:00:00Z", "2024-02-29", "0001-01-01T00:00:00", "9999-12-31T23:59:59.999999Z")
        )
    longest, shortest = schema.get("maxLength", 300), schema.get("minLength", 1)
    text = random.choice(TEXTS) if random.random() < 0.5 else " ".join(random.choices(_WORDS, k=random.randint(1, 30)))
    if random.random() < 0.05:
        text = text * (1 + longest // len(text))
    return text[:longest].ljust(shortest, "x")


_WORDS = [
    "account",
    "locked",
    "invoice",
    "refund",
    "price",
    "cannot",
    "log",
    "in",
    "café",
    "don't",
    "a",
    "1,000",
    "😀",
    "urgent",
]


def spoiled(value: Any, random: Random) -> Any:
    """With one to three places that do not fit: a wrong type, a number beyond all ranges, a key more or less."""
    value = requests_events.some_changes(value, random)
    if random.random() < 0.3:
        place = random.choice(list(requests_events.places(value)))
        value = requests_events.changed(value, place, lambda _: random.choice(NUMBERS))
    return value


def written(value: Any, random: Random) -> bytes:
    """As JSON, or as what is nearly JSON."""
    text = json.dumps(value, ensure_ascii=random.random() < 0.5)
    how = random.random()
    if how < 0.05 and text[:1] == "{" and len(text) > 2:
        text = f"{{{text[1:-1]},{text[1:-1]}}}"  # every key twice
    elif how < 0.1:
        text = text.replace(random.choice('0123456789"a:'), random.choice(CONSTANTS), 1)
    data = text.encode("utf-8", "surrogatepass")
    return data if random.random() < 0.8 else _damaged(data, random)


def _damaged(data: bytes, random: Random) -> bytes:
    at = random.randrange(len(data) + 1)
    return random.choice(
        (
            lambda: data[:at],
            lambda: data + data,
            lambda: b"\xef\xbb\xbf" + data,
            lambda: data.decode("utf-8", "replace").encode("utf-16"),
            lambda: data[:at] + bytes([random.randrange(256)]) + data[at:],
            lambda: data[:at] + bytes([random.randrange(256)]) + data[at + 1 :],
            lambda: b"[" * random.choice((15, 16, 17, 5000)) + data,
            lambda: data[:at] + b"\\ud800" + data[at:],
            lambda: b" " * random.choice((10, 70_000)) + data,
            lambda: b"",
        )
    )()


def tensors(rows: list[dict[str, Any]], random: Random) -> dict[str, Any]:
    """An inference request of the Open Inference Protocol with these rows."""
    inputs = []
    for name in dict.fromkeys(name for row in rows for name in row):
        data = [row.get(name) for row in rows]
        kind = "BYTES" if any(isinstance(one, str) for one in data) else random.choice(("FP64", "FP32", "INT64"))
        shape = random.choice(([len(rows)], [len(rows), 1]))
        inputs.append({"name": name, "datatype": kind, "shape": shape, "data": data})
    asked = {"inputs": inputs}
    return asked | ({"id": "r-1"} if random.random() < 0.3 else {})


def binary(rows: list[dict[str, Any]], random: Random) -> tuple[bytes, dict[str, str]]:
    """The same with the tensors' bytes after the JSON, and the header that says where they begin."""
    inputs, tail = [], b""
    for name in dict.fromkeys(name for row in rows for name in row):
        data = [row.get(name) for row in rows]
        if all(isinstance(one, int | float) and not isinstance(one, bool) for one in data):
            kind, raw = "FP64", b"".join(struct.pack("<d", one) for one in data)
        else:
            texts = [("" if one is None else str(one)).encode("utf-8", "surrogatepass") for one in data]
            kind, raw = "BYTES", b"".join(struct.pack("<I", len(one)) + one for one in texts)
        parameters = {"binary_data_size": len(raw) + random.choice((0, 0, 0, 0, 1, -1))}
        inputs.append({"name": name, "datatype": kind, "shape": [len(rows)], "parameters": parameters})
        tail += raw
    head = written({"inputs": inputs}, random)
    says = random.choice((str(len(head)), str(len(head)), "-1", "1e3", str(len(head) + len(tail) + 1), "0", "٣"))
    return head + tail, {"content-type": "application/octet-stream", "inference-header-content-length": says}
