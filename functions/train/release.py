"""A trained model becomes a version: the gates are judged, the bundle is published, and `latest` moves if they passed."""

import csv
import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from firesteel import strictjson
from firesteel.definition import Definition
from firesteel.errors import IntegrityError, NotFoundError
from firesteel.registry import alias, bundle
from firesteel.registry.bundle import Bump
from firesteel.registry.store import Store
from functions.train import card, gate, metadata
from functions.train.compile import to_router
from functions.train.gate import Verdict
from functions.train.train import Trained, pipeline_bytes, to_json

LATEST = "latest"
PROGRAM = "program.safetensors"


@dataclass(frozen=True)
class Release:
    """What became of a training run: the published version, the verdicts, and the alias entry if it moved."""

    version: str
    digest: str
    verdicts: list[Verdict]
    promoted: alias.Entry | None

    @property
    def failed(self) -> list[Verdict]:
        return [verdict for verdict in self.verdicts if not verdict.passed]


def release(
    store: Store,
    trained: Trained,
    *,
    version: str | None = None,
    bump: Bump = "minor",
    changelog: str = "",
    who: str,
    data_name: str,
    commit: str | None = None,
) -> Release:
    """Publish and, if every gate passes, promote. Raises ConflictError when another trainer took the version first.

    Without held-out rows nothing was evaluated: gates fail, and the version waits for `firesteel promote`.
    """
    model = trained.definition.address
    version = version or bundle.next_version(store, model, bump)
    latest = _latest(store, model)
    verdicts = gate.judge(trained.definition.gates, trained.metrics, latest.metrics, latest.version)
    described = metadata.describe(trained, version=version, changelog=changelog, data_name=data_name, commit=commit)
    files = bundle_files(trained, described, verdicts)
    published = bundle.publish(store, model, version, files, who=who, signature=trained.signature)
    promoted = None
    if all(verdict.passed for verdict in verdicts):
        why = changelog or f"trained on {data_name}"
        promoted = alias.promote(
            store, model, LATEST, version, who=who, why=why, digest=published.digest, after=latest.generation
        )
    return Release(version, published.digest, verdicts, promoted)


def bundle_files(trained: Trained, described: dict[str, Any], verdicts: list[Verdict]) -> dict[str, bytes]:
    """Every file of the bundle but claim and manifest."""
    plots = card.plots(trained)
    return {
        PROGRAM: trained.program,
        "golden.json": to_json(trained.golden),
        "metrics.json": to_json(trained.metrics),
        "reference.json": to_json(trained.reference),
        "model_metadata.json": to_json(described),
        "definition.json": trained.definition.to_json(),
        "model_card.md": card.write(trained, described, verdicts, list(plots)).encode(),
        **({"trials.csv": trials_csv(trained.trials)} if trained.trials else {}),
        **plots,
        **{f"pipeline-{name}.joblib": pipeline_bytes(pipeline) for name, pipeline in trained.pipelines.items()},
    }


def trials_csv(trials: Mapping[str, list[dict[str, Any]]]) -> bytes:
    """Every trial of the searches, a line each: the target, its settings and how they did."""
    lines = [
        {"target": target, **trial.pop("settings"), **trial}
        for target, of_target in trials.items()
        for trial in map(dict, of_target)
    ]
    text = io.StringIO()
    table = csv.DictWriter(text, list(dict.fromkeys(key for line in lines for key in line)), lineterminator="\n")
    table.writeheader()
    table.writerows(lines)
    return text.getvalue().encode()


def release_segments(store: Store, definition: Definition, *, who: str) -> str | None:
    """Publish and promote the program that sends a row to its segment. None when `latest` sends as it says already."""
    program, latest = to_router(definition), _latest(store, definition.model)
    if latest.version and latest.generation:
        manifest = bundle.read_manifest(store, definition.model, latest.version)
        if manifest.files[PROGRAM].sha256 == hashlib.sha256(program).hexdigest():
            return None
    version = bundle.next_version(store, definition.model, "minor")
    files = {
        PROGRAM: program,
        "golden.json": to_json({"format": 1, "rows": []}),
        "definition.json": definition.to_json(),
        "model_card.md": card.of_segments(definition, version).encode(),
    }
    published = bundle.publish(store, definition.model, version, files, who=who)
    why = f"segments by {definition.segment_by}: {', '.join(definition.segments)}"
    alias.promote(
        store, definition.model, LATEST, version, who=who, why=why, digest=published.digest, after=latest.generation
    )
    return version


class _Latest(NamedTuple):
    """What is served now. A version whose metrics cannot be read has none; no version, generation 0."""

    version: str | None
    generation: int | None
    metrics: dict[str, Any] | None


def _latest(store: Store, model: str) -> _Latest:
    """Damage to what is served must not keep its repair, a new version, from being published."""
    try:
        entry = alias.current(store, model, LATEST)
    except NotFoundError:
        return _Latest(None, 0, None)
    except IntegrityError:
        return _Latest("(damaged)", None, None)
    try:
        manifest = bundle.read_manifest(store, model, entry.version, entry.digest)
        metrics = strictjson.parse(bundle.read_file(store, manifest, "metrics.json"))
    except (IntegrityError, NotFoundError):
        metrics = None
    return _Latest(entry.version, entry.generation, metrics)
