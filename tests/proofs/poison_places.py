"""Bundles on disk whose hashes are right, and places in a store where no plain files are."""

import hashlib
import json
import os
import shutil
import socket
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from tests.proofs.poison_entries import OTHER, VERSION, Place
from tests.proofs.poison_reads import ENTRY, MANIFEST

_HASH, _WHEN = "0" * 32, "2026-11-21T00:00:00Z"


class Bundle(NamedTuple):
    """A golden bundle, given by its program, with some files changed. Whoever wrote it could write the whole bucket."""

    program: Path
    changed: Mapping[str, bytes] = {}

    @property
    def model(self) -> str:
        parts = self.program.parts
        return "/".join(parts[parts.index("models") + 1 : -2])

    @property
    def row(self) -> Any:
        rows = json.loads((self.program.parent / "golden.json").read_bytes())["rows"]
        return rows[0]["input"] if rows else {"position": "QB"}

    @property
    def size(self) -> int:
        return sum(map(len, self.files().values()))

    def with_file(self, name: str, data: bytes) -> "Bundle":
        return Bundle(self.program, {**self.changed, name: data})

    def files(self) -> dict[str, bytes]:
        return {**_original(self.program.parent), **self.changed}

    def placed(self, folder: Path) -> Place:
        """Written into a new store in `folder`, all of it well hashed and named by the alias `latest`."""
        store = folder / "store"
        for old in (store, folder / "out"):
            shutil.rmtree(old, ignore_errors=True)
        files = self.files()
        own = store / "models" / self.model
        table = {name: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in files.items()}
        digest = ""
        for version in (OTHER, VERSION):
            place = own / f"v{version}"
            place.mkdir(parents=True)
            for name, data in files.items():
                (place / name).write_bytes(data)
            common = {"format": 1, "model": self.model, "version": version, "write_id": _HASH}
            digest = _write(place / "manifest.json", common | {"created": _WHEN, "files": table})
            _write(place / "claim.json", common | {"who": "poison", "when": _WHEN})
        write_entry(own, digest)
        return Place(folder, self.model, self.row)


def write_entry(model: Path, digest: str, changes: Mapping[str, Any] | None = None) -> None:
    """The alias `latest` of the folder of a model names the version of this digest."""
    entry = {
        "format": 1,
        "alias": "latest",
        "generation": 1,
        "kind": "promote",
        "version": VERSION,
        "digest": digest,
        "previous": None,
        "write_id": _HASH,
        "who": "poison",
        "why": "",
        "when": _WHEN,
    }
    folder = model / "aliases" / "latest"
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "00000001.json", entry | dict(changes or {}))


@cache
def _original(folder: Path) -> dict[str, bytes]:
    return {
        path.name: path.read_bytes() for path in folder.iterdir() if path.name not in ("claim.json", "manifest.json")
    }


def _write(path: Path, record: Any) -> str:
    data = (json.dumps(record, indent=1) + "\n").encode()
    path.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


class Hostile(NamedTuple):
    """What is done to a store's folder, and to which file: whoever reads that must refuse it. None: nobody needs it."""

    what: str
    file: str
    poison: Callable[[Path], None]

    @property
    def absent(self) -> bool:
        """Whether a store then sees nothing there: who lists versions finds one less, only who answers rows must refuse."""
        return self.what.endswith((" is a folder", " is nothing", " is a link", "names 'con'"))


_FILES = ("program.safetensors", "golden.json", "metrics.json", "claim.json", "manifest.json", "aliases")
_NAMES = (
    "../../../canary",
    "..",
    ".",
    "/etc/passwd",
    "a/b",
    "a\\b",
    "C:\\x",
    "%2e%2e%2fx",
    "%252e%252e",
    "\uff0e\uff0e/x",
    "a\0b",
    "a" * 300,
    "PROGRAM.SAFETENSORS",
    "claim.json",
    "manifest.json",
    ".hidden",
    "",
    " ",
    "a\nb",
    "\u202ex",
    "con",
    "x.svg/..",
    "~root",
)


