"""Inferences, corrections and the review queue: what was really asked, what is sent, and what the store has then."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESKTOP, PHONE, Open, fill
from tests.browser.lived import ASKED, Lived, arrived, lived, use
from tests.browser.test_access import everywhere


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    with lived(tmp_path_factory.mktemp("asked")) as running:
        use(running)
        yield running


def newest(service: Lived) -> dict[str, Any]:
    """The correction that was sent last."""
    corrections: list[dict[str, Any]] = service.get("/admin/feedback", model="tickets")["corrections"]
    return corrections[0]


def answers(page: Page) -> Any:
    return page.get_by_role("table", name="Answers").locator("tbody tr")


def test_recent_answers_are_listed_and_filtered(visit: Open, service: Lived) -> None:
    page = visit("inferences", base=service.base, model="tickets")
    count = len(service.get("/admin/recent_inferences", model="tickets", limit=200)["inferences"])
    assert count >= 10 + ASKED
    expect(answers(page)).to_have_count(count)
    expect(answers(page).last).to_contain_text("Nobody can log in at gate 0.")
    page.get_by_label("Answered").select_option("department: Tech Support")
    logins = page.get_by_role("table", name="Answers").get_by_text("Tech Support")
    expect(answers(page)).to_have_count(logins.count())
    assert 0 < logins.count() < count
    page.get_by_label("Answered").select_option("")
    page.get_by_label("Rows").select_option("true")
    flagged = service.get("/admin/recent_inferences", model="tickets", limit=200, review="true")["inferences"]
    assert 0 < len(flagged) <= count
    expect(answers(page)).to_have_count(len(flagged))
    expect(page.get_by_role("status").filter(has_text="answers")).to_contain_text(f"{len(flagged)} answers")


def test_an_answer_has_its_details_and_a_correction_is_kept(visit: Open, service: Lived) -> None:
    page = visit("inferences", base=service.base, model="tickets")
    one = service.get("/admin/recent_inferences", model="tickets", limit=200)["inferences"][-1]
    page.get_by_role("button", name=f"Details of {one['request_id']}").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Login 0")
    expect(dialog).to_contain_text(one["digest"][:12])
    everywhere(page)
    dialog.get_by_label("Right priority").select_option("Medium")
    dialog.get_by_label("Why (optional)").fill("nobody waits")
    dialog.get_by_label("Who (optional)").fill("Grace")
    dialog.get_by_role("button", name="Send correction").click()
    expect(dialog).to_be_hidden()
    expect(page.locator("#live")).to_have_text("Correction kept: priority: Medium.")
    said = newest(service)
    assert (said["request_id"], said["answer"]) == (one["request_id"], {"priority": "Medium"})
    assert (said["who"], said["why"]) == ("Grace", "nobody waits")


def test_a_correction_of_nothing_is_refused_in_words(visit: Open, service: Lived) -> None:
    before = newest(service)["id"]
    page = visit("inferences", base=service.base, model="tickets")
    page.get_by_role("button", name="Details of").first.click()
    page.get_by_role("button", name="Send correction").click()
    expect(page.get_by_role("alert")).to_contain_text("is required, with one target at least")
    assert newest(service)["id"] == before


def test_a_model_that_nobody_asked_has_an_empty_log(visit: Open) -> None:
    page = visit("inferences", model="g2g")
    expect(page.locator("#view")).to_contain_text("Nothing was answered")


def test_an_answer_is_corrected_where_it_was_asked_for(visit: Open, service: Lived) -> None:
    page = visit("ask", base=service.base, model="tickets")
    markup = "<img src=x onerror=document.title='owned'>"
    with page.expect_response("**/predict") as answered:
        fill(page, title=markup, description="It fails")
    page.get_by_text("Not right? Correct it").click()
    page.get_by_label("Right department").select_option("Sales")
    everywhere(page)
    page.get_by_role("button", name="Send correction").click()
    expect(page.get_by_text("✓ Kept: department: Sales. Thank you.")).to_be_visible()
    said = newest(service)
    assert said["request_id"]
    assert said["input"] == {"title": markup, "description": "It fails"}
    assert said["answer"] == {"department": "Sales"}
    arrived(service, said["request_id"])
    page.set_viewport_size(DESKTOP)
    page.get_by_role("link", name="Inferences").click()
    expect(answers(page).first).to_contain_text(markup)
    assert answered.value.ok
    assert page.title() == "Inferences · Firesteel"


def test_a_number_is_corrected_as_a_number(visit: Open) -> None:
    page = visit("ask", model="g2g")
    page.get_by_role("button", name="Example").click()
    page.get_by_text("Not right? Correct it").click()
    page.get_by_label("Right g2g_score").fill("0.25")
    with page.expect_response("**/feedback") as sent:
        page.get_by_role("button", name="Send correction").click()
    assert sent.value.status == 201
    assert json.loads(sent.value.request.post_data or "")["answer"] == {"g2g_score": 0.25}
    expect(page.get_by_text("✓ Kept: g2g_score: 0.25.")).to_be_visible()


def test_a_key_labels_and_goes_on(visit: Open, service: Lived) -> None:
    page = visit("review", base=service.base, model="tickets")
    first, second = service.get("/admin/review", model="tickets")["items"][:2]
    assert first["doubt"] > 0
    card = page.get_by_role("region", name="Answer")
    expect(card).to_contain_text(first["inputs"]["title"])
    labels = page.get_by_role("group", name=f"Right {first['target']}?").get_by_role("button").all_inner_texts()
    expect(page.locator("#live")).to_contain_text("1: ")
    everywhere(page)
    page.keyboard.press("2")
    expect(page.get_by_text(", 1 labelled")).to_contain_text("2 of ")
    expect(card).to_be_focused()
    expect(card).to_contain_text(second["inputs"]["title"])
    assert page.get_by_role("progressbar").evaluate("one => one.value") == 1
    said = newest(service)
    assert (said["request_id"], said["row"]) == (first["request_id"], first["row"])
    assert said["answer"] == {first["target"]: labels[1].split(maxsplit=1)[1]}
    page.keyboard.press("ArrowLeft")
    expect(card).to_contain_text(f"✓ {first['target']}: ")
    page.keyboard.press("ArrowRight")
    expect(card).to_contain_text(second["inputs"]["title"])


def test_keys_can_be_turned_off_and_never_act_while_one_types(visit: Open, service: Lived) -> None:
    page = visit("review", base=service.base, model="tickets")
    before = newest(service)["id"]
    page.get_by_text("Say more, or correct another target").click()
    page.get_by_label("Why (optional)").fill("")
    page.keyboard.type("12")
    page.get_by_label("Keys: digits label").uncheck()
    page.keyboard.press("1")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_text(", 0 labelled")).to_contain_text("1 of ")
    assert newest(service)["id"] == before


def test_all_that_was_labelled_leaves_the_queue(visit: Open, service: Lived) -> None:
    page = visit("review", base=service.base, model="tickets")
    items = service.get("/admin/review", model="tickets", limit=2)
    page.route("**/admin/review?*", lambda route: route.fulfill(json=items))
    page.reload()
    expect(page.get_by_text("1 of 2, 0 labelled")).to_be_visible()
    page.keyboard.press("1")
    expect(page.get_by_text("2 of 2, 1 labelled")).to_be_visible()
    page.get_by_role("button", name="Skip").click()
    expect(page.get_by_text("All were looked at.", exact=True).first).to_be_visible()
    page.unroute("**/admin/review?*")
    page.get_by_role("button", name="Look for more").click()
    left = service.get("/admin/review", model="tickets")["items"]
    first = items["items"][0]
    assert (first["request_id"], first["row"]) not in [(one["request_id"], one["row"]) for one in left]
    expect(page.get_by_role("region", name="Answer")).to_contain_text(left[0]["inputs"]["title"])


def test_nothing_is_wider_than_a_phone(visit: Open, service: Lived) -> None:
    for view in ("inferences", "review"):
        page = visit(view, base=service.base, size=PHONE, model="tickets")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], view
        if view == "inferences":
            table = page.get_by_role("table", name="Answers")
            assert table.evaluate("one => one.scrollWidth <= one.parentElement.clientWidth")
            assert table.locator("time").first.evaluate("one => one.getClientRects().length") == 1
