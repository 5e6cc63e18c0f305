"""MLflow as it is: what it serves, what it keeps, and what it tracks, each by the real package in a process of its own."""

import http.client
import json
import os
import pickle
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cli.peers import tracking
from firesteel import strictjson
from firesteel.registry import bundle
from firesteel.registry.seal import open_registry
from functions.classify import shape
from functions.train.release import Release
from tests.peers.conftest import LIMIT, ROOT, Model, Sessions, environment

pytestmark = pytest.mark.slow
STARTING = 120  # seconds that MLflow's server may take on a busy machine

FOREIGN = """
from functools import partial
import mlflow.sklearn
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC
texts = ["refund my invoice", "charged twice on my card", "cannot log in", "password is locked"]
labels = ["billing", "billing", "access", "access"]
numbers = [[1.0, 2.0], [2.0, 1.0], [3.0, 5.0]]
text = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, labels)
save = partial(mlflow.sklearn.save_model, pip_requirements=["scikit-learn"])  # or MLflow finds out by itself, slowly
save(text, "text", input_example=texts[:2])
save(text, "pickled", serialization_format="cloudpickle")
save(Ridge().fit(numbers, [1.0, 2.0, 3.0]), "numbers")
save(make_pipeline(TfidfVectorizer(), SVC()).fit(texts, labels), "svm", serialization_format="cloudpickle")
mlflow.set_tracking_uri("sqlite:///runs.db")
with mlflow.start_run() as run:
    mlflow.sklearn.log_model(text, name="model", pip_requirements=["scikit-learn"])
    print(run.info.run_id)
"""


@pytest.fixture(scope="module")
def exported(store: str, session: Sessions, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with tickets and g2g as MLflow models, and what was said of them."""
    folder = tmp_path_factory.mktemp("exported")
    commands = [["export", name, "--format", "mlflow", "--out", folder / name, "--json"] for name in ("tickets", "g2g")]
    commands.append(commands[0])
    *done, again = session(store, *commands, folder=folder)
    assert [one["code"] for one in done] == [0, 0], done
    assert json.loads(done[0]["out"])["version"] == "1.0.0"
    assert again["code"] == 5
    assert "is not empty" in again["err"]
    return folder


def python(code: str, folder: Path, *arguments: str) -> str:
    """What a program says that has MLflow and knows nothing of this checkout but what the environment has installed."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=environment("memory://"), cwd=folder, capture_output=True, text=True, timeout=LIMIT, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder with scikit-learn models that MLflow saved, and the id of a run that logged one."""
    folder = tmp_path_factory.mktemp("foreign")
    return folder, python(FOREIGN, folder).split()[-1]


def test_an_exported_model_is_code_and_a_program_and_no_pickle(exported: Path) -> None:
    files = [path.relative_to(exported).as_posix() for path in exported.rglob("*") if path.is_file()]
    assert "tickets/artifacts/program.safetensors" in files
    assert "tickets/mlflow_code.py" in files
    assert [file for file in files if file.endswith((".pkl", ".pickle", ".joblib", ".skops"))] == []
    assert (exported / "tickets/input_example.json").exists()
    described = (exported / "tickets/MLmodel").read_text()
    assert "firesteel_version: 1.0.0" in described
    assert "priority_confidence" in described


LOADED = """
import json, sys
import mlflow.pyfunc
import firesteel  # that of the checkout, were it not for the model's own
for name in [one for one in sys.modules if one.partition(".")[0] == "firesteel"]:
    del sys.modules[name]
model = mlflow.pyfunc.load_model("g2g")
import pandas
rows = pandas.DataFrame(json.load(open(sys.argv[1])))
kinds = {"double": "float64", "long": "int64", "string": "object"}
rows = rows.astype({one.name: kinds[one.type.name] for one in model.metadata.signature.inputs})
answers = model.predict(rows)
told = {"answers": answers.to_dict("records"), "file": sys.modules["firesteel"].__file__}
try:
    model.predict(rows.assign(region="Atlantis"))
except Exception as error:
    told["error"] = str(error)
print(json.dumps(told))
"""


def served_answers(model: Model, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the API answers to rows."""
    live: Any = SimpleNamespace(model=model.trained.definition.model, version="1.0.0")
    made = shape.of(model.loaded)
    predictions = model.loaded.predict_batch(rows)
    return [
        {name: of(row, one, live) for name, of in made.items() if name != "prediction_timestamp"}
        for row, one in zip(rows, predictions, strict=True)
    ]


def without_time(answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in one.items() if name != "prediction_timestamp"} for one in answers]


def test_pyfunc_loads_it_with_its_own_code_and_answers_as_the_api_does(
    exported: Path, model_of: Callable[[str], Model]
) -> None:
    model = model_of("g2g")
    rows = [{**row, "gid": f"G-{number}"} for number, row in enumerate(model.rows[:100])]
    (exported / "rows.json").write_text(json.dumps(rows))
    told = json.loads(python(LOADED, exported, "rows.json").splitlines()[-1])
    assert without_time(told["answers"]) == served_answers(model, rows)
    assert Path(told["file"]).is_relative_to(exported)
    assert "row 0: region must be one of" in told["error"]


@pytest.fixture
def server(exported: Path) -> Iterator[int]:
    """The port of MLflow's own server of tickets."""
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        port: int = chosen.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "models", "serve", "--model-uri", str(exported / "tickets")]
    command += ["--env-manager", "local", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    log = exported / "server.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            command, env=environment("memory://"), cwd=exported, stdout=out, stderr=out, start_new_session=True
        )
    try:
        deadline = time.monotonic() + STARTING
        while not answers(port):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
        yield port
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)


