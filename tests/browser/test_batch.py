"""Batch: a CSV in, answers in a table and as a CSV out."""

import csv
import io
import json
from pathlib import Path

import httpx
from playwright.sync_api import Page, Route, expect

from models import recruits, tickets
from tests.browser.conftest import Open

HEAD = ["Title", "description", "note"]


def upload(page: Page, rows: list[list[str]], head: list[str] = HEAD) -> None:
    file = io.StringIO()
    csv.writer(file).writerows([head, *rows])
    send(page, file.getvalue().encode())


def send(page: Page, content: bytes) -> None:
    page.get_by_label("CSV file").set_input_files([{"name": "rows.csv", "mimeType": "text/csv", "buffer": content}])


def saved(page: Page) -> list[dict[str, str]]:
    with page.expect_download() as download:
        page.get_by_role("button", name="Download CSV").click()
    return list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text("utf-8"), newline="")))


def test_a_file_is_answered_and_saved(visit: Open, served: str) -> None:
    page = visit("batch", model="tickets")
    rows = list(tickets.rows(30, seed=4))
    upload(page, [[row["title"], row["description"], "=1+1"] for row in rows])
    page.get_by_role("button", name="Ask for 30 rows").click()
    expect(page.get_by_role("region", name="Progress")).to_contain_text("Done: 30 rows")
    found = saved(page)
    cases = [{"title": row["title"], "description": row["description"]} for row in rows]
    truth = httpx.post(f"{served}/models/tickets/batch", json={"cases": cases}).json()["predictions"]
    assert [row["predicted_priority"] for row in found] == [row["predicted_priority"] for row in truth]
    assert [float(row["priority_confidence"]) for row in found] == [row["priority_confidence"] for row in truth]
    assert {row["note"] for row in found} == {"'=1+1"}
    assert {row["error"] for row in found} == {""}


def test_rows_that_do_not_fit_are_told_by_line(visit: Open) -> None:
    page = visit("batch", model="tickets")
    upload(page, [["Login", "It fails", ""], ["", "no title", ""], ["x" * 201, "too long", ""]])
    page.get_by_role("button", name="Ask for 3 rows").click()
    refused = page.get_by_role("table", name="Rows that were refused")
    expect(refused.locator("tbody tr")).to_have_text(["3title is required", "4title must have at most 200 characters"])
    assert [row["error"] for row in saved(page)] == ["", "title is required", "title must have at most 200 characters"]


def test_what_is_no_number_is_sent_as_it_is_and_refused(visit: Open, served: str) -> None:
    page = visit("batch", model="g2g")
    about = httpx.get(f"{served}/models/g2g/versions/1.0.0").json()["inputs"]
    row = {one["name"]: str(one["example"]) for one in about}
    scores = ["712", " 712 ", "7.12e2", "Infinity", "0x2c8", "712 points", "1e999"]
    upload(page, [list((row | {"credit_score": score}).values()) for score in scores], head=list(row))
    page.get_by_role("button", name=f"Ask for {len(scores)} rows").click()
    expect(page.get_by_role("region", name="Progress")).to_contain_text("4 rows refused")
    assert [found["error"] for found in saved(page)] == [""] * 3 + ["credit_score must be a number"] * 4


def test_a_column_of_another_name_is_chosen_by_hand(visit: Open) -> None:
    page = visit("batch", model="tickets")
    upload(page, [["Login", "It fails"]], head=["subject", "description"])
    start = page.get_by_role("button", name="Ask for 1 row")
    expect(start).to_be_disabled()
    expect(page.get_by_text("No column for title: each of these is required.")).to_be_visible()
    page.get_by_label("title", exact=True).select_option(label="subject")
    start.click()
    expect(page.get_by_role("table", name="Answers", exact=True).locator("tbody tr")).to_have_count(1)


