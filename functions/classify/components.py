"""Components of the OpenAPI document that are the same whatever model is served."""

from typing import Any, get_args

from firesteel.monitor import feedback
from firesteel.registry.alias import Kind
from functions.classify.answers import CATALOG
from functions.classify.body import LIMIT
from functions.classify.predict import EXPLAINED
from functions.classify.v2_tensors import NUMBERS

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
OPTIONAL: Schema = {"type": ["string", "null"]}
OBJECT: Schema = {"type": "object"}
VERSION: Schema = {"type": "string", "examples": ["1.2.0"]}


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def obj(properties: Schema, **extra: Any) -> Schema:
    """An object with these properties, all required unless `extra` says otherwise."""
    return {"type": "object", "properties": properties, "required": list(properties), **extra}


def array(items: Schema, **extra: Any) -> Schema:
    return {"type": "array", "items": items, **extra}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _cases(rows: Schema) -> Schema:
    properties = {"cases": array(rows, minItems=1, maxItems=LIMIT), EXPLAINED: {"type": "boolean", "default": False}}
    return obj(properties, required=["cases"], additionalProperties=False)


_REASON: Schema = {"anyOf": [obj({"code": TEXT, "detail": TEXT}), {"type": "null"}]}
EXPLANATION: Schema = {
    "explanation_summary": TEXT,
    "top_positive_features": array(ref("Contribution"), maxItems=3),
    "top_negative_features": array(ref("Contribution"), maxItems=3),
    "base_value": {"type": "number", "description": "The raw score of an average row."},
    "raw_score": {"type": "number", "description": "The base value and the contributions of all input fields."},
}
ATTRIBUTIONS: Schema = {"attributions": {"type": "object", "additionalProperties": ref("Attribution")}}
_BESIDE: Schema = {"version": VERSION, "digest": TEXT}
_WEIGHT: Schema = {"weight": {"type": "number", "description": "The share of request keys that it answers."}}
_LOADED: Schema = {"loaded": {"type": "boolean"}, "reason": _REASON}
_STATE = obj({"model_version": OPTIONAL, "reason": _REASON})
_STATUS: Schema = {"enum": ["ok", "degraded", "unavailable"]}
_ALIASES: Schema = {"type": "object", "additionalProperties": ref("Alias")}
COMPONENTS: Schema = {
    "Problem": obj({"field": TEXT, "code": TEXT, "message": TEXT}),
    "Refusal": {
        **obj({"detail": TEXT, "code": {"enum": list(CATALOG)}, "request_id": TEXT}),
        "properties": {
            "detail": TEXT,
            "code": {"enum": list(CATALOG)},
            "request_id": TEXT,
            "errors": array(ref("Problem"), description="One entry a field, without the value that was sent."),
        },
    },
    "InferenceError": obj({"error": TEXT}),
    "Batch": obj({"items": array(ref("Row"), minItems=1, maxItems=LIMIT)}, additionalProperties=False),
    "BatchResult": obj({"items": array({"anyOf": [ref("Result"), ref("ItemError")]})}),
    "Cases": _cases(ref("Row")),
    "Predictions": obj({"predictions": array({"anyOf": [ref("Result"), ref("Explained"), ref("ItemError")]})}),
    "AnyRequest": {**OBJECT, "description": "A request of the model that the path names; its inputs say what it has."},
    "AnyAnswer": OBJECT,
    "AnyList": array(OBJECT),
    "AnyCases": _cases(OBJECT),
    "AnyPredictions": obj({"predictions": array(OBJECT)}),
    "Contribution": obj(
        {
            "feature": {**TEXT, "description": "An input field."},
            "value": {"description": "As the row has it; a long text is cut."},
            "contribution": {"type": "number", "description": "What it added to the raw score."},
            "terms": array(
                obj({"term": TEXT, "contribution": {"type": "number"}}), description="Of a text, the largest."
            ),
        },
        required=["feature", "value", "contribution"],
    ),
    "Explanation": obj(EXPLANATION),
    "Span": obj(
        {
            "start": {"type": "integer", "description": "The first character of the text, counted in code points."},
            "end": {"type": "integer", "description": "The one after the last."},
            "contribution": {"type": "number"},
        }
    ),
    "Attribution": obj(
        {
            "label": {**OPTIONAL, "description": "What a classification answered."},
            "base": {"type": "number", "description": "The raw score of an average row."},
            "score": {"type": "number", "description": "The base and the contributions of all fields."},
            "fields": array(
                obj(
                    {
                        "feature": {**TEXT, "description": "An input field."},
                        "value": {"description": "As the row has it."},
                        "contribution": {"type": "number", "description": "What it added to the score."},
                        "spans": array(ref("Span"), description="Of a text, in its order; they do not overlap."),
                        "rest": {"type": "number", "description": "Of a text, what no character of it did."},
                    },
                    required=["feature", "value", "contribution"],
                )
            ),
        }
    ),
    "ItemError": obj({"error": obj({"code": TEXT, "detail": TEXT, "fields": array(ref("Problem"))})}),
    "Root": obj(
        {
            "name": TEXT,
            "version": VERSION,
            "model": TEXT,
            "model_version": OPTIONAL,
            "links": {"type": "object", "additionalProperties": TEXT},
        }
    ),
    "Health": {
        **obj({"status": _STATUS, "model": TEXT, "model_version": OPTIONAL, "reason": _REASON}),
        "properties": {
            "status": _STATUS,
            "model": TEXT,
            "model_version": OPTIONAL,
            "reason": _REASON,
            "canary": _STATE,
            "shadow": _STATE,
            "models": {
                "type": "object",
                "description": "Other models that are loaded or should be.",
                "additionalProperties": obj({"status": _STATUS, "model_version": OPTIONAL, "reason": _REASON}),
            },
        },
    },
    "Probe": obj({"status": {"const": "live"}}),
    "Ready": obj({"status": {"const": "ready"}, "model_version": VERSION}),
    "Version": obj({"name": TEXT, "version": VERSION, "python": TEXT, "program_format": {"type": "integer"}}),
    "ModelStatus": obj(
        {
            "model": TEXT,
            "alias": TEXT,
            "status": _STATUS,
            "reason": _REASON,
            "refresh_failures": {"type": "integer"},
            "version": OPTIONAL,
            "digest": OPTIONAL,
            "generation": {"type": ["integer", "null"]},
            "canary": _or_null(obj(_BESIDE | _WEIGHT | _LOADED)),
            "shadow": _or_null(obj(_BESIDE | _LOADED)),
            "inputs": {"type": ["array", "null"], "items": TEXT},
            "targets": {"type": ["object", "null"], "additionalProperties": array(TEXT)},
        }
    ),
    "ModelInfo": obj(
        {
            "model": TEXT,
            "alias": TEXT,
            "model_version": VERSION,
            "digest": TEXT,
            "signature": {**OPTIONAL, "description": "Of its features; a request may demand it."},
            "feature_count": {"type": ["integer", "null"]},
            "inputs": array(OBJECT),
            "targets": {"type": ["array", "null"], "items": OBJECT},
            "segments": {"type": ["object", "null"], "additionalProperties": OBJECT},
            "configuration": {"type": ["object", "null"], "description": "The definition it was trained by."},
            "training": {"type": ["object", "null"], "description": "Data, split, settings, libraries, durations."},
            "training_history": array(
                obj(
                    {
                        "version": VERSION,
                        "state": {"enum": ["complete", "unfinished", "corrupt"]},
                        "created": OPTIONAL,
                        "changelog": OPTIONAL,
                        "metrics": {"type": ["object", "null"]},
                    }
                )
            ),
        }
    ),
    "Models": obj({"models": array(obj({"name": TEXT, "served": {"type": "boolean"}}))}),
    "Alias": obj(
        {
            "version": VERSION,
            "generation": {"type": "integer"},
            "kind": {"enum": list(get_args(Kind))},
            "when": {"type": "string", "format": "date-time"},
            "who": TEXT,
            "why": TEXT,
            "canary": obj(_BESIDE | _WEIGHT),
            "shadow": obj(_BESIDE),
        },
        required=["version", "generation", "kind", "when", "who", "why"],
    ),
    "BundleVersion": {
        "type": "object",
        "required": ["version", "state"],
        "properties": {
            "version": VERSION,
            "state": {"enum": ["complete", "unfinished", "corrupt"]},
            "digest": TEXT,
            "created": {"type": "string", "format": "date-time"},
            "files": {"type": "object", "additionalProperties": {"type": "integer"}},
            "metadata": {"type": ["object", "null"]},
            "metrics": {"type": ["object", "null"], "additionalProperties": {"type": "object"}},
        },
    },
    "VersionDescription": obj(
        {
            "name": TEXT,
            "version": VERSION,
            "state": {"enum": ["complete", "corrupt"]},
            "digest": TEXT,
            "created": {"type": "string", "format": "date-time"},
            "signature": {**OPTIONAL, "description": "Of its features; a request may demand it."},
            "inputs": array(
                OBJECT, description="Name, kind, bounds, unit, values, description, example of each field."
            ),
            "targets": array(OBJECT, description="Name, task, and what it may be. Of a model with segments, none."),
            "answer": {"type": "object", "description": "The fields of an answer, and what they are made of."},
            "request": {"type": ["object", "null"], "description": "The lists of a request, if it has some."},
            "segment_by": {**OPTIONAL, "description": "The field that chooses a segment."},
            "segments": {"type": ["object", "null"], "additionalProperties": TEXT},
            "review_thresholds": {"type": "object", "additionalProperties": {"type": "number"}},
            "metadata": {"type": ["object", "null"], "description": "Data, split, settings, libraries, durations."},
            "metrics": {"type": ["object", "null"], "description": "All of metrics.json."},
            "files": {"type": "object", "additionalProperties": {"type": "integer"}, "description": "Sizes in bytes."},
        },
        required=["name", "version", "state"],
    ),
    "Aliases": obj({"aliases": {"type": "object", "additionalProperties": array(ref("AliasEntry"), maxItems=50)}}),
    "AliasEntry": {"allOf": [ref("Alias"), obj({"digest": TEXT, "previous": OPTIONAL, "write_id": TEXT})]},
    "Feedback": obj(
        {
            "request_id": {
                **TEXT,
                "pattern": "^[!-~]{1,128}$",
                "description": "Of the request whose answer is corrected; or `input`, or both.",
            },
            "row": {
                "type": ["integer", "null"],
                "minimum": 0,
                "maximum": LIMIT - 1,
                "description": "Its number in a batch, from 0. Only with a request_id.",
            },
            "input": {**OBJECT, "description": "The row that was asked about."},
            "model": {**OPTIONAL, "description": "The model or segment; without it the served one."},
            "answer": {"type": "object", "minProperties": 1, "description": "By target the right label or number."},
            "who": {**OPTIONAL, "maxLength": feedback.WHO},
            "why": {**OPTIONAL, "maxLength": feedback.WHY},
        },
        required=["answer"],
        additionalProperties=False,
        description="With a request_id, an input, or both.",
    ),
    "Inference": obj(
        {
            "id": OPTIONAL,
            "inputs": array(ref("Tensor"), minItems=1),
            "outputs": {"type": ["array", "null"], "items": obj({"name": TEXT})},
        },
        required=["inputs"],
    ),
    "Tensor": obj(
        {
            "name": TEXT,
            "datatype": {"enum": [*NUMBERS, "BYTES"]},
            "shape": array({"type": "integer", "minimum": 1, "maximum": LIMIT}, minItems=1, maxItems=2),
            "data": {"type": "array", "description": "A value a row; or the bytes follow the JSON."},
            "parameters": {"type": ["object", "null"]},
        },
        required=["name", "datatype", "shape"],
    ),
    "Correction": obj({"id": TEXT, "subject": TEXT}),
    "Model": obj(
        {
            "name": TEXT,
            "served": {"type": "boolean"},
            "model_version": OPTIONAL,
            "aliases": _ALIASES,
            "versions": array(VERSION),
            "newest": {"anyOf": [ref("BundleVersion"), {"type": "null"}]},
        }
    ),
    "ModelVersions": obj({"name": TEXT, "versions": array(ref("BundleVersion")), "aliases": _ALIASES}),
}
