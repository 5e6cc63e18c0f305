"""`firesteel approve` and `reject`: signed requests to the registry's API, and what becomes of its answers."""

import hashlib
import hmac
import json
import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from functions.registry import moves
from functions.registry.moves import Decision
from tests.unit.cli.conftest import Run

KEY, SECRET, REGION = "AKIAEXAMPLE", "the/secret+key", "eu-central-1"
ARN = "arn:aws:iam::123456789012:user/ada"


class Gateway(ThreadingHTTPServer):
    """API Gateway with IAM: checks who calls and hands an event of the REST API on."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.decisions: list[Decision] = []
        self.tokens: list[str | None] = []
        self.reply: tuple[int, Any] = (500, {})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/live"

    def answer(self, path: str, query: str, headers: dict[str, str]) -> tuple[int, Any]:
        if signature(path, query, headers) != headers.get("authorization", "").rpartition("Signature=")[2]:
            return 403, {"message": "The request signature we calculated does not match the signature you provided."}
        self.tokens.append(headers.get("x-amz-security-token"))
        event = {
            "httpMethod": "POST",
            "path": path.removeprefix("/live"),
            "multiValueQueryStringParameters": parse_qs(query, keep_blank_values=True),
            "requestContext": {"identity": {"userArn": ARN}},
        }
        decision = moves.read(event)
        assert isinstance(decision, Decision)
        self.decisions.append(decision)
        return self.reply


class _Handler(BaseHTTPRequestHandler):
    server: Gateway

    def do_POST(self) -> None:
        parts = urlsplit(self.path)
        status, body = self.server.answer(parts.path, parts.query, {k.lower(): v for k, v in self.headers.items()})
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nothing on standard error."""


def signature(path: str, query: str, headers: dict[str, str]) -> str:
    """The signature of an empty POST, as AWS's documentation of Signature Version 4 describes it."""
    names = headers.get("authorization", "SignedHeaders=host,").partition("SignedHeaders=")[2].partition(",")[0]
    date = headers.get("x-amz-date", "")
    scope = f"{date[:8]}/{REGION}/execute-api/aws4_request"
    signed = "".join(f"{name}:{headers.get(name, '')}\n" for name in names.split(";"))
    canonical = "\n".join(
        ["POST", path, "&".join(sorted(query.split("&"))), signed, names, hashlib.sha256(b"").hexdigest()]
    )
    key = f"AWS4{SECRET}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), "sha256").digest()
    text = "\n".join(["AWS4-HMAC-SHA256", date, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    return hmac.new(key, text.encode(), "sha256").hexdigest()


@pytest.fixture
def credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)


@pytest.fixture
def gateway(firesteel: Run, credentials: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    with Gateway() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setenv("FIRESTEEL_REGISTRY_URL", server.url)
        yield server
        server.shutdown()
        thread.join()


def decided(approved: bool, model: str = "tickets") -> tuple[int, dict[str, Any]]:
    told = {"model": model, "version": "1.3.0", "run": "run-7", "approved": approved, "who": ARN, "why": "read"}
    return 200, told


def test_an_approval_is_told_with_who_and_why(firesteel: Run, gateway: Gateway) -> None:
    gateway.reply = decided(True)
    done = firesteel("approve", "tickets", "1.3.0", "--why", "read the report: 5 % + 3/4 & müde ~*'")
    assert done.code == 0, done
    assert "tickets 1.3.0 is approved: its training goes on (run run-7)" in done.words
    assert gateway.decisions == [Decision(True, "tickets", "1.3.0", ARN, "read the report: 5 % + 3/4 & müde ~*'")]


def test_a_rejection_is_told_and_the_answer_can_be_json(firesteel: Run, gateway: Gateway) -> None:
    gateway.reply = decided(False, "recruits/qb")
    done = firesteel("reject", "recruits/qb", "1.3.0", "--json")
    assert json.loads(done.out) == gateway.reply[1]
    assert gateway.decisions == [Decision(False, "recruits/qb", "1.3.0", ARN, "")]
    assert "recruits/qb 1.3.0 is rejected" in firesteel("reject", "recruits/qb", "1.3.0").words


def test_temporary_credentials_send_their_token(
    firesteel: Run, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "a session's token")
    gateway.reply = decided(True)
    assert firesteel("approve", "tickets", "1.3.0").code == 0
    assert gateway.tokens == ["a session's token"]


@pytest.mark.parametrize(
    ("status", "body", "code", "said"),
    [
        (404, {"code": "not_in_registry", "detail": "nobody asked for approval"}, 1, "NotFoundError: nobody asked"),
        (409, {"code": "conflict", "detail": "does not wait any more"}, 5, "ConflictError: does not wait any more"),
        (503, {"code": "approvals_unavailable", "detail": "try again"}, 1, "answered 503: try again"),
        (403, {"message": "User is not authorized to perform: execute-api:Invoke"}, 1, "answered 403: User is not"),
        (200, {"hello": "world"}, 1, "answered 200 and nothing that it documents"),
        (502, b"<html>", 1, "answered 502 and nothing that it documents"),
    ],
)
def test_refusals_are_named(status: int, body: object, code: int, said: str, firesteel: Run, gateway: Gateway) -> None:
    gateway.reply = (status, body)
    done = firesteel("approve", "tickets", "1.3.0")
    assert done.code == code
    assert said in done.err


def test_another_secret_is_refused(firesteel: Run, gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    done = firesteel("approve", "tickets", "1.3.0")
    assert done.code == 1
    assert "answered 403: The request signature we calculated does not match" in done.err
    assert gateway.decisions == []


def test_without_a_url_it_says_which_setting_is_missing(firesteel: Run, credentials: None) -> None:
    done = firesteel("approve", "tickets", "1.3.0")
    assert done.code == 3
    assert "FIRESTEEL_REGISTRY_URL is not set" in done.err


def test_without_credentials_it_says_what_to_set(
    firesteel: Run, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    done = firesteel("approve", "tickets", "1.3.0")
    assert done.code == 3
    assert "there are no AWS credentials" in done.err


def test_a_profile_that_is_not_there_is_named(
    firesteel: Run, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    done = firesteel("approve", "tickets", "1.3.0")
    assert done.code == 3
    assert "nobody" in done.err


def test_the_region_is_that_of_the_url_and_else_must_be_set(
    firesteel: Run, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cli import approve

    monkeypatch.delenv("AWS_DEFAULT_REGION")
    headers = approve.signed(
        "https://abc.execute-api.ap-south-1.amazonaws.com/live/models/tickets/approve?version=1.3.0"
    )
    assert "/ap-south-1/execute-api/aws4_request" in headers["Authorization"]
    done = firesteel("approve", "tickets", "1.3.0")
    assert done.code == 3
    assert "set AWS_DEFAULT_REGION" in done.err


def test_an_api_that_is_not_there_is_named(firesteel: Run, credentials: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:  # bound, not listening
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("FIRESTEEL_REGISTRY_URL", f"http://127.0.0.1:{taken.getsockname()[1]}")
        done = firesteel("approve", "tickets", "1.3.0")
    assert done.code == 1
    assert "cannot be reached" in done.err
