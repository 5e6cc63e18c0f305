"""The registry's handler in processes of its own, as Lambda starts it; and beside the one that serves."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from firesteel.registry import alias, bundle
from firesteel.registry.seal import open_registry
from tests.unit.classify import handmade
from tests.unit.classify.bundles import TICKET, release
from tests.unit.registry_function.test_moves import ADA, event

ROOT = Path(__file__).parents[3]
TTL = 0.2
SCRIPT = """
import json, sys, time
from importlib import import_module
from types import SimpleNamespace
context = SimpleNamespace(function_name="f", memory_limit_in_mb=512, invoked_function_arn="arn", aws_request_id="lambda-1")
answers = []
for function, event in json.load(sys.stdin):
    if function == "wait":
        time.sleep(event)
    else:
        answers.append(import_module(f"functions.{function}.handler").handler(event, context))
print(json.dumps({"answers": answers, "modules": sorted(sys.modules)}), file=sys.stderr)
"""


def invoke(store, *steps, **settings):
    """The answers (status, body) to the steps, the log lines, and the modules that were loaded, of a fresh process."""
    environment = {
        "PATH": os.defpath,
        "PYTHONPATH": f"{ROOT}:{ROOT / 'layers' / 'firesteel'}",
        "FIRESTEEL_STORE": store,
        "FIRESTEEL_SERVICE": "registry",
        "FIRESTEEL_REFRESH_SECONDS": str(TTL),
    }
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT],
        input=json.dumps(steps), env=environment | settings, cwd="/", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    ended = json.loads(done.stderr)
    answers = [(answer["statusCode"], json.loads(answer["body"])) for answer in ended["answers"]]
    return answers, [json.loads(line) for line in done.stdout.splitlines()], ended["modules"]


def posted(path, row):
    sent = {"body": json.dumps(row), "headers": {"content-type": "application/json"}, "isBase64Encoded": False}
    return event(path) | sent | {"resource": "/{proxy+}"}


@pytest.fixture
def url(tmp_path):
    return f"file://{tmp_path}"


def test_a_move_answers_with_the_alias_s_entry_and_logs_who_made_it(url):
    store = open_registry(url)
    release(store, "1.0.0")
    release(store, "1.1.0")
    asked = event("/models/tickets/switch", version="1.0.0", why="complaints")
    [(status, body)], [line], _ = invoke(url, ("registry", asked))
    assert status == 200
    assert body == {"model": "tickets", **alias.current(store, "tickets", "latest").document()}
    assert (body["kind"], body["version"], body["who"], body["why"]) == ("switch", "1.0.0", ADA, "complaints")
    expected = {"message": "alias moved", "service": "registry", "request_id": "gateway-1", "who": ADA, "generation": 3}
    assert expected.items() <= line.items()
    assert "complaints" not in json.dumps(line)


def test_a_refusal_has_the_shape_of_the_public_api_s(url):
    release(open_registry(url), "1.0.0")
    steps = [
        event("/models/tickets/switch", version="9.0.0"),
        event("/models/tickets/switch", who=None),
        {"Records": []},
    ]
    answers, lines, _ = invoke(url, *(("registry", step) for step in steps))
    assert [(status, body["code"]) for status, body in answers] == [
        (404, "not_in_registry"),
        (403, "not_identified"),
        (400, "unsupported_event"),
    ]
    assert [set(body) for _, body in answers] == [{"detail", "code", "request_id"}] * 3
    assert [body["request_id"] for _, body in answers] == ["gateway-1", "gateway-1", "lambda-1"]
    assert [line["code"] for line in lines] == [body["code"] for _, body in answers]


def test_a_store_that_cannot_be_reached_is_a_503_whose_cause_is_in_the_log():
    nowhere = {"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    steps = [("registry", event("/models/a/switch", version="1.0.0"))]
    [(status, body)], [line], _ = invoke("s3://bucket", *steps, **nowhere)
    assert (status, body["code"]) == (503, "registry_unavailable")
    assert (line["level"], line["exception_name"]) == ("ERROR", "StoreError")
    assert "127.0.0.1" not in json.dumps(body)


def test_it_loads_nothing_of_what_serves_or_trains(url):
    _, _, modules = invoke(url, ("registry", event("/models/a/switch", version="1.0.0")))
    assert not {"numpy", "functions.classify", "functions.train", "firesteel.program", "pydantic", "boto3"} & set(
        modules
    )


def test_what_is_moved_is_served_within_the_time_to_live(url):
    store = open_registry(url)
    release(store, "1.0.0")
    release(store, "1.1.0", lean=0.5)
    classify = ("classify", posted("/classify", TICKET))
    steps = [
        classify,
        ("registry", event("/models/tickets/rollback")),
        ("wait", TTL),
        classify,
        ("registry", event("/models/tickets/promote", version="1.1.0")),
        ("wait", TTL),
        classify,
    ]
    answers, _, _ = invoke(url, *steps)
    assert [status for status, _ in answers] == [200] * 5
    assert [body["model_version"] for _, body in answers[::2]] == ["1.1.0", "1.0.0", "1.1.0"]


def test_a_segment_that_is_switched_is_served_within_the_time_to_live(url):
    store = open_registry(url)
    handmade.recruits(store)
    handmade.publish(store, "recruits/qb", "1.1.0", handmade.segment("arm", 5.0))
    predict = ("classify", posted("/models/recruits/predict", {"position": "QB", "speed": 1.0, "arm": 10.0}))
    switch = ("registry", event("/models/recruits/qb/switch", version="1.0.0"))
    [(_, before), (status, moved), (_, after)], _, _ = invoke(url, predict, switch, ("wait", TTL), predict)
    assert (status, moved["model"], moved["previous"]) == (200, "recruits/qb", "1.1.0")
    assert (before["rating"], before["model_version"]) == (51.0, "1.1.0")
    assert (after["rating"], after["model_version"]) == (21.0, "1.0.0")


def test_a_canary_and_a_shadow_are_set_and_one_call_ends_both(url):
    store = open_registry(url)
    for version in ("1.1.0", "2.0.0", "1.0.0"):
        release(store, version)
    steps = [
        event("/models/tickets/promote", version="1.1.0", canary="0.05", why="5 % first"),
        event("/models/tickets/shadow", version="2.0.0"),
        event("/models/tickets/rollback"),
    ]
    answers, lines, _ = invoke(url, *(("registry", step) for step in steps))
    assert [status for status, _ in answers] == [200] * 3
    canary, shadow, rollback = (body for _, body in answers)
    digests = {version: bundle.read_manifest(store, "tickets", version).digest for version in ("1.1.0", "2.0.0")}
    assert canary["canary"] == {"version": "1.1.0", "digest": digests["1.1.0"], "weight": 0.05}
    assert (shadow["canary"], shadow["shadow"]["digest"]) == (canary["canary"], digests["2.0.0"])
    assert {"canary", "shadow"} & rollback.keys() == set()
    assert [body["version"] for _, body in answers] == ["1.0.0"] * 3
    assert [line["kind"] for line in lines] == ["canary", "shadow", "rollback"]


def damage(folder, version):
    program = folder / f"models/tickets/v{version}/program.safetensors"
    program.chmod(0o600)
    program.write_bytes(program.read_bytes()[:-1] + b"?")


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("promote", {"version": "1.0.0"}),
        ("promote", {"version": "1.0.0", "canary": "0.5"}),
        ("rollback", {"to": "1.0.0"}),
    ],
)
def test_a_version_that_is_damaged_stays_where_it_is(url, tmp_path, path, query):
    store = open_registry(url)
    release(store, "1.0.0")
    release(store, "1.1.0", lean=0.5)
    damage(tmp_path, "1.0.0")
    [(status, body)], _, _ = invoke(url, ("registry", event(f"/models/tickets/{path}", **query)))
    assert (status, body["code"]) == (409, "broken_bundle")
    assert alias.current(store, "tickets", "latest").generation == 2


def test_a_rollback_to_a_version_that_was_damaged_leaves_those_who_serve_with_what_they_have(url, tmp_path):
    store = open_registry(url)
    release(store, "1.0.0")
    release(store, "1.1.0", lean=0.5)
    damage(tmp_path, "1.0.0")
    classify = ("classify", posted("/classify", TICKET))
    rollback = ("registry", event("/models/tickets/rollback"))
    answers, _, _ = invoke(url, classify, rollback, ("wait", TTL), classify)
    assert [status for status, _ in answers] == [200] * 3
    assert [body.get("model_version", body.get("version")) for _, body in answers] == ["1.1.0", "1.0.0", "1.1.0"]
