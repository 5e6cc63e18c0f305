"""`firesteel smoke`, against the real API and against APIs that do not keep their word."""

import json
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest

from functions.classify.asgi import App, Receive, Scope, Send
from functions.classify.operations import OPERATIONS
from tests.unit.cli.conftest import Run, api_over, listening


def test_the_api_keeps_its_word(firesteel: Run, api: str) -> None:
    done = firesteel("smoke", "--base-url", api)
    assert done.code == 0, done
    assert "FAIL" not in done.out


def test_every_operation_is_called_and_every_kind_of_refusal_provoked(firesteel: Run, api: str) -> None:
    report = json.loads(firesteel("smoke", "--base-url", f"{api}/", "--json").out)
    called = {(check["method"], check["path"]) for check in report["checks"] if check["status"] == 200}
    public = [one for one in OPERATIONS if "{segment}" not in one.path and "/admin/" not in one.path]
    wanted = {(one.method, at_the_served(one.path)) for one in public}
    assert wanted - called == {("POST", "/feedback")}
    assert {path for _, path in called} >= {"/docs", "/openapi.json", "/metrics"}
    assert {check["status"] for check in report["checks"]} == {200, 400, 404, 405, 409, 413, 415, 422}
    assert report["passed"] is True
    assert report["base_url"] == api


def at_the_served(path: str) -> str:
    return path.replace("{name}", "tickets").replace("{version}", "1.1.0").replace("{file}", "model_card.md")


def test_no_correction_is_written(firesteel: Run, published: Path, tmp_path: Path) -> None:
    monitor = tmp_path / "monitor"
    with listening(api_over(published, monitor=f"file://{monitor}")) as base_url:
        report = json.loads(firesteel("smoke", "--base-url", base_url, "--json").out)
        assert not list(monitor.glob("feedback/**/*.json"))
        target = httpx.get(f"{base_url}/models/tickets/versions/1.1.0").json()["targets"][0]
        right = {"request_id": "one", "answer": {target["name"]: target["labels"][0]}}
        assert httpx.post(f"{base_url}/feedback", json=right).status_code == 201
        assert len(list(monitor.glob("feedback/**/*.json"))) == 1  # here it would have been
    asked = [one for one in report["checks"] if one["path"] == "/feedback"]
    assert {one["status"] for one in asked} == {400, 413, 415, 422}
    assert "feedback: unknown label" in {one["name"] for one in asked}


def answering(path: str, app: App, status: int, body: bytes, headers: dict[bytes, bytes]) -> App:
    """The app, but for one path."""

    async def changed(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] != path:
            await app(scope, receive, send)
            return
        while (await receive()).get("more_body"):
            pass
        sent = dict(scope["headers"])
        echo = {b"x-request-id": sent.get(b"x-request-id", b"")} | headers
        await send({"type": "http.response.start", "status": status, "headers": list(echo.items())})
        await send({"type": "http.response.body", "body": body})

    return changed


