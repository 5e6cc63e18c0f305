"""`firesteel smoke` whatever model is served, and what it says of explanations that do not add up."""

import json
from collections.abc import Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any

import pytest

from functions.classify import answers
from functions.classify.asgi import App, Receive, Scope, Send
from functions.classify.operations import OPERATIONS
from tests.unit.cli.conftest import Run, api_over, listening


def of(model: str) -> set[tuple[str, str]]:
    """The operations of the table that a model has, by method and path; all versions are 1.0.0."""
    name, _, segment = model.partition("/")
    segments = {"recruits": "qb"}.get(name, "") or segment
    found = set()
    for one in OPERATIONS:
        needs_segment = "{segment}" in one.path
        if (needs_segment and not segments) or ("{name}" in one.path and segment and not needs_segment):
            continue
        path = one.path.replace("{name}", name).replace("{segment}", segments).replace("{version}", "1.0.0")
        found.add((one.method, path))
    return found


@pytest.mark.parametrize("model", ["g2g", "gifts", "recruits", "recruits/qb"])
def test_every_model_keeps_its_word_in_every_operation(model: str, firesteel: Run, measured: Path) -> None:
    with listening(api_over(measured, model=model)) as base_url:
        done = firesteel("smoke", "--base-url", base_url, "--json")
    report = json.loads(done.out)
    assert [one for one in report["checks"] if one["problems"]] == []
    assert done.code == 0
    answered = {(one["method"], one["path"]) for one in report["checks"] if one["status"] == 200}
    assert answered >= of(model)


def changing(app: App, path: str, change: Callable[[Any], None]) -> App:
    """The app, but what it answers at a path is changed."""

    async def changed(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] != path:
            await app(scope, receive, send)
            return
        start: dict[str, Any] = {}

        async def take(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
                return
            value = json.loads(message["body"])
            change(value)
            body = answers.encode(value)
            kept = [(name, text) for name, text in start["headers"] if name != b"content-length"]
            await send({**start, "headers": [*kept, (b"content-length", str(len(body)).encode())]})
            await send({"type": "http.response.body", "body": body})

        await app(scope, receive, take)

    return changed


def explanations(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if "base_value" in value:
            yield value
        for inner in value.values():
            yield from explanations(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from explanations(inner)


def shift(value: Any) -> None:
    """A base value that is off by more than the contributions which are not told could explain."""
    for one in explanations(value):
        one["base_value"] += 1000


def turn(value: Any) -> None:
    """The least contribution first."""
    for one in explanations(value):
        one["top_positive_features"].reverse()
        one["top_negative_features"].reverse()


@pytest.mark.parametrize(
    ("model", "path", "change", "said"),
    [
        ("g2g", "/explain", shift, "miss the raw score by -"),
        ("g2g", "/batch_predict", shift, "miss the raw score by -"),
        ("gifts", "/models/gifts/explain", shift, "miss the raw score by -"),
        ("recruits", "/models/recruits/qb/explain", shift, "miss the raw score by -"),
        ("g2g", "/explain", turn, "not in order"),
    ],
)
def test_an_explanation_that_does_not_add_up_is_named(
    model: str, path: str, change: Callable[[Any], None], said: str, firesteel: Run, measured: Path
) -> None:
    with listening(changing(api_over(measured, model=model), path, change)) as base_url:
        done = firesteel("smoke", "--base-url", base_url, "--json")
    assert done.code == 1
    failed = [one for one in json.loads(done.out)["checks"] if one["problems"]]
    assert [one["path"] for one in failed] == [path]
    assert said in failed[0]["problems"][0]
