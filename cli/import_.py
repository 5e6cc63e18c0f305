"""`firesteel import`: a scikit-learn model out of MLflow becomes a version, proven to answer alike."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from cli.environment import open_registry, user
from cli.output import AsJson, console, errors, print_json
from firesteel.errors import ConflictError, DataError, InputError
from firesteel.registry import bundle, names
from firesteel.registry.bundle import Manifest
from firesteel.registry.store import Store

if TYPE_CHECKING:  # at run time it costs a second of scikit-learn, which `--help` need not wait for
    from cli.peers.foreign import Foreign
    from cli.peers.mlflow_source import Source

_PREFIX = "mlflow:"
_ATTEMPTS = 10  # to take a version's number before somebody else does
_GOLDEN = 3  # rows


def add_to(app: typer.Typer) -> None:
    app.command(
        "import",
        epilog="Examples:\n\n"
        "firesteel import mlflow:runs:/8f2c41d0a7e94b6f/model --as churn --target churned\n\n"
        "firesteel import mlflow:./mlflow-model --as intents --input utterance --target intent --check texts.csv",
    )(import_model)


def import_model(
    source: Annotated[str, typer.Argument(help="mlflow: and a path, or what MLflow knows: runs:/..., models:/...")],
    name: Annotated[str, typer.Option("--as", help="The model's name in the registry.")],
    target: Annotated[str, typer.Option(help="What the predicted label or number is called.")] = "label",
    text: Annotated[
        str, typer.Option("--input", help="What the text input is called, if the model reads one.")
    ] = "text",
    check: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="A CSV of rows to prove parity on, besides made-up ones."),
    ] = None,
    trust: Annotated[
        bool, typer.Option("--trust", help="Load pickled models: that runs code which stands in the file.")
    ] = False,
    version: Annotated[str | None, typer.Option(help="The exact version, like 2.0.0.", show_default="the next")] = None,
    changelog: Annotated[str, typer.Option(help="What changed, for the metadata.")] = "",
    as_json: AsJson = False,
) -> None:
    """Compile a scikit-learn model that MLflow keeps, prove that its program answers alike, and publish it as a version.

    Nothing is served before `firesteel promote`. A pickled model runs code when it is loaded, here and never where it is
    served: without --trust it is refused. One that was logged as skops needs no trust.
    """
    if not source.startswith(_PREFIX):
        raise typer.BadParameter(f"{source!r} does not begin with {_PREFIX}")
    store = open_registry()
    _must_be_free(store, name, version)
    from cli.peers import foreign, mlflow_source
    from cli.peers.imported import Origin, Proof, files

    with TemporaryDirectory(prefix="firesteel-import-") as folder:
        found = mlflow_source.fetch(source.removeprefix(_PREFIX), Path(folder))
        if trust:
            errors.print(f"[bold yellow]{escape(found.uri)} is trusted: loading it runs the code that stands in it[/]")
        fitted = mlflow_source.load(found, trust=trust)
        model = foreign.translate(name, fitted, target=target, text=text, names=found.columns)
        rows = _rows(model, found, check)
        proof = Proof(*foreign.prove(model, rows))
        origin = Origin(found.uri, found.sha256, found.serialization, found.run, found.sklearn)
        said = changelog or f"imported from {found.uri}"
    manifest = _publish(
        store, name, version, model.loaded.signature,
        lambda number: files(number, name, model, origin, proof, foreign.examples(model.loaded, _GOLDEN), said),
    )  # fmt: skip
    if as_json:
        told = {"model": name, "version": manifest.version, "digest": manifest.digest}
        print_json(told | {"source": origin, "parity": proof})
        return
    console.print(f"{proof.rows} rows are answered alike: at most {proof.largest_difference:.1e} apart")
    console.print(f"published {name} {manifest.version} (digest {manifest.digest[:12]}); it is not served")
    console.print(f"to serve it: firesteel promote {name} {manifest.version}")


def _must_be_free(store: Store, model: str, version: str | None) -> None:
    """Fail before the work, not after it. Raises ConflictError, and NotFoundError for what is no name or version."""
    if version is None:
        names.folder(model)
        return
    names.version_folder(model, version)
    if version in [one.version for one in bundle.versions(store, model)]:
        raise ConflictError(f"{model} {version} exists already: versions are never written twice")


def _rows(model: "Foreign", found: "Source", check: Path | None) -> list[dict[str, Any]]:
    """Checked rows to prove on: of the file, else of the model's own input example, else one made up."""
    from cli.peers import foreign, scored

    if check:
        return scored.rows(check, model.loaded)
    try:
        rows = [model.loaded.check(row) for row in found.example([field.name for field in model.loaded.inputs.fields])]
    except (InputError, DataError) as error:
        errors.print(f"[yellow]the model's input example is not used[/]: {escape(str(error))}")
        rows = []
    return rows or [model.loaded.check(foreign.example(model.loaded))]


def _publish(
    store: Store, model: str, version: str | None, signature: str, files: Callable[[str], dict[str, bytes]]
) -> Manifest:
    """Write that version, or the next one; the one after it when somebody else takes the number first."""

    def write(number: str) -> Manifest:
        return bundle.publish(store, model, number, files(number), who=user(), signature=signature)

    if version:
        return write(version)
    for _ in range(_ATTEMPTS - 1):
        try:
            return write(bundle.next_version(store, model, "minor"))
        except ConflictError:
            continue
    return write(bundle.next_version(store, model, "minor"))
