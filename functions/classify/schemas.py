"""What OpenAPI says of the operations. Rows and results are those of the live model, read from its program.

Paths refer to components by name; `complete` fills the components in, so a moved alias shows in /openapi.json at once.
"""

from collections.abc import Mapping
from typing import Any

from firesteel.program.schema import Text
from functions.classify import predict
from functions.classify.answers import CATALOG, JSON
from functions.classify.operations import KIB, Operation
from functions.classify.refresh import Live

_Schema = dict[str, Any]

_TEXT: _Schema = {"type": "string"}
_OPTIONAL: _Schema = {"type": ["string", "null"]}
_VERSION = {"type": "string", "examples": ["1.2.0"]}
_DESCRIPTIONS = {
    "classify": ("Classify one row", "Labels, calibrated confidences, and whether a person should look."),
    "classify_batch": (
        f"Classify up to {predict.BATCH_LIMIT:,} rows",
        "Results in the order of the rows, all of one bundle; a row that does not fit has an `error` in its place.",
    ),
    "root": ("What this is", "The service, the model it serves, and where to go on."),
    "health": (
        "Health report",
        "`ok`, `degraded` (an older model is served than should be) or `unavailable`, and why.",
    ),
    "health_live": ("Liveness", "The process answers."),
    "health_ready": ("Readiness", "A model is loaded; 503 until one is."),
    "version": ("Versions", "What runs."),
    "model_status": ("Load state", "The model that /classify serves: version, digest, alias generation, failures."),
    "models": ("All models", "The models of the registry."),
    "model": ("One model", "Its aliases and versions, and what the newest complete version is made of."),
    "model_versions": ("Versions of a model", "Newest first, with state, metadata and a summary of the metrics."),
}
_ROWS = ("classify", "classify_batch")
_REFUSALS = {
    "classify": ("invalid_json", "payload_too_large", "unsupported_media_type", "invalid_input", "no_model"),
    "classify_batch": ("invalid_json", "payload_too_large", "unsupported_media_type", "invalid_input", "no_model"),
    "health_ready": ("no_model",),
    "models": ("registry_unavailable",),
    "model": ("unknown_model", "registry_unavailable"),
    "model_versions": ("unknown_model", "registry_unavailable"),
}
_EVERYWHERE = ("invalid_base64", "unsupported_event", "payload_too_large", "rate_limited", "internal_error")


def document(operation: Operation) -> dict[str, Any]:
    """The arguments of FastAPI's `add_api_route` that describe an operation."""
    summary, description = _DESCRIPTIONS[operation.name]
    extra: _Schema = {}
    if operation.name in _ROWS:
        body = {"schema": _ref("Row" if operation.name == "classify" else "Batch")}
        extra["requestBody"] = {
            "required": True,
            "description": f"At most {operation.body_limit // KIB:,} KiB of JSON in UTF-8.",
            "content": {JSON: body},
        }
    parameters = [_REQUEST_ID]
    if "{name}" in operation.path:
        parameters.append(
            {"name": "name", "in": "path", "required": True, "schema": _TEXT, "description": "The model."}
        )
    extra["parameters"] = parameters
    return {
        "summary": summary,
        "description": description,
        "responses": _responses(operation),
        "openapi_extra": extra,
        "tags": ["classify" if operation.name in _ROWS else "models" if operation.slow else "service"],
    }


def complete(spec: Mapping[str, Any], live: Live | None) -> _Schema:
    """The OpenAPI document with the schemas of the live model."""
    return {**spec, "components": {"schemas": {**_COMPONENTS, **_row_and_result(live)}}}


def _responses(operation: Operation) -> dict[int | str, _Schema]:
    headers = {"x-request-id": {"schema": _TEXT, "description": "The id under which the log has the request."}}
    if operation.name in _ROWS:
        headers["x-model-digest"] = {
            "schema": _TEXT,
            "description": "SHA-256 of the manifest of the bundle that answered.",
        }
    good = {
        "description": "The answer.",
        "headers": headers,
        "content": {JSON: {"schema": _ref(_RESULTS[operation.name])}},
    }
    responses: dict[int | str, _Schema] = {200: good}
    for code in (*_REFUSALS.get(operation.name, ()), *_EVERYWHERE):
        refusal = CATALOG[code]
        response = responses.setdefault(
            refusal.status, {"description": "", "content": {JSON: {"schema": _ref("Refusal")}}}
        )
        examples = response["content"][JSON].setdefault("examples", {})
        examples[code] = {"value": {"detail": refusal.detail, "code": code, "request_id": "3f0c"}}
        response["description"] = "; ".join(f"`{name}`: {CATALOG[name].detail}" for name in examples)
        if refusal.status in (429, 503):
            response["headers"] = {"retry-after": {"schema": {"type": "integer"}, "description": "Seconds to wait."}}
    return responses


