"""Drift: the newest report, those before it, and whether answers are still right, from real rows and corrections."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PHONE, Open
from tests.browser.lived import CORRECTED, Lived, compared, lived, use
from tests.browser.test_access import everywhere


class Watched(NamedTuple):
    service: Lived
    report: dict[str, Any]


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """A service whose last day was all of refunds; four reports of earlier days said otherwise."""
    with lived(tmp_path_factory.mktemp("drifted")) as service:
        use(service)
        for day, state, drifted in (
            (5, "INSUFFICIENT_DATA", []),
            (4, "OK", []),
            (3, "DRIFT", ["priority"]),
            (2, "OK", []),
        ):
            compared(service, day, state=state, drifted=drifted, sentence=f"{day} days ago.")
        yield Watched(service, compared(service))


def test_the_newest_report_is_told_with_what_drifted_first(visit: Open, watched: Watched) -> None:
    page = visit("drift", base=watched.service.base, model="tickets")
    newest = page.get_by_role("region", name="Newest report")
    expect(newest).to_contain_text("▲ drift")
    expect(newest).to_contain_text(watched.report["sentence"])
    rows = page.get_by_role("region", name="Series").get_by_role("table").get_by_role("row")
    expect(rows).to_have_count(len(watched.report["fields"]) + 1)
    expect(rows.nth(1)).to_contain_text("▲ drift")
    department = next(one for one in watched.report["fields"] if one["name"] == "department")
    row = rows.filter(has=page.get_by_role("rowheader", name="department", exact=True))
    expect(row).to_contain_text(department["sentence"])
    expect(row).to_contain_text("χ²")


def test_reports_over_time_have_a_picture_and_a_table(visit: Open, watched: Watched) -> None:
    page = visit("drift", base=watched.service.base, model="tickets")
    reports = page.get_by_role("region", name="Reports", exact=True)
    expect(reports.get_by_role("img", name="5 reports: 2 drift, 2 OK, 1 too little data")).to_be_visible()
    marks = reports.locator("svg g")
    assert marks.filter(has_text="4 days ago.").get_attribute("class") == "good"
    assert marks.filter(has_text="5 days ago.").get_attribute("class") == "warn"
    assert marks.filter(has_text=re.compile(": priority▲")).count() == 2
    names = reports.locator("svg > text").evaluate_all("all => all.map(one => one.getBBox().width)")
    assert len(names) > 1
    assert max(names) < min(float(one.get_attribute("x") or 0) for one in reports.locator("svg rect").all())
    reports.get_by_text("As a table").click()
    rows = reports.get_by_role("row")
    expect(rows).to_have_count(6)
    expect(rows.nth(1)).to_contain_text(watched.report["sentence"])
    expect(rows.last).to_contain_text("? too little data")


def test_shares_of_training_stand_beside_those_of_now(visit: Open, watched: Watched) -> None:
    page = visit("drift", base=watched.service.base, model="tickets")
    bins = next(one["bins"] for one in watched.report["fields"] if one["name"] == "department")
    place = bins["labels"].index("Billing")
    assert bins["current"][place] > 0.9
    shares = f"Billing {bins['baseline'][place]:.1%}, {bins['current'][place]:.1%}".replace("%", " %")
    chart = page.get_by_role("region", name="department", exact=True).get_by_role("img")
    assert shares in (chart.get_attribute("aria-label") or "")
    had, has = chart.locator("rect.whole").nth(place), chart.locator("rect.up").nth(place)
    widths = [float(one.get_attribute("width") or 0) for one in (had, has)]
    assert widths[0] / widths[1] == pytest.approx(bins["baseline"][place] / bins["current"][place])


def test_where_corrections_tell_the_truth_it_is_shown_by_day(visit: Open, watched: Watched) -> None:
    page = visit("drift", base=watched.service.base, model="tickets")
    truth = page.get_by_role("region", name="Right answers: priority")
    own = watched.report["truth"]["priority"]
    assert own["rows"] == CORRECTED
    expect(truth).to_contain_text(own["sentence"])
    accuracy = truth.get_by_role("table", name="Measures").get_by_role("row").nth(1)
    expect(accuracy).to_contain_text("accuracy")
    expect(accuracy).to_contain_text("▼ worse")
    expect(truth.get_by_role("img", name="accuracy of priority by day")).to_be_visible()
    truth.get_by_text("As a table").click()
    expect(truth.get_by_role("table", name="priority by day")).to_contain_text(own["days"][0]["begins"][:10])


def test_before_the_first_report_it_is_said_how_to_make_one(visit: Open) -> None:
    page = visit("drift", model="g2g")
    expect(page.locator("#view")).to_contain_text("No report yet")
    expect(page.locator("#view pre")).to_have_text("firesteel drift g2g --publish")


def test_where_admin_is_closed_it_is_said_how_to_open_it(visit: Open) -> None:
    page = visit("ask", model="tickets")
    closed = {"detail": "There is nothing at this path.", "code": "not_found", "request_id": "r-1"}
    page.route("**/admin/**", lambda route: route.fulfill(status=404, json=closed))
    for view in ("Drift", "Inferences", "Review"):
        page.get_by_role("link", name=view, exact=True).click()
        expect(page.get_by_role("alert")).to_contain_text("FIRESTEEL_ADMIN=true (firesteel serve --admin)")


def test_nothing_serious_is_in_the_way_of_a_report(visit: Open, watched: Watched) -> None:
    page = visit("drift", base=watched.service.base, model="tickets")
    for details in page.locator("#view details").all():
        details.evaluate("one => (one.open = true)")
    everywhere(page)
    page.set_viewport_size(PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    for table in page.get_by_role("table").all():
        assert table.evaluate("one => one.scrollWidth <= one.parentElement.clientWidth"), table.inner_text()
    name, *_, sentence = page.get_by_role("table", name="Series").get_by_role("row").nth(1).locator("th, td").all()
    above, below = name.bounding_box(), sentence.bounding_box()
    assert above
    assert below
    assert above["y"] + above["height"] <= below["y"]
    assert below["width"] > 200


def test_a_label_too_long_for_its_place_stands_above_its_bars(visit: Open, watched: Watched) -> None:
    page = visit("drift", base=watched.service.base, model="tickets")
    report = watched.service.get("/admin/drift", model="tickets")
    field = next(one for one in report["latest"]["fields"] if one["name"] == "department")
    field["bins"]["labels"][0] = "Accounts receivable and payable"
    page.route("**/admin/drift?*", lambda route: route.fulfill(json=report))
    page.reload()
    chart = page.get_by_role("region", name="department", exact=True).get_by_role("img")
    expect(chart).to_contain_text("Accounts receivable and payable")
    label, bar = chart.locator("text").first.bounding_box(), chart.locator("rect").first.bounding_box()
    assert label
    assert bar
    assert label["y"] + label["height"] <= bar["y"] + 1
