"""scikit-learn models out of MLflow: where one comes from, and the fitted object. To load one may run code of its own."""

import hashlib
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cli.peers.extras import need
from firesteel.errors import CompileError, DataError

_SKLEARN = "sklearn"
_SCHEME = re.compile(r"(?!file:)[a-z][a-z0-9+.-]+:", re.IGNORECASE)
_HARMLESS = ("numpy.dtype",)  # skops does not say so, but a type of numbers is all that it can become


class Source(NamedTuple):
    """A model folder of MLflow with a scikit-learn model, and what its MLmodel file says of it."""

    uri: str
    folder: Path
    file: Path
    serialization: str
    run: str | None
    sklearn: str | None
    code: str | None
    described: Any

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.file.read_bytes()).hexdigest()

    @property
    def columns(self) -> list[str] | None:
        """The names of its input columns, if its signature has some."""
        inputs = self.described.signature and self.described.signature.inputs
        return inputs.input_names() if inputs and inputs.has_input_names() else None

    def example(self, fields: Sequence[str]) -> list[dict[str, Any]]:
        """The rows of its input example, by field; none without one. Raises DataError for one of another form."""
        if not self.described.saved_input_example_info:
            return []
        import pandas as pd

        given = self.described.load_input_example(str(self.folder))
        try:
            table = given if isinstance(given, pd.DataFrame) else pd.DataFrame(given)
        except ValueError as error:
            raise DataError(f"a {type(given).__name__} is no frame, array of rows or list of texts: {error}") from None
        if not set(fields) <= set(table.columns):
            if len(table.columns) != len(fields):
                raise DataError(f"it has {len(table.columns)} columns, the model {len(fields)}")
            table.columns = pd.Index(fields)
        return [{str(name): _plain(row[name]) for name in fields} for row in table.to_dict("records")]


def _plain(value: Any) -> Any:
    """A value as requests have it."""
    if hasattr(value, "item"):
        value = value.item()
    return None if value != value else value


def fetch(uri: str, into: Path) -> Source:
    """The model of a path, or of what MLflow knows as runs:/..., models:/... or a store's URI.

    Raises DataError where there is none, CompileError for one of another library.
    """
    folder = Path(uri.removeprefix("file://"))
    if not folder.is_dir() and not _SCHEME.match(uri):
        raise DataError(f"{uri}: there is no such folder; a model that MLflow keeps itself is runs:/... or models:/...")
    need("mlflow", "mlflow")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    import mlflow.artifacts
    from mlflow.exceptions import MlflowException
    from mlflow.models import Model

    try:
        if not folder.is_dir():
            folder = Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=str(into)))
        described = Model.load(str(folder))
    except (MlflowException, OSError) as error:
        said = str(error).strip().partition("\n")[0] or type(error).__name__
        raise DataError(f"{uri}: MLflow finds no model there ({said})") from None
    flavors = described.flavors
    if _SKLEARN not in flavors:
        raise CompileError(f"{uri} is no scikit-learn model; its flavors are: {', '.join(flavors)}")
    about = flavors[_SKLEARN]
    file = (folder / about["pickled_model"]).resolve()
    if not file.is_relative_to(folder.resolve()) or not file.is_file():
        raise DataError(f"{uri}: its MLmodel names {about['pickled_model']}, which is no file of the model")
    kind = about.get("serialization_format", "pickle")
    return Source(uri, folder, file, kind, described.run_id, about.get("sklearn_version"), about.get("code"), described)


def load(source: Source, *, trust: bool) -> Any:
    """The fitted model. Raises DataError where that would run code of the model, and nobody said to trust it.

    skops builds the types that it knows and no other. Pickles run whatever stands in them.
    """
    if source.serialization == "skops":
        return _of_skops(source, trust=trust)
    if not trust:
        raise DataError(
            f"{source.uri} is kept as {source.serialization}: to load it runs code that stands in it, whatever that does. "
            "Import it with --trust only if you know who made it; or have it logged with serialization_format='skops'"
        )
    if source.code:
        sys.path.insert(0, str(source.folder / source.code))
    cloudpickle = need("cloudpickle", "mlflow")
    try:
        with source.file.open("rb") as file:
            return cloudpickle.load(file)
    except Exception as error:  # loading runs code of the file, which may fail in any way
        raise CompileError(f"{source.uri} cannot be loaded: {type(error).__name__}: {error}") from error


def _of_skops(source: Source, *, trust: bool) -> Any:
    skops = need("skops.io", "mlflow")
    unknown = [kind for kind in skops.get_untrusted_types(file=source.file) if kind not in _HARMLESS]
    if unknown and not trust:
        raise DataError(
            f"{source.uri} has types that skops does not know to be harmless: {', '.join(unknown)}. To build them may run "
            "code of the model: import it with --trust only if you know who made it"
        )
    try:
        return skops.load(source.file, trusted=[*unknown, *_HARMLESS])
    except Exception as error:  # a damaged file, or one of another version of scikit-learn
        raise CompileError(f"{source.uri} cannot be loaded: {type(error).__name__}: {error}") from error
