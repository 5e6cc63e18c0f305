"""The handler in processes of its own, as Lambda starts it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from firesteel import definition_file
from firesteel.registry.store import open_store
from tests.unit.classify import zoo
from tests.unit.classify.bundles import TICKET, beside, release
from tests.unit.classify.test_events import FOREIGN, HTTP, REST

ROOT = Path(__file__).parents[3]
EVENTS = ROOT / "events"
SCRIPT = """
import json, sys
from types import SimpleNamespace
from functions.classify.handler import handler
context = SimpleNamespace(function_name="f", memory_limit_in_mb=512, invoked_function_arn="arn", aws_request_id="lambda-1")
answers = [handler(event, context) for event in json.load(sys.stdin)]
print(json.dumps({"answers": answers, "modules": sorted(sys.modules)}), file=sys.stderr)
"""


def invoke(store, *events, **settings):
    """The answers to the events, the log lines, and the modules that were loaded, of a fresh process."""
    environment = {
        "PATH": os.defpath,
        "PYTHONPATH": f"{ROOT}:{ROOT / 'layers' / 'firesteel'}",
        "FIRESTEEL_STORE": store,
        "AWS_LAMBDA_FUNCTION_NAME": "classify",
    }
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT],
        input=json.dumps(events), env=environment | settings, cwd="/", capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stderr)
    ended = json.loads(done.stderr)
    return ended["answers"], [json.loads(line) for line in done.stdout.splitlines()], ended["modules"]


RESTORED = """
import json, os, sys
from awslambdaric import lambda_runtime_hooks_runner
from firesteel.registry import alias
from firesteel.registry.store import open_store
from functions.classify import handler

def version():
    return json.loads(handler.handler(event, None)["body"])["model_version"]

