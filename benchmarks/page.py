"""The page in Chromium: from asking for it until a person can type, and from a key until its answer is shown.

The server runs in a process of its own with the registry that all benchmarks use; every round opens the page anew in a
browser context without a cache. The page counts as interactive when the form of the served model can be typed into.
"""

import os
import shutil
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from playwright.sync_api import Browser, sync_playwright

from benchmarks import report
from benchmarks.process import LOGS, LOOPBACK, START_LIMIT, free_port, running
from benchmarks.workload import ROOT, arguments, generated, published

KEYS = 30  # a round, after the first answer
BOUNDS = {"interactive ms": 1000.0, "key to answer p50 ms": 150.0}
TICKET = {"title": "Cannot log in since this morning", "description": "The login page says that my account is locked."}
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

TYPED = """async (keys) => {
  const field = document.querySelector("[name=title]");
  const shown = document.querySelector("section[aria-label=Answer] > div:last-child");
  const times = [];
  for (let key = 0; key < keys; key++) {
    const answered = new Promise((done) => {
      const seen = (_, watching) => (watching.disconnect(), requestAnimationFrame(done));
      new MutationObserver(seen).observe(shown, { childList: true });
    });
    const pressed = performance.now();
    field.value += "x";
    field.dispatchEvent(new InputEvent("input", { bubbles: true }));
    await answered;
    times.push(performance.now() - pressed);
  }
  return times;
}"""


@contextmanager
def serving(registry: str) -> Iterator[str]:
    """The server in a process of its own, until the end of the block; gives its base URL."""
    settings = {"FIRESTEEL_STORE": registry, "FIRESTEEL_RATE_LIMIT": "0", "FIRESTEEL_LOG_LEVEL": "CRITICAL"}
    port = free_port()
    command = [sys.executable, "-m", "cli.main", "serve", "--host", LOOPBACK, "--port", str(port)]
    with running(command, log=LOGS / "page.log", environment=os.environ | settings, folder=ROOT):
        base = f"http://{LOOPBACK}:{port}"
        _wait(base)
        yield base


def _wait(base: str) -> None:
    deadline = time.monotonic() + START_LIMIT
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{base}/health/ready").is_success:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise TimeoutError(f"the server did not get ready within {START_LIMIT:g} s; see {LOGS / 'page.log'}")


def measure(browser: Browser, base: str) -> dict[str, float]:
    """One visit: milliseconds until the form is there, and from keys to answers."""
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        page = context.new_page()
        page.add_init_script(
            "addEventListener('DOMContentLoaded', () => new MutationObserver(() => {"
            " if (!window.interactive && document.querySelector('[name=title]')) window.interactive = performance.now();"
            "}).observe(document.body, { childList: true, subtree: true }))"
        )
        response = page.goto(f"{base}/#/ask?model=tickets")
        assert response is not None
        page.wait_for_selector("[name=title]")
        interactive = page.evaluate("window.interactive")
        for name, text in TICKET.items():
            page.locator(f"[name={name}]").fill(text)
        page.get_by_text("answered in").wait_for()
        times = page.evaluate(TYPED, KEYS)
        return {
            "interactive ms": interactive,
            "key to answer p50 ms": statistics.median(times),
            "key to answer p95 ms": statistics.quantiles(times, n=20)[18],
            "page KB": len(response.body()) / 1000,
        }


def main() -> None:
    parser = arguments(__doc__, rounds=15)
    options = parser.parse_args()
    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit("The page is measured in Chromium, which is not installed: apt-get install chromium")
    registry = options.registry.resolve()
    published("tickets", generated(options.data.resolve(), 1000), registry)
    with serving(registry.as_uri()) as base, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        samples = report.alternate(["page"], options.rounds, lambda _: measure(browser, base), warmups=2)
        version = browser.version
        browser.close()
    medians = {name: report.spread(samples["page"][name]).median for name in BOUNDS}
    outcome = {name: "reached" if medians[name] <= bound else "short" for name, bound in BOUNDS.items()}
    notes = {"rounds": options.rounds, "keys a round": KEYS, "chromium": version, "bounds": BOUNDS, "outcome": outcome}
    report.finish("page", samples, (), notes=notes)
    print(", ".join(f"{name}: bound {bound:g}, {outcome[name]}" for name, bound in BOUNDS.items()))


if __name__ == "__main__":
    main()
