"""Bundles as another release might write them: in each one thing that this one does not know."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from firesteel.program import format as program_format
from firesteel.program.signature import signature
from firesteel.registry import alias, bundle, record
from firesteel.registry.store import MemoryStore
from tests.unit.classify import bundles
from tests.unit.classify.bundles import MODEL

OLD, NEW = "1.0.0", "2.0.0"
Document = dict[str, Any]


class Unknown(NamedTuple):
    """Where it is, what it is, and the words that whoever is told of it must find."""

    file: str
    what: str
    change: Callable[[Document], object]
    words: tuple[str, ...] = ()


def _first(part: str, **changes: Any) -> Callable[[Document], object]:
    return lambda meta: meta[part][0].update(changes)


_PROGRAM = "program.safetensors"
_FORMATS = (0, 3, 99, -1, 2.5, "2", None, True, [2], {"major": 2}, "9" * 500)


def all_unknown() -> Iterator[Unknown]:
    """All of them."""
    for value in _FORMATS:
        for file in (_PROGRAM, "golden.json", "manifest.json", "entry"):
            if value is True and file != _PROGRAM:
                continue  # JSON's true is no 1; the other files are told apart by their types below
            yield Unknown(file, f"format {value!r:.20}", lambda one, value=value: one.update(format=value), ("format",))
    yield Unknown(_PROGRAM, "a kind of input", _first("inputs", kind="image"))
    yield Unknown(_PROGRAM, "a kind of text step", _first("text", kind="embedding"))
    yield Unknown(
        _PROGRAM, "a kind of step", lambda one: one.update(steps=[{"kind": "fourier", "name": "f", "inputs": []}])
    )
    yield Unknown(_PROGRAM, "a kind of estimator", _first("estimators", kind="transformer"))
    yield Unknown(_PROGRAM, "a task", _first("targets", task="ranking"))
    yield Unknown(_PROGRAM, "a source of an answer", lambda one: one.update(answer={"x": "priority.embedding"}))
    yield Unknown(_PROGRAM, "a program of neither kind", lambda one: one.pop("targets"))
    yield Unknown("manifest.json", "a field", lambda one: one.update(compression="zstd"), ("fields",))
    yield Unknown("manifest.json", "no files", lambda one: one.pop("files"), ("fields",))
    yield Unknown("entry", "a field", lambda one: one.update(weight=0.5), ("fields",))
    yield Unknown("entry", "a kind", lambda one: one.update(kind="mirror"))
    yield Unknown("entry", "a digest of another kind", lambda one: one.update(digest="sha3-" + "0" * 64))
    yield Unknown("golden.json", "rows of another form", lambda one: one.update(rows={"0": {}}))
    yield Unknown("golden.json", "a target", lambda one: one["rows"][0]["labels"].update(mood="Good"))


def released() -> MemoryStore:
    """A registry whose alias names a version that this release wrote."""
    store = MemoryStore()
    bundles.release(store, OLD)
    return store


def add(store: MemoryStore, unknown: Unknown) -> None:
    """The next release publishes and promotes a version that has what is unknown; all its hashes are right."""
    files = bundles.files(lean=0.3)
    if unknown.file in files:
        files[unknown.file] = _changed(files[unknown.file], unknown)
    bundle.publish(store, MODEL, NEW, files, who="the next release")
    entry = alias.promote(store, MODEL, "latest", NEW, who="the next release")
    place = f"models/{MODEL}/v{NEW}/manifest.json"
    document = entry.document()
    if unknown.file == "manifest.json":
        manifest = json.loads(store.get(place, limit=1 << 20))
        unknown.change(manifest)
        store._objects[place] = record.encode(manifest)
        document["digest"] = _sha256(store._objects[place])
    if unknown.file == "entry":
        unknown.change(document)
    store._objects[f"models/{MODEL}/aliases/latest/{entry.generation:08d}.json"] = record.encode(document)


def _changed(data: bytes, unknown: Unknown) -> bytes:
    if unknown.file != _PROGRAM:
        document = json.loads(data)
        unknown.change(document)
        return json.dumps(document).encode()
    meta, tensors = program_format.read(data)
    unknown.change(meta)
    return _program(meta, tensors)


def _program(meta: Document, tensors: Mapping[str, Any]) -> bytes:
    """The program file with this metadata, whatever its format says, and the signature of what it has."""
    try:
        meta["signature"] = signature(meta)
    except (KeyError, TypeError, AttributeError):
        meta["signature"] = "0" * 64
    whole = program_format.write(meta, tensors)
    length = int.from_bytes(whole[:8], "little")
    header = json.loads(whole[8 : 8 + length])
    header["__metadata__"]["firesteel"] = json.dumps(meta)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + whole[8 + length :]


def _sha256(data: bytes) -> str:
    from hashlib import sha256

    return sha256(data).hexdigest()
