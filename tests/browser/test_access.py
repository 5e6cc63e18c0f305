"""Everybody can use every view: axe finds nothing serious in light, dark, on a desk and on a phone."""

import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.conftest import DESKTOP, PHONE, Open, fill, settled

SERIOUS = ("serious", "critical")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
COLOURS = ["color-contrast"]
WEB = Path(__file__).parents[2] / "web"
VIEWS = re.findall(
    r'Views\.add\(\{ ?id: "([\w-]+)"', "".join(path.read_text("utf-8") for path in sorted(WEB.glob("*.js")))
)


def findings(page: Page, rules: list[str]) -> list[str]:
    found = Axe().run(page, options={"resultTypes": ["violations"], "runOnly": rules}).response["violations"]
    return [
        f"{one['id']}: {node['html']} {node['failureSummary']}"
        for one in found
        if one["impact"] in SERIOUS
        for node in one["nodes"]
    ]


def everywhere(page: Page) -> None:
    """Light and dark, desk and phone; in the second scheme only what colours can change."""
    for scheme, rules in (("light", RULES), ("dark", COLOURS)):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        for size in (DESKTOP, PHONE):
            page.set_viewport_size(size)
            assert findings(page, rules) == [], f"{page.url} {scheme} {size['width']} px"


@pytest.mark.parametrize("view", VIEWS)
def test_nothing_serious_is_in_the_way_of(visit: Open, view: str) -> None:
    page = visit(view, model="tickets")
    example = page.get_by_role("button", name="Example")
    if example.count() and example.first.is_visible():
        example.first.click()
        page.get_by_text("answered in").first.wait_for()
    for details in page.locator("#view details").all():
        details.evaluate("one => (one.open = true)")
    everywhere(page)


def test_nothing_serious_is_in_the_way_of_a_form_with_errors(visit: Open) -> None:
    page = visit("ask", model="g2g")
    fill(page, credit_score="1")
    page.get_by_role("button", name="Ask", exact=True).click()
    page.locator(".error:visible").first.wait_for()
    everywhere(page)


def test_nothing_serious_is_in_the_way_of_the_connection(visit: Open) -> None:
    page = visit("ask")
    page.get_by_role("button", name="Connection").click()
    page.get_by_label("Who asks").first.select_option("aws")
    everywhere(page)


def test_nothing_serious_is_in_the_way_of_a_batch(visit: Open) -> None:
    page = visit("batch", model="tickets")
    rows = b"title,description\nLogin,It fails\n,missing\n"
    page.get_by_label("CSV file").set_input_files([{"name": "rows.csv", "mimeType": "text/csv", "buffer": rows}])
    page.get_by_role("button", name="Ask for 2 rows").click()
    page.get_by_role("table", name="Answers", exact=True).wait_for()
    settled(page)
    everywhere(page)
