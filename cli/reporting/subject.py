"""The version that a report is about, and the rows of a file that can tell how good it is."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from cli.programs import METADATA, METRICS, document, load
from firesteel.definition import Definition
from firesteel.errors import DataError, IntegrityError, NotFoundError
from firesteel.program.predictor import Predictor
from firesteel.registry import alias, bundle
from firesteel.registry.bundle import Manifest
from firesteel.registry.store import Store
from functions.train import dataset, repeats
from functions.train.columns import Values
from functions.train.dataset import Dataset
from functions.train.split import groups_of, split

_DEFINITION = "definition.json"


class Subject(NamedTuple):
    """One published version, whole."""

    manifest: Manifest
    definition: Definition
    predictor: Predictor
    metadata: dict[str, Any]
    metrics: dict[str, Any]

    @property
    def version(self) -> str:
        return self.manifest.version

    @property
    def trained_on(self) -> str | None:
        """SHA-256 of the training file; None if the version does not say."""
        sha256: str | None = self.metadata.get("data", {}).get("sha256")
        return sha256


def read(store: Store, model: str, version: str | None, alias_name: str) -> Subject:
    """A version, or the one that the alias names.

    Raises NotFoundError for what is no version, or a model of segments of which none is named; IntegrityError.
    """
    entry = None if version else alias.current(store, model, alias_name)
    manifest = bundle.read_manifest(store, model, entry.version if entry else version or "", entry and entry.digest)
    program = load(store, manifest)
    if not isinstance(program, Predictor):
        segments = [name for name in bundle.models(store) if name.startswith(f"{model}/")]
        raise NotFoundError(f"{model} is one model a segment; report on one of: {', '.join(segments)}")
    try:
        described = Definition.model_validate_json(bundle.read_file(store, manifest, _DEFINITION))
    except (NotFoundError, ValidationError) as error:
        raise IntegrityError(f"{_DEFINITION} of {model} {manifest.version} cannot be read: {error}") from None
    metadata, metrics = (document(store, manifest, name) for name in (METADATA, METRICS))
    return Subject(manifest, described, program, metadata, metrics)


class Rows(NamedTuple):
    """Rows that a version is to answer, what they are (a sentence), and whether it is known never to have seen them in
    training.

    `groups` [rows] are the numbers of those that are not independent of each other; None when each row is.
    """

    dataset: Dataset
    said: str
    unseen: bool
    groups: npt.NDArray[np.intp] | None = None

    def keep(self, lines: npt.NDArray[np.int64]) -> "Rows":
        """Only the rows that stand on these lines, in their order."""
        chosen = np.flatnonzero(np.isin(self.dataset.lines, lines))
        return self._replace(
            dataset=self.dataset.take(chosen), groups=None if self.groups is None else self.groups[chosen]
        )


def rows_of(subject: Subject, data: Path, trained_on: Sequence[Path] = ()) -> Rows:
    """The rows of a file that were held out, if the version was trained on it; else all of them, but, where `trained_on`
    has the file of its training, those that it saw there.

    Raises DataError for a file that cannot be used or has no row.
    """
    rows = dataset.read(data, subject.definition, training=False)
    if not len(rows):
        raise DataError(f"{data}: not one of its {rows.rows_read} rows can be used")
    groups = groups_of(rows, subject.definition) if subject.definition.split.group else None
    parted, count, version = subject.metadata.get("split", {}), len(rows), subject.version
    if subject.trained_on != rows.sha256:
        file = next((file for file in trained_on if sha256(file) == subject.trained_on), None)
        if file:
            return _new(subject, Rows(rows, "", True, groups), file)
        said = f"All {count:,} usable rows of {data.name}, which is not the file that {version} was trained on"
        return Rows(rows, f"{said}; some may stand in both.", False, groups)
    _, held_out = _parts(subject, rows)
    if not len(held_out):
        said = f"All {count:,} usable rows of {data.name}. {version} was trained on every one of them"
        return Rows(rows, f"{said}: this says how well it remembers, not how well it would do.", False, groups)
    said = (
        f"The {len(held_out):,} rows of {data.name} that the training of {version} held out ({parted['kind']} split, "
        f"seed {parted.get('seed', subject.definition.split.seed)}): it never saw them."
    )
    return Rows(rows.take(held_out), said, True, None if groups is None else groups[held_out])


def sha256(file: Path) -> str:
    """Of the file's bytes. Raises DataError when it cannot be read."""
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{file}: {error.strerror}") from None


def _parts(subject: Subject, rows: Dataset) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Which rows of its training file a version was trained on, and which were held out. Raises DataError."""
    parted = subject.metadata.get("split", {})
    if parted.get("kind") in (None, "none", "given"):
        return np.arange(len(rows)), np.arange(0)
    train, held_out = split(rows, subject.definition)
    if len(held_out) != parted["test"]:
        raise DataError(
            f"{rows.source}: its split holds {len(held_out)} rows out, that of {subject.version} held out "
            f"{parted['test']}: another version of Firesteel or scikit-learn must have trained it"
        )
    return train, held_out


def _new(subject: Subject, asked: Rows, file: Path) -> Rows:
    """The rows without those whose inputs, or group, a version was trained on. Raises DataError when none are left."""
    of_file = dataset.read(file, subject.definition, training=False)
    seen, rows = of_file.take(_parts(subject, of_file)[0]), asked.dataset
    columns = [_joined(values, rows.inputs[name]) for name, values in seen.inputs.items()]
    is_new = repeats.first_of(columns, len(seen) + len(rows))[len(seen) :] >= len(seen)
    if by := subject.definition.split.group:
        trained = set(seen.extra[by])
        is_new &= np.array([group not in trained for group in rows.extra[by]])
    if not is_new.any():
        raise DataError(f"{rows.source}: {subject.version} was trained on every row of it that can be used")
    kept, version = asked.keep(rows.lines[is_new]), subject.version
    said = (
        f"The {len(kept.dataset):,} rows of {Path(rows.source).name} that {version} was not trained on; "
        f"{len(rows) - len(kept.dataset):,} others have inputs or groups that it was, in {file.name}."
    )
    if corrections := (subject.metadata.get("feedback") or {}).get("used"):
        return kept._replace(said=f"{said} Some may be among its {corrections:,} corrections.", unseen=False)
    return kept._replace(said=said)


def _joined(first: Values, second: Values) -> Values:
    """Columns of one kind, one after the other."""
    if isinstance(first, np.ndarray):
        return np.concatenate([first, np.asarray(second)])
    return [*first, *second]


def common(first: Rows, second: Rows) -> tuple[Rows, Rows]:
    """The rows that both are to answer. Raises DataError when there are none.

    Which version answers them better can be said only of rows that are `unseen` by both.
    """
    lines = np.intersect1d(first.dataset.lines, second.dataset.lines)
    if not len(lines):
        raise DataError(f"{first.dataset.source}: no row was held out from the training of both versions")
    return first.keep(lines), second.keep(lines)
