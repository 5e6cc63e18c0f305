"""A service whose log has answers and no inputs, and few corrections: what can be seen of it, and what would show more."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PHONE, Open
from tests.browser.lived import ASKED, Lived, compared, lived, use
from tests.browser.test_access import everywhere

FEW = 5
HINT = "The log has none of the inputs as they were sent. Write log: plain beside an input"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    with lived(tmp_path_factory.mktemp("unlogged"), logged=False) as running:
        use(running, FEW)
        yield running


@pytest.fixture(scope="module")
def report(service: Lived) -> dict[str, object]:
    return compared(service)


def test_what_nobody_can_read_has_no_label_keys(visit: Open, service: Lived) -> None:
    before = service.get("/admin/feedback", model="tickets")["corrections"]
    page = visit("review", base=service.base, model="tickets")
    first, second = service.get("/admin/review", model="tickets")["items"][:2]
    card = page.get_by_role("region", name="Answer")
    expect(card).to_contain_text(HINT)
    expect(card).to_contain_text(first["request_id"])
    expect(card).to_contain_text(f"{first['confidences'][first['target']]:.0%} sure".replace("%", " %"))
    expect(page.get_by_role("group", name="Right")).to_have_count(0)
    expect(page.get_by_label("Keys: ← → go back and on")).to_be_checked()
    everywhere(page)
    page.keyboard.press("1")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_text(", 0 labelled")).to_contain_text("2 of ")
    expect(card).to_contain_text(second["request_id"])
    assert service.get("/admin/feedback", model="tickets")["corrections"] == before


def test_who_knows_the_request_can_still_say_what_is_right(visit: Open, service: Lived) -> None:
    page = visit("review", base=service.base, model="tickets")
    first = service.get("/admin/review", model="tickets")["items"][0]
    page.get_by_text("Say more, or correct another target").click()
    page.get_by_label("Right priority").select_option("Medium")
    page.get_by_role("button", name="Send correction").click()
    expect(page.get_by_text(", 1 labelled")).to_contain_text("2 of ")
    newest = service.get("/admin/feedback", model="tickets")["corrections"][0]
    assert (newest["request_id"], newest["answer"]) == (first["request_id"], {"priority": "Medium"})


def test_what_is_a_digest_alone_has_no_label_keys(visit: Open, service: Lived) -> None:
    page = visit("review", base=service.base, model="tickets")
    items = service.get("/admin/review", model="tickets", limit=2)["items"]
    items[0]["inputs"] = {"title": {"sha256": "ae870ceada7fbb71", "words": 2}, "description": None}
    items[1]["inputs"] = {"title": {"text": "Login", "words": 1}, "description": {"sha256": "ae870ceada7fbb71"}}
    page.route("**/admin/review?*", lambda route: route.fulfill(json={"items": items}))
    page.reload()
    card = page.get_by_role("region", name="Answer")
    expect(card).to_contain_text("hash ae870ceada7fbb71")
    expect(card).to_contain_text(HINT)
    expect(page.get_by_role("group", name="Right")).to_have_count(0)
    page.get_by_role("button", name="Skip").click()
    expect(page.get_by_role("group", name="Right")).to_be_visible()
    expect(page.get_by_label("Keys: digits label, ← → go back and on")).to_be_checked()
    expect(card).not_to_contain_text(HINT)


def test_the_list_of_answers_says_it_once(visit: Open, service: Lived) -> None:
    page = visit("inferences", base=service.base, model="tickets")
    expect(page.get_by_role("table", name="Answers").locator("tbody tr")).to_have_count(10 + ASKED)
    expect(page.get_by_text(HINT)).to_have_count(1)
    page.get_by_role("button", name="Details of").first.click()
    expect(page.get_by_role("dialog")).to_contain_text("Not in the log.")
    expect(page.get_by_text(HINT)).to_have_count(1)


def test_series_that_are_not_logged_stand_below_the_others_folded(
    visit: Open, service: Lived, report: dict[str, list[dict[str, str]]]
) -> None:
    page = visit("drift", base=service.base, model="tickets")
    absent = [one for one in report["fields"] if one["of"] == "input"]
    assert len(absent) == 8
    series = page.get_by_role("region", name="Series").first
    expect(series.get_by_role("row")).to_have_count(len(report["fields"]) - len(absent) + 1)
    expect(series.get_by_role("table")).not_to_contain_text("title.words")
    expect(series).not_to_contain_text("too little data")
    folded = series.get_by_text("○ not logged 8 series of inputs")
    expect(series.get_by_text("title.words")).to_be_hidden()
    folded.click()
    expect(series.get_by_text("title.words")).to_be_visible()
    expect(series.get_by_text("title is not in the inference log: log: hash or log: plain")).to_have_count(1)
    everywhere(page)


def test_few_corrections_give_no_verdict(visit: Open, service: Lived, report: dict[str, object]) -> None:
    page = visit("drift", base=service.base, model="tickets")
    truth = page.get_by_role("region", name="Right answers: priority")
    expect(truth).to_contain_text("30 are needed for a verdict")
    expect(truth.get_by_role("columnheader")).to_have_text(["measure", "now", "in training", ""])
    expect(truth.get_by_role("row").nth(1)).to_contain_text("accuracy")
    expect(truth.get_by_role("img")).to_have_count(0)
    page.set_viewport_size(PHONE)
    expect(truth.get_by_role("row").nth(1)).to_contain_text("accuracy")