def answers(port: int) -> bool:
    try:
        return ask(port, "GET", "/ping")[0] == 200
    except OSError:
        return False


def ask(port: int, method: str, path: str, body: object = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, json.dumps(body), {"content-type": "application/json"})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def test_mlflow_serves_it_with_the_answers_of_the_api(server: int, model_of: Callable[[str], Model]) -> None:
    model = model_of("tickets")
    rows = [{**row, "customer_email": None} for row in model.rows[:100]]
    status, body = ask(server, "POST", "/invocations", {"dataframe_records": rows})
    assert status == 200
    assert json.loads(body)["predictions"] == served_answers(model, rows)
    status, body = ask(server, "POST", "/invocations", {"dataframe_records": [{**rows[0], "title": "  "}]})
    assert status == 400
    assert "row 0: title must not be blank" in body.decode()


def test_scikit_learn_models_become_proven_versions_that_are_served_like_any_other(
    foreign: tuple[Path, str], session: Sessions, tmp_path: Path
) -> None:
    folder, run = foreign
    store = f"file://{tmp_path}/store"
    (folder / "texts.csv").write_text("utterance\nlog in please\nrefund\n")
    own = ["--input", "utterance", "--target", "intent"]
    text, again, number, svm, untrusted, trusted, of_run, taken, none, wrong, *served = session(
        store,
        ["import", "mlflow:text", "--as", "intents", *own, "--check", "texts.csv", "--json"],
        ["import", "mlflow:text", "--as", "intents", *own],
        ["import", "mlflow:numbers", "--as", "amounts", "--target", "amount", "--json"],
        ["import", "mlflow:svm", "--as", "svm", "--trust"],
        ["import", "mlflow:pickled", "--as", "pickled"],
        ["import", "mlflow:pickled", "--as", "pickled", "--trust"],
        ["import", f"mlflow:runs:/{run}/model", "--as", "logged", "--json"],
        ["import", "mlflow:text", "--as", "intents", "--version", "1.0.0"],
        ["import", "mlflow:nowhere", "--as", "none"],
        ["import", "text", "--as", "none"],
        ["promote", "intents", "1.0.0"],
        ["predict", "intents", "--set", "utterance=my password is locked", "--json"],
        ["versions", "intents"],
        ["verify", "intents"],
        folder=folder, MLFLOW_TRACKING_URI="sqlite:///runs.db",
    )  # fmt: skip
    told = json.loads(text["out"])
    assert (text["code"], told["version"], told["parity"]["rows"]) == (0, "1.0.0", 1002)
    assert told["parity"]["largest_difference"] < 1e-6
    assert "published intents 1.1.0" in again["out"]
    assert "firesteel promote intents 1.1.0" in again["out"]
    assert json.loads(number["out"])["model"] == "amounts"
    assert (svm["code"], untrusted["code"], trusted["code"]) == (1, 3, 0)
    assert "SVC" in svm["err"]
    assert "--trust only if you know who made it" in " ".join(untrusted["err"].split())
    assert "runs the code that stands in it" in " ".join(trusted["err"].split())
    assert json.loads(of_run["out"])["source"]["run"] == run
    assert (taken["code"], none["code"], wrong["code"]) == (5, 3, 2)
    opened = open_registry(store)
    assert bundle.models(opened) == ["amounts", "intents", "logged", "pickled"]
    manifest = bundle.read_manifest(opened, "intents", "1.0.0")
    metadata = strictjson.parse(bundle.read_file(opened, manifest, "model_metadata.json"))
    assert metadata["source"]["uri"] == "text"
    assert metadata["source"]["serialization"] == "skops"
    assert metadata["source"]["sklearn"] == metadata["libraries"]["scikit-learn"]
    golden = strictjson.parse(bundle.read_file(opened, manifest, "golden.json"))
    assert len(golden["rows"]) == 3
    assert "refund" not in json.dumps(golden)  # nobody's rows
    assert bundle.verify(opened, "intents", "1.0.0") == []
    assert [one["code"] for one in served] == [0, 0, 0, 0], served
    assert json.loads(served[1]["out"])["labels"] == {"intent": "access"}


