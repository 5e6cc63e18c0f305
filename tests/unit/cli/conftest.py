"""The command line as its users have it: `firesteel(...)` runs a command to its end in a folder of its own."""

import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import uvicorn
import yaml

from cli import environment, main
from firesteel.registry.seal import open_registry
from firesteel.registry.store import Store
from firesteel.settings import PREFIX, Settings
from functions.classify import server
from functions.classify.asgi import App
from functions.classify.telemetry import Telemetry
from models import g2g, gifts, recruits, tickets


class Done(NamedTuple):
    """How a command ended; tables are wrapped to the terminal's width, so `words` has single spaces only."""

    code: int
    out: str
    err: str

    @property
    def words(self) -> str:
        return " ".join(self.out.split())


Run = Callable[..., Done]


@pytest.fixture
def firesteel(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Run a command in an empty folder, on an empty store unless FIRESTEEL_STORE is set by then."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in Settings.__dataclass_fields__:
        monkeypatch.delenv(PREFIX + name.upper(), raising=False)

    def run(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["firesteel", *map(str, arguments)])
        environment.settings.cache_clear()
        capsys.readouterr()
        with pytest.raises(SystemExit) as exit_info:
            main.run()
        environment.settings.cache_clear()
        code = exit_info.value.code
        assert isinstance(code, int)
        return Done(code, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """600 synthetic tickets."""
    path = tmp_path_factory.mktemp("data") / "tickets.csv"
    tickets.write(path, 600, seed=0)
    return path


@pytest.fixture(scope="session")
def published(rows: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with tickets 1.0.0 and 1.1.0, which is `latest`. Shared: only to be read."""
    store = tmp_path_factory.mktemp("published")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FIRESTEEL_STORE", f"file://{store}")
        for changelog in ("the first", "the second"):
            environment.settings.cache_clear()
            patch.setattr(sys, "argv", ["firesteel", "train", "tickets", "--data", str(rows), "--no-tune"])
            sys.argv += ["--changelog", changelog]
            with pytest.raises(SystemExit) as exit_info:
                main.run()
            assert exit_info.value.code == 0
    environment.settings.cache_clear()
    return store


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Definitions with numbers, counts and segments that train in a second, and rows for them: g2g.yaml, g2g.csv, ..."""
    folder = tmp_path_factory.mktemp("small")
    for generator, count in ((g2g, 500), (gifts, 2000), (recruits, 900)):
        name = generator.__name__.removeprefix("models.")
        generator.write(folder / f"{name}.csv", count, seed=0)
        described = yaml.safe_load((environment.project_root() / "models" / f"{name}.yaml").read_text(encoding="utf-8"))
        described["gates"] = []
        if "estimator" in described:
            described["estimator"] |= {"iterations": 12, "learning_rate": 0.2, "max_leaf_nodes": 8}
        described.setdefault("data", {})["min_rows_per_class"] = 5
        for segment in described.get("segments", {}).values():
            segment["min_rows"] = 50
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(described, sort_keys=False), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def measured(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with g2g, gifts and recruits 1.0.0. Shared: only to be read."""
    store = tmp_path_factory.mktemp("measured")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FIRESTEEL_STORE", f"file://{store}")
        for name in ("g2g", "gifts", "recruits"):
            environment.settings.cache_clear()
            words = ["train", small / f"{name}.yaml", "--data", small / f"{name}.csv"]
            patch.setattr(sys, "argv", ["firesteel", *map(str, words)])
            with pytest.raises(SystemExit) as exit_info:
                main.run()
            assert exit_info.value.code == 0
    environment.settings.cache_clear()
    return store


@pytest.fixture
def numbers(firesteel: Run, measured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the store of numbers, counts and segments, and the one that commands use."""
    copy = tmp_path / "numbers"
    shutil.copytree(measured, copy)
    monkeypatch.setenv("FIRESTEEL_STORE", f"file://{copy}")
    return copy


@pytest.fixture
def store(firesteel: Run, published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the published store, and the one that commands use."""
    copy = tmp_path / "store"
    shutil.copytree(published, copy)
    monkeypatch.setenv("FIRESTEEL_STORE", f"file://{copy}")
    return copy


@contextmanager
def listening(app: App) -> Iterator[str]:
    """Serve an app on a free port until the end of the block; gives its base URL."""
    config = uvicorn.Config(app, port=0, lifespan="off", ws="none", log_config=None, timeout_graceful_shutdown=1)
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not running.started:
        assert time.monotonic() < deadline, "the server did not start"
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{running.servers[0].sockets[0].getsockname()[1]}"
    finally:
        running.should_exit = True
        thread.join(20)


def api_over(store: Path, **changes: Any) -> App:
    """The server's app over a store, without limits unless `changes` sets some."""
    settings = Settings(store=f"file://{store}", refresh_seconds=3600, rate_limit=0)
    return server.create(replace(settings, **changes), Telemetry(service="tests-of-the-cli", level="CRITICAL"))


@pytest.fixture(scope="session")
def measuring(measured: Path) -> Iterator[str]:
    """The base URL of the API over the store of numbers, counts and segments; it serves g2g."""
    with listening(api_over(measured, model="g2g")) as base_url:
        yield base_url


@pytest.fixture(scope="session")
def api(published: Path) -> Iterator[str]:
    """The base URL of the API over the published store."""
    with listening(api_over(published)) as base_url:
        yield base_url


@pytest.fixture
def monitor(firesteel: Run, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The monitoring store that commands use."""
    url = f"file://{tmp_path}/monitor"
    monkeypatch.setenv("FIRESTEEL_MONITOR", url)
    return open_registry(url)
