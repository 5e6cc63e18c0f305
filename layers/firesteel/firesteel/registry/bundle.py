"""Bundles: immutable versions. A claim reserves the number, then come the files, and the manifest last is the commit."""

import hashlib
import hmac
import json
import os
import time
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from firesteel import strictjson
from firesteel.errors import ConflictError, IntegrityError, NotFoundError, RegistryError
from firesteel.registry import names
from firesteel.registry.store import Store, put_once

FORMAT = 1
MANIFEST, CLAIM = "manifest.json", "claim.json"
MANIFEST_LIMIT = 64 * 1024
FILE_LIMIT = 512 * 1024 * 1024
FILES_LIMIT = 32

Bump = Literal["major", "minor", "patch"]


class File(NamedTuple):
    """What a manifest says of one file."""

    size: int
    sha256: str


class Manifest(NamedTuple):
    """The content of manifest.json. `digest` is the SHA-256 of its bytes: the identity of the bundle."""

    model: str
    version: str
    created: str
    write_id: str
    files: dict[str, File]
    digest: str


class Version(NamedTuple):
    """A version number that was claimed; `complete` says whether its manifest was written."""

    version: str
    complete: bool


def publish(store: Store, model: str, version: str, files: Mapping[str, bytes], *, who: str) -> Manifest:
    """Write a version: claim, files, manifest. Raises ConflictError when the number was ever claimed; StoreError.

    A crash at any point leaves an unfinished version, which nothing serves and whose number is never used again.
    """
    folder = names.version_folder(model, version)
    if not files or len(files) > FILES_LIMIT or not all(map(names.FILE.match, files)) or {CLAIM, MANIFEST} & set(files):
        raise RegistryError(
            f"a bundle has 1 to {FILES_LIMIT} files with plain names, none of them {CLAIM} or {MANIFEST}"
        )
    write_id, created = os.urandom(16).hex(), timestamp()
    claim = {"format": FORMAT, "model": model, "version": version, "write_id": write_id, "who": who, "when": created}
    try:
        put_once(store, folder + CLAIM, _encode(claim))
    except ConflictError:
        raise ConflictError(
            f"{model} {version} exists already or is being published: versions are never written twice"
        ) from None
    for name, data in files.items():
        put_once(store, folder + name, data)
    table = {name: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in files.items()}
    content = {
        "format": FORMAT,
        "model": model,
        "version": version,
        "created": created,
        "write_id": write_id,
        "files": table,
    }
    encoded = _encode(content)
    put_once(store, folder + MANIFEST, encoded)
    return _manifest(encoded, model, version)


def read_manifest(store: Store, model: str, version: str, digest: str | None = None) -> Manifest:
    """The checked manifest of a complete version, and of no other bundle than `digest` if that is given.

    Raises NotFoundError for a version that does not exist or is unfinished, IntegrityError, StoreError.
    """
    key = names.version_folder(model, version) + MANIFEST
    try:
        data = store.get(key, limit=MANIFEST_LIMIT)
    except NotFoundError:
        raise NotFoundError(f"{model} has no complete version {version}") from None
    manifest = _manifest(data, model, version)
    if digest is not None and not hmac.compare_digest(manifest.digest, digest):
        raise IntegrityError(
            f"{key} is not the manifest that was promoted: its SHA-256 is {manifest.digest}, not {digest}"
        )
    return manifest


def read_file(store: Store, manifest: Manifest, name: str) -> bytes:
    """A file of a bundle, with the size and SHA-256 that the manifest says. Raises NotFoundError, IntegrityError."""
    if name not in manifest.files:
        raise NotFoundError(f"{manifest.model} {manifest.version} has no file {name!r}")
    size, sha256 = manifest.files[name]
    key = names.version_folder(manifest.model, manifest.version) + name
    try:
        data = store.get(key, limit=size)
    except NotFoundError:
        raise IntegrityError(f"{key} is missing") from None
    if len(data) != size:
        raise IntegrityError(f"{key} has {len(data)} bytes, not {size}")
    if not hmac.compare_digest(hashlib.sha256(data).hexdigest(), sha256):
        raise IntegrityError(f"{key} is not what was published: its SHA-256 differs")
    return data


