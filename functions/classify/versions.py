"""GET /models/{name}/versions/{version}...: one version as a person looks at it, its files, and how aliases moved."""

from collections.abc import Mapping
from typing import Any

from firesteel.errors import IntegrityError, NotFoundError
from firesteel.program import schema
from firesteel.registry import alias, bundle
from firesteel.registry.bundle import Manifest
from functions.classify import answers, browse, shape
from functions.classify.answers import JSON, Answer, Refused
from functions.classify.events import Request
from functions.classify.info import target as target_of
from functions.classify.live import Live, Loaded
from functions.classify.negotiated import unless_known
from functions.classify.serving import Serving

ENTRIES = 50  # of an alias, in an answer
LARGEST = 4 << 20
"""Bytes of a file that an answer may have: Lambda's have 6 MiB at most, and Base64 makes four bytes of three."""

_TYPES = {
    "model_card.md": "text/markdown; charset=utf-8",
    "trials.csv": "text/csv; charset=utf-8",
    **dict.fromkeys(("metrics.json", "reference.json", "model_metadata.json", "definition.json", "golden.json"), JSON),
}
_PLOT = "image/svg+xml"


def version(request: Request, serving: Serving) -> Answer:
    """What a version takes and answers, how it came about, and how good it is. `corrupt` is one that fails its checks."""
    name, number = _named(request)
    try:
        manifest = bundle.read_manifest(serving.store(), name, number)
        about = _described(manifest, serving)
    except IntegrityError:
        return answers.ok({"name": name, "version": number, "state": "corrupt"})
    return answers.ok(about)


def _described(manifest: Manifest, serving: Serving) -> dict[str, Any]:
    """Raises IntegrityError for a bundle that cannot be served or read."""
    store = serving.store()
    try:
        loaded = serving.at(manifest.model, manifest.version)
    except Refused as refused:
        raise IntegrityError(refused.detail) from None
    definition = browse.content(store, manifest, "definition.json") or {}
    return {
        "name": manifest.model,
        "version": manifest.version,
        "state": "complete",
        "digest": manifest.digest,
        "created": manifest.created,
        "description": definition.get("description", ""),
        **_program(loaded, definition),
        "metadata": browse.content(store, manifest, "model_metadata.json"),
        "metrics": browse.content(store, manifest, "metrics.json"),
        "files": {file: entry.size for file, entry in manifest.files.items()},
    }


def _program(loaded: Loaded, definition: Mapping[str, Any]) -> dict[str, Any]:
    """What the program takes and answers, with the words that the definition has for it."""
    if not isinstance(loaded, Live):
        router = loaded.router
        return {
            "signature": None,
            "inputs": _inputs(router.inputs, definition, {}),
            "targets": [],
            "answer": {},
            "request": None,
            "segment_by": router.segment_by,
            "segments": dict(router.segments),
            "review_thresholds": {},
        }
    program = loaded.predictor
    thresholds = {target.name: getattr(target, "threshold", None) for target in program.targets}
    said = definition.get("targets", {})
    return {
        "signature": program.signature,
        "inputs": _inputs(program.inputs, definition, loaded.example or {}),
        "targets": [
            {**target_of(one), "description": _of(said, one.name, "description", "")} for one in program.targets
        ],
        "answer": dict(shape.sources(program)),
        "request": program.request,
        "segment_by": None,
        "segments": None,
        "review_thresholds": {name: value for name, value in thresholds.items() if value is not None},
    }


def _inputs(inputs: schema.Schema, definition: Mapping[str, Any], example: Mapping[str, Any]) -> list[dict[str, Any]]:
    said = definition.get("inputs", {})
    return [
        {
            **schema.described(field),
            "description": _of(said, field.name, "description", ""),
            "example": _of(said, field.name, "example", example.get(field.name)),
            "log": _of(said, field.name, "log", "no"),
        }
        for field in inputs.fields
    ]


def _of(said: Any, name: str, what: str, otherwise: Any) -> Any:
    """What a definition says of an input or a target; those of older formats may lack it."""
    about = said.get(name) if isinstance(said, Mapping) else None
    found = about.get(what) if isinstance(about, Mapping) else None
    return otherwise if found is None else found


def file(request: Request, serving: Serving) -> Answer:
    """A file of a version as it is. What programs are made of is not given out; in a plot nothing ever runs."""
    name, number = _named(request)
    manifest = bundle.read_manifest(serving.store(), name, number)
    wanted = request.parameters["file"]
    media_type = _PLOT if wanted.endswith(".svg") else _TYPES.get(wanted)
    if media_type is None or wanted not in manifest.files:
        raise Refused("not_found", "This version has no such file to show.")
    size, sha256 = manifest.files[wanted]
    if size > LARGEST:
        raise Refused("not_found", f"The file has {size} bytes, more than the {LARGEST} that an answer may have.")
    headers = {"content-type": media_type, "x-content-type-options": "nosniff"}
    if media_type == _PLOT:
        headers["content-security-policy"] = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    data = bundle.read_file(serving.store(), manifest, wanted)
    return unless_known(request, Answer(200, headers, data, {}), sha256)


def aliases(request: Request, serving: Serving) -> Answer:
    """Of every alias its newest entries, newest first."""
    store, name = serving.store(), str(request.model)
    found = {one: alias.recent(store, name, one, ENTRIES) for one in alias.aliases(store, name)}
    if not found and not bundle.versions(store, name):
        raise NotFoundError(name)
    return answers.ok({"aliases": {one: [entry.document() for entry in entries] for one, entries in found.items()}})


def _named(request: Request) -> tuple[str, str]:
    return str(request.model), request.parameters["version"]
