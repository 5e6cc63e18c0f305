"""Bundles: immutable versions. A claim reserves the number, then come the files; the manifest, last, is the commit.

What garbage collection (`collect`) marks is promoted no more.
"""

import hashlib
import hmac
from collections.abc import Callable, Collection, Mapping
from typing import Any, Literal, NamedTuple, get_args

from firesteel.errors import ConflictError, IntegrityError, NotFoundError, RegistryError
from firesteel.registry import names, record
from firesteel.registry.record import Fields
from firesteel.registry.store import Arriving, Store, put_once

MANIFEST, CLAIM, COLLECTED = "manifest.json", "claim.json", "collected.json"
MANIFEST_LIMIT = 64 * 1024
FILE_LIMIT = 512 * 1024 * 1024
DOCUMENT_LIMIT = 16 * 1024 * 1024
"""Bytes of a JSON file: reading one takes many times its size."""
READ_AHEAD = 32 * 1024 * 1024
"""Bytes of a file that are read before its manifest is there and says how large it is."""
FILES_LIMIT = 32

State = Literal["complete", "unfinished", "marked", "collected"]
Bump = Literal["major", "minor", "patch"]

_RECORDS = (CLAIM, MANIFEST, COLLECTED)
_BEING_COLLECTED = ": it is being collected, see `firesteel gc --help`"
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
    """A version number that was claimed. `complete`: its manifest was written, and nobody is collecting it.

    Garbage collection makes it `marked`, which is promoted no more, and then `collected`: without a manifest.
    """

    version: str
    state: State

    @property
    def complete(self) -> bool:
        return self.state == "complete"


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
    arriving = {name: Arriving(store, folder + name, READ_AHEAD) for name in wanted}
    manifest = read_manifest(store, model, version, digest)
    files = {}
    for name, data in arriving.items():
        ahead = _listed(manifest, name).size <= READ_AHEAD
        files[name] = _checked(manifest, name, data.result) if ahead else read_file(store, manifest, name)
    return manifest, files


def models(store: Store) -> list[str]:
    """The names of all models, with a segment where they have segments. Folders that can be none are passed over."""
    found = []
    for name in store.folders("models/"):
        if not names.is_alias(name):  # what may be called so may be a model, too
            continue
        inside = store.folders(f"models/{name}/")
        if any(folder == names.ALIASES or names.is_version_folder(folder) for folder in inside):
            found.append(name)
        found += [f"{name}/{folder}" for folder in inside if names.is_segment(folder)]
    return found


def versions(store: Store, model: str) -> list[Version]:
    """All versions ever claimed, oldest number first; empty for a model that does not exist."""
    return [Version(version, _state(files)) for version, files in folders(store, model).items()]


def folders(store: Store, model: str) -> dict[str, set[str]]:
    """The names in the folder of every version ever claimed, oldest number first."""
    prefix = names.folder(model)
    inside: dict[str, set[str]] = {}
    for key in store.keys(prefix):
        folder, _, name = key[len(prefix) :].partition("/")
        if names.is_version_folder(folder):
            inside.setdefault(folder[1:], set()).add(name)
    return {version: inside[version] for version in sorted(inside, key=names.number)}


def _state(files: Collection[str]) -> State:
    """The state of a version with these names in its folder."""
    if COLLECTED in files:
        return "marked" if MANIFEST in files else "collected"
    return "complete" if MANIFEST in files else "unfinished"


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
    """What is wrong with the bundle of a manifest that was read: `verify` without reading that again.

    The folder is listed last: a version that was marked for collection by then may not be served from now on.
    """
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
    for key in store.keys(folder):
        if key == folder + COLLECTED:
            found.append(f"{key}{_BEING_COLLECTED}")
        elif key not in expected:
            found.append(f"{key} belongs to no bundle")
    return found


def is_mark(problem: str) -> bool:
    """Whether what `problems` says is nothing but that the version was marked for collection."""
    return problem.endswith(_BEING_COLLECTED)


def read_claim(store: Store, model: str, version: str) -> dict[str, Any]:
    """Who claimed a version's number, and when. Raises NotFoundError, IntegrityError, StoreError."""
    key = names.version_folder(model, version) + CLAIM
    return record.decode(store.get(key, limit=record.LIMIT), _CLAIM, key)


def _is_claimed(store: Store, manifest: Manifest) -> bool:
    try:
        claim = read_claim(store, manifest.model, manifest.version)
    except (NotFoundError, IntegrityError):
        return False
    return bool(claim["write_id"] == manifest.write_id)


def _check_files(files: Mapping[str, bytes]) -> None:
    if not files or len(files) > FILES_LIMIT or not all(map(_may_be_called, files)):
        raise RegistryError(
            f"a bundle has 1 to {FILES_LIMIT} files with plain names, none of them {', '.join(_RECORDS)}"
        )
    for name, data in files.items():
        if len(data) > _most(name):
            raise RegistryError(f"{name} of a bundle has at most {_most(name)} bytes, not {len(data)}")


def _may_be_called(name: str) -> bool:
    return name not in _RECORDS and names.FILE.match(name) is not None


def _most(name: str) -> int:
    """The bytes that a file of this name may have."""
    return DOCUMENT_LIMIT if name.endswith(".json") else FILE_LIMIT


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
        if not _may_be_called(name):
            raise IntegrityError(f"{what} names a file out of form")
        if not (
            record.has_fields(entry, _FILE) and 0 <= entry["size"] <= _most(name) and record.is_sha256(entry["sha256"])
        ):
            raise IntegrityError(f"{what} says nothing sensible of {name}")
        files[name] = File(entry["size"], entry["sha256"])
    signature = value.get("signature")
    if signature is not None and not record.is_sha256(signature):
        raise IntegrityError(f"{what} has a signature that is no SHA-256")
    digest = hashlib.sha256(data).hexdigest()
    return Manifest(model, version, value["created"], value["write_id"], files, digest, signature)
