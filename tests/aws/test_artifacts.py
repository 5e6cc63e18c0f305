"""What was built is enough: it imports, computes, draws, trains and answers from its own packages and nothing else."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra import build
from tests.aws.conftest import ROOT

pytestmark = pytest.mark.slow


def run(built: Path, function: str, program: str) -> str:
    """What the program prints when it sees the artifact, the layer and the standard library, and nothing else."""
    path = os.pathsep.join([str(built / function), str(built / "FiresteelLayer" / "python")])
    environment = {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", "MPLCONFIGDIR": "/tmp/matplotlib"}
    python = [str(Path(sys.executable).resolve()), "-S", "-W", "error", "-c", program]
    outcome = subprocess.run(python, env=environment, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stderr
    return outcome.stdout.strip()


NUMPY = """
import numpy as np, numpy.fft, numpy.linalg, numpy.ma, numpy.polynomial, numpy.random, numpy.testing, numpy.typing
from numpy import *
a = np.random.default_rng(0).random((60, 60))
assert np.allclose(np.linalg.inv(a) @ a, np.eye(60)) and np.allclose(np.fft.ifft(np.fft.fft(a)), a)
np.linalg.svd(a), np.linalg.eigh(a @ a.T)
print(np.__file__)
"""

OBSTORE = """
import obstore
from obstore.store import MemoryStore
store = MemoryStore()
obstore.put(store, "a", b"1", mode="create")
print(bytes(obstore.get(store, "a").bytes()))
"""

TRAIN = """
import io, joblib, scipy.optimize, scipy.special, scipy.stats, yaml
from importlib.metadata import version
from matplotlib.figure import Figure
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
texts, labels = ["red", "blue", "red red", "blue sky"] * 5, ["a", "b"] * 10
pipeline = make_pipeline(TfidfVectorizer(), LogisticRegression())
search = GridSearchCV(pipeline, {"logisticregression__C": [1, 4]}, cv=2).fit(texts, labels)
joblib.dump(search, io.BytesIO())
figure, drawn = Figure(), io.BytesIO()
figure.subplots().plot([1, 2])
figure.savefig(drawn, format="svg")
assert b"<svg" in drawn.getvalue()
print(search.predict(["blue"])[0], version("scikit-learn"))
"""

LAZY = """
import PIL.Image, PIL.ImageFont, PIL.features
import matplotlib.backends.backend_svg, matplotlib.contour, matplotlib.font_manager, matplotlib.mathtext, matplotlib.tri
import scipy.cluster.hierarchy, scipy.fft, scipy.interpolate, scipy.io, scipy.ndimage, scipy.signal, scipy.stats
import sklearn.cluster, sklearn.datasets, sklearn.decomposition, sklearn.ensemble, sklearn.inspection, sklearn.manifold
import sklearn.neural_network, sklearn.svm
matplotlib.use("svg")
from matplotlib.figure import Figure
axes = (figure := Figure()).subplots()
axes.set(title="$x^2$", xscale="log", ylabel="\u2013 \u00e9")
axes.plot([1, 100], [1, 2])
figure.savefig("/dev/null", format="svg")
print("drawn")
"""

CLIENTS = """
import boto3
for service in {services}:
    print(boto3.client(service, "us-east-1").meta.endpoint_url)
"""

PAGES = """
import asyncio, fastapi, mangum
asyncio.set_event_loop(asyncio.new_event_loop())
function = mangum.Mangum(fastapi.FastAPI(), lifespan="off")
for path in ("/openapi.json", "/docs"):
    http = {"method": "GET", "path": path, "sourceIp": "127.0.0.1", "protocol": "HTTP/1.1"}
    event = {"version": "2.0", "rawPath": path, "rawQueryString": "", "headers": {}}
    print(function(event | {"requestContext": {"stage": "$default", "http": http}}, None)["statusCode"])
