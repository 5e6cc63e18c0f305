"""What a correction is about: a request, the row of a batch, or an input; how keys name it, and when two are the same."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

_REQUEST_ID = re.compile(r"[!-~]{1,128}\Z")
_PLAIN = re.compile(r"[A-Za-z0-9_=-][A-Za-z0-9._=-]{0,127}\Z")


def subject_of(request_id: str | None, row: int | None, input: Mapping[str, Any] | None) -> str:  # noqa: A002
    """What a correction with these is about, as keys name it. Raises ValueError when they name nothing."""
    if request_id is None:
        if input is None or row is not None:
            raise ValueError("it names neither a request nor an input, or a row of no request")
        return f"input-{hashlib.sha256(canonical(input)).hexdigest()[:32]}"
    if not is_request_id(request_id) or (row is not None and row < 0):
        raise ValueError("its request id or row can be none")
    plain = request_id if _PLAIN.match(request_id) else f"id-{hashlib.sha256(request_id.encode()).hexdigest()[:32]}"
    return plain if row is None else f"{plain}@{row}"


def is_request_id(text: str) -> bool:
    """Whether a request may have had this id: up to 128 visible characters of ASCII."""
    return _REQUEST_ID.match(text) is not None


def canonical(input: Mapping[str, Any]) -> bytes:  # noqa: A002
    """The same bytes for inputs that mean the same: keys in order, absent instead of null, 3 instead of 3.0."""
    said = {name: _plain(value) for name, value in input.items() if value is not None}
    return json.dumps(said, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _plain(value: Any) -> Any:
    match value:
        case float() if value.is_integer():
            return int(value)
        case dict():
            return {name: _plain(item) for name, item in value.items() if item is not None}
        case list() | tuple():
            return [_plain(item) for item in value]
    return value