def models(store: Store) -> list[str]:
    """The names of all models, with a segment where they have segments."""
    found = []
    for name in store.folders("models/"):
        inside = store.folders(f"models/{name}/")
        if any(folder == "aliases" or names.is_version(folder.removeprefix("v")) for folder in inside):
            found.append(name)
        found += [f"{name}/{folder}" for folder in inside if folder != "aliases" and not folder.startswith("v")]
    return found


def versions(store: Store, model: str) -> list[Version]:
    """All versions ever claimed, oldest number first; empty for a model that does not exist."""
    prefix = names.folder(model)
    manifests: dict[str, bool] = {}
    for key in store.keys(prefix):
        folder, _, name = key[len(prefix) :].partition("/")
        if folder.startswith("v") and names.is_version(folder[1:]):
            manifests[folder[1:]] = manifests.get(folder[1:], False) or name == MANIFEST
    return [Version(version, manifests[version]) for version in sorted(manifests, key=names.number)]


def next_version(store: Store, model: str, bump: Bump) -> str:
    """The number after the highest ever claimed; 1.0.0 for the first."""
    claimed = versions(store, model)
    if not claimed:
        return "1.0.0"
    major, minor, patch = names.number(claimed[-1].version)
    if bump == "major":
        return f"{major + 1}.0.0"
    return f"{major}.{minor + 1}.0" if bump == "minor" else f"{major}.{minor}.{patch + 1}"


def verify(store: Store, model: str, version: str) -> list[str]:
    """What is wrong with a version, in sentences; nothing if every file is there, whole, and no other is."""
    try:
        manifest = read_manifest(store, model, version)
    except (NotFoundError, IntegrityError) as error:
        return [str(error)]
    problems = []
    for name in manifest.files:
        try:
            read_file(store, manifest, name)
        except IntegrityError as error:
            problems.append(str(error))
    folder = names.version_folder(model, version)
    expected = {folder + name for name in (*manifest.files, CLAIM, MANIFEST)}
    problems += [f"{key} belongs to no bundle" for key in store.keys(folder) if key not in expected]
    return problems


def timestamp() -> str:
    """Now, in UTC, as ISO 8601."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _encode(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _manifest(data: bytes, model: str, version: str) -> Manifest:
    """Parse a manifest and refuse what is not exactly one of this version of this model."""
    what = f"the manifest of {model} {version}"
    try:
        value = strictjson.parse(data, depth=4)
        if value["format"] != FORMAT:
            raise IntegrityError(f"{what} has format {value['format']!r}; this version reads format {FORMAT}")
        if set(value) != {"format", "model", "version", "created", "write_id", "files"}:
            raise IntegrityError(f"{what} has other fields than its format")
        if (value["model"], value["version"]) != (model, version):
            raise IntegrityError(f"{what} is one of another bundle")
        files = {name: File(**entry) for name, entry in value["files"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise IntegrityError(f"{what} is not what its format says: {error}") from None
    for name, (size, sha256) in files.items():
        if not names.FILE.match(name) or name in (CLAIM, MANIFEST):
            raise IntegrityError(f"{what} names a file out of form")
        if type(size) is not int or not 0 <= size <= FILE_LIMIT or type(sha256) is not str or len(sha256) != 64:
            raise IntegrityError(f"{what} says nothing sensible of {name}")
    if not 1 <= len(files) <= FILES_LIMIT:
        raise IntegrityError(f"{what} has {len(files)} files, not 1 to {FILES_LIMIT}")
    return Manifest(model, version, value["created"], value["write_id"], files, hashlib.sha256(data).hexdigest())