event = json.load(sys.stdin)
lambda_runtime_hooks_runner.run_before_snapshot()
before, store = version(), handler._source.store
alias.promote(open_store(os.environ["FIRESTEEL_STORE"]), "tickets", "latest", "1.1.0", who="tests")
stale = version()
lambda_runtime_hooks_runner.run_after_restore()
print(before, stale, version(), handler._source.store is store, file=sys.stderr)
"""


@pytest.fixture
def store(tmp_path):
    return f"file://{tmp_path}"


def test_events_are_answered_and_logged_one_line_each(store):
    release(open_store(store), "1.0.0")
    body = json.dumps(TICKET)
    answers, lines, _ = invoke(store, HTTP | {"body": body}, REST | {"body": body}, *FOREIGN.values())
    assert [answer["statusCode"] for answer in answers] == [200, 200] + [400] * len(FOREIGN)
    assert len(lines) == len(answers)
    assert [line["cold_start"] for line in lines[:2]] == [True, False]
    assert (lines[0]["ColdStarts"], lines[0]["service"], lines[0]["function_request_id"]) == (
        [1.0],
        "firesteel",
        "lambda-1",
    )
    assert "ColdStarts" not in lines[1]
    assert {line["function_name"] for line in lines} == {"classify"}


def test_a_hot_request_imports_no_web_framework_and_a_page_does(store):
    release(open_store(store), "1.0.0")
    heavy = {
        "fastapi",
        "starlette",
        "mangum",
        "pydantic",
        "asyncio",
        "jmespath",
        "uvicorn",
        "prometheus_client",
        "limits",
    }
    _, _, modules = invoke(store, HTTP | {"body": json.dumps(TICKET)}, FOREIGN["S3"], {**HTTP, "rawPath": "/nope"})
    assert not heavy & set(modules)
    page = {**HTTP, "requestContext": {"http": {"method": "GET", "path": "/openapi.json"}}}
    [answer], _, modules = invoke(store, page)
    assert json.loads(answer["body"])["openapi"].startswith("3.")
    assert {"fastapi", "mangum"} <= set(modules)


def test_a_corrupt_newest_bundle_is_refused_at_the_start_and_the_log_says_why(store, tmp_path):
    release(open_store(store), "1.0.0")
    program = tmp_path / "models/tickets/v1.0.0/program.safetensors"
    data = program.read_bytes()
    program.chmod(0o600)
    program.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    health = {**HTTP, "requestContext": {"http": {"method": "GET", "path": "/health"}}}
    [refused, reported], lines, _ = invoke(store, HTTP | {"body": json.dumps(TICKET)}, health)
    assert (refused["statusCode"], json.loads(refused["body"])["code"]) == (503, "no_model")
    assert json.loads(reported["body"])["reason"]["code"] == "corrupt_bundle"
    assert (lines[0]["message"], lines[0]["error"]) == ("refresh failed", "IntegrityError")
    assert "SHA-256" in lines[0]["cause"]
    assert "program.safetensors" not in refused["body"] + reported["body"]
    assert lines[1]["RefreshFailures"] == [1.0]


def restored(store, **settings):
    """What a process answers with before a snapshot, after the alias moved, and after it was restored."""
    published = open_store(store)
    release(published, "1.1.0")
    release(published, "1.0.0")
    environment = {
        "PATH": os.defpath,
        "PYTHONPATH": f"{ROOT}:{ROOT / 'layers' / 'firesteel'}",
        "FIRESTEEL_STORE": store,
    }
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", RESTORED], input=json.dumps(HTTP | {"body": json.dumps(TICKET)}),
        env=environment | settings, cwd="/", capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stderr.split()


def test_after_a_snapshot_the_alias_is_looked_at_anew_over_new_connections(store):
    assert restored(store, AWS_LAMBDA_INITIALIZATION_TYPE="snap-start") == ["1.0.0", "1.0.0", "1.1.0", "False"]


def test_without_snapshots_nothing_is_hooked_in(store):
    assert restored(store) == ["1.0.0", "1.0.0", "1.0.0", "True"]


def test_shadows_that_cannot_be_scored_do_not_keep_the_function_from_answering(store):
    release(open_store(store), "1.0.0")
    beside(open_store(store), "1.1.0")
    body = HTTP | {"body": json.dumps(TICKET)}
    [answer], lines, _ = invoke(store, body, FIRESTEEL_SHADOW="true", AWS_LAMBDA_RUNTIME_API="127.0.0.1:1")
    assert json.loads(answer["body"])["model_version"] == "1.0.0"
    assert [line["level"] for line in lines] == ["ERROR", "INFO"]
    assert "shadows are not scored" in lines[0]["message"]


def test_what_runs_beside_the_model_imports_nothing_more(store):
    release(open_store(store), "1.0.0")
    event = HTTP | {"body": json.dumps(TICKET)}
    _, _, alone = invoke(store, event)
    beside(open_store(store), "1.1.0", weight=0.5)
    beside(open_store(store), "1.2.0")
    _, _, modules = invoke(store, event)
    assert modules == alone
    assert not {"functions.classify.shadow", "functions.classify.extension", "http.client"} & set(modules)


def test_a_bad_setting_stops_the_start_with_its_name(store):
    with pytest.raises(RuntimeError, match="FIRESTEEL_PROT is no setting; did you mean FIRESTEEL_PORT"):
        invoke(store, FIRESTEEL_PROT="1")


def test_a_hot_request_imports_no_other_operation(store):
    release(open_store(store), "1.0.0")
    _, _, modules = invoke(store, HTTP | {"body": json.dumps(TICKET)})
    others = {f"functions.classify.{name}" for name in ("explain", "grid", "info", "v2", "v2_tensors", "schemas")}
    assert not others & set(modules)


def test_any_model_of_the_registry_is_served_and_the_bound_is_a_setting(store):
    zoo.release_all(open_store(store))
    asked = [("readiness/predict", zoo.BUSINESS), ("gifts/explain", zoo.ORDER), ("recruits/predict", zoo.PLAYERS["rb"])]
    events = [rest(f"/models/{path}", body) for path, body in asked]
    health = {**HTTP, "requestContext": {"http": {"method": "GET", "path": "/health"}}}
    answers, lines, _ = invoke(store, *events, health, FIRESTEEL_MODELS_MIB="0")
    assert [answer["statusCode"] for answer in answers] == [200] * 4
    assert [line.get("model") for line in lines] == ["readiness", "gifts", "recruits/rb", None]
    assert list(json.loads(answers[-1]["body"])["models"]) == ["recruits/rb"]


def rest(path, body):
    return {**REST, "path": path, "httpMethod": "POST", "body": json.dumps(body)}


def test_the_shipped_events_of_the_served_model_are_answered(store):
    release(open_store(store), "1.0.0")
    kinds = ("classify", "predict", "explain", "batch-predict", "model-info", "health")
    events = {path.stem: json.loads(path.read_text()) for kind in kinds for path in EVENTS.glob(f"{kind}*.json")}
    assert len(events) == 24
    answers, _, _ = invoke(store, *events.values())
    for name, answer in zip(events, answers, strict=True):
        assert answer["statusCode"] == (422 if "-bad" in name else 200), name


@pytest.mark.parametrize("model", ["g2g", "gifts", "recruits"])
def test_the_shipped_events_of_other_models_ask_what_these_take(model):
    """In the inputs' own words; what a request lists may stand in any of its objects."""
    definition = definition_file.load(ROOT / "models" / f"{model}.yaml")
    events = [json.loads(path.read_text()) for path in EVENTS.glob(f"{model}-*.json")]
    assert events
    for event in events:
        assert event["path"].startswith(f"/models/{model}/")
        body = json.loads(event["body"])
        for row in body.get("cases", [body]):
            for values in [row, *(one for value in row.values() if isinstance(value, list) for one in value)]:
                for name, value in values.items():
                    if not isinstance(value, list):
                        assert definition.inputs[name].problem(value) is None