TRACKED = """
import json, sys
from mlflow import MlflowClient
client = MlflowClient("sqlite:///runs.db")
[run] = client.search_runs([client.get_experiment_by_name("recruits/qb").experiment_id])
files = [file.path for file in client.list_artifacts(run.info.run_id, "bundle")]
told = {"run": run.info.run_id, "params": run.data.params, "metrics": run.data.metrics, "tags": run.data.tags}
print(json.dumps({**told, "files": files}))
"""

TRAINING = """
import os, pickle, sys
from cli.peers import tracking
from firesteel.registry.seal import open_registry
from functions.train import release
trained, store = pickle.load(open("trained.pickle", "rb")), open_registry(sys.argv[1])
released = release.release(store, trained, who="tests", data_name="rows.csv")
for uri in sys.argv[2:]:
    os.environ["MLFLOW_TRACKING_URI"] = uri
    print(tracking.log(trained, released, store))
"""


def test_a_training_run_is_logged_and_a_server_that_is_down_costs_no_version(
    foreign: tuple[Path, str], model_of: Callable[[str], Model], tmp_path: Path
) -> None:
    shutil.copy(foreign[0] / "runs.db", tmp_path)  # to make a new one takes MLflow a while
    model = model_of("recruits/qb")
    (tmp_path / "trained.pickle").write_bytes(pickle.dumps(model.trained))
    url = f"file://{tmp_path}/store"
    done = subprocess.run(
        [sys.executable, "-c", TRAINING, url, "http://127.0.0.1:9", "sqlite:///runs.db"],
        env=environment(url, PYTHONPATH=f"{ROOT}{os.pathsep}{ROOT / 'layers/firesteel'}"),
        cwd=tmp_path, capture_output=True, text=True, timeout=LIMIT, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    down, kept = done.stdout.splitlines()
    assert down == "None"
    assert "recruits/qb 1.0.0 is not logged to MLflow" in " ".join(done.stderr.split())
    told = json.loads(python(TRACKED, tmp_path).splitlines()[-1])
    assert told["run"] == kept
    assert told["params"]["tier.C"] == "1.0"
    assert told["metrics"]["rating.r2"] == model.trained.metrics["targets"]["rating"]["r2"]
    assert told["tags"]["firesteel.version"] == "1.0.0"
    assert {"bundle/model_card.md", "bundle/program.safetensors", "bundle/tier-confusion.svg"} <= set(told["files"])
    assert [file for file in told["files"] if file.endswith(".joblib")] == []


def test_without_a_tracking_server_nothing_is_imported_or_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], model_of: Callable[[str], Model]
) -> None:
    monkeypatch.delenv(tracking.URI, raising=False)
    monkeypatch.setitem(sys.modules, "mlflow", None)
    trained = model_of("recruits/qb").trained
    released = Release("1.0.0", "0" * 64, [], None)
    assert tracking.log(trained, released, open_registry("memory://")) is None
    assert capsys.readouterr().err == ""
    monkeypatch.setenv(tracking.URI, "http://127.0.0.1:9")
    assert tracking.log(trained, released, open_registry("memory://")) is None
    assert "pip install 'firesteel[mlflow]'" in " ".join(capsys.readouterr().err.split())
