"""The page as people have it: small models in a registry of their own, the real server, and Chromium.

A page that asks anybody but this machine, writes an error to the console or breaks its own policy fails its test.
"""

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
import yaml
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, ViewportSize, sync_playwright

from cli import environment, main
from models import g2g, gifts, recruits, tickets
from tests.unit.cli.conftest import api_over, listening

PHONE, DESKTOP = ViewportSize(width=360, height=740), ViewportSize(width=1280, height=900)
PATIENCE = 10_000  # ms
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
)  # fmt: skip

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium. Ended with each module: while Playwright runs, `asyncio.run` of others' tests would fail."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.fail("The page is tested in Chromium, which is not installed: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with two versions of tickets, and one of g2g, gifts and recruits. Shared: only to be read."""
    folder, store = tmp_path_factory.mktemp("rows"), tmp_path_factory.mktemp("registry")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FIRESTEEL_STORE", f"file://{store}")
        for number, (generator, count) in enumerate(SMALL):
            _firesteel(patch, "train", *_small(generator, count, number, folder), "--no-tune")
    environment.settings.cache_clear()
    return store


SMALL = ((tickets, 300), (tickets, 300), (g2g, 300), (gifts, 600), (recruits, 400))


def _small(generator: ModuleType, count: int, seed: int, folder: Path) -> tuple[object, ...]:
    """The arguments that train a definition on few rows, in a second."""
    name = generator.__name__.removeprefix("models.")
    generator.write(folder / f"{name}.csv", count, seed=seed)
    described = yaml.safe_load((environment.project_root() / "models" / f"{name}.yaml").read_text(encoding="utf-8"))
    described["gates"] = []
    if described.get("estimator", {}).get("kind") == "gradient_boosting":
        described["estimator"] |= {"iterations": 8, "learning_rate": 0.2, "max_leaf_nodes": 6}
    described.setdefault("data", {})["min_rows_per_class"] = 2
    for segment in described.get("segments", {}).values():
        segment["min_rows"] = 20
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(described, sort_keys=False), encoding="utf-8")
    return folder / f"{name}.yaml", "--data", folder / f"{name}.csv"


def _firesteel(patch: pytest.MonkeyPatch, *words: object) -> None:
    environment.settings.cache_clear()
    patch.setattr(sys, "argv", ["firesteel", *map(str, words)])
    with pytest.raises(SystemExit) as exit_info:
        main.run()
    assert exit_info.value.code == 0


@pytest.fixture(scope="session")
def monitor(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the monitoring store."""
    return tmp_path_factory.mktemp("monitor")


@pytest.fixture(scope="session")
def served(registry: Path, monitor: Path) -> Iterator[str]:
    """The base URL of the server with the page; /admin is open. A page of any origin may ask it."""
    app = api_over(registry, admin=True, monitor=f"file://{monitor}", cors_origins=("*",))
    with listening(app) as base_url:
        yield base_url


class Watch:
    """What a page did that it must not. `allowed` are beginnings of console messages that a test expects."""

    def __init__(self, context: BrowserContext) -> None:
        self.allowed = ["Failed to load resource: the server responded with a status of 4"]
        self._faults: list[str] = []
        context.on("request", self._requested)
        context.on("console", self._wrote)
        context.on("weberror", lambda error: self._faults.append(f"uncaught: {error.error}"))

    def _requested(self, request: Request) -> None:
        if urlsplit(request.url).hostname not in ("127.0.0.1", None):
            self._faults.append(f"asked {request.url}")

    def _wrote(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self._faults.append(message.text)

    def faults(self) -> list[str]:
        return [fault for fault in self._faults if not fault.startswith(tuple(self.allowed))]


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    with chromium.new_context(viewport=DESKTOP, reduced_motion="reduce", locale="en-GB") as opened:
        opened.set_default_timeout(PATIENCE)
        yield opened


@pytest.fixture
def watch(context: BrowserContext) -> Iterator[Watch]:
    """Looks at everything that the pages of a test do, and judges at its end."""
    watching = Watch(context)
    yield watching
    assert watching.faults() == []


@pytest.fixture
def visit(context: BrowserContext, watch: Watch, served: str) -> Open:
    """Open a view in a new tab and wait until it is there: `visit("why", model="tickets")`."""

    def opened(view: str = "ask", base: str = served, size: ViewportSize = DESKTOP, **query: Any) -> Page:
        page = context.new_page()
        page.set_viewport_size(size)
        page.goto(f"{base}/#/{view}?{urlencode(query)}")
        settled(page)
        return page

    return opened


def settled(page: Page) -> None:
    """Wait until the view has all that it reads before it is shown."""
    page.wait_for_selector("#view h1")
    page.wait_for_selector("#view > .body:not([aria-busy])")


def fill(page: Page, **values: str) -> None:
    """Type into the form's fields."""
    for name, value in values.items():
        control = page.locator(f"#view [name={name}]")
        if control.evaluate("one => one.tagName") == "SELECT":
            control.select_option(value)
        else:
            control.fill(value)