@pytest.mark.parametrize(
    ("path", "status", "body", "headers", "said"),
    [
        ("/version", 200, b'{"name": "firesteel"}', {}, "required"),
        ("/version", 200, b"<html>", {}, "documentation"),
        ("/version", 200, b"{}", {b"x-request-id": b"another"}, "'another'"),
        ("/model/info", 200, b'{"inputs": [], "segments": {"QB": 1}}', {}, "required"),
        ("/model/status", 200, b"[]", {}, "documentation"),
        ("/version", 500, b"Internal Server Error", {}, "wanted 200, got 500: Internal Server Error"),
        ("/classify", 200, b'{"review": "no"}', {}, "x-model-digest"),
        ("/no/such/path/at/all", 404, b'{"message": "Not Found"}', {}, "unknown path"),
        ("/no/such/path/at/all", 200, b"{}", {}, "wanted 404, got 200"),
        ("/docs", 200, b"{}", {}, "no HTML"),
        ("/openapi.json", 200, b"[]", {}, "there is no schema"),
        (
            "/openapi.json",
            200,
            b'{"components": {"schemas": {"Row": {}, "Request": {}, "Result": {}, "Refusal": {}}}}',
            {},
            "not documented",
        ),
        ("/v2/models/tickets", 200, b"[]", {}, "does not fit type of its documentation"),
        ("/models/tickets/aliases", 200, b"{}", {}, "required"),
        (
            "/models/tickets/versions/1.1.0/files/model_card.md",
            200,
            b"# Tickets",
            {b"etag": b"1"},
            "the file has 9 bytes",
        ),
        (
            "/models/tickets/versions/1.1.0/files/model_card.md",
            200,
            b"",
            {},
            "x-content-type-options is '', not 'nosniff'",
        ),
        (
            "/models/tickets/versions/1.1.0",
            200,
            b'{"name": "tickets", "version": "1.1.0", "state": "corrupt"}',
            {},
            "the version is live, and its description says corrupt",
        ),
        ("/admin/review", 500, b"{}", {}, "wanted 404, got 500"),
        ("/feedback", 201, b"{}", {}, "wanted 422, got 201"),
    ],
)
def test_an_answer_that_is_not_as_documented_is_named(
    path: str, status: int, body: bytes, headers: dict[bytes, bytes], said: str, firesteel: Run, published: Path
) -> None:
    with listening(answering(path, api_over(published), status, body, headers)) as base_url:
        done = firesteel("smoke", "--base-url", base_url)
    assert done.code == 1
    assert "FAIL" in done.out
    assert said in done.words
    assert "SmokeError" in done.err


def test_an_api_without_a_model_fails(firesteel: Run, tmp_path: Path) -> None:
    with listening(api_over(tmp_path / "empty")) as base_url:
        done = firesteel("smoke", "--base-url", base_url)
    assert done.code == 1
    assert "no model is loaded" in done.words


def test_a_rate_limit_is_waited_out(firesteel: Run, published: Path) -> None:
    with listening(api_over(published, rate_limit=20, rate_window_seconds=1)) as base_url:
        done = firesteel("smoke", "--base-url", base_url)
    assert done.code == 0
    assert "rate limited: waiting 1 s" in done.err


def test_throttling_without_retry_after_is_waited_out_too(firesteel: Run, published: Path) -> None:
    """As API Gateway does it."""
    inner = api_over(published)
    throttled: list[bool] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/version" and not throttled:
            throttled.append(True)
            await send({"type": "http.response.start", "status": 429, "headers": []})
            await send({"type": "http.response.body", "body": b'{"message":"Too Many Requests"}'})
            return
        await inner(scope, receive, send)

    with listening(app) as base_url:
        assert firesteel("smoke", "--base-url", base_url).code == 0
    assert throttled


def test_where_nothing_listens_the_address_is_named(firesteel: Run) -> None:
    with socket.socket() as taken:  # bound, and not listening
        taken.bind(("127.0.0.1", 0))
        base_url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        done = firesteel("smoke", "--base-url", base_url)
    assert done.code == 1
    assert f"nothing answers at {base_url}" in done.err
    assert "firesteel serve" in done.err


def test_an_answer_that_does_not_come_is_not_waited_for(firesteel: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        done = firesteel("smoke", "--base-url", f"http://127.0.0.1:{silent.getsockname()[1]}", "--timeout", 0.2)
    assert done.code == 1
    assert "no answer in 0.2 s" in done.err


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://localhost", "http://", "http://localhost:eighty", "nonsense"])
def test_a_base_url_must_be_one(url: str, firesteel: Run) -> None:
    assert firesteel("smoke", "--base-url", url).code == 2


def test_the_settings_say_where_the_api_is_by_default(firesteel: Run, api: str, monkeypatch: Any) -> None:
    monkeypatch.setenv("FIRESTEEL_PORT", api.rpartition(":")[2])
    assert json.loads(firesteel("smoke", "--json").out)["base_url"] == api
