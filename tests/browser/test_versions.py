"""Versions and alias moves: `firesteel control` moves what the page asks for, and the service is seen to follow."""

import re
from collections.abc import Callable, Iterator

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.browser.lived import Lived, firesteel_runs, free_port, lived
from tests.browser.test_access import everywhere


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    with lived(tmp_path_factory.mktemp("moved")) as running:
        yield running


@pytest.fixture(scope="module")
def control(service: Lived, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The address of a running `firesteel control`, and its token."""
    port, folder = free_port(), tmp_path_factory.mktemp("control")
    words = ("control", "--port", port, "--origin", service.base)
    with firesteel_runs(folder, *words, store=f"file://{service.store}") as said:
        found = re.search(r"token (\S+)", said.read_text(encoding="utf-8"))
        assert found
        yield f"http://127.0.0.1:{port}", found[1]


@pytest.fixture
def connected(visit: Open, service: Lived, control: tuple[str, str]) -> Callable[..., Page]:
    """The view with the address and a token typed in; `latest` serves 1.1.0 alone."""
    address, token = control

    def opened(token: str = token) -> Page:
        page = visit("versions", base=service.base, model="tickets")
        page.get_by_role("main").get_by_role("button", name="Connection").click()
        registry = page.get_by_role("group", name="Registry")
        registry.get_by_label("Address").fill(address)
        registry.get_by_label("Who asks").select_option("bearer")
        registry.get_by_label("Token").fill(token)
        page.get_by_role("dialog").get_by_role("button", name="Connect", exact=True).click()
        expect(page.get_by_text(f"Moves go to {address}.")).to_be_visible()
        return page

    asked = f"{address}/models/tickets/switch?version=1.1.0&why=test"
    httpx.post(asked, headers={"authorization": f"Bearer {token}"}).raise_for_status()
    return opened


def move(page: Page, version: str, how: str, why: str = "", **fields: str) -> None:
    page.get_by_role("button", name=f"Move an alias to {version}").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("How").select_option(how)
    dialog.get_by_label("Why").fill(why)
    for label, value in fields.items():
        dialog.get_by_label(label).fill(value)


def confirm(page: Page, name: str) -> None:
    page.get_by_role("dialog").get_by_role("button", name=name, exact=True).click()


def test_versions_stand_with_their_measures_and_aliases(visit: Open, service: Lived) -> None:
    page = visit("versions", base=service.base, model="tickets")
    rows = page.get_by_role("table", name="Versions").get_by_role("row")
    expect(rows).to_have_count(3)
    expect(rows.first).to_contain_text("priority accuracy")
    expect(rows.nth(2)).to_contain_text("1.0.0")
    expect(page.get_by_role("region", name="Alias latest").get_by_role("listitem").last).to_contain_text(
        "promote 1.0.0 #1"
    )
    digest = service.get("/models/tickets/versions/1.0.0")["digest"]
    expect(rows.nth(2)).to_contain_text(digest[:12])


def test_a_switch_says_what_it_does_and_the_service_follows(connected: Callable[..., Page], service: Lived) -> None:
    page = connected()
    move(page, "1.0.0", "switch", "the newer one is wrong about refunds")
    expect(page.get_by_role("dialog")).to_contain_text("latest serves 1.0.0 to everybody instead of 1.1.0.")
    confirm(page, "Confirm switch")
    told = page.get_by_role("region", name="Move", exact=True)
    expect(told).to_be_focused()
    expect(told).to_contain_text("latest serves 1.0.0 to everybody instead of 1.1.0.")
    expect(told).to_contain_text("✓ The service answers with 1.0.0 now.")
    assert service.get("/health")["model_version"] == "1.0.0"
    newest = page.get_by_role("region", name="Alias latest").get_by_role("listitem").first
    expect(newest).to_contain_text("switch 1.0.0")
    expect(newest).to_contain_text("the newer one is wrong about refunds")
    expect(newest).to_contain_text("local:")
    page.get_by_role("link", name="Ask").click()
    expect(page.get_by_role("combobox", name="Version")).to_contain_text("served now: 1.0.0")


def test_a_canary_has_its_share_and_ends(connected: Callable[..., Page], service: Lived) -> None:
    page = connected()
    move(page, "1.0.0", "canary", Share="25")
    expect(page.get_by_role("dialog")).to_contain_text(
        "1.0.0 answers 25 % of the requests to latest, 1.1.0 the others."
    )
    confirm(page, "Confirm canary")
    told = page.get_by_role("region", name="Move", exact=True)
    expect(told).to_contain_text("✓ The service answers with 1.1.0 now.")
    assert service.get("/health")["canary"]["model_version"] == "1.0.0"
    assert service.get("/models/tickets/versions")["aliases"]["latest"]["canary"]["weight"] == 0.25
    expect(page.get_by_role("table", name="Versions")).to_contain_text("latest: canary 25 %")
    latest = page.get_by_role("region", name="Alias latest")
    latest.get_by_role("button", name="End canary…").click()
    expect(page.get_by_role("dialog")).to_contain_text("latest serves 1.1.0 to everybody, ending the canary 1.0.0.")
    confirm(page, "Confirm rollback")
    expect(latest.get_by_role("button", name="Roll back…")).to_be_visible()
    assert "canary" not in service.get("/models/tickets/versions")["aliases"]["latest"]


def test_a_shadow_never_answers(connected: Callable[..., Page], service: Lived) -> None:
    page = connected()
    move(page, "1.0.0", "shadow")
    expect(page.get_by_role("dialog")).to_contain_text("1.0.0 is scored beside 1.1.0 for latest and never answers.")
    confirm(page, "Confirm shadow")
    latest = page.get_by_role("region", name="Alias latest")
    expect(latest.get_by_role("button", name="End shadow…")).to_be_visible()
    assert service.get("/models/tickets/versions")["aliases"]["latest"]["shadow"]["version"] == "1.0.0"


def test_a_promotion_and_its_way_back(connected: Callable[..., Page], service: Lived) -> None:
    page = connected()
    move(page, "1.0.0", "promote", "it is good again", Alias="champion")
    expect(page.get_by_role("dialog")).to_contain_text("champion serves 1.0.0 to everybody.")
    with page.expect_request("**/promote?*") as sent:
        confirm(page, "Confirm promote")
    assert "&after=0&" in sent.value.url
    expect(page.get_by_role("region", name="Move", exact=True)).to_contain_text("The service serves latest.")
    champion = page.get_by_role("region", name="Alias champion")
    expect(champion).to_contain_text("it is good again")
    champion.get_by_role("button", name="Roll back…").click()
    expect(page.get_by_role("dialog")).to_contain_text("champion served nothing before 1.0.0.")
    expect(page.get_by_role("button", name="Confirm rollback")).to_be_disabled()
    page.keyboard.press("Escape")
    move(page, "1.1.0", "promote", Alias="champion")
    confirm(page, "Confirm promote")
    expect(champion).to_contain_text("promote 1.1.0")
    champion.get_by_role("button", name="Roll back…").click()
    expect(page.get_by_role("dialog")).to_contain_text("champion serves 1.0.0 to everybody instead of 1.1.0.")
    confirm(page, "Confirm rollback")
    expect(champion).to_contain_text("rollback 1.0.0")
    assert service.get("/models/tickets/versions")["aliases"]["champion"]["version"] == "1.0.0"


@pytest.mark.parametrize(
    ("version", "how", "share", "reason"),
    [
        ("1.1.0", "canary", "5", "latest serves 1.1.0 already: it cannot run beside itself."),
        ("1.1.0", "shadow", "5", "latest serves 1.1.0 already: it cannot run beside itself."),
        ("1.0.0", "canary", "100", "A share is above 0 % and below 100 %."),
        ("1.0.0", "canary", "", "A share is above 0 % and below 100 %."),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_sent(
    connected: Callable[..., Page], version: str, how: str, share: str, reason: str
) -> None:
    page = connected()
    move(page, version, how)
    if how == "canary":
        page.get_by_label("Share, %").fill(share)
    expect(page.get_by_role("dialog")).to_contain_text(reason)
    expect(page.locator("dialog button.primary")).to_be_disabled()


def test_who_lacks_the_token_is_refused_in_words(connected: Callable[..., Page], service: Lived) -> None:
    before = service.get("/models/tickets/versions")["aliases"]["latest"]["generation"]
    page = connected(token="a wrong one")
    move(page, "1.0.0", "switch")
    confirm(page, "Confirm switch")
    alert = page.get_by_role("dialog").get_by_role("alert")
    expect(alert).to_contain_text("Send the token that `firesteel control` printed")
    expect(alert).to_contain_text("Open Connection and give AWS keys, or the token")
    assert service.get("/models/tickets/versions")["aliases"]["latest"]["generation"] == before


def test_an_alias_that_somebody_moved_meanwhile_stays(
    connected: Callable[..., Page], service: Lived, control: tuple[str, str]
) -> None:
    page = connected()
    move(page, "1.0.0", "switch")
    address, token = control
    headers = {"authorization": f"Bearer {token}"}
    httpx.post(f"{address}/models/tickets/switch?version=1.1.0", headers=headers).raise_for_status()
    confirm(page, "Confirm switch")
    expect(page.get_by_role("alert")).to_contain_text("and not, as you saw it, at")
    assert service.get("/models/tickets/versions")["aliases"]["latest"]["version"] == "1.1.0"


@pytest.mark.parametrize(
    ("status", "code", "detail"),
    [
        (404, "not_in_registry", "There is no version 1.0.0 of tickets."),
        (409, "broken_bundle", "tickets 1.0.0 cannot be served: model.safetensors has another digest."),
        (409, "conflict", "somebody else moved latest at the same time"),
    ],
)
def test_refusals_are_told_as_they_came(connected: Callable[..., Page], status: int, code: str, detail: str) -> None:
    page = connected()
    body = {"detail": detail, "code": code, "request_id": "r-7"}
    headers = {"access-control-allow-origin": "*"}
    page.route("**/switch?*", lambda route: route.fulfill(status=status, json=body, headers=headers))
    move(page, "1.0.0", "switch")
    confirm(page, "Confirm switch")
    expect(page.get_by_role("alert")).to_contain_text(detail)
    expect(page.get_by_role("alert")).to_contain_text("r-7")
    expect(page.get_by_role("button", name="Confirm switch")).to_be_enabled()


def test_the_token_is_forgotten_when_asked(connected: Callable[..., Page]) -> None:
    page = connected()
    page.get_by_role("main").get_by_role("button", name="Connection").click()
    page.get_by_role("button", name="Forget keys").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert page.evaluate("Api.services.registry.auth") == {"kind": "none"}


def test_without_a_registry_the_way_to_move_is_to_connect_one(visit: Open, service: Lived) -> None:
    page = visit("versions", base=service.base, model="tickets")
    expect(page.get_by_text("Moves need the registry function")).to_be_visible()
    page.get_by_role("button", name="Move an alias to 1.0.0").click()
    expect(page.get_by_role("heading", name="Connection")).to_be_visible()


def test_a_keyboard_alone_moves_an_alias(connected: Callable[..., Page], service: Lived) -> None:
    page = connected()
    page.get_by_role("button", name="Move an alias to 1.0.0").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("How")).to_be_focused()
    expect(page.get_by_label("How")).to_have_value("switch")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type("by keys")
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="Move", exact=True)).to_be_focused()
    entry = service.get("/models/tickets/versions")["aliases"]["latest"]
    assert (entry["version"], entry["why"]) == ("1.0.0", "by keys")


def test_nothing_serious_is_in_the_way_of_a_move(connected: Callable[..., Page]) -> None:
    page = connected()
    move(page, "1.0.0", "canary")
    everywhere(page)
