"""`firesteel export`: a published version for other tools: an MLflow model, an ONNX model, an Evidently report."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from cli import programs
from cli.environment import open_registry, settings
from cli.output import AsJson, console, print_json
from firesteel.errors import CompileError
from firesteel.program.predictor import Predictor
from firesteel.registry import alias, bundle
from firesteel.registry.bundle import Manifest
from firesteel.registry.store import Store
from functions.classify import replay
from functions.classify.fetch import GOLDEN, PROGRAM


def add_to(app: typer.Typer) -> None:
    app.command(
        epilog="Examples:\n\n"
        "firesteel export tickets --format mlflow --out tickets-mlflow\n\n"
        "firesteel export g2g --format onnx --out g2g.onnx --data businesses.csv\n\n"
        "firesteel export tickets --format evidently --data april.csv --reference march.csv --out drift.html"
    )(export)


def export(
    model: Annotated[str, typer.Argument(help="The model, like tickets; or a segment of one, like recruits/qb.")],
    to: Annotated[
        Literal["mlflow", "onnx", "evidently"],
        typer.Option("--format", help="An MLflow model, an ONNX model, or Evidently's report."),
    ],
    out: Annotated[Path, typer.Option(help="What to write: a folder for mlflow, else a file.")],
    version: Annotated[str | None, typer.Option(help="The version.", show_default="that of the alias")] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="A CSV of rows: to prove ONNX on, besides the golden ones; Evidently's current rows."),
    ] = None,
    reference: Annotated[Path | None, typer.Option(help="Evidently's reference: a CSV of rows of before.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write a published version in another tool's format. Each needs an extra, which is named if it is missing."""
    if (to == "evidently") != (reference is not None):
        raise typer.BadParameter("--reference belongs to --format evidently, which needs it")
    if to == "evidently" and data is None:
        raise typer.BadParameter("--format evidently needs --data: the current rows")
    store = open_registry()
    manifest = _manifest(store, model, version)
    loaded = programs.load(store, manifest)
    if not isinstance(loaded, Predictor):
        segments = ", ".join(f"{model}/{name}" for name in loaded.segments.values())
        raise CompileError(f"{model} sends rows to its segments; export one of them: {segments}")
    match to:
        case "mlflow":
            said = _mlflow(store, manifest, loaded, out)
        case "onnx":
            said = _onnx(store, manifest, loaded, out, data)
        case "evidently":
            assert data is not None
            assert reference is not None
            said = _evidently(loaded, out, data, reference)
    told = {"model": manifest.model, "version": manifest.version, "format": to, "out": str(out), **said}
    if as_json:
        print_json(told)
    else:
        more = "; ".join(f"{name.replace('_', ' ')} {value}" for name, value in said.items())
        console.print(f"{manifest.model} {manifest.version} is written to {out}: {more}")


def _manifest(store: Store, model: str, version: str | None) -> Manifest:
    if version:
        return bundle.read_manifest(store, model, version)
    entry = alias.current(store, model, settings().alias)
    return bundle.read_manifest(store, model, entry.version, entry.digest)


def _mlflow(store: Store, manifest: Manifest, loaded: Predictor, out: Path) -> dict[str, object]:
    from cli.peers import mlflow_model

    examples = [row["input"] for row in replay.read(bundle.read_file(store, manifest, GOLDEN))]
    mlflow_model.save(out, bundle.read_file(store, manifest, PROGRAM), loaded, manifest, examples)
    return {"files": sum(1 for path in out.rglob("*") if path.is_file())}


def _onnx(store: Store, manifest: Manifest, loaded: Predictor, out: Path, data: Path | None) -> dict[str, object]:
    from cli.peers.extras import need

    need("onnx", "onnx")
    need("onnxruntime", "onnx")
    from cli.peers import scored
    from cli.peers.onnx import model, proof

    golden = [loaded.check(row["input"]) for row in replay.read(bundle.read_file(store, manifest, GOLDEN))]
    real = golden + (scored.rows(data, loaded) if data else [])
    about = {
        "model": manifest.model,
        "version": manifest.version,
        "digest": manifest.digest,
        "signature": loaded.signature,
    }
    written = model.convert(bundle.read_file(store, manifest, PROGRAM), about)
    rows = real + proof.hostile(loaded, real)
    difference = proof.prove(written, loaded, rows)
    out.write_bytes(written)
    return {"bytes": len(written), "rows_compared": len(rows), "largest_difference": difference}


def _evidently(loaded: Predictor, out: Path, data: Path, reference: Path) -> dict[str, object]:
    from cli.peers import evidently_report

    return evidently_report.write(out, loaded, current=data, reference=reference)
