"""`firesteel compile`: a stranger's pipeline."""

import json
from pathlib import Path

import joblib
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from firesteel.program import predictor
from tests.unit.cli.conftest import Run

TEXTS = [
    "refund my invoice",
    "charged twice on my card",
    "cannot log in",
    "password is locked",
    "price of a plan",
    "buy more seats",
]
LABELS = ["billing", "billing", "access", "access", "sales", "sales"]


@pytest.fixture
def pipeline(firesteel: Run) -> Path:
    path = Path("model.joblib")
    joblib.dump(make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(TEXTS, LABELS), path)
    return path


def test_a_fitted_pipeline_becomes_a_program_that_answers_alike(firesteel: Run, pipeline: Path) -> None:
    Path("texts.txt").write_text("refund\nlog in please\n")
    words = ("--input", "utterance", "--target", "intent", "--model", "intents", "-o", "intents.safetensors")
    done = firesteel("compile", pipeline, *words, "--check", "texts.txt", "--json")
    assert done.code == 0
    summary = json.loads(done.out)
    assert summary["rows_checked"] > 1000
    assert summary["difference"] < 1e-6
    program = predictor.load(Path("intents.safetensors").read_bytes())
    assert isinstance(program, predictor.Predictor)
    answer = program.predict(program.check({"utterance": "my password is locked"}))
    assert (program.model, answer.labels) == ("intents", {"intent": "access"})


def test_a_step_that_cannot_be_expressed_is_named_and_nothing_is_written(firesteel: Run) -> None:
    joblib.dump(make_pipeline(TfidfVectorizer(), SVC()).fit(TEXTS, LABELS), "svm.joblib")
    done = firesteel("compile", "svm.joblib")
    assert done.code == 1
    assert "SVC" in done.err
    assert not Path("program.safetensors").exists()


def test_the_pipeline_must_exist(firesteel: Run) -> None:
    done = firesteel("compile", "missing.joblib")
    assert done.code == 2
    assert "missing.joblib" in " ".join(done.err.split())


def test_a_pipeline_that_predicts_a_number_can_be_compiled_too(firesteel: Run) -> None:
    joblib.dump(make_pipeline(TfidfVectorizer(), Ridge()).fit(TEXTS, [4.0, 3.0, 2.0, 1.0, 0.0, 0.5]), "ridge.joblib")
    done = firesteel("compile", "ridge.joblib", "--target", "urgency", "--json")
    assert done.code == 0
    assert json.loads(done.out)["difference"] < 1e-6
    program = predictor.load(Path("program.safetensors").read_bytes())
    assert isinstance(program, predictor.Predictor)
    assert program.predict({"text": "refund my invoice"}).estimates["urgency"].value > 2
