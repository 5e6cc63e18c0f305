"""Published programs as commands use them: loaded from the registry, checked, and asked row by row."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import batched
from typing import Any, NamedTuple

from cli import rows
from firesteel import strictjson
from firesteel.errors import InputError, IntegrityError, NotFoundError
from firesteel.program import predictor
from firesteel.program.predictor import Predictor
from firesteel.program.results import Explanation, Prediction
from firesteel.program.router import Router
from firesteel.registry import alias, bundle
from firesteel.registry.bundle import Manifest
from firesteel.registry.store import Store
from functions.classify import replay, shape
from functions.classify.fetch import GOLDEN, PROGRAM

METADATA, METRICS = "model_metadata.json", "metrics.json"
_BATCH = 1000  # rows that are scored at once


def load(store: Store, manifest: Manifest) -> Predictor | Router:
    """The program of a version: of its model, with the features that its manifest signs, and answering as when published.

    Raises IntegrityError, ProgramError.
    """
    try:
        program, golden = (bundle.read_file(store, manifest, name) for name in (PROGRAM, GOLDEN))
    except NotFoundError as error:
        raise IntegrityError(str(error)) from None
    loaded = predictor.load(program)
    if loaded.model != manifest.model.partition("/")[0]:
        raise IntegrityError(f"the program is one of model {loaded.model!r}, not {manifest.model!r}")
    examples = replay.read(golden)
    if isinstance(loaded, Predictor):
        if manifest.signature not in (None, loaded.signature):
            raise IntegrityError("the program's feature signature is not that of the manifest")
        replay.replay(loaded, examples)
        shape.of(loaded)  # what it answers with, which serving refuses where it is unknown
    return loaded


def failed_gates(store: Store, manifest: Manifest) -> list[str]:
    """What a version's metadata say of the gates that it failed; nothing in those of before it was kept."""
    verdicts = document(store, manifest, METADATA).get("gates", [])
    return [
        f"{one['metric']} {'is missing' if one['value'] is None else f'= {one["value"]:.4f}'}, wanted {one['bound']}"
        for one in verdicts
        if not one["passed"]
    ]


def document(store: Store, manifest: Manifest, name: str) -> dict[str, Any]:
    """A JSON file of a version; empty where the version has no such file. Raises IntegrityError."""
    if name not in manifest.files:
        return {}
    try:
        value = strictjson.parse(bundle.read_file(store, manifest, name))
    except ValueError as error:
        raise IntegrityError(f"{name} of {manifest.model} {manifest.version} cannot be read: {error}") from None
    if not isinstance(value, dict):
        raise IntegrityError(f"{name} of {manifest.model} {manifest.version} is no object")
    return value


class Version(NamedTuple):
    """A published version that answers rows."""

    model: str
    version: str
    predictor: Predictor


class Answer(NamedTuple):
    """What a version says to a row, and why if that was asked; or, in `error`, why none says anything."""

    line: int
    version: Version | None
    row: Mapping[str, Any]
    prediction: Prediction | None
    explanations: Mapping[str, Explanation]
    error: InputError | None


class Versions:
    """The versions that answer rows: that of a model; with segments, those that the model's program sends rows to.

    Segments are loaded when a row first asks for them, in the version that the alias names.
    """

    def __init__(self, store: Store, model: str, version: str | None, alias_name: str) -> None:
        self._store, self._model, self._alias = store, model, alias_name
        self._loaded: dict[str, Version] = {}
        number, program = self._read(model, version)
        self._router = program if isinstance(program, Router) else None
        if isinstance(program, Predictor):
            self._loaded[model] = Version(model, number, program)
        self.needed = [field.name for field in program.inputs.fields if field.required]
        """The columns without which no row of a file can be answered."""

    def of(self, cells: Mapping[str, str]) -> Version:
        """The version that answers a row. Raises InputError, RegistryError, ProgramError."""
        name = self._model
        if self._router:
            name = f"{name}/{self._router.segment_of(rows.values(cells, self._router.inputs))}"
        if name not in self._loaded:
            number, program = self._read(name, None)
            if isinstance(program, Router):
                raise IntegrityError(f"{name} is a segment, and its program one of segments")
            self._loaded[name] = Version(name, number, program)
        return self._loaded[name]

    def answer(
        self, numbered: Iterable[tuple[int, Mapping[str, str]]], *, explained: bool, strict: bool = False
    ) -> Iterator[Answer]:
        """The answers to rows, in their order, each after the line it stands on.

        Cells that are no inputs are left out, or with `strict` refused. Raises RegistryError, ProgramError.
        """
        for batch in batched(numbered, _BATCH, strict=False):
            answers = [self._checked(line, cells, strict) for line, cells in batch]
            for version in self._loaded.values():
                places = [place for place, one in enumerate(answers) if one.version is version]
                found = _ask(version.predictor, [answers[place].row for place in places], explained)
                for place, (prediction, explanations) in zip(places, found, strict=True):
                    answers[place] = answers[place]._replace(prediction=prediction, explanations=explanations)
            yield from answers

    def _checked(self, line: int, cells: Mapping[str, str], strict: bool) -> Answer:
        try:
            version = self.of(cells)
            inputs = version.predictor.inputs
            known = {field.name for field in inputs.fields}
            told = {name: cell for name, cell in cells.items() if strict or name in known}
            return Answer(line, version, inputs.check(rows.values(told, inputs)), None, {}, None)
        except InputError as error:
            return Answer(line, None, {}, None, {}, error)

    def _read(self, model: str, version: str | None) -> tuple[str, Predictor | Router]:
        entry = None if version else alias.current(self._store, model, self._alias)
        number, digest = (entry.version, entry.digest) if entry else (version or "", None)
        manifest = bundle.read_manifest(self._store, model, number, digest)
        return number, load(self._store, manifest)


def _ask(
    predictor: Predictor, checked: Sequence[Mapping[str, Any]], explained: bool
) -> list[tuple[Prediction, Mapping[str, Explanation]]]:
    explanations = predictor.explain_batch(checked) if explained else [{}] * len(checked)
    return list(zip(predictor.predict_batch(checked), explanations, strict=True))
