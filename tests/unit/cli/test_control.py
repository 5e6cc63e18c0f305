"""`firesteel control`, as the page meets it: a server of its own, a token, moves that the alias's history shows."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.unit.cli.conftest import Run

PAGE = "http://127.0.0.1:8000"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("it does not listen")


@pytest.fixture
def client(store: Path, tmp_path: Path) -> Iterator[httpx.Client]:
    """Speaks to a running `firesteel control` and has its token."""
    port = free_port()
    command = [sys.executable, "-m", "cli.main", "control", "--port", str(port)]
    root = Path(__file__).parents[3]
    path = f"{root}:{root / 'layers' / 'firesteel'}"
    environment = {**os.environ, "FIRESTEEL_STORE": f"file://{store}", "PYTHONPATH": path}
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        said = ""
        while "token" not in said:
            line = process.stderr.readline()
            assert line, f"it ended: {said}"
            said += line
        found = re.search(r"token (\S+)", said)
        assert found, said
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
            client.headers["authorization"] = f"Bearer {found[1]}"
            _wait_for(port)
            yield client
    finally:
        process.terminate()
        process.wait(timeout=10)
        assert process.stderr is not None
        process.stderr.close()


def test_the_page_rolls_back_and_the_history_says_who(client: httpx.Client, firesteel: Run, store: Path) -> None:
    answer = client.post("/models/tickets/rollback", params={"why": "Sales & co complained"}, headers={"origin": PAGE})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["version"], answer.json()["generation"]) == ("1.0.0", 3)
    assert answer.headers["access-control-allow-origin"] == PAGE
    shown = json.loads(firesteel("show", "tickets", "--json").out)
    assert shown["history"][-1]["who"].startswith("local:")
    assert shown["history"][-1]["why"] == "Sales & co complained"
    canary = client.post("/models/tickets/promote", params={"version": "1.1.0", "canary": "0.05"})
    assert canary.json()["canary"]["weight"] == 0.05


def test_nothing_moves_without_the_token(client: httpx.Client, firesteel: Run, store: Path) -> None:
    for sent in ({"authorization": "Bearer wrong"}, {"authorization": ""}, {"authorization": "Bearer ü".encode()}):
        refused = client.post("/models/tickets/rollback", headers=sent)
        assert (refused.status_code, refused.json()["code"]) == (403, "not_identified")
    assert len(json.loads(firesteel("show", "tickets", "--json").out)["history"]) == 2


def test_what_the_function_refuses_is_refused_in_its_words(client: httpx.Client) -> None:
    assert client.get("/models/tickets/rollback").json()["code"] == "method_not_allowed"
    assert client.post("/models/tickets/promote").json()["code"] == "invalid_input"
    assert client.post("/models/nothing/rollback").json()["code"] == "not_in_registry"


def test_pages_of_other_origins_may_not_ask(client: httpx.Client) -> None:
    ask = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    allowed = client.options("/models/tickets/rollback", headers={**ask, "origin": PAGE})
    assert allowed.headers["access-control-allow-origin"] == PAGE
    other = client.options("/models/tickets/rollback", headers={**ask, "origin": "https://evil.example"})
    assert "access-control-allow-origin" not in other.headers


def test_a_port_that_is_taken_is_said(firesteel: Run, store: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = firesteel("control", "--port", taken.getsockname()[1])
    assert done.code == 1
    assert "is taken; choose another with --port" in done.err
    assert "token" not in done.err