"""


def test_numpy_of_the_layer_is_whole(built: Path) -> None:
    assert run(built, "ClassifyFunction", NUMPY).endswith("python/numpy/__init__.pyc")


def test_obstore_of_the_layer_stores(built: Path) -> None:
    assert run(built, "ClassifyFunction", OBSTORE) == "b'1'"


def test_the_train_function_can_fit_score_and_draw(built: Path) -> None:
    assert run(built, "TrainFunction", TRAIN).startswith("b 1.")


def test_what_is_left_out_of_packages_is_missed_by_no_import_and_by_no_plot(built: Path) -> None:
    assert run(built, "TrainFunction", LAZY) == "drawn"


@pytest.mark.parametrize(("part", "function"), [("registry", "RegistryFunction"), ("smoke", "SmokeFunction")])
def test_boto3_knows_the_services_that_its_function_calls(built: Path, part: str, function: str) -> None:
    services = build.PARTS[part].services
    assert len(run(built, function, CLIENTS.format(services=services)).split()) == len(services)


@pytest.mark.parametrize(("model", "rows"), [("tickets", 400), ("g2g", 500), ("gifts", 1000), ("recruits", 1000)])
def test_training_from_the_artifact_gives_every_bit_that_whole_packages_give(
    built: Path, tmp_path: Path, model: str, rows: int
) -> None:
    """The environment of these tests holds the same versions, untrimmed. Searches and plots included."""
    importlib.import_module(f"models.{model}").write(tmp_path / f"{model}.csv", rows, 0)
    artifact = os.pathsep.join([str(built / "TrainFunction"), str(built / "FiresteelLayer" / "python")])
    trimmed = trained(
        model, tmp_path, "trimmed", ["-S"], {"PYTHONPATH": artifact, "LAMBDA_TASK_ROOT": str(built / "TrainFunction")}
    )
    whole = trained(model, tmp_path, "whole", [], {"PYTHONPATH": str(ROOT)})
    assert {"program.safetensors", "metrics.json", "reference.json", "golden.json"} <= {name.name for name in whole}
    assert any(name.suffix == ".svg" for name in whole)
    assert trimmed.keys() == whole.keys()
    assert [name for name in whole if trimmed[name] != whole[name]] == []


TRAINING = """
import sys
from functions.train.handler import handler
class Context:
    function_name = memory_limit_in_mb = invoked_function_arn = aws_request_id = "test"
handler({"model": sys.argv[1], "data": sys.argv[2], "tune": True}, Context())
"""
NEVER_THE_SAME = ("claim.json", "manifest.json", "model_card.md", "model_metadata.json")  # they tell times and hosts


def trained(model: str, folder: Path, name: str, options: list[str], environment: dict[str, str]) -> dict[Path, bytes]:
    """Files of the bundles that the train handler publishes, by path: those that the same data must give again."""
    store = folder / name
    python = str(Path(sys.executable).resolve()) if options else sys.executable
    own = {
        "FIRESTEEL_STORE": store.as_uri(),
        "MPLCONFIGDIR": str(folder / "matplotlib"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [python, *options, "-c", TRAINING, model, (folder / f"{model}.csv").as_uri()]
    outcome = subprocess.run(command, env=environment | own, cwd=folder, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stderr
    files = (path for path in store.rglob("v*/*") if path.suffix != ".joblib" and path.name not in NEVER_THE_SAME)
    return {path.relative_to(store): path.read_bytes() for path in files}


def test_every_definition_ships_with_what_trains(built: Path) -> None:
    shipped = {path.name for path in (built / "TrainFunction" / "models").iterdir()}
    assert shipped == {path.name for path in (build.ROOT / "models").glob("*.yaml")}


def test_what_moves_aliases_needs_no_numpy(built: Path) -> None:
    handler = "import sys, functions.registry.handler; print('numpy' in sys.modules)"
    assert run(built, "RegistryFunction", handler) == "False"


def test_fastapi_makes_its_pages_from_bytecode_alone(built: Path) -> None:
    assert run(built, "ClassifyFunction", PAGES).split() == ["200", "200"]
