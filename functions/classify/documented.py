"""What the documentation says of each operation: a summary, what goes in, what comes out, what is refused."""

from collections.abc import Mapping
from typing import NamedTuple

from functions.classify import feedback, inferences
from functions.classify.body import LIMIT
from functions.classify.components import TEXT, Schema
from functions.classify.operations import Operation


class Doc(NamedTuple):
    """`body` and `result` name components; `refusals` are codes of the catalog besides those of every operation.

    `query` has parameters of the query string by name, each with its schema and what it means; `others` are media types
    of the answer besides JSON.
    """

    summary: str
    description: str
    result: str
    tag: str = "service"
    refusals: tuple[str, ...] = ()
    body: str | None = None
    query: Mapping[str, Schema] = {}
    others: tuple[str, ...] = ()
    status: int = 200


EVERYWHERE = ("invalid_base64", "unsupported_event", "payload_too_large", "rate_limited", "internal_error")

_BODY = ("invalid_json", "unsupported_media_type", "invalid_input", "signature_mismatch", "no_model")
_NAMED = ("unknown_model", "registry_unavailable")
_ORDER = "Results in the order of the rows; a row that does not fit has an `error` in its place."
_ONE_BUNDLE = "All of one bundle or, of a model with segments, of one bundle a segment."
_WHY = "The answer, the input fields that raised and lowered it most, and by how much. Contributions are exact."
_OF = "The path names the model; of one with segments, the row chooses the segment."
_AT = "Any complete version answers, live or not; over segments it chooses, and what is live of the segment answers."
_WHERE = (
    "The answer, and what every input field did to it; of a text, which characters. Spans and `rest` add up exactly."
)
_MODEL: Schema = {
    "model": {
        "schema": TEXT,
        "description": "The model or segment, `tickets` or `recruits/qb`; without it the served one.",
    }
}
_LAST: Schema = {
    "last": {
        "schema": {"type": "string", "pattern": "^[0-9]{1,6}[mhd]$", "examples": ["24h"]},
        "description": "How far back, in minutes, hours or days: `30m`, `24h`, `7d`; at most 90 days.",
    }
}
_REVIEW: Schema = {
    "review": {
        "schema": {"type": "string", "enum": ["true", "false"]},
        "description": "`true`: only those a person should see.",
    }
}
_NONE = ("not_found", *_NAMED)
_QUERIED = (*_NONE, "invalid_input")
_SERVED = ("signature_mismatch", "no_model", *_NAMED)
_INFERENCE = "Open Inference Protocol"


def _recent(most: int) -> Schema:
    """The query of what lists at most so many items."""
    limit = {"schema": {"type": "integer", "minimum": 1, "maximum": most}, "description": "At most so many."}
    return _MODEL | _LAST | {"limit": limit}


def of(operation: Operation) -> Doc:
    """The documentation of an operation. Those of a segment, and of a version, do what those of a model do."""
    name = operation.name
    if name.startswith("v2_") and name not in _DOCS:
        return _DOCS["v2_" + name.removeprefix("v2_").split("_", 1)[1].removeprefix("version_")]
    if name in _DOCS:
        return _DOCS[name]
    who, _, what = name.partition("_")
    of_version = what.startswith("version_")
    doc = _DOCS["model_" + what.removeprefix("version_")]
    summary = doc.summary.replace("a model", f"a version of a {who}" if of_version else f"a {who}")
    return doc._replace(summary=summary, description=f"{doc.description} {_AT}" if of_version else doc.description)


