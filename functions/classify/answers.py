"""What is sent back, and the one catalog of refusals. Errors of the domain become answers here and nowhere else.

code                    status  when
unsupported_event       400     the function was invoked with something that is no HTTP request
invalid_base64          400     the event says its body is Base64, and it is not
invalid_json            400     not UTF-8, not JSON, NaN or Infinity, a key twice, too deep or too much, a lone surrogate
not_found               404     no such path
unknown_model           404     the registry has no such model
method_not_allowed      405     the path exists, not with this method; `Allow` says with which
signature_mismatch      409     `X-Feature-Signature` names other features than the live model has
payload_too_large       413     over 64 KiB, for a batch over 1 MiB
unsupported_media_type  415     `Content-Type` is not JSON in UTF-8
misdirected_request     421     `Host` is not this machine's own, at a local server that answers /admin
invalid_input           422     JSON that does not fit the model's inputs; `errors` has one entry a field
rate_limited            429     too many requests of one client (local server); `Retry-After` says when to come back
internal_error          500     a fault of ours; the log has it under the request id
no_model                503     no model could be loaded yet; `/health` says why, `Retry-After` when it is tried again
registry_unavailable    503     the object store could not be read

Every refusal has the body {"detail", "code", "request_id"}, and `errors` where fields are to blame; under /v2, where
another protocol says so, {"error"} with all of it in a sentence. None repeats what was sent, but a well-formed signature.
"""

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from firesteel.errors import Problem

if TYPE_CHECKING:
    from functions.classify.events import Request

JSON = "application/json"
REQUEST_ID = "x-request-id"
EXPOSED = "x-request-id, x-model-digest, retry-after"
"""Headers of ours that a browser may show to a page of another origin."""


class Answer(NamedTuple):
    """Status, headers (lower-case names) and body; `facts` go to the log line and are never sent."""

    status: int
    headers: dict[str, str]
    body: bytes
    facts: dict[str, Any]


class Refusal(NamedTuple):
    """One entry of the catalog: its status and what it says when nothing more exact is known."""

    status: int
    detail: str


CATALOG = {
    "unsupported_event": Refusal(
        400, "The event is no HTTP request of API Gateway, a function URL or a load balancer."
    ),
    "invalid_base64": Refusal(400, "The body is not the Base64 that the event says it is."),
    "invalid_json": Refusal(400, "The body is not JSON."),
    "not_found": Refusal(404, "There is nothing at this path."),
    "unknown_model": Refusal(404, "There is no such model."),
    "method_not_allowed": Refusal(405, "This path does not have this method."),
    "signature_mismatch": Refusal(409, "The live model has other features than the request expects."),
    "payload_too_large": Refusal(413, "The body is too large."),
    "unsupported_media_type": Refusal(415, "The body must be sent as application/json, in UTF-8."),
    "misdirected_request": Refusal(421, "This server answers at localhost, 127.0.0.1 and [::1] alone."),
    "invalid_input": Refusal(422, "The request does not fit the model's inputs."),
    "rate_limited": Refusal(429, "Too many requests."),
    "internal_error": Refusal(500, "Something failed on our side; the log has it under this request id."),
    "no_model": Refusal(503, "No model is loaded."),
    "registry_unavailable": Refusal(503, "The registry cannot be read at the moment."),
}


class Refused(Exception):  # noqa: N818 - it is how an operation ends, not a fault
    """Ends an operation with an entry of the catalog."""

    def __init__(
        self,
        code: str,
        detail: str | None = None,
        headers: Mapping[str, str] | None = None,
        problems: Iterable[Problem] = (),
    ) -> None:
        self.code = code
        self.status = CATALOG[code].status
        self.detail = detail or CATALOG[code].detail
        self.headers = dict(headers or {})
        self.problems = tuple(problems)
        super().__init__(f"{code}: {self.detail}")


_to_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def encode(value: object) -> bytes:
    """Compact JSON in UTF-8. Raises ValueError for NaN and Infinity."""
    return _to_json(value).encode()


def ok(value: object, *, headers: Mapping[str, str] | None = None, facts: Mapping[str, Any] | None = None) -> Answer:
    """200 with a JSON body."""
    return Answer(200, {"content-type": JSON, **(headers or {})}, encode(value), dict(facts or {}))


def refuse(refused: Refused, request: "Request", **facts: Any) -> Answer:
    """The answer of an entry of the catalog, in the words of the protocol that was asked in."""
    body: dict[str, object] = {"detail": refused.detail, "code": refused.code, "request_id": request.request_id}
    if refused.problems:
        body["errors"] = blame(refused.problems)
    if request.path == "/v2" or request.path.startswith("/v2/"):
        body = {"error": said(refused)}
    headers = {"content-type": JSON, REQUEST_ID: request.request_id, **refused.headers}
    return Answer(refused.status, headers, encode(body), {"code": refused.code, **facts})


def said(refused: Refused) -> str:
    """A refusal as a sentence, its problems after it."""
    problems = [f"{problem.field or 'the row'} {problem.message}" for problem in refused.problems]
    return f"{refused.detail.removesuffix('.')}: {'; '.join(problems)}." if problems else refused.detail


def blame(problems: Iterable[Problem]) -> list[dict[str, str]]:
    """What is wrong, field by field, without the values that were sent."""
    return [{"field": problem.field, "code": problem.kind, "message": problem.message} for problem in problems]
