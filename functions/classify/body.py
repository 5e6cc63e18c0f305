"""What a request brings: strict JSON, as a row or as a list of them."""

from typing import Any

from firesteel import strictjson
from firesteel.errors import InputError, Problem
from functions.classify import answers
from functions.classify.answers import Refused
from functions.classify.events import Request

MEDIA_TYPE_LENGTH = 1024  # characters of Content-Type
LIMIT = 1000  # rows of one request
CONTAINERS = 20 * LIMIT
"""Arrays and objects in the JSON of one request: each row is one, or each cell in a tensor of shape [rows, 1]."""


def read(request: Request) -> Any:
    """The body's JSON. Raises Refused: `unsupported_media_type`, `invalid_json`."""
    _require_json(request.headers.get("content-type", ""))
    try:
        return strictjson.parse(request.body, containers=CONTAINERS)
    except ValueError as error:
        if request.headers.get("content-encoding", "identity") != "identity":  # API Gateway may have unpacked it
            raise Refused("unsupported_media_type", "The body must be sent as it is, not compressed.") from None
        raise Refused("invalid_json", f"The body cannot be read: {error}.") from None


def _require_json(content_type: str) -> None:
    """application/json or application/<anything>+json, with no charset but UTF-8."""
    if len(content_type) > MEDIA_TYPE_LENGTH:
        raise Refused("unsupported_media_type")
    media_type, *parameters = [part.strip().lower() for part in content_type.split(";")]
    if media_type != answers.JSON and not (media_type.startswith("application/") and media_type.endswith("+json")):
        raise Refused("unsupported_media_type")
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip().strip('"') not in ("utf-8", "utf8"):
            raise Refused("unsupported_media_type")


def rows(body: object, name: str, *options: str) -> list[object]:
    """The rows that the field `name` lists; besides it there may be `options`. Raises InputError."""
    if not isinstance(body, dict):
        problem = Problem("", "wrong_type", f"must be an object with the field {name}")
    elif name not in body:
        problem = Problem(name, "missing", "is required")
    elif not isinstance(listed := body[name], list):
        problem = Problem(name, "wrong_type", "must be an array")
    elif not body.keys() <= {name, *options}:
        problem = Problem("", "unknown_field", f"has a field that is not {' or '.join((name, *options))}")
    elif not 1 <= len(listed) <= LIMIT:
        problem = Problem(name, "wrong_length", f"must have between 1 and {LIMIT} rows")
    else:
        return listed
    raise InputError((problem,))


def flag(body: dict[str, Any], name: str) -> bool:
    """An optional field that says yes or no. Raises InputError."""
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise InputError((Problem(name, "wrong_type", "must be true or false"),))
    return value
