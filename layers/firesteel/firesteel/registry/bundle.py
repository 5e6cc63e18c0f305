"""Bundles: immutable versions. A claim reserves the number, then come the files; the manifest, last, is the commit."""

import hashlib
import hmac
from collections.abc import Callable, Collection, Mapping
from threading import Thread
from typing import Literal, NamedTuple, get_args

from firesteel.errors import ConflictError, IntegrityError, NotFoundError, RegistryError
from firesteel.registry import names, record
from firesteel.registry.record import Fields
from firesteel.registry.store import Store, put_once

MANIFEST, CLAIM = "manifest.json", "claim.json"
MANIFEST_LIMIT = 64 * 1024
FILE_LIMIT = 512 * 1024 * 1024
FILES_LIMIT = 32

Bump = Literal["major", "minor", "patch"]

_CLAIM: Fields = {"format": int, "model": str, "version": str, "write_id": str, "who": str, "when": str}
_MANIFEST: Fields = {"format": int, "model": str, "version": str, "write_id": str, "created": str, "files": dict}
_SIGNED: Fields = {"signature": str}  # bundles of before it existed have none
_FILE: Fields = {"size": int, "sha256": str}


class File(NamedTuple):
    """What a manifest says of one file."""

    size: int
    sha256: str


class Manifest(NamedTuple):
    """The content of manifest.json. `digest` is the SHA-256 of its bytes: the identity of the bundle.

    `signature` is that of the program's features, which must be what it says; None in bundles of before it existed.
    """

    model: str
    version: str
    created: str
    write_id: str
    files: dict[str, File]
    digest: str
    signature: str | None


class Version(NamedTuple):
    """A version number that was claimed; `complete` says whether its manifest was written."""

    version: str
    complete: bool


def publish(
    store: Store, model: str, version: str, files: Mapping[str, bytes], *, who: str, signature: str | None = None
) -> Manifest:
    """Write a version: claim, files, manifest. Raises ConflictError when the number was ever claimed; StoreError.

    A crash at any point leaves an unfinished version, which nothing serves and whose number is never used again.
    """
    folder = names.version_folder(model, version)
    _check_files(files)
    identity = {"format": record.FORMAT, "model": model, "version": version, "write_id": record.new_write_id()}
    created = record.timestamp()
    try:
        put_once(store, folder + CLAIM, record.encode({**identity, "who": record.one_line(who, 200), "when": created}))
    except ConflictError:
        raise ConflictError(
            f"{model} {version} exists already or is being published: versions are never written twice"
        ) from None
    for name, data in files.items():
        put_once(store, folder + name, data)
    table = {name: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in files.items()}
    signed = {"signature": signature} if signature else {}
    manifest = record.encode({**identity, "created": created, "files": table, **signed})
    put_once(store, folder + MANIFEST, manifest)
    return _manifest(manifest, model, version)


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
    return _checked(manifest, name, lambda: store.get(_key(manifest, name), limit=_listed(manifest, name).size))


def read_bundle(
    store: Store, model: str, version: str, wanted: Collection[str], digest: str | None = None
) -> tuple[Manifest, dict[str, bytes]]:
    """The manifest and the `wanted` files, asked for all at once: the time of one request. Checked as each alone is.

    Raises what `read_manifest` and `read_file` raise.
    """
    folder = names.version_folder(model, version)
    arriving = {name: _Arriving(store, folder + name) for name in wanted}
    manifest = read_manifest(store, model, version, digest)
    return manifest, {name: _checked(manifest, name, data.result) for name, data in arriving.items()}


class _Arriving(Thread):
    """A file on its way, while its manifest is, too. What comes is checked once both are there."""

    def __init__(self, store: Store, key: str) -> None:
        super().__init__(name="reading a bundle", daemon=True)
        self._store, self._key = store, key
        self._outcome: bytes | Exception = b""
        self.start()

    def run(self) -> None:
        try:
            self._outcome = self._store.get(self._key, limit=FILE_LIMIT)
        except Exception as error:  # noqa: BLE001 - raised where the result is asked for
            self._outcome = error

    def result(self) -> bytes:
        self.join()
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome


def models(store: Store) -> list[str]:
    """The names of all models, with a segment where they have segments."""
    found = []
    for name in store.folders("models/"):
        inside = store.folders(f"models/{name}/")
        if any(folder == names.ALIASES or names.is_version_folder(folder) for folder in inside):
            found.append(name)
        found += [f"{name}/{folder}" for folder in inside if names.is_segment(folder)]
    return found


