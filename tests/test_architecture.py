"""What may know what, where it shows: in a fresh process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULE_BUDGET = 420
"""Modules that importing the classify handler may load in all, Python's own included. Each costs a cold start its share."""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """The modules in a process that imported the classify handler, with no model in its store."""
    script = "import json, sys; import functions.classify.handler; print(json.dumps(sorted(sys.modules)))"
    environment = {
        "PATH": os.defpath,
        "PYTHONPATH": f"{ROOT}:{ROOT / 'layers' / 'firesteel'}",
        "FIRESTEEL_STORE": f"file://{tmp_path_factory.mktemp('store')}",
    }
    answer = subprocess.run(
        [sys.executable, "-c", script], env=environment, cwd="/", capture_output=True, text=True, check=True
    )
    return json.loads(answer.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    "heavy",
    ["sklearn", "scipy", "joblib", "boto3", "botocore", "fastapi", "starlette", "mangum", "pydantic", "yaml", "asyncio",
     "pandas", "matplotlib", "uvicorn", "firesteel.definition", "functions.train", "numpy.random", "numpy.fft"],
)  # fmt: skip
def test_importing_the_classify_handler_loads_nothing_heavy(loaded, heavy):
    assert not [name for name in loaded if name == heavy or name.startswith(heavy + ".")]


def test_importing_the_classify_handler_stays_within_its_budget_of_modules(loaded):
    assert len(loaded) <= MODULE_BUDGET, f"{len(loaded)} modules: what is new?"


def test_only_handlers_and_the_command_line_read_the_environment():
    readers = {
        path.relative_to(ROOT).as_posix()
        for folder in ("layers", "functions")
        for path in (ROOT / folder).rglob("*.py")
        if "os.environ" in path.read_text(encoding="utf-8")
    }
    assert readers == {
        "functions/classify/handler.py",
        "functions/classify/otel.py",  # OpenTelemetry's own variable, as every client of it reads it
        "functions/classify/score.py",
        "functions/registry/handler.py",
        "functions/smoke/handler.py",
        "functions/train/handler.py",
        "layers/firesteel/firesteel/registry/s3.py",  # AWS's own variables, as every client of S3 reads them
    }


def test_serving_and_training_meet_in_the_layer_alone():
    subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"], cwd=ROOT, check=True, capture_output=True
    )
