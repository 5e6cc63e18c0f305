"""GET /models...: what the registry has, read when asked. The registry checks names before it makes a key of them.

A model of segments has models of its own: `recruits/qb`.
"""

from collections.abc import Mapping
from typing import Any

from firesteel import strictjson
from firesteel.errors import IntegrityError, NotFoundError
from firesteel.registry import alias, bundle
from firesteel.registry.store import Store
from functions.classify import answers
from functions.classify.answers import Answer
from functions.classify.events import Request
from functions.classify.serving import Serving

NEWEST = 20  # versions whose files are read for one answer
SUMMARY = (
    *("accuracy", "macro_f1", "weighted_f1", "log_loss", "expected_calibration_error", "roc_auc"),
    *("r2", "rmse", "mae", "poisson_deviance", "mape", "calibration_error", "interval_coverage"),
)


def models(_: Request, serving: Serving) -> Answer:
    """All models of the registry."""
    names = bundle.models(serving.store())
    return answers.ok({"models": [{"name": name, "served": name == serving.model} for name in names]})


def model(request: Request, serving: Serving) -> Answer:
    """One model: its aliases, its versions, and what the newest complete one is made of."""
    store, name = serving.store(), str(request.model)
    known = _versions(store, name)
    complete = [version.version for version in known if version.complete]
    served = name == serving.model
    live = serving.freshness.current() if served else None
    return answers.ok(
        {
            "name": name,
            "served": served,
            "model_version": live.version if live else None,
            "aliases": _aliases(store, name),
            "versions": [version.version for version in known],
            "newest": described(store, name, complete[-1]) if complete else None,
        }
    )


def versions(request: Request, serving: Serving) -> Answer:
    """Every version, newest first, with its state; the newest complete ones with what they are made of."""
    store, name = serving.store(), str(request.model)
    return answers.ok({"name": name, "versions": history(store, name), "aliases": _aliases(store, name)})


def history(store: Store, name: str) -> list[dict[str, Any]]:
    """Every version, newest first; the newest complete ones described. Raises NotFoundError when there is none."""
    known = _versions(store, name)
    detailed = [version.version for version in known if version.complete][-NEWEST:]
    return [
        described(store, name, version.version)
        if version.version in detailed
        else {"version": version.version, "state": "complete" if version.complete else "unfinished"}
        for version in reversed(known)
    ]


def _versions(store: Store, name: str) -> list[bundle.Version]:
    """Those that are there, or may come to be; not those that garbage collection takes away."""
    if known := [one for one in bundle.versions(store, name) if one.state not in ("marked", "collected")]:
        return known
    raise NotFoundError(name)


def _aliases(store: Store, name: str) -> dict[str, Any]:
    """Every alias's current entry: the version it names, what runs beside it, and who moved it when and why."""
    current = {}
    for alias_name in alias.aliases(store, name):
        entry = alias.current(store, name, alias_name)
        current[alias_name] = {
            "version": entry.version,
            "generation": entry.generation,
            "kind": entry.kind,
            "when": entry.when,
            "who": entry.who,
            "why": entry.why,
            **({"canary": entry.canary._asdict()} if entry.canary else {}),
            **({"shadow": entry.shadow._asdict()} if entry.shadow else {}),
        }
    return current


def described(store: Store, name: str, version: str) -> dict[str, Any]:
    """One complete version. One that fails its checks is `corrupt`, and the others are still shown."""
    try:
        manifest = bundle.read_manifest(store, name, version)
        return {
            "version": version,
            "state": "complete",
            "digest": manifest.digest,
            "created": manifest.created,
            "files": {file: entry.size for file, entry in manifest.files.items()},
            "metadata": content(store, manifest, "model_metadata.json"),
            "metrics": _summary(content(store, manifest, "metrics.json")),
        }
    except IntegrityError:
        return {"version": version, "state": "corrupt"}


def content(store: Store, manifest: bundle.Manifest, file: str) -> dict[str, Any] | None:
    """The JSON object in a file of a bundle; None when there is no such file. Raises IntegrityError."""
    if file not in manifest.files:
        return None
    try:
        value = strictjson.parse(bundle.read_file(store, manifest, file))
    except ValueError as error:
        raise IntegrityError(f"{file} is {error}") from None
    return value if isinstance(value, dict) else None


def _summary(metrics: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The few numbers of each target that people compare."""
    if not metrics or not isinstance(metrics.get("targets"), Mapping):
        return None
    return {
        target: {name: values[name] for name in SUMMARY if name in values}
        for target, values in metrics["targets"].items()
        if isinstance(values, Mapping)
    }
