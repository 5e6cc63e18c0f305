"""From the definition's `log` to the program's policy."""

import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from cli.environment import project_root
from firesteel import definition_file
from firesteel.definition import Definition
from firesteel.program import predictor
from functions.train import compile
from functions.train.compile.program import log_policy


def definition(model="tickets", sample=None, **logs):
    """A definition of models/ whose inputs log what `logs` says."""
    told = definition_file.load(project_root() / "models" / f"{model}.yaml").model_dump()
    for name, how in logs.items():
        told["inputs"][name]["log"] = how
    if sample is not None:
        told["inferences"]["sample"] = sample
    return Definition.model_validate(told)


@pytest.mark.parametrize("model", ["tickets", "g2g", "gifts", "recruits"])
def test_models_that_say_nothing_log_nothing(model):
    assert log_policy(definition(model)) is None


def test_the_policy_has_the_fields_that_are_logged_and_the_share():
    chosen = definition(title="plain", customer_email="hash", sample=0.25)
    assert log_policy(chosen) == {"sample": 0.25, "inputs": {"title": "plain", "customer_email": "hash"}}


def test_a_segment_logs_those_of_its_own_inputs():
    whole = definition("recruits", position="plain")
    segment = whole.of_segment(next(iter(whole.segments)))
    assert log_policy(segment) == {"sample": 1.0, "inputs": {"position": "plain"}}


def test_a_program_has_the_policy_and_without_one_the_bytes_it_always_had():
    vectorizer, texts = TfidfVectorizer(), ["printer broken", "invoice sent"]
    pipelines = {"label": Pipeline([("t", vectorizer), ("c", LogisticRegression())]).fit(texts, ["a", "b"])}
    schema = compile.text_schema("text", 100)
    plain = compile.to_program("m", schema, pipelines)
    logs = compile.to_program("m", schema, pipelines, log={"sample": 0.5, "inputs": {"text": "hash"}})
    assert compile.to_program("m", schema, pipelines, log=None) == plain
    assert b"sample" not in plain
    loaded, before = predictor.load(logs), predictor.load(plain)
    assert (loaded.log, before.log) == ((0.5, {"text": "hash"}), None)
    assert loaded.signature == before.signature
