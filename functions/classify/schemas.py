"""What OpenAPI says of the operations. Rows and results are those of the live model, read from its program.

Paths refer to components by name; `complete` fills the components in, so a moved alias shows in /openapi.json at once.
"""

from collections.abc import Mapping
from typing import Any

from firesteel.errors import RegistryError
from functions.classify import described, documented
from functions.classify.answers import CATALOG, JSON, Refused
from functions.classify.components import COMPONENTS, TEXT, Schema, ref
from functions.classify.documented import EVERYWHERE, Doc
from functions.classify.live import Live, Segmented
from functions.classify.negotiated import NOT_MODIFIED
from functions.classify.operations import KIB, Operation
from functions.classify.serving import KEY, SIGNATURE, Serving


def document(operation: Operation) -> dict[str, Any]:
    """The arguments of FastAPI's `add_api_route` that describe an operation."""
    doc = documented.of(operation)
    extra: Schema = {"parameters": _parameters(operation, doc)}
    if doc.body:
        extra["requestBody"] = {
            "required": True,
            "description": f"At most {operation.body_limit // KIB:,} KiB of JSON in UTF-8.",
            "content": {JSON: {"schema": ref(doc.body)}},
        }
    return {
        "summary": doc.summary,
        "description": doc.description,
        "responses": _responses(doc, inference=operation.path.startswith("/v2")),
        "status_code": doc.status,
        "openapi_extra": extra,
        "tags": [doc.tag],
    }


def complete(spec: Mapping[str, Any], serving: Serving) -> Schema:
    """The OpenAPI document with the schemas of the live model, or of its segments."""
    loaded = serving.freshness.current()
    match loaded:
        case Live():
            about = described.of(loaded)
        case Segmented():
            about = described.merged([described.of(one) for one in _segments(loaded, serving)], loaded.router.inputs)
        case None:
            about = described.NOTHING_LOADED
    return {**spec, "components": {"schemas": {**COMPONENTS, **about}}}


def _segments(loaded: Segmented, serving: Serving) -> list[Live]:
    """Those that can be loaded."""
    found: list[Live] = []
    for name in loaded.router.segments.values():
        try:
            segment = serving.live_of(f"{loaded.model}/{name}")
        except (Refused, RegistryError):
            continue
        if isinstance(segment, Live):
            found.append(segment)
    return found


def _parameters(operation: Operation, doc: Doc) -> list[Schema]:
    named = [part[1:-1] for part in operation.path.split("/") if part.startswith("{")]
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": TEXT, "description": _NAMED[name]} for name in named
    ]
    in_query = [{"name": name, "in": "query", **about} for name, about in doc.query.items()]
    return [_REQUEST_ID, *in_path, *in_query, *([_SIGNATURE, _KEY] if "signature_mismatch" in doc.refusals else [])]


def _responses(doc: Doc, *, inference: bool) -> dict[int | str, Schema]:
    headers = {"x-request-id": {"schema": TEXT, "description": "The id under which the log has the request."}}
    if doc.body and "signature_mismatch" in doc.refusals:
        described_as = "SHA-256 of the manifest of the bundle that answered; over several segments, of their model's."
        headers["x-model-digest"] = {"schema": TEXT, "description": described_as}
    good: Schema = {"description": "The answer.", "headers": headers, "content": {JSON: {"schema": ref(doc.result)}}}
    good["content"] |= {media_type: {"schema": TEXT} for media_type in doc.others}
    responses: dict[int | str, Schema] = {doc.status: good}
    if doc.others:  # the page and files have an ETag; what answers in JSON beside the page has none
        etag = {"schema": TEXT, "description": "Of the page, or of the file: for If-None-Match."}
        known = {"description": "The caller has it, as If-None-Match says.", "headers": headers | {"etag": etag}}
        responses[NOT_MODIFIED] = known
    schema = ref("InferenceError" if inference else "Refusal")
    for code in (*doc.refusals, *EVERYWHERE):
        refusal = CATALOG[code]
        response = responses.setdefault(refusal.status, {"description": "", "content": {JSON: {"schema": schema}}})
        examples = response["content"][JSON].setdefault("examples", {})
        body = {"detail": refusal.detail, "code": code, "request_id": "3f0c"}
        examples[code] = {"value": {"error": refusal.detail} if inference else body}
        response["description"] = "; ".join(f"`{name}`: {CATALOG[name].detail}" for name in examples)
        if refusal.status in (429, 503):
            response["headers"] = {"retry-after": {"schema": {"type": "integer"}, "description": "Seconds to wait."}}
    return responses


_NAMED = {
    "name": "The model.",
    "segment": "The segment of the model, as the registry calls it: `qb`.",
    "version": "The version: `1.2.0`. Under /v2 it must be the live one.",
    "file": "The file, as the description of the version lists it.",
}
_REQUEST_ID: Schema = {
    "name": "X-Request-Id",
    "in": "header",
    "required": False,
    "schema": TEXT,
    "description": "The caller's id for this request; it is logged and comes back. "
    "One that has other characters than `A-Za-z0-9._-`, or more than 128, is replaced.",
}
_SIGNATURE: Schema = {
    "name": SIGNATURE.title(),
    "in": "header",
    "required": False,
    "schema": TEXT,
    "description": "Be answered only by a model with these features; `/model/info` has the live model's signature.",
}
_KEY: Schema = {
    "name": KEY.title(),
    "in": "header",
    "required": False,
    "schema": TEXT,
    "description": "Who asks: the same key is answered by the same side of a canary. Else the address decides.",
}