def versions(store: Store, model: str) -> list[Version]:
    """All versions ever claimed, oldest number first; empty for a model that does not exist."""
    prefix = names.folder(model)
    complete: dict[str, bool] = {}
    for key in store.keys(prefix):
        folder, _, name = key[len(prefix) :].partition("/")
        if names.is_version_folder(folder):
            complete[folder[1:]] = complete.get(folder[1:], False) or name == MANIFEST
    return [Version(version, complete[version]) for version in sorted(complete, key=names.number)]


def next_version(store: Store, model: str, bump: Bump) -> str:
    """The number after the highest ever claimed; 1.0.0 for the first."""
    claimed = versions(store, model)
    if not claimed:
        return "1.0.0"
    highest, place = names.number(claimed[-1].version), get_args(Bump).index(bump)
    return ".".join(map(str, (*highest[:place], highest[place] + 1, 0, 0)[:3]))


def verify(store: Store, model: str, version: str) -> list[str]:
    """What is wrong with a version, in sentences; nothing if every file is there, whole, and no other is."""
    try:
        manifest = read_manifest(store, model, version)
    except (NotFoundError, IntegrityError) as error:
        return [str(error)]
    return problems(store, manifest)


def problems(store: Store, manifest: Manifest) -> list[str]:
    """What is wrong with the bundle of a manifest that was read: `verify` without reading that again."""
    found = []
    for name in manifest.files:
        try:
            read_file(store, manifest, name)
        except IntegrityError as error:
            found.append(str(error))
    if not _is_claimed(store, manifest):
        found.append(f"{_key(manifest, CLAIM)} is not the claim this version was published under")
    expected = {_key(manifest, name) for name in (*manifest.files, CLAIM, MANIFEST)}
    folder = names.version_folder(manifest.model, manifest.version)
    return found + [f"{key} belongs to no bundle" for key in store.keys(folder) if key not in expected]


def _is_claimed(store: Store, manifest: Manifest) -> bool:
    try:
        claim = record.decode(store.get(_key(manifest, CLAIM), limit=record.LIMIT), _CLAIM, "the claim")
    except (NotFoundError, IntegrityError):
        return False
    return bool(claim["write_id"] == manifest.write_id)


def _check_files(files: Mapping[str, bytes]) -> None:
    if not files or len(files) > FILES_LIMIT or not all(map(names.FILE.match, files)) or {CLAIM, MANIFEST} & set(files):
        raise RegistryError(
            f"a bundle has 1 to {FILES_LIMIT} files with plain names, none of them {CLAIM} or {MANIFEST}"
        )
    if too_large := [name for name, data in files.items() if len(data) > FILE_LIMIT]:
        raise RegistryError(f"a bundle's file has at most {FILE_LIMIT} bytes, but {', '.join(too_large)} has more")


def _key(manifest: Manifest, name: str) -> str:
    return names.version_folder(manifest.model, manifest.version) + name


def _listed(manifest: Manifest, name: str) -> File:
    if name not in manifest.files:
        raise NotFoundError(f"{manifest.model} {manifest.version} has no file {name!r}")
    return manifest.files[name]


def _checked(manifest: Manifest, name: str, read: Callable[[], bytes]) -> bytes:
    size, sha256 = _listed(manifest, name)
    key = _key(manifest, name)
    try:
        data = read()
    except NotFoundError:
        raise IntegrityError(f"{key} is missing") from None
    if len(data) != size:
        raise IntegrityError(f"{key} has {len(data)} bytes, not {size}")
    if not hmac.compare_digest(hashlib.sha256(data).hexdigest(), sha256):
        raise IntegrityError(f"{key} is not what was published: its SHA-256 differs")
    return data


def _manifest(data: bytes, model: str, version: str) -> Manifest:
    """Parse a manifest and refuse what is not exactly one of this version of this model."""
    what = f"the manifest of {model} {version}"
    value = record.decode(data, _MANIFEST, what, optional=_SIGNED)
    if (value["model"], value["version"]) != (model, version):
        raise IntegrityError(f"{what} is one of another bundle")
    if not 1 <= len(value["files"]) <= FILES_LIMIT:
        raise IntegrityError(f"{what} has {len(value['files'])} files, not 1 to {FILES_LIMIT}")
    files = {}
    for name, entry in value["files"].items():
        if not names.FILE.match(name) or name in (CLAIM, MANIFEST):
            raise IntegrityError(f"{what} names a file out of form")
        if not (
            record.has_fields(entry, _FILE) and 0 <= entry["size"] <= FILE_LIMIT and record.is_sha256(entry["sha256"])
        ):
            raise IntegrityError(f"{what} says nothing sensible of {name}")
        files[name] = File(entry["size"], entry["sha256"])
    signature = value.get("signature")
    if signature is not None and not record.is_sha256(signature):
        raise IntegrityError(f"{what} has a signature that is no SHA-256")
    digest = hashlib.sha256(data).hexdigest()
    return Manifest(model, version, value["created"], value["write_id"], files, digest, signature)
