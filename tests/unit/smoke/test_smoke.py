"""The trial of new code, over the lane that answers on Lambda."""

import io
import json
import logging
from collections.abc import Callable
from typing import Any

import pytest

from firesteel.registry.store import MemoryStore
from functions.classify.lane import Lane
from functions.classify.telemetry import Telemetry
from functions.smoke import trial
from functions.smoke.trial import Failed
from tests.unit.classify import zoo
from tests.unit.classify.bundles import beside, damage, released, serving_over

NEW = "arn:aws:lambda:eu-central-1:123456789012:function:classify:7"
LIVE = "arn:aws:lambda:eu-central-1:123456789012:function:classify:live"
HOOK = {"DeploymentId": "d-1", "LifecycleEventHookExecutionId": "h-1"}

Change = Callable[[str, dict[str, Any]], dict[str, Any]]


def over(store: MemoryStore, model: str = "tickets", change: Change = lambda _, answer: answer) -> trial.Invoke:
    """Invokes a function that serves what the store has; `change` spoils its answers by path."""
    lane = Lane(serving_over(store, model=model), Telemetry(service="tests-smoke", level="CRITICAL"))
    return lambda _, event: change(event["path"], lane(event, "lambda-1"))


def spoiled(path: str, **changes: Any) -> Change:
    return lambda asked, answer: answer | changes if asked == path else answer


@pytest.mark.parametrize("model", ["gifts", "readiness", "recruits"])
def test_any_model_is_tried_with_its_own_example(model: str) -> None:
    asked = []

    def note(path: str, answer: dict[str, Any]) -> dict[str, Any]:
        asked.append((path, answer["statusCode"]))
        return answer

    assert "is ready" in trial.of(NEW, over(zoo.stocked(), model, note))
    assert asked[:2] == [("/health/ready", 200), ("/openapi.json", 200)]
    if model != "recruits":  # its segments have examples, the router has none
        assert asked[2:] == [("/predict", 200)]


def test_tickets_answer_their_example() -> None:
    assert trial.of(NEW, over(released("1.2.0"))) == "1.2.0 is ready and answers its example"


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("weight", [0.05, 0.5, 0.8])
def test_while_a_canary_runs_the_served_version_is_tried(weight: float, seed: int) -> None:
    """Bundles of other digests, so that one key for all would be the canary's in some."""
    store = released("1.0.0")
    beside(store, "1.1.0", weight=weight, lean=0.5 + seed)
    assert trial.of(NEW, over(store)) == "1.0.0 is ready and answers its example"


def test_a_canary_that_cannot_be_loaded_does_not_keep_new_code_away() -> None:
    store = released("1.0.0")
    beside(store, "1.1.0", weight=0.5)
    damage(store, "1.1.0")
    assert trial.of(NEW, over(store)) == "1.0.0 is ready and answers its example"


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ('{"code":"internal_error"}', 500, "with 500 internal_error"),
        ('{"predicted_priority":"?"}', 200, "otherwise in"),
    ],
)
def test_a_version_that_answers_otherwise_beside_a_canary_does_not_take_over(body: str, status: int, told: str) -> None:
    store = released("1.0.0")
    beside(store, "1.1.0", weight=0.5, lean=0.5)
    asked = over(store)

    def stable_spoiled(function: str, event: dict[str, Any]) -> Any:
        answer = asked(function, event)
        changes = {"statusCode": status, "body": body}
        return (
            answer | changes if '"model_version":"1.0.0"' in answer["body"] and "predict" in event["path"] else answer
        )

    with pytest.raises(Failed, match=told):
        trial.of(NEW, stable_spoiled)


def test_a_canary_that_takes_other_inputs_does_not_keep_new_code_away() -> None:
    asked = over(released("1.0.0"))
    refused = {"statusCode": 422, "body": '{"code":"invalid_input"}'}

    def canary_refuses(function: str, event: dict[str, Any]) -> Any:
        return asked(function, event) | (refused if event["headers"]["X-Canary-Key"] in ("smoke-0", "smoke-1") else {})

    assert trial.of(NEW, canary_refuses) == "1.0.0 is ready and answers its example"


@pytest.mark.parametrize("seed", range(4))
def test_a_segment_s_canary_does_not_keep_new_code_away(seed: int) -> None:
    store = zoo.stocked()
    for name, player in zoo.PLAYERS.items():
        contents = zoo.files(zoo.segment(name, lean=1.0 + seed), player)
        beside(store, "9.0.0", contents, name=f"recruits/{name}", weight=0.5)
    assert "answers its example" in trial.of(NEW, over(store, "recruits"))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (spoiled("/health/ready", statusCode=503, body='{"code":"internal_error","detail":"d"}'), "503 internal_error"),
        (spoiled("/openapi.json", statusCode=500), "/openapi.json answers 500"),
        (spoiled("/predict", statusCode=500, body='{"code":"internal_error"}'), "with 500 internal_error"),
        (spoiled("/predict", body='{"predicted_priority":"?"}'), "otherwise in .*predicted_priority"),
        (spoiled("/predict", body="<html>"), "no JSON"),
        (spoiled("/predict", body=None), "no JSON"),
        (lambda *_: {"errorMessage": "Unable to import module"}, "no JSON"),
    ],
)
def test_a_version_that_answers_otherwise_does_not_take_over(change: Change, told: str) -> None:
    with pytest.raises(Failed, match=told):
        trial.of(NEW, over(released("1.0.0"), change=change))


def test_before_the_first_training_new_code_may_come() -> None:
    assert trial.of(NEW, over(MemoryStore())).startswith("no model is published yet")


def test_code_that_cannot_load_what_the_old_code_serves_does_not_take_over() -> None:
    old, new = over(released("1.0.0")), over(MemoryStore())
    with pytest.raises(Failed, match="503 no_model"):
        trial.of(NEW, lambda function, event: (old if function == LIVE else new)(function, event))


class Lambda:
    def __init__(self, invoke: trial.Invoke, **more: str) -> None:
        self._invoke, self._more = invoke, more

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:
        answer = json.dumps(self._invoke(FunctionName, json.loads(Payload))).encode()
        return {"Payload": io.BytesIO(answer), **self._more}


class CodeDeploy:
    def __init__(self) -> None:
        self.told: list[dict[str, str]] = []

    def put_lifecycle_event_hook_execution_status(self, **told: str) -> None:
        self.told.append(told)


def broken(_: str, __: dict[str, Any]) -> Any:
    raise TimeoutError("no answer")


@pytest.mark.parametrize(
    ("invoke", "more", "status"),
    [
        (over(released("1.0.0")), {}, "Succeeded"),
        (over(released("1.0.0")), {"FunctionError": "Unhandled"}, "Failed"),
        (over(released("1.0.0"), change=spoiled("/predict", statusCode=500)), {}, "Failed"),
        (broken, {}, "Failed"),
    ],
)
def test_codedeploy_is_always_told(
    invoke: trial.Invoke,
    more: dict[str, str],
    status: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("SMOKE_VERSION", NEW)
    from functions.smoke import handler

    codedeploy = CodeDeploy()
    monkeypatch.setattr(handler, "_lambda", Lambda(invoke, **more))
    monkeypatch.setattr(handler, "_codedeploy", codedeploy)
    with caplog.at_level(logging.WARNING):
        assert handler.handler(HOOK, None)["status"] == status
    assert codedeploy.told == [
        {"deploymentId": "d-1", "lifecycleEventHookExecutionId": "h-1", "status": status},
    ]
    assert f"smoke test {status.lower()}" in caplog.text
