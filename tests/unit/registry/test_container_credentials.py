"""Credentials that only a service on the host has, as on Lambda with SnapStart: S3 is asked with what it gives."""

import json
import os
import re
import stat
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from firesteel.errors import NotFoundError
from firesteel.registry import s3
from firesteel.registry.store import open_store

ROOT = Path(__file__).parents[3]
USER = re.compile(r"Credential=([A-Z-]+)/")


class Host(ThreadingHTTPServer):
    """Gives keys to who has a token, and is S3, too, which has nothing. Notes the tokens and the users of the keys."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.tokens, self.users, self.address = [], [], f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Host

    def do_GET(self):
        sent = self.headers.get("authorization", "")
        if self.path == "/credentials":
            self.server.tokens.append(sent)
            keys = {"AccessKeyId": sent.upper(), "SecretAccessKey": "s", "Token": "t"}
            self._answer(200, json.dumps(keys | {"Expiration": "2099-01-01T00:00:00Z"}).encode())
        elif "list-type" in self.path:
            self.server.users += USER.findall(sent)
            self._answer(200, b"<ListBucketResult><Name>b</Name><IsTruncated>false</IsTruncated></ListBucketResult>")
        else:
            self.server.users += USER.findall(sent)
            self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")

    def _answer(self, status, body):
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Nothing."""


@pytest.fixture
def host():
    with Host() as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.shutdown()


def variables(host, token="first"):
    """What the environment of a function has under SnapStart: no access keys."""
    return {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{host.address}/credentials",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": token,
        "AWS_ENDPOINT_URL_S3": host.address,
        "AWS_REGION": "eu-central-1",
    }


@pytest.fixture
def environment(monkeypatch, host):
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in variables(host).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(s3, "_file_of", s3._file_of.__wrapped__)
    return monkeypatch


def ask():
    with pytest.raises(NotFoundError):
        open_store("s3://bucket").get("models/a/b", limit=10)


def test_the_service_is_asked_with_the_token_and_s3_with_its_keys(host, environment):
    ask()
    assert (host.tokens, host.users) == (["first"], ["FIRST"])


def test_a_store_that_is_opened_anew_has_the_token_of_now(host, environment):
    ask()
    environment.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "second")
    ask()
    assert (host.tokens, host.users) == (["first", "second"], ["FIRST", "SECOND"])


def test_a_token_that_is_in_a_file_already_is_left_there(host, environment, tmp_path):
    (tmp_path / "token").write_text("own")
    environment.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", str(tmp_path / "token"))
    environment.setattr(s3, "_file_of", pytest.fail)
    ask()
    assert (host.tokens, host.users) == (["own"], ["OWN"])


def test_access_keys_come_first(host, environment):
    environment.setenv("AWS_ACCESS_KEY_ID", "KEY")
    environment.setenv("AWS_SECRET_ACCESS_KEY", "s")
    ask()
    assert (host.tokens, host.users) == ([], ["KEY"])


@pytest.mark.parametrize("missing", ["CREDENTIALS_FULL_URI", "AUTHORIZATION_TOKEN"])
def test_without_service_or_token_nothing_is_written(environment, missing):
    environment.delenv(f"AWS_CONTAINER_{missing}")
    environment.setattr(s3, "_file_of", pytest.fail)
    assert s3._container() == {}


def test_the_file_is_its_owner_s_alone_and_goes_with_the_process(tmp_path):
    script = (
        "from firesteel.registry import s3; p = s3._file_of('t'); print(p, oct(os.stat(p).st_mode), open(p).read())"
    )
    environment = {"PATH": os.defpath, "TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT / "layers/firesteel")}
    done = subprocess.run(
        [sys.executable, "-c", f"import os; {script}"], env=environment, capture_output=True, text=True, check=True
    )
    path, mode, content = done.stdout.split()
    assert Path(path).parent == tmp_path
    assert (stat.S_IMODE(int(mode, 8)), content) == (0o600, "t")
    assert list(tmp_path.iterdir()) == []


RESTORED = """
import os
from awslambdaric import lambda_runtime_hooks_runner
from functions.classify import handler
lambda_runtime_hooks_runner.run_before_snapshot()
os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "restored"
lambda_runtime_hooks_runner.run_after_restore()
handler._serving.freshness.look()
"""


def test_a_function_that_was_restored_asks_with_the_token_that_it_has_then(host):
    environment = {
        "PATH": os.defpath,
        "PYTHONPATH": f"{ROOT}:{ROOT / 'layers' / 'firesteel'}",
        "FIRESTEEL_STORE": "s3://bucket",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start",
    }
    subprocess.run(
        [sys.executable, "-W", "error", "-c", RESTORED], env=environment | variables(host), check=True, timeout=60
    )
    assert host.tokens == ["first", "restored"]
    assert list(dict.fromkeys(host.users)) == ["FIRST", "RESTORED"]