def _row_and_result(live: Live | None) -> _Schema:
    """The schema of a row and of its result. While no model is loaded, both are any object."""
    if live is None:
        return {"Row": {"type": "object"}, "Result": {"type": "object"}}
    fields = live.predictor.inputs.fields
    row = live.predictor.inputs.json_schema(live.example)
    properties: _Schema = {field.name: field.json_schema() for field in fields if isinstance(field, Text)}
    for target in live.predictor.targets:
        properties[f"predicted_{target.name}"] = {"type": "string", "enum": list(target.labels)}
    for target in live.predictor.targets:
        properties[f"{target.name}_confidence"] = {"type": "number", "minimum": 0, "maximum": 1}
    properties |= {field.name: field.json_schema() for field in fields if not isinstance(field, Text)}
    properties |= {
        "review": {"type": "boolean", "description": "A confidence lies below its threshold: a person should look."},
        "model_version": _VERSION,
    }
    result = _object(properties)
    if live.example is not None:
        checked = live.predictor.check(live.example)
        result["example"] = predict.result(checked, live.predictor.predict(checked), live)
    return {"Row": row, "Result": result}


def _ref(name: str) -> _Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(properties: _Schema, **extra: Any) -> _Schema:
    return {"type": "object", "properties": properties, "required": list(properties), **extra}


def _array(items: _Schema, **extra: Any) -> _Schema:
    return {"type": "array", "items": items, **extra}


_REQUEST_ID: _Schema = {
    "name": "X-Request-Id",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,128}$"},
    "description": "The caller's id for this request; it is logged and comes back.",
}
_REASON: _Schema = {"anyOf": [_object({"code": _TEXT, "detail": _TEXT}), {"type": "null"}]}
_STATUS: _Schema = {"enum": ["ok", "degraded", "unavailable"]}
_ALIASES: _Schema = {"type": "object", "additionalProperties": _ref("Alias")}
_RESULTS = {
    "classify": "Result",
    "classify_batch": "BatchResult",
    "root": "Root",
    "health": "Health",
    "health_live": "Probe",
    "health_ready": "Ready",
    "version": "Version",
    "model_status": "ModelStatus",
    "models": "Models",
    "model": "Model",
    "model_versions": "ModelVersions",
}
_COMPONENTS: _Schema = {
    "Problem": _object({"field": _TEXT, "code": _TEXT, "message": _TEXT}),
    "Refusal": {
        **_object({"detail": _TEXT, "code": {"enum": list(CATALOG)}, "request_id": _TEXT}),
        "properties": {
            "detail": _TEXT,
            "code": {"enum": list(CATALOG)},
            "request_id": _TEXT,
            "errors": _array(_ref("Problem"), description="One entry a field, without the value that was sent."),
        },
    },
    "Batch": _object(
        {"items": _array(_ref("Row"), minItems=1, maxItems=predict.BATCH_LIMIT)}, additionalProperties=False
    ),
    "BatchResult": _object({"items": _array({"anyOf": [_ref("Result"), _ref("ItemError")]})}),
    "ItemError": _object({"error": _object({"code": _TEXT, "detail": _TEXT, "fields": _array(_ref("Problem"))})}),
    "Root": _object(
        {
            "name": _TEXT,
            "version": _VERSION,
            "model": _TEXT,
            "model_version": _OPTIONAL,
            "links": {"type": "object", "additionalProperties": _TEXT},
        }
    ),
    "Health": _object({"status": _STATUS, "model": _TEXT, "model_version": _OPTIONAL, "reason": _REASON}),
    "Probe": _object({"status": {"const": "live"}}),
    "Ready": _object({"status": {"const": "ready"}, "model_version": _VERSION}),
    "Version": _object({"name": _TEXT, "version": _VERSION, "python": _TEXT, "program_format": {"type": "integer"}}),
    "ModelStatus": _object(
        {
            "model": _TEXT,
            "alias": _TEXT,
            "status": _STATUS,
            "reason": _REASON,
            "refresh_failures": {"type": "integer"},
            "version": _OPTIONAL,
            "digest": _OPTIONAL,
            "generation": {"type": ["integer", "null"]},
            "inputs": {"type": ["array", "null"], "items": _TEXT},
            "targets": {"type": ["object", "null"], "additionalProperties": _array(_TEXT)},
        }
    ),
    "Models": _object({"models": _array(_object({"name": _TEXT, "served": {"type": "boolean"}}))}),
    "Alias": _object(
        {
            "version": _VERSION,
            "generation": {"type": "integer"},
            "kind": {"enum": ["promote", "rollback", "switch"]},
            "when": {"type": "string", "format": "date-time"},
            "who": _TEXT,
            "why": _TEXT,
        }
    ),
    "BundleVersion": {
        "type": "object",
        "required": ["version", "state"],
        "properties": {
            "version": _VERSION,
            "state": {"enum": ["complete", "unfinished", "corrupt"]},
            "digest": _TEXT,
            "created": {"type": "string", "format": "date-time"},
            "files": {"type": "object", "additionalProperties": {"type": "integer"}},
            "metadata": {"type": ["object", "null"]},
            "metrics": {"type": ["object", "null"], "additionalProperties": {"type": "object"}},
        },
    },
    "Model": _object(
        {
            "name": _TEXT,
            "served": {"type": "boolean"},
            "model_version": _OPTIONAL,
            "aliases": _ALIASES,
            "versions": _array(_VERSION),
            "newest": {"anyOf": [_ref("BundleVersion"), {"type": "null"}]},
        }
    ),
    "ModelVersions": _object({"name": _TEXT, "versions": _array(_ref("BundleVersion")), "aliases": _ALIASES}),
}
