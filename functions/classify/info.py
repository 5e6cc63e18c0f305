"""GET /model/info: all that is known of the served model, from its program and from the registry."""

from typing import Any

from firesteel.errors import NotFoundError
from firesteel.program import schema
from firesteel.program.targets import Target
from firesteel.registry import bundle
from functions.classify import answers, browse
from functions.classify.answers import Answer, Refused
from functions.classify.events import Request
from functions.classify.live import Live, Loaded
from functions.classify.serving import Serving


def info(_: Request, serving: Serving) -> Answer:
    """What it takes and answers, how it was configured and trained, and every version before it."""
    live, store = serving.live(), serving.store()
    manifest = bundle.read_manifest(store, live.model, live.version, live.digest)
    return answers.ok(
        {
            "model": live.model,
            "alias": serving.alias,
            "model_version": live.version,
            "digest": live.digest,
            **_program(live, serving),
            "configuration": browse.content(store, manifest, "definition.json"),
            "training": browse.content(store, manifest, "model_metadata.json"),
            "training_history": [_past(version) for version in browse.history(store, live.model)],
        }
    )


def _program(live: Loaded, serving: Serving) -> dict[str, Any]:
    """What the program says of itself; of one with segments, which versions answer."""
    if isinstance(live, Live):
        program = live.predictor
        return {
            "signature": program.signature,
            "feature_count": program.size,
            "inputs": [schema.described(field) for field in program.inputs.fields],
            "targets": [target(one) for one in program.targets],
            "segments": None,
        }
    router = live.router
    return {
        "signature": None,
        "feature_count": None,
        "inputs": [schema.described(field) for field in router.inputs.fields],
        "targets": None,
        "segments": {value: _segment(f"{router.model}/{name}", serving) for value, name in router.segments.items()},
    }


def _segment(name: str, serving: Serving) -> dict[str, Any]:
    try:
        live = serving.live_of(name)
    except (Refused, NotFoundError):
        return {"model": name, "model_version": None, "signature": None, "feature_count": None}
    program = _program(live, serving)
    return {"model": name, "model_version": live.version} | {
        key: program[key] for key in ("signature", "feature_count")
    }


def target(one: Target) -> dict[str, Any]:
    """Its name, its task, and what it may be."""
    about: dict[str, Any] = {"name": one.name, "task": one.task}
    interval = getattr(one, "interval", None)
    about |= {name: getattr(one, name) for name in ("labels", "range", "unit", "exposure") if hasattr(one, name)}
    return about | ({"coverage": interval.coverage} if interval else {})


def _past(version: dict[str, Any]) -> dict[str, Any]:
    """A version as the history has it: when it was made, what changed, how good it was."""
    metadata = version.get("metadata") or {}
    return {
        "version": version["version"],
        "state": version["state"],
        "created": version.get("created"),
        "changelog": metadata.get("changelog"),
        "metrics": version.get("metrics"),
    }
