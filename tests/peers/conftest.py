"""Small trained models of every shipped kind, and commands run out of process."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from firesteel import definition_file
from firesteel.program import predictor
from firesteel.program.predictor import Predictor
from firesteel.registry import alias
from firesteel.registry.seal import open_registry
from functions.train import dataset, parity, release
from functions.train import train as training
from functions.train.train import Trained
from models import g2g, gifts, recruits, tickets

ROOT = Path(__file__).resolve().parents[2]
_GENERATORS = {"g2g": (g2g, 600), "gifts": (gifts, 900), "recruits/qb": (recruits, 2400), "tickets": (tickets, 600)}
NAMES = (*_GENERATORS, "inspections")
_ROWS = 1000  # of a real set
LIMIT = 300  # seconds for a process, on a machine that does much else


class Model(NamedTuple):
    """A trained model, loaded, with the rows it was trained on as requests would send them, and their file."""

    trained: Trained
    loaded: Predictor
    rows: list[dict[str, Any]]
    data: Path


@pytest.fixture(scope="session")
def model_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Model]:
    """The model of a name, trained with fewer trees than its definition asks for, once a session."""

    @cache
    def make(name: str) -> Model:
        folder = tmp_path_factory.mktemp(name.replace("/", "-"))
        model, _, segment = name.partition("/")
        file = ROOT / (f"models/{model}.yaml" if name in _GENERATORS else f"examples/{model}/{model}.yaml")
        content = yaml.safe_load(file.read_text())
        if "iterations" in content.get("estimator", {}):
            content["estimator"]["iterations"] = 40
        described = folder / file.name
        described.write_text(yaml.safe_dump(content, sort_keys=False))
        definition = definition_file.load(described)
        definition = definition.of_segment(segment.upper()) if segment else definition
        data = ROOT / f"examples/{model}/{model}.csv.gz"
        if name in _GENERATORS:
            generator, rows = _GENERATORS[name]
            data = folder / "rows.csv"
            generator.write(data, rows, seed=0)
        read = dataset.read(data, definition, quarantine=folder / "quarantine.csv")
        trained = training.train(definition, read, tune=False)
        loaded = predictor.load(trained.program)
        assert isinstance(loaded, Predictor)
        blank = dict.fromkeys(field.name for field in loaded.inputs.fields)
        rows_of = [blank | row for row in parity.rows_of(read.columns, loaded.inputs)]
        return Model(trained, loaded, rows_of[:_ROWS], data)

    return make


@pytest.fixture(scope="session")
def store(model_of: Callable[[str], Model], tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of a store with tickets and g2g 1.0.0. Shared: only to be read."""
    url = f"file://{tmp_path_factory.mktemp('store')}"
    for name in ("tickets", "g2g"):
        done = release.release(open_registry(url), model_of(name).trained, who="tests", data_name="rows.csv")
        if not done.promoted:  # so few trees fail a gate
            alias.promote(open_registry(url), name, "latest", done.version, who="tests", why="a test")
    return url


Sessions = Callable[..., list[dict[str, Any]]]


def environment(store: str, **more: str) -> dict[str, str]:
    """The surroundings of a command that stays on this machine."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("FIRESTEEL_", "MLFLOW_"))}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    own = {"PATH": path, "FIRESTEEL_STORE": store, "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    return kept | own | more


@pytest.fixture(scope="session")
def session() -> Sessions:
    """Run commands in a process of its own; gives the code, output and errors of each. Modules in `hidden` come first."""

    def run(store: str, *commands: list[object], folder: Path, hidden: str = "", **more: str) -> list[dict[str, Any]]:
        words = json.dumps([[str(word) for word in command] for command in commands])
        known = (hidden, str(ROOT), str(ROOT / "layers/firesteel"), os.environ.get("PYTHONPATH", ""))
        done = subprocess.run(
            [sys.executable, "-m", "tests.peers.session", words],
            env=environment(store, PYTHONPATH=os.pathsep.join(filter(None, known)), **more),
            cwd=folder, capture_output=True, text=True, timeout=LIMIT, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        told: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
        return told

    return run
