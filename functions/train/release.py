"""A trained model becomes a version: the gates are judged, the bundle is published, and `latest` moves if they passed."""

import csv
import hashlib
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from firesteel import strictjson
from firesteel.definition import Definition
from firesteel.errors import ConflictError, IntegrityError, NotFoundError
from firesteel.registry import alias, bundle
from firesteel.registry.bundle import Bump, Manifest
from firesteel.registry.store import Store
from functions.train import card, gate, metadata
from functions.train.compile import to_router
from functions.train.gate import Verdict
from functions.train.metadata import Origin
from functions.train.train import Trained, pipeline_bytes, to_json

LATEST = "latest"
PROGRAM = "program.safetensors"
_ATTEMPTS = 10  # to take a version's number before another trainer does


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
    """Publish and, if every gate passes, promote. Raises ConflictError when `version` is taken.

    Without held-out rows nothing was evaluated: gates fail, and the version waits for `firesteel promote`.
    """
    model, latest = trained.definition.address, _latest(store, trained.definition.address)
    origin = Origin(data_name, changelog, commit)
    published, verdicts = _publish(store, trained, latest, origin, version=version, bump=bump, who=who)
    promoted = None
    if all(verdict.passed for verdict in verdicts):
        why = changelog or f"trained on {data_name}"
        promoted = alias.promote(
            store, model, LATEST, published.version, who=who, why=why, digest=published.digest, after=latest.generation
        )
    return Release(published.version, published.digest, verdicts, promoted)


def publish(store: Store, trained: Trained, origin: Origin, *, who: str) -> Manifest:
    """Publish the next version and promote nothing; the metadata says what its gates, judged now, found."""
    return _publish(store, trained, _latest(store, trained.definition.address), origin, who=who)[0]


def _publish(
    store: Store,
    trained: Trained,
    latest: "Latest",
    origin: Origin,
    *,
    version: str | None = None,
    bump: Bump = "minor",
    who: str,
) -> tuple[Manifest, list[Verdict]]:
    verdicts = gate.judge(trained.definition.gates, trained.metrics, latest.metrics, latest.version)

    def write(version: str) -> Manifest:
        described = metadata.describe(trained, origin, version, verdicts, latest.version)
        files = bundle_files(trained, described, verdicts)
        return bundle.publish(store, trained.definition.address, version, files, who=who, signature=trained.signature)

    written = write(version) if version else _next(store, trained.definition.address, bump, write)
    return written, verdicts


def _next(store: Store, model: str, bump: Bump, write: Callable[[str], Manifest]) -> Manifest:
    """Write the next version; the one after it when another trainer takes the number first."""
    for _ in range(_ATTEMPTS - 1):
        try:
            return write(bundle.next_version(store, model, bump))
        except ConflictError:
            continue
    return write(bundle.next_version(store, model, bump))


def judged(store: Store, model: str, version: str, digest: str, latest: "Latest") -> list[Verdict]:
    """What the gates of a published version find against what is `latest` by now: it may have moved meanwhile.

    Raises NotFoundError, IntegrityError when the version cannot be read.
    """
    manifest = bundle.read_manifest(store, model, version, digest)
    try:
        definition = Definition.model_validate_json(bundle.read_file(store, manifest, "definition.json"))
        metrics = strictjson.parse(bundle.read_file(store, manifest, "metrics.json"))
    except ValueError as error:
        raise IntegrityError(f"{model} {version}: its definition or metrics cannot be read: {error}") from None
    return gate.judge(definition.gates, metrics, latest.metrics, latest.version)


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
    """Publish and promote the program that sends a row to its segment. None when `latest` sends as it says already.

    Raises ConflictError when somebody else moved `latest` meanwhile; what was published is promoted the next time.
    """
    model, program, latest = definition.model, to_router(definition), _latest(store, definition.model)
    if latest.version and latest.generation and _sends(store, model, latest.version, program):
        return None
    published = _waiting(store, model, program) or _next(
        store, model, "minor", lambda version: _write_router(store, definition, program, version, who)
    )
    why = f"segments by {definition.segment_by}: {', '.join(definition.segments)}"
    alias.promote(
        store, model, LATEST, published.version, who=who, why=why, digest=published.digest, after=latest.generation
    )
    return published.version


def _write_router(store: Store, definition: Definition, program: bytes, version: str, who: str) -> Manifest:
    files = {
        PROGRAM: program,
        "golden.json": to_json({"format": 1, "rows": []}),
        "definition.json": definition.to_json(),
        "model_card.md": card.of_segments(definition, version).encode(),
    }
    return bundle.publish(store, definition.model, version, files, who=who)


def _waiting(store: Store, model: str, program: bytes) -> Manifest | None:
    """The newest version, if it is this program: whoever published it did not come to promote it."""
    complete = [one.version for one in bundle.versions(store, model) if one.complete]
    return _sends(store, model, complete[-1], program) if complete else None


def _sends(store: Store, model: str, version: str, program: bytes) -> Manifest | None:
    """The manifest of a version if its program is this one."""
    manifest = bundle.read_manifest(store, model, version)
    return manifest if manifest.files[PROGRAM].sha256 == hashlib.sha256(program).hexdigest() else None


class Latest(NamedTuple):
    """What is served now. A version whose metrics cannot be read has none; no version, generation 0."""

    version: str | None
    generation: int | None
    metrics: dict[str, Any] | None


NONE_YET, DAMAGED = Latest(None, 0, None), Latest("(damaged)", None, None)


def _latest(store: Store, model: str) -> Latest:
    """Damage to what is served must not keep its repair, a new version, from being published."""
    try:
        entry = alias.current(store, model, LATEST)
    except NotFoundError:
        return NONE_YET
    except IntegrityError:
        return DAMAGED
    return latest_of(store, model, entry)


def latest_of(store: Store, model: str, entry: alias.Entry) -> Latest:
    """What an entry serves, with its metrics if they can be read."""
    try:
        manifest = bundle.read_manifest(store, model, entry.version, entry.digest)
        metrics = strictjson.parse(bundle.read_file(store, manifest, "metrics.json"))
    except (IntegrityError, NotFoundError, ValueError):
        metrics = None
    return Latest(entry.version, entry.generation, metrics)
