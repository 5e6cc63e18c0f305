"""The files of a version that was not trained here: what it came from instead of how it was learned."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version as installed
from typing import Any, NamedTuple

from cli.peers.foreign import Foreign
from firesteel.program.predictor import Predictor
from functions.train import parity
from functions.train.train import to_json

_LIBRARIES = ("numpy", "scikit-learn", "mlflow")


class Origin(NamedTuple):
    """Where a model comes from. `sha256` is that of the file it was loaded from, `sklearn` the version that wrote it."""

    uri: str
    sha256: str
    serialization: str
    run: str | None
    sklearn: str | None


class Proof(NamedTuple):
    """On how many rows program and model were compared, and how far they are apart at most."""

    rows: int
    largest_difference: float
    tolerance: float = parity.TOLERANCE


def files(
    version: str,
    name: str,
    model: Foreign,
    origin: Origin,
    proof: Proof,
    rows: Sequence[Mapping[str, Any]],
    changelog: str,
) -> dict[str, bytes]:
    """Every file of the version but claim and manifest. `rows` are checked examples, for the golden answers."""
    metadata = {
        "format": 1,
        "model": name,
        "segment": None,
        "signature": model.loaded.signature,
        "version": version,
        "changelog": changelog,
        "imported_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "source": origin._asdict(),
        "data": {"source": origin.uri, "sha256": origin.sha256, "rows_used": 0},
        "parity": proof._asdict(),
        "gates": [],
        "git_commit": None,
        "libraries": {library: installed(library) for library in _LIBRARIES},
    }
    return {
        "program.safetensors": model.program,
        "golden.json": to_json({"format": 1, "rows": [_golden(model.loaded, row) for row in rows]}),
        "model_metadata.json": to_json(metadata),
        "model_card.md": _card(version, name, model, origin, proof).encode(),
    }


def _golden(loaded: Predictor, row: Mapping[str, Any]) -> dict[str, Any]:
    answer = loaded.predict(row)
    values = {name: one.value for name, one in answer.estimates.items()}
    told = {"input": dict(row), "labels": answer.labels, "confidences": answer.confidences}
    return told | ({"values": values} if values else {})


def _card(version: str, name: str, model: Foreign, origin: Origin, proof: Proof) -> str:
    run = f", run {origin.run}" if origin.run else ""
    [target] = model.loaded.targets
    inputs = "\n".join(f"- {field.name}: {type(field).__name__.lower()}" for field in model.loaded.inputs.fields)
    return (
        f"# {name} {version}\n\n"
        f"Imported from {origin.uri}{run}; it was not trained or evaluated here.\n\n"
        f"- model: {type(model.fitted).__name__} of scikit-learn {origin.sklearn}, kept as {origin.serialization}, SHA-256 "
        f"{origin.sha256}\n"
        f"- answers: {target.name} ({target.task})\n"
        f"- the program answers as the model does on {proof.rows} rows: at most {proof.largest_difference:.1e} apart, "
        f"{proof.tolerance:.0e} is allowed\n\n"
        f"## Inputs\n\n{inputs}\n"
    )
