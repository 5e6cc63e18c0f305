"""What was published already: versions with what their metadata says of the data, the definition and the run."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from firesteel import strictjson
from firesteel.definition import METRICS, Definition
from firesteel.errors import IntegrityError, NotFoundError
from firesteel.registry import bundle
from firesteel.registry.bundle import Manifest
from firesteel.registry.store import Store
from functions.train.upload import Upload

SCANNED = 100  # of the newest versions: two reads each
METADATA = "model_metadata.json"


class Published(NamedTuple):
    """A complete version and its model_metadata.json."""

    manifest: Manifest
    metadata: dict[str, Any]

    @property
    def run(self) -> str | None:
        run = self.metadata.get("run")
        return run if isinstance(run, str) else None

    @property
    def upload(self) -> Upload | None:
        upload = self.metadata.get("upload")
        return Upload.parse(upload) if upload else None

    def is_of(self, definition: Definition, data_sha256: str) -> bool:
        """Whether it was trained on these bytes by this definition."""
        data = self.metadata.get("data", {}).get("sha256")
        return (data, self.metadata.get("definition_sha256")) == (data_sha256, definition.sha256)

    def has_seen(self, fingerprint: str | None) -> bool:
        """Whether its training knew of the corrections that this is the fingerprint of, those that were left out too."""
        told = self.metadata.get("feedback")
        return (told.get("fingerprint") if isinstance(told, dict) else None) == fingerprint


def newest_first(store: Store, address: str) -> Iterator[Published]:
    """The versions of a model that have metadata and are whole, at most so many as are worth looking at."""
    complete = [one.version for one in bundle.versions(store, address) if one.complete]
    for version in complete[: -SCANNED - 1 : -1]:
        if found := read(store, address, version):
            yield found


def read(store: Store, address: str, version: str) -> Published | None:
    """A version, or None if it has no metadata or is damaged."""
    try:
        manifest = bundle.read_manifest(store, address, version)
        metadata = strictjson.parse(bundle.read_file(store, manifest, METADATA))
    except (NotFoundError, IntegrityError, ValueError):
        return None
    return Published(manifest, metadata) if isinstance(metadata, dict) else None


def metrics(store: Store, definition: Definition, version: str) -> dict[str, float]:
    """A version's metrics, `target.metric` by name; none if they cannot be read."""
    try:
        manifest = bundle.read_manifest(store, definition.address, version)
        measured = strictjson.parse(bundle.read_file(store, manifest, "metrics.json"))
    except (NotFoundError, IntegrityError, ValueError):
        return {}
    return {
        f"{name}.{metric}": float(value)
        for name, target in definition.targets.items()
        for metric in METRICS[target.task]
        if isinstance(value := measured.get("targets", {}).get(name, {}).get(metric), int | float)
    }