def test_many_rows_go_in_parts_and_can_be_stopped(visit: Open) -> None:
    page = visit("batch", model="tickets")
    sizes: list[int] = []

    def answer(route: Route) -> None:
        sizes.append(len(json.loads(route.request.post_data or "")["cases"]))
        if len(sizes) > 3:
            return  # never answered
        route.continue_()

    page.route("**/batch", answer)
    upload(page, [[f"Ticket {number}", "It fails", ""] for number in range(3000)])
    page.get_by_role("button", name="Ask for 3,000 rows").click()
    expect(page.get_by_role("region", name="Progress")).to_contain_text("1,500 of 3,000 rows")
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("region", name="Progress")).to_contain_text("Stopped after 1,500 rows")
    assert set(sizes) == {500}
    assert len(sizes) <= 5
    expect(page.get_by_role("table", name="Answers", exact=True).locator("tbody tr")).to_have_count(100)
    assert sum(row["error"] == "not asked" for row in saved(page)) == 1500


def test_long_texts_make_smaller_parts(visit: Open) -> None:
    page = visit("batch", model="tickets")
    with page.expect_request("**/batch") as first:
        upload(page, [["Login", "x" * 9000, ""] for _ in range(150)])
        page.get_by_role("button", name="Ask for 150 rows").click()
    assert len(first.value.post_data_buffer or b"") < 1024 * 1024
    expect(page.get_by_role("region", name="Progress")).to_contain_text("Done: 150 rows")


def test_the_service_may_ask_for_patience(visit: Open) -> None:
    page = visit("batch", model="tickets")
    refused: list[bool] = []

    def once(route: Route) -> None:
        if refused:
            return route.continue_()
        refused.append(True)
        return route.fulfill(
            status=429,
            json={"detail": "Too many.", "code": "rate_limited", "request_id": "r"},
            headers={"retry-after": "1"},
        )

    page.route("**/batch", once)
    upload(page, [["Login", "It fails", ""]])
    page.get_by_role("button", name="Ask for 1 row").click()
    expect(page.get_by_role("region", name="Progress")).to_contain_text("Asked too often; going on in 1 s")
    expect(page.get_by_role("region", name="Progress")).to_contain_text("Done: 1 row")


def test_each_row_chooses_its_segment(visit: Open) -> None:
    page = visit("batch", model="recruits")
    rows = list(recruits.rows(20, seed=2))
    file = io.StringIO()
    head = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(file, head)
    writer.writeheader()
    writer.writerows(rows)
    send(page, file.getvalue().encode())
    page.get_by_label("Each row chooses its segment of recruits").check()
    page.get_by_role("button", name="Ask for 20 rows").click()
    expect(page.get_by_role("region", name="Progress")).to_contain_text("Done: 20 rows")
    found = saved(page)
    assert {row["error"] for row in found} == {""}
    assert len({row["position"] for row in found}) == 3


def test_two_versions_are_compared_over_a_file(visit: Open, served: str) -> None:
    page = visit("batch", model="tickets")
    rows = list(tickets.rows(40, seed=5))
    upload(page, [[row["title"], row["description"], ""] for row in rows])
    page.get_by_label("Also ask version").select_option("1.0.0")
    page.get_by_role("button", name="Ask for 40 rows").click()
    table = page.get_by_role("table", name="1.1.0 against 1.0.0")
    expect(table).to_be_visible()
    found = saved(page)
    same = sum(row["predicted_department@1.1.0"] == row["predicted_department@1.0.0"] for row in found)
    expect(table.get_by_role("row", name="department")).to_contain_text(f"{same / 40 * 100:.1f} % agree")


def test_rows_are_pasted_too_and_a_bad_paste_is_said(visit: Open) -> None:
    page = visit("batch", model="tickets")
    page.get_by_text("Or paste rows").click()
    page.get_by_label("Rows as CSV").fill('title;description\n"Login;It fails')
    page.get_by_role("button", name="Read", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("line 2: a quote is opened and never closed")
    page.get_by_label("Rows as CSV").fill("title;description\nLogin;It fails")
    page.get_by_role("button", name="Read", exact=True).click()
    page.get_by_role("button", name="Ask for 1 row").click()
    expect(page.get_by_role("region", name="Progress")).to_contain_text("Done: 1 row")


def test_markup_in_a_cell_stays_text(visit: Open) -> None:
    page = visit("batch", model="tickets")
    upload(page, [["<img src=x onerror=alert(1)>", "<b>bold</b>", "<i>"]])
    page.get_by_role("button", name="Ask for 1 row").click()
    expect(page.get_by_role("table", name="Answers", exact=True)).to_contain_text("<img src=x onerror=alert(1)>")
    assert page.locator("#view img, #view b, #view i").count() == 0
