"""Records: the small JSON objects of the registry (claim, manifest, alias entry), written for people, read strictly."""

import json
import os
import time
from collections.abc import Mapping
from typing import Any

from firesteel import strictjson
from firesteel.errors import IntegrityError

FORMAT = 1
LIMIT = 8 * 1024  # bytes of a claim or an alias entry

type Fields = Mapping[str, type | tuple[type, ...]]


def timestamp() -> str:
    """Now, in UTC, as ISO 8601."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def new_write_id() -> str:
    """128 random bits: no two records are alike, so reading one's own bytes back proves that they were written."""
    return os.urandom(16).hex()


def one_line(text: str, length: int) -> str:
    """Free text as a record holds it: one printable line, cut to `length` characters, so every record can be read."""
    words = ("".join(filter(str.isprintable, word)) for word in text.split())
    return " ".join(words)[:length]


def encode(record: Mapping[str, Any]) -> bytes:
    """A record as it is stored: a field a line, for the people who look."""
    return (json.dumps(record, ensure_ascii=False, allow_nan=False, indent=1, sort_keys=True) + "\n").encode()


def decode(data: bytes, fields: Fields, what: str, *, optional: Fields | None = None) -> dict[str, Any]:
    """The record in `data`: strict JSON, format 1, exactly these fields of exactly these types. Or IntegrityError.

    `optional` fields may be there or not.
    """
    try:
        value = strictjson.parse(data, depth=4)
    except ValueError as error:
        raise IntegrityError(f"{what} cannot be read: {error}") from None
    if isinstance(value, dict) and value.get("format") != FORMAT:
        raise IntegrityError(f"{what} has format {value.get('format')!r:.20}; this release reads format {FORMAT}")
    if optional and isinstance(value, dict):
        fields = {**fields, **{name: kind for name, kind in optional.items() if name in value}}
    if not has_fields(value, fields):
        raise IntegrityError(f"{what} has other fields than its format says")
    return dict(value)


def has_fields(value: Any, fields: Fields) -> bool:
    """Exactly these, of exactly these types: True is no int here."""
    return (
        type(value) is dict
        and value.keys() == fields.keys()
        and all(type(value[name]) in (kind if isinstance(kind, tuple) else (kind,)) for name, kind in fields.items())
    )


def is_sha256(text: str) -> bool:
    return len(text) == 64 and not text.strip("0123456789abcdef")