_DOCS = {
    "classify": Doc(
        "Classify one row", "As /predict: labels, confidences, review.", "Answer", "predict", _BODY, "Request"
    ),
    "classify_batch": Doc(
        f"Classify up to {LIMIT:,} rows", f"{_ORDER} {_ONE_BUNDLE}", "BatchResult", "predict", _BODY, "Batch"
    ),
    "predict": Doc("Predict", "Labels with confidences, or numbers with intervals.", "Answer", "predict", _BODY, "Request"),
    "explain": Doc("Predict and explain", _WHY, "ExplainedAnswer", "predict", _BODY, "Request"),
    "attributions": Doc(
        "Attribute to characters", _WHERE, "AttributedAnswer", "predict", _BODY, "Request"
    ),
    "batch_predict": Doc(
        f"Predict up to {LIMIT:,} rows", f"{_ORDER} {_ONE_BUNDLE}", "Predictions", "predict", _BODY, "Cases"
    ),
    "root": Doc(
        "What this is", "The service, the model it serves, and where to go on; for a browser, the page.", "Root",
        others=("text/html",),
    ),
    "health": Doc(
        "Health report", "`ok`, `degraded` (an older model is served than should be) or `unavailable`, and why.", "Health"
    ),
    "health_live": Doc("Liveness", "The process answers.", "Probe"),
    "health_ready": Doc("Readiness", "A model is loaded; 503 until one is.", "Ready", refusals=("no_model",)),
    "version": Doc("Versions", "What runs.", "Version"),
    "model_status": Doc(
        "Load state", "The model that is served: version, digest, alias generation, failures.", "ModelStatus"
    ),
    "model_info": Doc(
        "All about the served model",
        "Inputs, targets, features and their signature, configuration, training, and every version so far.",
        "ModelInfo",
        refusals=("no_model", *_NAMED),
    ),
    "models": Doc("All models", "The models of the registry.", "Models", "models", ("registry_unavailable",)),
    "model": Doc(
        "One model", "Its aliases and versions, and what the newest complete version is made of.", "Model", "models", _NAMED
    ),
    "model_versions": Doc(
        "Versions of a model", "Newest first, with state, metadata and a summary of the metrics.", "ModelVersions", "models",
        _NAMED,
    ),
    "model_aliases": Doc(
        "Aliases of a model", "Of each the newest 50 entries, newest first: who moved it, to what, and why.", "Aliases",
        "models", _NAMED,
    ),
    "segment": Doc("One segment", "As of a model: it is one.", "Model", "models", _NAMED),
    "model_version": Doc(
        "One version of a model", "What it takes and answers, how it was trained, how good it is, and its files.",
        "VersionDescription", "models", _NAMED,
    ),
    "segment_version": Doc(
        "One version of a segment", "As of a model: it is one.", "VersionDescription", "models", _NAMED
    ),
    "model_version_file": Doc(
        "A file of a version", "Model card, metrics, plots and the like; what programs are made of is not given out.",
        "AnyAnswer", "models", _NONE, others=("text/markdown", "text/csv", "image/svg+xml"),
    ),
    "segment_version_file": Doc(
        "A file of a version of a segment", "As of a model: it is one.",
        "AnyAnswer", "models", _NONE, others=("text/markdown", "text/csv", "image/svg+xml"),
    ),
    "model_predict": Doc("Predict with a model", _OF, "AnyAnswer", "models", (*_BODY, *_NAMED), "AnyRequest"),
    "model_explain": Doc("Explain with a model", _WHY, "AnyAnswer", "models", (*_BODY, *_NAMED), "AnyRequest"),
    "model_attributions": Doc(
        "Attribute to characters with a model", _WHERE, "AnyAnswer", "models", (*_BODY, *_NAMED), "AnyRequest"
    ),
    "model_batch": Doc("Predict rows with a model", _ORDER, "AnyPredictions", "models", (*_BODY, *_NAMED), "AnyCases"),
    "feedback": Doc(
        "Send the right answer", "To a request that was answered, or to an input. It is kept beside all others.",
        "Correction", "feedback", ("invalid_json", "unsupported_media_type", "invalid_input", "no_model", *_NAMED),
        "Feedback", status=201,
    ),
    "recent_inferences": Doc(
        "Recent answers", "From the inference log, newest first.", "AnyAnswer", "admin", _QUERIED,
        query=_recent(inferences.MOST) | _REVIEW,
    ),
    "drift": Doc("Drift", "The latest report and those before it.", "AnyAnswer", "admin", _NONE, query=_MODEL),
    "review": Doc(
        "Review queue", "What a person should look at first.", "AnyAnswer", "admin", _QUERIED,
        query=_recent(feedback.ITEMS),
    ),
    "corrections": Doc(
        "Corrections", "What was sent, newest first.", "AnyAnswer", "admin", _QUERIED, query=_recent(feedback.SAID),
    ),
    "v2_server": Doc("Server metadata", "Name, version, extensions.", "AnyAnswer", _INFERENCE),
    "v2_health_live": Doc("Liveness", "The process answers.", "AnyAnswer", _INFERENCE),
    "v2_health_ready": Doc("Readiness", "The served model is loaded.", "AnyAnswer", _INFERENCE, ("no_model",)),
    "v2_index": Doc(
        "Models", "Each with the version that is live.", "AnyList", _INFERENCE,
        ("invalid_json", "invalid_input", "registry_unavailable"),
    ),
    "v2_model_ready": Doc(
        "Readiness of a model", "It is loaded, now at the latest.", "AnyAnswer", _INFERENCE, _SERVED
    ),
    "v2_model": Doc(
        "Tensors of a model", "What it takes and what it gives.", "AnyAnswer", _INFERENCE, _SERVED
    ),
    "v2_infer": Doc(
        "Infer", f"Up to {LIMIT:,} rows.", "AnyAnswer", _INFERENCE,
        ("invalid_json", "unsupported_media_type", "invalid_input", *_SERVED), "Inference",
    ),
}  # fmt: skip
