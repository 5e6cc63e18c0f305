"""Compare: two versions on the same input, side by side."""

import httpx
from playwright.sync_api import expect

from tests.browser.conftest import Open, fill

TICKETS = [
    {"title": f"{what} {how}", "description": f"{how} {more}"}
    for what in ("Invoice", "Login", "Quote for licences", "Refund", "Crash")
    for how in ("is broken", "was late today", "please help")
    for more in ("and nobody can work", "no hurry at all", "our customers wait")
]


def test_what_two_versions_answer_differently_is_marked(visit: Open, served: str) -> None:
    def labels(version: str) -> list[str]:
        rows = httpx.post(f"{served}/models/tickets/versions/{version}/batch", json={"cases": TICKETS}).json()
        return [row["predicted_priority"] for row in rows["predictions"]]

    new, old = labels("1.1.0"), labels("1.0.0")
    disputed = next(number for number in range(len(TICKETS)) if new[number] != old[number])
    page = visit("compare", model="tickets")
    fill(page, **TICKETS[disputed])
    left, right = page.get_by_role("region", name="1.1.0"), page.get_by_role("region", name="1.0.0")
    expect(left).to_contain_text(new[disputed])
    expect(right).to_contain_text(old[disputed])
    expect(right.locator(".differs").first).to_contain_text(f"differs: was {new[disputed]}")
    expect(left.locator(".differs")).to_have_count(0)


def test_one_version_alone_says_what_to_do(visit: Open) -> None:
    page = visit("compare", model="g2g")
    expect(page.locator("#view")).to_contain_text("g2g has no other complete version")
    expect(page.locator("#view pre")).to_have_text("firesteel train g2g --data rows.csv")
