"""The container's entry: the train task of an execution, as a process of its own."""

import importlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from firesteel.registry import bundle
from firesteel.registry.seal import open_registry
from functions.train import container
from models import gifts

ROOT = Path(__file__).parents[3]
DOCKERFILE = (ROOT / "functions/train/Dockerfile").read_text()


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """The folder /app as functions/train/Dockerfile fills it."""
    app = tmp_path_factory.mktemp("image")
    for sources, target in copies():
        place = app / Path(target).relative_to("/app")
        for source in sources:
            if source.is_dir():
                shutil.copytree(source, place, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                place.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, place)
    return app


def copies():
    """What each COPY takes from the repository, and where it goes."""
    for line in re.findall(r"^COPY (.+)$", DOCKERFILE, re.MULTILINE):
        *patterns, target = line.split()
        sources = [source for pattern in patterns for source in sorted(ROOT.glob(pattern))]
        assert sources, line
        yield sources, target


@pytest.fixture
def place(tmp_path):
    (tmp_path / "incoming" / "gifts").mkdir(parents=True)
    return tmp_path


def environment(place):
    return {name: f"file://{place}/{name}" for name in ("store", "work", "incoming")}


def run(image, place, task):
    settings = {f"FIRESTEEL_{name.upper()}": value for name, value in environment(place).items()}
    return subprocess.run(
        [sys.executable, "-m", "functions.train.container", json.dumps(task)],
        env={"PATH": os.defpath, "PYTHONPATH": str(image), "MPLCONFIGDIR": str(place), **settings},
        cwd=image, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_a_container_trains_and_the_function_then_finds_the_version(image, place, monkeypatch):
    gifts.write(place / "incoming/gifts/gifts.csv", 400, 3)
    for name, value in environment(place).items():
        monkeypatch.setenv(f"FIRESTEEL_{name.upper()}", value)
    monkeypatch.setenv("FIRESTEEL_CONTAINER", "true")
    monkeypatch.setenv("FIRESTEEL_LARGE_ROWS", "100")
    handler = importlib.reload(importlib.import_module("functions.train.handler"))
    checked = handler.perform({"task": "check", "run": "r", "event": {"model": "gifts"}})
    assert checked["where"] == "container"
    task = {"task": "train", "run": "r", "model": "gifts", "segment": "", "trials": []}
    task |= {name: checked[name] for name in ("upload", "data_sha256")}
    done = run(image, place, task)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout.splitlines()[-1])
    assert answer["version"] == "1.0.0"
    assert handler.perform(task) == answer
    assert [one.version for one in bundle.versions(open_registry(environment(place)["store"]), "gifts")] == ["1.0.0"]


def test_a_container_that_fails_says_why_in_a_line_and_by_its_exit_code(image, place):
    upload = {"data": f"file://{place}/none.csv", "version_id": None, "etag": "", "uploaded": ""}
    task = {
        "task": "train",
        "run": "r",
        "model": "gifts",
        "segment": "",
        "upload": upload,
        "data_sha256": "",
        "trials": [],
    }
    done = run(image, place, task)
    assert done.returncode == 1
    line = json.loads(done.stdout.splitlines()[-1])
    assert (line["message"], line["error"]) == ("training failed", "NotFoundError")


@pytest.mark.parametrize("arguments", [[], ["{"], ["{}"], ['{"task": "promote"}'], ["{}", "{}"]])
def test_a_container_does_the_train_task_alone(capsys, arguments):
    assert container.main(arguments) == 2
    assert capsys.readouterr().err.startswith("usage: python -m functions.train.container")


def test_the_image_runs_that_entry_with_locked_packages_as_nobody_of_importance():
    assert 'ENTRYPOINT ["python", "-m", "functions.train.container"]' in DOCKERFILE
    assert re.search(r"^USER [1-9][0-9]+$", DOCKERFILE, re.MULTILINE)
    assert "--require-hashes --only-binary=:all:" in DOCKERFILE
    copied = {source.relative_to(ROOT).as_posix() for sources, _ in copies() for source in sources}
    assert copied >= {"requirements/layer.txt", "requirements/train.txt", "functions/train", "models/gifts.yaml"}
    allowed = (ROOT / "functions/train/Dockerfile.dockerignore").read_text().splitlines()
    patterns = [
        pattern for line in re.findall(r"^COPY (.+) \S+$", DOCKERFILE, re.MULTILINE) for pattern in line.split()
    ]
    assert [f"!{pattern}" for pattern in patterns] == [line for line in allowed if line.startswith("!")]