def places() -> Iterator[Hostile]:
    """Links, pipes, devices and folders where files should be; and manifests that name what is no file's name."""
    for name in _FILES:
        for what, make in {
            "a link out of the store": lambda path: path.symlink_to("/etc/passwd"),
            "a link to the endless": lambda path: path.symlink_to("/dev/zero"),
            "a link to itself": lambda path: path.symlink_to(path.name),
            "a pipe": os.mkfifo,
            "a folder": Path.mkdir,
            "a socket": _socket,
            "a hole of a TiB": _hole,
            "nothing": lambda path: None,
            "a link within the store": lambda path: path.symlink_to("../../../../other"),
        }.items():
            yield Hostile(
                f"{name} is {what}", name, lambda store, name=name, make=make: _replace(_find(store, name), make)
            )
    for name in _NAMES:
        yield Hostile(f"the manifest names {name!r:.30}", MANIFEST, lambda store, name=name: _rename(store, name))
    for what, changes in {
        "a number of files": {"files": 5},
        "no files": {"files": {}},
        "sizes that are huge": {"size": 1 << 62},
        "a size below 0": {"size": -1},
        "a hash that is none": {"sha256": "x" * 64},
        "another model": {"model": "../tickets"},
        "another version": {"version": "1.0.1"},
        "format 99": {"format": 99},
        "a long text": {"created": "x" * 100_000},
        "many files": {"files": {f"f{n}": {} for n in range(400)}},
        "a signature that is none": {"signature": [1]},
        "a mark": {"seal": "sha256 x"},
    }.items():
        yield Hostile(f"the manifest has {what}", MANIFEST, lambda store, changes=changes: _change(store, changes))
    for what, changes in {
        "a version that is a path": {"version": "../../x"},
        "a digest that is none": {"digest": 5},
        "another alias": {"alias": "x"},
        "another generation": {"generation": 2},
        "a kind that is none": {"kind": "__import__"},
        "a text of 10^5": {"why": "x" * 100_000},
        "a canary that is none": {"canary": {"version": "..", "digest": "", "weight": 1e308}},
        "a shadow that is none": {"shadow": []},
    }.items():
        yield Hostile(f"the entry has {what}", ENTRY, lambda store, changes=changes: _entry(store, changes))
    for name, file in {"version": MANIFEST, "model": ENTRY, "aliases": ENTRY}.items():
        yield Hostile(f"the folder of the {name} is a link", file, lambda store, name=name: _move(store, name))
    for name in ("v9.9.9", "v../x", "v1.0.0\n", "..x", "aliases2", "%2e%2e", "v" + "9" * 200 + ".0.0"):
        yield Hostile(f"a folder beside is {name!r:.20}", "", lambda store, name=name: _beside(store, name))


def written_over(name: str, data: bytes) -> Callable[[Path], None]:
    """Puts `data` in place of the manifest, with a new entry that has its hash, or of the entry."""

    def poison(store: Path) -> None:
        _find(store, name).write_bytes(data)
        if name == MANIFEST:
            write_entry(_model(store), hashlib.sha256(data).hexdigest())

    return poison


def _model(store: Path) -> Path:
    return next(store.glob("models/**/aliases")).parent


def _find(store: Path, name: str) -> Path:
    model = _model(store)
    return model / "aliases" / "latest" / "00000001.json" if name == "aliases" else model / f"v{VERSION}" / name


def _replace(path: Path, make: Callable[[Path], Any]) -> None:
    path.unlink(missing_ok=True)
    make(path)


def _socket(path: Path) -> None:
    here = os.open(path.parent, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(f"/proc/self/fd/{here}/{path.name}")
    os.close(here)


def _hole(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 40)


def _rename(store: Path, name: str) -> None:
    manifest = json.loads(_find(store, "manifest.json").read_bytes())
    manifest["files"][name] = manifest["files"].pop("program.safetensors")
    write_entry(_model(store), _write(_find(store, "manifest.json"), manifest))


def _change(store: Path, changes: dict[str, Any]) -> None:
    manifest = json.loads(_find(store, "manifest.json").read_bytes())
    for name, value in changes.items():
        target = manifest["files"]["program.safetensors"] if name in ("size", "sha256") else manifest
        target[name] = value
    write_entry(_model(store), _write(_find(store, "manifest.json"), manifest))


def _entry(store: Path, changes: dict[str, Any]) -> None:
    digest = hashlib.sha256(_find(store, "manifest.json").read_bytes()).hexdigest()
    write_entry(_model(store), digest, changes)


def _move(store: Path, name: str) -> None:
    model = _model(store)
    folder = {"version": model / f"v{VERSION}", "model": model, "aliases": model / "aliases"}[name]
    other = store.parent / f"elsewhere-{name}"
    shutil.rmtree(other, ignore_errors=True)
    folder.rename(other)
    folder.symlink_to(other)


def _beside(store: Path, name: str) -> None:
    folder = Path(f"{_model(store)}/{name.replace('/', '-')}")
    folder.mkdir()
    (folder / "program.safetensors").write_bytes(b"x")
