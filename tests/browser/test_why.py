"""Why: words shaded by what they did, a waterfall of the fields, and the same numbers for who cannot see either."""

import re

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open, fill, settled

TICKET = {"title": "Cannot log in \N{PILE OF POO} today", "description": "Our <b>whole</b> team\nis waiting."}


PLAIN = """one => {
  const copy = one.cloneNode(true);
  for (const sign of copy.querySelectorAll("sup")) sign.remove();
  return copy.textContent;
}"""


def asked(visit: Open, **ticket: str) -> Page:
    """The reasons of what was typed in Ask."""
    page = visit(model="tickets")
    fill(page, **ticket)
    page.get_by_role("link", name="Why?").click()
    settled(page)
    return page


def test_the_words_are_those_of_the_ticket_and_add_up(visit: Open, served: str) -> None:
    page = asked(visit, **TICKET)
    told = httpx.post(f"{served}/models/tickets/attributions", json=TICKET).json()["attributions"]["priority"]
    words = page.get_by_role("region", name="Words")
    for name in ("title", "description"):
        text = words.locator(".words").nth(("title", "description").index(name))
        plain = text.evaluate(PLAIN)
        assert plain == TICKET[name]
        own = next(field for field in told["fields"] if field["feature"] == name)
        shaded = page.evaluate("([text, spans]) => Why.words(text, spans)", [TICKET[name], own["spans"]])
        total = sum(word["contribution"] for word in shaded) + own["rest"]
        assert total == pytest.approx(own["contribution"], abs=1e-9)
        assert "".join(word["text"] for word in shaded) == TICKET[name]


def test_a_word_is_marked_by_more_than_its_colour(visit: Open) -> None:
    page = asked(visit, **TICKET)
    marks = page.get_by_role("region", name="Words").locator(".words mark")
    kinds = marks.evaluate_all(
        "all => all.map((one) => [one.className, getComputedStyle(one).borderBottomStyle, one.title[0]])"
    )
    assert {tuple(kind) for kind in kinds} == {("up", "solid", "+"), ("down", "dotted", "−")}
    assert marks.locator("sup").count() >= 1


def test_another_target_has_other_reasons(visit: Open) -> None:
    page = asked(visit, **TICKET)
    first = page.get_by_role("region", name="Answer").inner_text()
    page.get_by_role("button", name="department").click()
    expect(page.get_by_role("button", name="department")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("button", name="priority")).to_have_attribute("aria-pressed", "false")
    second = page.get_by_role("region", name="Answer").inner_text()
    assert first.startswith("priority")
    assert second.startswith("department")


def test_the_waterfall_goes_from_the_base_to_the_score_and_its_table_says_the_same(visit: Open, served: str) -> None:
    page = visit("why", model="g2g")
    example = {one["name"]: one["example"] for one in httpx.get(f"{served}/models/g2g/versions/1.0.0").json()["inputs"]}
    told = httpx.post(f"{served}/models/g2g/attributions", json=example).json()["attributions"]["g2g_score"]
    fields = page.get_by_role("region", name="Fields", exact=True)
    bars = fields.locator("svg rect")
    assert bars.count() == 2 + 12
    edges = bars.evaluate_all("all => all.map((one) => [one.x.baseVal.value, one.width.baseVal.value])")
    assert all(width > 0 for _, width in edges)
    fields.get_by_text("As a table").click()
    rows = fields.locator("tbody tr")
    assert rows.count() == len(told["fields"]) + 2
    numbers = [float(text.replace("−", "-")) for text in fields.locator("tbody td:last-child").all_inner_texts()]
    assert sum(numbers[:-1]) == pytest.approx(numbers[-1], abs=5e-3)
    assert numbers[-1] == pytest.approx(told["score"], abs=1e-3)


def test_every_answer_of_a_model_of_lists_has_its_reasons(visit: Open) -> None:
    page = visit("why", model="gifts")
    answers = page.get_by_label("Answer", exact=True)
    expect(answers.locator("option")).to_have_text([re.compile("^GIFT-007 · Management · 40$")])
    expect(page.get_by_role("region", name="Fields", exact=True).locator("svg")).to_be_visible()


def test_markup_in_a_ticket_stays_text(visit: Open) -> None:
    page = asked(
        visit, title="<img src=x onerror=document.title='taken'>", description="<script>document.title='taken'</script>"
    )
    expect(page.get_by_role("region", name="Words").locator(".words").first).to_contain_text("<img")
    assert page.locator("#view img, #view script").count() == 0
    assert page.title() == "Why · Firesteel"
