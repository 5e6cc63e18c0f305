"""A bundle as an MLflow model: its program, the numpy runtime that answers, signature and example. No pickle in it."""

import logging
import os
import shutil
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cli.environment import project_root
from cli.peers.extras import need
from firesteel.errors import ConflictError
from firesteel.program.predictor import Predictor
from firesteel.program.schema import Field, Number
from firesteel.registry.bundle import Manifest
from functions.classify import shape
from functions.classify.fetch import PROGRAM
from functions.train.train import to_json

_RUNTIME = ("__init__.py", "errors.py", "strictjson.py", "program", "registry/__init__.py", "registry/record.py")
_SHAPE = ("__init__.py", "shape.py")


def save(
    folder: Path, program: bytes, loaded: Predictor, manifest: Manifest, examples: Sequence[Mapping[str, Any]]
) -> None:
    """Write the model into a new folder. `examples` are rows of the request. Raises ConflictError if the folder is not empty."""
    need("mlflow", "mlflow")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    import mlflow.pyfunc
    import pandas as pd

    if folder.exists() and any(folder.iterdir()):
        raise ConflictError(f"{folder} is not empty; choose another folder")
    about = {"model": manifest.model, "version": manifest.version, "digest": manifest.digest}
    kinds = {field.name: _kind(field) for field in loaded.inputs.fields}
    rows = pd.DataFrame([dict.fromkeys(kinds) | dict(row) for row in examples], columns=list(kinds))
    rows = rows.astype({name: _COLUMNS[kind] for name, kind in kinds.items()})
    with TemporaryDirectory(prefix="firesteel-mlflow-") as parts:
        source = Path(parts)
        (source / PROGRAM).write_bytes(program)
        (source / "about.json").write_bytes(to_json(about))
        code = _code(source / "code")
        mlflow.pyfunc.save_model(
            path=folder,
            python_model=str(Path(__file__).with_name("mlflow_code.py")),
            artifacts={"program": str(source / PROGRAM), "about": str(source / "about.json")},
            code_paths=[str(path) for path in code],
            signature=_signature(loaded),
            input_example=rows,
            pip_requirements=[f"{name}=={version(name)}" for name in ("mlflow", "numpy", "pandas")],
            metadata={f"firesteel_{name}": value for name, value in about.items()},
        )


def _code(folder: Path) -> list[Path]:
    """The packages that answering needs, copied into `folder`."""
    root = project_root()
    wanted = [(root / "layers" / "firesteel" / "firesteel", name, folder / "firesteel") for name in _RUNTIME]
    wanted += [(root / "functions" / "classify", name, folder / "functions" / "classify") for name in _SHAPE]
    for source, name, target in wanted:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        if (source / name).is_dir():
            shutil.copytree(source / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source / name, target / name)
    return sorted(folder.iterdir())


def _signature(loaded: Predictor) -> Any:
    """Names and types of a row and of an answer, as MLflow writes them."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema, TensorSpec

    kinds = {field.name: _kind(field) for field in loaded.inputs.fields}
    answered = {name: _answered(source, kinds) for name, source in shape.sources(loaded).items()}
    required = {field.name: field.required for field in loaded.inputs.fields}
    inputs: list[ColSpec | TensorSpec] = [ColSpec(kind, name, required[name]) for name, kind in kinds.items()]
    outputs: list[ColSpec | TensorSpec] = [ColSpec(kind, name) for name, kind in answered.items()]
    return ModelSignature(inputs=Schema(inputs), outputs=Schema(outputs))


_COLUMNS = {"double": "float64", "long": "int64", "string": "object"}


def _kind(field: Field) -> str:
    """MLflow's type of an input; whole numbers are long only where none can be missing."""
    if not isinstance(field, Number):
        return "string"
    return "long" if field.integer and field.required else "double"


_NUMBERS = ("confidence", "value", "lower", "upper", "score")


def _answered(source: str, inputs: Mapping[str, str]) -> str:
    """The type of an answer's field by what it is made of: input.gid, priority.label, review."""
    owner, _, aspect = source.partition(".")
    if owner == "input":
        return inputs[aspect]
    if source == "review":
        return "boolean"
    return "double" if aspect in _NUMBERS else "string"
