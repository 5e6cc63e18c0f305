"""Training runs told to MLflow: what was set, how good it is, and every file of the version. An extra, and never in the way."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from cli.output import errors
from cli.peers.extras import need
from firesteel.errors import FiresteelError
from firesteel.registry import bundle
from firesteel.registry.store import Store

if TYPE_CHECKING:
    from functions.train.release import Release
    from functions.train.train import Trained

URI = "MLFLOW_TRACKING_URI"
_PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}  # for a server that is down
_LONGEST = 500  # characters of a parameter, which every MLflow store takes
_SAID = 200  # characters of a reason
_PICKLED = ".joblib"


def log(trained: "Trained", release: "Release", store: Store) -> str | None:
    """Log a published version as a run of the experiment named like the model; gives the run's id.

    Nothing happens unless MLFLOW_TRACKING_URI is set. What goes wrong is a warning: the version is published already.
    """
    if not os.environ.get(URI):
        return None
    try:
        return _log(trained, release, store)
    except Exception as error:  # noqa: BLE001 - a tracking server may fail in any way, and must not cost the version
        said = str(error) if isinstance(error, FiresteelError) else f"{type(error).__name__}: {error}"
        reason = escape(said.partition("\n")[0][:_SAID])
        errors.print(f"[yellow]{trained.definition.address} {release.version} is not logged to MLflow[/]: {reason}")
        return None


def _log(trained: "Trained", release: "Release", store: Store) -> str:
    for setting, value in {**_PATIENCE, "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false"}.items():
        os.environ.setdefault(setting, value)
    need("mlflow", "mlflow")
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param, RunTag

    client, address = MlflowClient(), trained.definition.address
    experiment = client.get_experiment_by_name(address)
    identity = experiment.experiment_id if experiment else client.create_experiment(address)
    run = client.create_run(identity, run_name=f"{address} {release.version}")
    number, now = run.info.run_id, run.info.start_time
    client.log_batch(
        number,
        metrics=[Metric(name, value, now, 0) for name, value in metrics(trained.metrics)],
        params=[Param(name, value[:_LONGEST]) for name, value in parameters(trained)],
        tags=[RunTag(name, value) for name, value in _tags(trained, release)],
    )
    with TemporaryDirectory(prefix="firesteel-mlflow-") as folder:
        manifest = bundle.read_manifest(store, address, release.version, release.digest)
        for name in manifest.files:
            if not name.endswith(_PICKLED):
                Path(folder, name).write_bytes(bundle.read_file(store, manifest, name))
        client.log_artifacts(number, folder, "bundle")
    client.set_terminated(number)
    errors.print(f"logged to MLflow: run {number} of experiment {address}")
    return str(number)


def parameters(trained: "Trained") -> Iterator[tuple[str, str]]:
    """What was set, by name: the estimator's settings of each target, the split, and what the rows were."""
    for target, settings in trained.settings.items():
        yield from ((f"{target}.{name}", str(value)) for name, value in settings.items())
    yield from (
        (f"split.{name}", str(value)) for name, value in trained.split.items() if not isinstance(value, list | dict)
    )
    yield from (("data.rows", str(len(trained.dataset))), ("data.sha256", trained.dataset.sha256))
    yield "definition.sha256", trained.definition.sha256


def metrics(measured: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """The numbers of each target, by name: priority.macro_f1."""
    for target, values in measured["targets"].items():
        for name, value in values.items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                yield f"{target}.{name}", float(value)


def _tags(trained: "Trained", release: "Release") -> Iterator[tuple[str, str]]:
    yield "firesteel.model", trained.definition.address
    yield "firesteel.version", release.version
    yield "firesteel.digest", release.digest
    yield "firesteel.signature", trained.signature
    yield "firesteel.gates", "failed" if release.failed else "passed"
