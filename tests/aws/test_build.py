"""What `sam build` leaves: small, compiled, complete. And that it runs in Lambda's own runtime emulator."""

import importlib.util
import marshal
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import CodeType

import pytest

from cli.emulator import Emulator, EmulatorError
from infra import build, sizes

slow = pytest.mark.slow
PARTS = {
    "layer": "FiresteelLayer",
    "classify": "ClassifyFunction",
    "registry": "RegistryFunction",
    "train": "TrainFunction",
}


def run(built: Path, part: str, program: str) -> str:
    """What the program prints when it sees the artifact, the layer and the standard library, and nothing else."""
    path = os.pathsep.join([str(built / PARTS[part]), str(built / "FiresteelLayer" / "python")])
    environment = {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", "MPLCONFIGDIR": "/tmp/matplotlib"}
    python = [str(Path(sys.executable).resolve()), "-S", "-W", "error", "-c", program]
    outcome = subprocess.run(python, env=environment, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stderr
    return outcome.stdout.strip()


def sources(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*.py") if path.is_file())


@slow
@pytest.mark.parametrize("bound", sizes.BOUNDS, ids=lambda bound: bound.artifacts[0])
def test_what_lambda_unpacks_together_is_within_its_bound(built: Path, bound: sizes.Bound) -> None:
    total, too_big = sizes.over(bound, {name: sizes.size(built / name) for name in bound.artifacts})
    assert not too_big, f"{bound.artifacts} weigh {total}, the most is {bound.most}"


@slow
@pytest.mark.parametrize("part", PARTS)
def test_every_module_ships_as_bytecode_that_is_never_checked_against_a_source(built: Path, part: str) -> None:
    artifact = built / PARTS[part]
    for source in sources(artifact):
        assert Path(importlib.util.cache_from_source(str(source))).exists(), f"{source} has no bytecode"
    compiled = list(artifact.rglob("*.pyc"))
    assert compiled
    for file in compiled:
        magic, flags = file.read_bytes()[:4], file.read_bytes()[4:8]
        assert magic == importlib.util.MAGIC_NUMBER
        assert flags == b"\x01\x00\x00\x00", f"{file} would be checked against its source"


@slow
@pytest.mark.parametrize("part", PARTS)
def test_only_our_own_modules_bring_their_source(built: Path, part: str) -> None:
    artifact = built / PARTS[part]
    ours = {path.relative_to(artifact).parts[:2] for path in sources(artifact)}
    assert ours
    assert ours <= {("functions", part), *((("python", "firesteel"),) if part == "layer" else ())}


@slow
@pytest.mark.parametrize("part", PARTS)
def test_bytecode_names_files_as_lambda_does(built: Path, part: str) -> None:
    artifact, mount = built / PARTS[part], build.PARTS[part].mount
    for file in artifact.rglob("*.pyc"):
        code = marshal.loads(file.read_bytes()[16:])
        assert isinstance(code, CodeType)
        assert code.co_filename.startswith(f"{mount}/"), f"{file} says {code.co_filename}"


@slow
@pytest.mark.parametrize("part", PARTS)
def test_nothing_is_shipped_that_no_import_reads(built: Path, part: str) -> None:
    artifact = built / PARTS[part] / build.PARTS[part].inside
    files = [path.relative_to(artifact).as_posix() for path in artifact.rglob("*") if path.is_file()]
    assert [path for path in files if build.is_unread(path)] == []


@slow
@pytest.mark.parametrize("part", PARTS)
def test_licences_stay_with_their_packages(built: Path, part: str) -> None:
    for package in (built / PARTS[part]).rglob("*.dist-info"):
        kept = [path.name.lower() for path in package.rglob("*")]
        assert "metadata" in kept


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

PAGES = """
import asyncio, fastapi, mangum
asyncio.set_event_loop(asyncio.new_event_loop())
function = mangum.Mangum(fastapi.FastAPI(), lifespan="off")
for path in ("/openapi.json", "/docs"):
    http = {"method": "GET", "path": path, "sourceIp": "127.0.0.1", "protocol": "HTTP/1.1"}
    event = {"version": "2.0", "rawPath": path, "rawQueryString": "", "headers": {}}
    print(function(event | {"requestContext": {"stage": "$default", "http": http}}, None)["statusCode"])
"""


@slow
def test_numpy_of_the_layer_is_whole(built: Path) -> None:
    assert run(built, "classify", NUMPY).endswith("python/numpy/__init__.pyc")


@slow
def test_obstore_of_the_layer_stores(built: Path) -> None:
    assert run(built, "classify", OBSTORE) == "b'1'"


@slow
def test_the_train_function_can_fit_score_and_draw(built: Path) -> None:
    assert run(built, "train", TRAIN).startswith("b 1.")


@slow
def test_every_definition_ships_with_what_trains(built: Path) -> None:
    shipped = {path.name for path in (built / "TrainFunction" / "models").iterdir()}
    assert shipped == {path.name for path in (build.ROOT / "models").glob("*.yaml")}


@slow
def test_what_moves_aliases_needs_no_numpy(built: Path) -> None:
    handler = "import sys, functions.registry.handler; print('numpy' in sys.modules)"
    assert run(built, "registry", handler) == "False"


@slow
def test_fastapi_makes_its_pages_from_bytecode_alone(built: Path) -> None:
    assert run(built, "classify", PAGES).split() == ["200", "200"]


@slow
def test_the_emulator_shows_a_function_its_layer_and_nothing_of_this_environment(built: Path, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "import importlib.util, numpy, os\n"
        "def handler(event, context):\n"
        "    print('seen', event['name'])\n"
        "    return {'numpy': numpy.__file__, 'pytest': importlib.util.find_spec('pytest') is not None,\n"
        "            'home': os.environ.get('HOME'), 'ours': os.environ['FIRESTEEL_STORE']}\n"
    )
    with Emulator(tmp_path, "app.handler", {"FIRESTEEL_STORE": "memory://"}, [built / "FiresteelLayer"]) as emulator:
        answer, cold = emulator.invoke({"name": "first"})
        _, warm = emulator.invoke({"name": "second"})
        log = emulator.log()
    assert answer == {
        "numpy": str(built / "FiresteelLayer/python/numpy/__init__.pyc"),
        "pytest": False,
        "home": None,
        "ours": "memory://",
    }
    assert cold > warm
    assert "seen first" in log
    assert "seen second" in log
    assert [path.name for path in tmp_path.iterdir()] == ["app.py"], "the artifact is left as it was"


def test_an_exception_in_a_function_is_its_answer(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("def handler(event, context):\n    raise KeyError('ticket')\n")
    with Emulator(tmp_path, "app.handler") as emulator:
        answer, _ = emulator.invoke({})
    assert answer["errorType"] == "KeyError"


def test_the_emulator_ends_what_it_started(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("import os\ndef handler(event, context):\n    return os.getpid()\n")
    with Emulator(tmp_path, "app.handler") as emulator:
        runtime, _ = emulator.invoke({})
        assert Path(f"/proc/{runtime}").exists()
    status = Path(f"/proc/{runtime}/status")
    assert not status.exists() or "Z (zombie)" in status.read_text()


def test_a_missing_artifact_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(EmulatorError, match="nowhere: no such folder; run `make build` first"):
        Emulator(tmp_path / "nowhere", "app.handler")


def test_the_same_sources_make_the_same_bytecode_wherever_they_are_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    for place, seed in (("here", "1"), ("there/below", "2")):
        monkeypatch.setenv("PYTHONHASHSEED", seed)
        folder = tmp_path / place
        (folder / "package").mkdir(parents=True)
        (folder / "package" / "module.py").write_text("COLOURS = 'x' in {'red', 'green', 'blue', 'grey'}\n")
        build.compile_packages(folder, "/var/task")
        made.append({path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()})
    assert made[0] == made[1]
    assert [path.name for path in made[0]] == ["module.pyc"]


def test_a_build_never_mixes_with_what_is_already_there(tmp_path: Path) -> None:
    (tmp_path / "leftover").touch()
    with pytest.raises(SystemExit, match="is not empty"):
        build.build("classify", tmp_path)


def test_too_big_is_too_big_unzipped_or_zipped() -> None:
    bound = sizes.Bound(("A", "B"), sizes.Size(100, 50))
    assert sizes.over(bound, {"A": sizes.Size(60, 20), "B": sizes.Size(40, 30)}) == (sizes.Size(100, 50), False)
    assert sizes.over(bound, {"A": sizes.Size(61, 20), "B": sizes.Size(40, 30)})[1]
    assert sizes.over(bound, {"A": sizes.Size(60, 21), "B": sizes.Size(40, 30)})[1]
