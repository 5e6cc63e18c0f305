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
    """The operations that a model answers with 200, by method and path; all versions are 1.0.0."""
    name, _, segment = model.partition("/")
    segments = {"recruits": "qb"}.get(name, "") or segment
    found = set()
    for one in OPERATIONS:
        needs_segment = "{segment}" in one.path
        if one.name == "feedback" or "/admin/" in one.path:
            continue
        if (needs_segment and not segments) or ("{name}" in one.path and segment and not needs_segment):
            continue
        path = one.path.replace("{name}", name).replace("{segment}", segments)
        path = path.replace("{version}", "1.0.0").replace("{file}", "model_card.md")
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


def attributed(value: Any) -> Iterator[dict[str, Any]]:
    """The attributions of an answer of one row."""
    yield from value["attributions"].values()


def shift_base(value: Any) -> None:
    for one in attributed(value):
        one["base"] += 0.001 * abs(one["score"]) + 0.001


def shift_rest(value: Any) -> None:
    for one in attributed(value):
        for field in one["fields"]:
            if "spans" in field:
                field["rest"] += 0.001


def swap_spans(value: Any) -> None:
    for one in attributed(value):
        for field in one["fields"]:
            field.get("spans", []).reverse()


def forget_attributions(value: Any) -> None:
    value.pop("attributions")


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


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (shift_base, "base and contributions of the attributions are not the score"),
        (shift_rest, "spans and rest are not the contribution"),
        (swap_spans, "the spans are empty, overlap or are not in order"),
        (forget_attributions, "there are no attributions"),
    ],
)
def test_attributions_that_do_not_add_up_are_named(
    change: Callable[[Any], None], said: str, firesteel: Run, published: Path
) -> None:
    path = "/models/tickets/attributions"
    with listening(changing(api_over(published), path, change)) as base_url:
        report = json.loads(firesteel("smoke", "--base-url", base_url, "--json").out)
    failed = [one for one in report["checks"] if one["problems"]]
    assert [one["path"] for one in failed] == [path]
    assert said in " ".join(failed[0]["problems"])


def test_admin_is_called_where_it_answers(firesteel: Run, measured: Path) -> None:
    """Of a model with segments, the segment that answers is asked for."""
    with listening(api_over(measured, model="recruits", admin=True)) as base_url:
        done = firesteel("smoke", "--base-url", base_url, "--json")
    report = json.loads(done.out)
    assert [one for one in report["checks"] if one["problems"]] == []
    asked = {one["path"]: one["status"] for one in report["checks"] if one["path"].startswith("/admin/")}
    assert asked == {f"{one.path}?model=recruits/qb": 200 for one in OPERATIONS if one.path.startswith("/admin/")}
