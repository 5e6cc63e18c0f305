"""What stands around the views: routes, focus, colours, size, and that nothing is asked of anybody else."""

import re
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import PHONE, Open, Watch, settled

LARGEST = 100_000  # bytes, plain
WEB = Path(__file__).parents[2] / "web"


def names(page: Page) -> list[str]:
    """The ids of all views, in the order of the navigation."""
    links = page.locator("nav a").evaluate_all("all => all.map((one) => one.getAttribute('href'))")
    return [re.findall(r"#/([\w-]+)", link)[0] for link in links]


def test_the_whole_page_is_small_and_one_request(visit: Open, served: str) -> None:
    document = httpx.get(f"{served}/", headers={"accept": "text/html", "accept-encoding": "identity"})
    assert len(document.content) <= LARGEST
    page = visit()
    kinds = page.evaluate("performance.getEntriesByType('resource').map((one) => one.initiatorType)")
    assert set(kinds) == {"fetch"}


def test_the_page_holds_no_way_to_make_markup_of_text() -> None:
    for source in (*WEB.glob("*.js"), WEB / "index.html"):
        text = source.read_text(encoding="utf-8")
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\(|new Function|DOMParser", text
        ), source
        assert not re.search(r"<[a-z][^>\n]*\s(style|on\w+)=", text), source


def test_every_view_opens_by_its_address_with_its_title_and_by_keyboard(visit: Open) -> None:
    page = visit()
    for name in names(page):
        link = page.locator(f'nav a[href^="#/{name}?"]')
        link.focus()
        page.keyboard.press("Enter")
        expect(link).to_have_attribute("aria-current", "page")
        settled(page)
        title = page.locator("#view h1")
        assert page.title() == f"{title.inner_text()} · Firesteel"
        if name != names(page)[0]:
            expect(title).to_be_focused()
        assert page.locator("main").count() == page.locator("h1").count() == 1


def test_the_first_key_skips_to_the_content(visit: Open) -> None:
    page = visit()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#view")).to_be_focused()
    assert page.url.split("#")[1].startswith("/ask")


def test_an_address_names_model_and_version(visit: Open) -> None:
    page = visit("about", model="tickets", version="1.0.0")
    expect(page.get_by_role("combobox", name="Model")).to_have_value("tickets")
    expect(page.get_by_role("combobox", name="Version")).to_have_value("1.0.0")
    page.get_by_role("combobox", name="Model").select_option("g2g")
    page.wait_for_url("**/#/about?model=g2g")
    expect(page.get_by_role("region", name="g2g_score").first).to_be_visible()
    page.go_back()
    expect(page.get_by_role("combobox", name="Model")).to_have_value("tickets")
    expect(page.get_by_role("combobox", name="Version")).to_have_value("1.0.0")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_follow_the_system_until_somebody_chooses(context: BrowserContext, visit: Open, scheme: str) -> None:
    page = visit()
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    dark = "Number(getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0]) < 128"
    assert page.evaluate(dark) is (scheme == "dark")
    other = "light" if scheme == "dark" else "dark"
    page.get_by_label("Colours").select_option(other)
    assert page.evaluate(dark) is (other == "dark")
    page.reload()
    settled(page)
    assert page.evaluate(dark) is (other == "dark")


def test_nothing_is_wider_than_a_phone(visit: Open) -> None:
    page = visit(size=PHONE)
    for model in ("tickets", "g2g", "gifts", "recruits"):
        for name in names(page):
            page.goto(f"{page.url.split('#')[0]}#/{name}?model={model}")
            settled(page)
            if (example := page.get_by_role("button", name="Example")).first.is_visible():
                example.first.click()
                page.wait_for_timeout(100)
            assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], (model, name)


def test_the_menu_of_a_phone_opens_and_closes(visit: Open) -> None:
    page = visit(size=PHONE)
    menu = page.get_by_role("button", name="Menu")
    expect(page.get_by_role("navigation")).to_be_hidden()
    menu.click()
    expect(menu).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Escape")
    expect(page.get_by_role("navigation")).to_be_hidden()
    expect(menu).to_be_focused()
    menu.click()
    page.get_by_role("link", name="Batch").click()
    expect(page.get_by_role("navigation")).to_be_hidden()
    expect(page.get_by_role("heading", name="Batch")).to_be_visible()


def test_from_disk_the_address_is_typed_in_and_nothing_is_kept(
    context: BrowserContext, served: str, watch: Watch
) -> None:
    page = context.new_page()
    page.goto((WEB / "index.html").as_uri())
    expect(page.get_by_role("alert")).to_contain_text("No API address is set.")
    page.get_by_role("button", name="Connection").last.click()
    page.get_by_role("group", name="API").get_by_label("Address").fill(served)
    page.get_by_role("button", name="Connect", exact=True).click()
    expect(page.get_by_role("heading", name="Ask")).to_be_visible()
    page.get_by_role("button", name="Example").first.click()
    expect(page.get_by_role("region", name="Answer")).to_contain_text("sure")
    assert page.evaluate("Object.keys(localStorage).concat(Object.keys(sessionStorage))") == ["theme"]


def test_an_unknown_model_in_the_address_is_not_the_end(visit: Open) -> None:
    page = visit(model="no-such-model")
    expect(page.get_by_role("combobox", name="Model")).to_have_value("tickets")


def test_a_service_without_models_says_how_to_begin(visit: Open) -> None:
    page = visit()
    page.route("**/models", lambda route: route.fulfill(json={"models": []}))
    page.reload()
    expect(page.locator("#view")).to_contain_text("No model yet")
    expect(page.locator("#view pre")).to_have_text("firesteel demo")


def test_a_service_that_fails_can_be_asked_again(visit: Open, watch: Watch) -> None:
    watch.allowed.append("Failed to load resource: the server responded with a status of 503")
    page = visit()
    fault = {
        "detail": "The registry cannot be read at the moment.",
        "code": "registry_unavailable",
        "request_id": "r-1",
    }
    page.route("**/models", lambda route: route.fulfill(status=503, json=fault))
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("The registry cannot be read at the moment.")
    expect(page.get_by_role("alert")).to_contain_text("r-1")
    page.unroute("**/models")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("form", name="Input")).to_be_visible()
