"""What a run of batch scoring is, so that it can be gone on with and is never mixed with another."""

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple, Self

from firesteel.errors import ConflictError, IntegrityError, NotFoundError
from firesteel.program import predictor
from firesteel.program.router import Router
from firesteel.registry import alias, bundle, record
from firesteel.registry.store import Store, put_once
from functions.classify.fetch import GOLDEN, PROGRAM, Fetched
from functions.classify.scoring.layout import Kind, Layout, Start

RUN = "run.json"
_LIMIT = 1 << 20


class Bundle(NamedTuple):
    """One version of one model, and no other bundle than that."""

    model: str
    version: str
    digest: str


class Input(NamedTuple):
    """The file of rows: what it is called, and the bytes that it has."""

    name: str
    size: int
    sha256: str


class Run(NamedTuple):
    """Which rows are answered by which bundles, and how. `bundles` are the model's own and those of its segments."""

    bundles: tuple[Bundle, ...]
    input: Input
    layout: Layout
    start: Start
    answers: Kind
    explained: bool
    part_rows: int
    begun: str

    @property
    def identity(self) -> str:
        """SHA-256 of all that the bytes of the answers depend on; not of the file's name, nor of when it was."""
        told = self._replace(input=self.input._replace(name=""), begun="")
        return hashlib.sha256(record.encode(told.to_json())).hexdigest()

    def to_json(self) -> dict[str, Any]:
        return {
            "format": record.FORMAT,
            "bundles": [one._asdict() for one in self.bundles],
            "input": self.input._asdict(),
            "layout": self.layout._asdict(),
            "start": self.start._asdict(),
            "answers": self.answers,
            "explained": self.explained,
            "part_rows": self.part_rows,
            "begun": self.begun,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        layout = value["layout"]
        return cls(
            tuple(Bundle(**one) for one in value["bundles"]),
            Input(**value["input"]),
            Layout(layout["kind"], layout["delimiter"], tuple(layout["header"])),
            Start(**value["start"]),
            *(value[name] for name in ("answers", "explained", "part_rows", "begun")),
        )


def claim(results: Store, folder: str, wanted: Run) -> Run:
    """Begin a run in a folder of results, or go on with the one that is there, which began earlier.

    Raises ConflictError when that is another, saying in what; StoreError.
    """
    try:
        put_once(results, folder + RUN, record.encode(wanted.to_json()))
    except ConflictError:
        begun = read(results, folder)
        if begun.identity != wanted.identity:
            raise ConflictError(
                f"{folder or 'the folder of results'} holds another run: {_apart(begun, wanted)}"
            ) from None
        return begun
    return wanted


def read(results: Store, folder: str) -> Run:
    """The run of a folder. Raises NotFoundError, IntegrityError, StoreError."""
    from firesteel import strictjson

    try:
        value = strictjson.parse(results.get(folder + RUN, limit=_LIMIT))
        if value["format"] != record.FORMAT:
            raise IntegrityError(
                f"{folder + RUN} has format {value['format']!r:.20}; this release reads {record.FORMAT}"
            )
        return Run.from_json(value)
    except (ValueError, KeyError, TypeError) as error:
        raise IntegrityError(f"{folder + RUN} is not what its format says: {error}") from None


def resolve(store: Store, model: str, version: str | None, alias_name: str) -> tuple[Bundle, ...]:
    """The bundle that answers a model's rows, from now on: that of a version or else of an alias, and of its segments.

    Segments in which nothing is published have none. Raises NotFoundError, IntegrityError, ProgramError, StoreError.
    """
    first = _resolved(store, model, version, alias_name)
    loaded = predictor.load(fetch(store, first).program)
    found = [first]
    for segment in dict.fromkeys(loaded.segments.values()) if isinstance(loaded, Router) else ():
        try:
            found.append(_resolved(store, f"{model}/{segment}", None, alias_name))
        except NotFoundError:
            continue
    return tuple(found)


def fetch(store: Store, one: Bundle) -> Fetched:
    """The verified bytes of a bundle, as a look at its alias would have brought them."""
    manifest, files = bundle.read_bundle(store, one.model, one.version, (PROGRAM, GOLDEN), one.digest)
    entry = alias.Entry(
        format=record.FORMAT,
        alias="batch",
        generation=1,
        kind="promote",
        version=one.version,
        digest=one.digest,
        previous=None,
        write_id="",
        who="",
        why="",
        when="",
    )
    return Fetched(entry, files[PROGRAM], files[GOLDEN], manifest.signature)


def _resolved(store: Store, model: str, version: str | None, alias_name: str) -> Bundle:
    if version is not None:
        return Bundle(model, version, bundle.read_manifest(store, model, version).digest)
    entry = alias.current(store, model, alias_name)
    return Bundle(model, entry.version, entry.digest)


def _apart(begun: Run, wanted: Run) -> str:
    """In what two runs differ, for people."""
    if begun.bundles != wanted.bundles:
        (there, *_), (asked, *_) = begun.bundles, wanted.bundles
        versions = (f"{one.model} {one.version} ({one.digest[:12]})" for one in (there, asked))
        return "its rows are answered by {}, not {}; name that version, or another folder".format(*versions)
    if begun.input[1:] != wanted.input[1:]:
        return (
            f"its rows are those of {begun.input.name} with SHA-256 {begun.input.sha256[:12]}, "
            f"not {wanted.input.sha256[:12]}; name another folder"
        )
    told = [
        name
        for name in ("answers", "explained", "part_rows", "layout")
        if getattr(begun, name) != getattr(wanted, name)
    ]
    return f"it has another {', '.join(told)}; ask for the same, or name another folder"
