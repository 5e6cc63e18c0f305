"""A service that was used for a while: tickets that were asked, corrected, and compared with training."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import httpx
import pytest
import yaml

from cli import environment
from firesteel.monitor import reports
from firesteel.registry.seal import open_registry
from firesteel.registry.store import open_store
from functions.train.drift import html, look
from models import tickets
from tests.browser.conftest import _firesteel

ASKED, CORRECTED = 150, 40
REFUND = {"title": "Refund of my invoice", "description": "The invoice was paid twice, please refund the money."}


class Lived(NamedTuple):
    """Where the server is, where its registry and its monitoring store are."""

    base: str
    store: Path
    monitor: Path

    def get(self, path: str, **query: Any) -> Any:
        return httpx.get(self.base + path, params=query).raise_for_status().json()


@contextmanager
def lived(folder: Path, logged: bool = True) -> Iterator[Lived]:
    """Two versions of tickets, and `firesteel serve --admin` in a process of its own, that nobody asked anything yet.

    `logged` says whether the log keeps the tickets' texts.
    """
    store, monitor, port = folder / "registry", folder / "monitor", free_port()
    shutil.copytree(Path(_trained(logged).name) / "registry", store)
    told = {"store": f"file://{store}", "monitor": f"file://{monitor}", "refresh_seconds": "0.2", "rate_limit": "0"}
    with firesteel_runs(folder, "serve", "--admin", "--port", port, **told):
        yield Lived(f"http://127.0.0.1:{port}", store, monitor)


@contextmanager
def firesteel_runs(folder: Path, *words: object, **settings: str) -> Iterator[Path]:
    """A command that runs until the end of the block, and listens; gives the file with what it says."""
    root, said = Path(__file__).parents[2], folder / f"{words[0]}.txt"
    environ = {**os.environ, **{f"FIRESTEEL_{name.upper()}": value for name, value in settings.items()}}
    environ["PYTHONPATH"] = f"{root}:{root / 'layers' / 'firesteel'}"
    command = [sys.executable, "-m", "cli.main", *map(str, words)]
    with said.open("w", encoding="utf-8") as log:
        process = subprocess.Popen(command, cwd=folder, env=environ, stdout=log, stderr=log)
        try:
            _wait(int(str(words[words.index("--port") + 1])), said, process)
            yield said
        finally:
            process.terminate()
            process.wait(20)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(port: int, said: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"it does not listen: {said.read_text()}")


@cache
def _trained(logged: bool) -> TemporaryDirectory[str]:
    """A folder with the registry that all copy; gone with the process."""
    kept = TemporaryDirectory()
    folder = Path(kept.name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FIRESTEEL_STORE", f"file://{folder}/registry")
        for seed in (0, 1):
            _firesteel(patch, "train", *_described(folder, seed, logged), "--no-tune")
    environment.settings.cache_clear()
    return kept


def _described(folder: Path, seed: int, logged: bool) -> tuple[object, ...]:
    """The arguments that train tickets on 400 rows."""
    rows, definition = folder / "tickets.csv", folder / "tickets.yaml"
    tickets.write(rows, 400, seed=seed)
    described = yaml.safe_load((environment.project_root() / "models" / "tickets.yaml").read_text(encoding="utf-8"))
    described |= {"gates": [], "split": {**described.get("split", {}), "test_share": 0.4}}
    for name in ("title", "description"):
        described["inputs"][name]["log"] = "plain" if logged else "no"
    definition.write_text(yaml.safe_dump(described, sort_keys=False), encoding="utf-8")
    return definition, "--data", rows


def use(service: Lived, corrected: int = CORRECTED) -> None:
    """Ask, one by one and as a batch; correct a part of the batch; wait until all of it is in the log."""
    for number in range(10):
        row = REFUND | {"title": f"Login {number}", "description": f"Nobody can log in at gate {number}."}
        httpx.post(f"{service.base}/models/tickets/predict", json=row).raise_for_status()
    cases = [REFUND | {"title": f"Refund of invoice {number}"} for number in range(ASKED)]
    answer = httpx.post(f"{service.base}/models/tickets/batch", json={"cases": cases}).raise_for_status()
    about = {"request_id": answer.headers["x-request-id"], "model": "tickets", "who": "Ada"}
    for number in range(corrected):
        right = {"department": "Billing", "priority": "Low" if number % 4 else "High"}
        httpx.post(f"{service.base}/feedback", json=about | {"row": number, "answer": right}).raise_for_status()
    arrived(service, about["request_id"])


def arrived(service: Lived, request_id: str) -> None:
    """Wait until an answer is in the log, and so are those before it."""
    deadline = time.monotonic() + 30
    while all(
        one["request_id"] != request_id
        for one in service.get("/admin/recent_inferences", model="tickets", limit=1000)["inferences"]
    ):
        assert time.monotonic() < deadline, "the log did not get the answer"
        time.sleep(0.1)


def compared(service: Lived, days_ago: int = 0, **changes: Any) -> dict[str, Any]:
    """Compare with training and keep the report, as the daily look does; `changes` are of a report of an earlier day."""
    registry, monitor = open_registry(f"file://{service.store}"), open_store(f"file://{service.monitor}")
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)
    report = look.look(registry, monitor, "tickets", until=until, days=7)
    when = until - timedelta(days=days_ago)
    report |= {"when": look.written(when), **changes}
    reports.publish(monitor, "tickets", when, report, html.page(report))
    return report
