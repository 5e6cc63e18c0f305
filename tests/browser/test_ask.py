"""Ask: a form made of the definition, and the answer as one types."""

import json
import re

import httpx
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Open, fill

TICKET = {"title": "Cannot log in", "description": "The login page says that my account is locked."}
WITHIN = 150  # ms from the key to the answer


def answer_of(page: Page):
    return page.get_by_role("region", name="Answer")


def test_the_answer_appears_as_one_types_and_is_that_of_the_api(visit: Open, served: str) -> None:
    page = visit(model="tickets")
    fill(page, **TICKET)
    truth = httpx.post(f"{served}/models/tickets/predict", json=TICKET).json()
    answer = answer_of(page)
    expect(answer).to_contain_text(truth["predicted_priority"])
    expect(answer).to_contain_text(truth["predicted_department"])
    expect(answer).to_contain_text(f"{truth['department_confidence'] * 100:.1f} % sure")
    expect(answer).to_contain_text("1.1.0")
    expect(answer.get_by_text("A person should look")).to_have_count(int(truth["review"]))


def test_a_key_is_answered_at_once(visit: Open) -> None:
    page = visit(model="tickets")
    fill(page, **TICKET)
    expect(answer_of(page)).to_contain_text("sure")
    waits = page.evaluate(
        """async () => {
          const field = document.querySelector("[name=title]");
          const times = [];
          for (let turn = 0; turn < 9; turn++) {
            const shown = new Promise((done) => {
              const body = document.querySelector("section[aria-label=Answer] > div:last-child");
              new MutationObserver((_, observer) => { observer.disconnect(); done(); }).observe(body, { childList: true });
            });
            const began = performance.now();
            field.value += " x";
            field.dispatchEvent(new InputEvent("input", { bubbles: true }));
            await shown;
            times.push(performance.now() - began);
          }
          return times.sort((a, b) => a - b);
        }"""
    )
    assert waits[len(waits) // 2] <= WITHIN


def test_the_example_fills_the_form(visit: Open) -> None:
    page = visit(model="tickets")
    assert page.locator("[name=title]").get_attribute("placeholder") == "Cannot log in since this morning"
    page.get_by_role("button", name="Example").click()
    expect(page.locator("[name=title]")).to_have_value("Cannot log in since this morning")
    expect(answer_of(page)).to_contain_text("priority")


def test_what_is_still_missing_is_counted_and_nothing_is_asked(visit: Open) -> None:
    page = visit(model="tickets")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    fill(page, title="Cannot log in")
    expect(answer_of(page)).to_contain_text("1 field still to be filled in.")
    assert asked == []


def test_an_error_stands_beside_its_field_which_gets_the_focus(visit: Open) -> None:
    page = visit(model="g2g")
    page.get_by_role("button", name="Example").click()
    fill(page, credit_score="200", audit_score="")
    page.get_by_role("button", name="Ask", exact=True).click()
    field = page.locator("[name=credit_score]")
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-invalid", "true")
    described = field.get_attribute("aria-describedby") or ""
    texts = [page.locator(f"#{one}").inner_text() for one in described.split()]
    assert "credit_score must be between 300 and 850" in texts
    fill(page, credit_score="700")
    expect(field).not_to_have_attribute("aria-invalid", "true")
    expect(answer_of(page)).to_contain_text("g2g_score")


def test_an_error_of_the_server_stands_beside_its_field_too(visit: Open) -> None:
    page = visit(model="tickets")

    def refuse(route: Route) -> None:
        problem = {"field": "description", "code": "too_long", "message": "must have at most 3 characters"}
        body = {"detail": "The request does not fit.", "code": "invalid_input", "request_id": "r", "errors": [problem]}
        route.fulfill(status=422, json=body)

    page.route("**/predict", refuse)
    fill(page, **TICKET)
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.get_by_text("description must have at most 3 characters")).to_be_visible()
    expect(page.locator("[name=description]")).to_be_focused()


def test_checks_in_the_browser_say_what_the_api_says(visit: Open, served: str) -> None:
    """Every kind of input, wrong in every way that a form can hold."""
    page = visit(model="g2g")
    about = httpx.get(f"{served}/models/g2g/versions/1.0.0").json()["inputs"]
    row = {one["name"]: one["example"] for one in about}
    wrong = {
        "gid": ["x" * 65],
        "risk_category": ["None of them", ""],
        "credit_score": [299, 851, 700.5, "seven", True],
        "employee_count": [-1, 0.5],
        "market_share": [1.01, -0.001, "x"],
        "revenue": [-1, 1e300],
        "profitability_margin": [-10.5],
        "description": ["", " \t\n\x1c\x85\u2003", "x" * 5001, "😀" * 5001],
    }
    cases = [(name, value) for name, values in wrong.items() for value in values]
    cases += [(name, None) for name in row]
    cases += [("description", "😀" * 5000), ("description", "\ufeff"), ("market_share", 1), ("credit_score", 300.0)]
    script = "([inputs, cases]) => cases.map(([name, value]) => Form.problem(inputs.find((one) => one.name === name), value))"
    told = page.evaluate(script, [about, cases])
    rows = [
        {**row, name: value} if value is not None else {k: v for k, v in row.items() if k != name}
        for name, value in cases
    ]
    answers = httpx.post(f"{served}/models/g2g/batch", json={"cases": rows}).json()["predictions"]
    problems = [one["error"]["fields"][0]["message"] if "error" in one else "" for one in answers]
    assert [(case[0], text) for case, text in zip(cases, told, strict=True)] == [
        (case[0], text) for case, text in zip(cases, problems, strict=True)
    ]
    assert problems.count("") >= 4
    assert len(set(problems)) >= 10


def test_a_number_has_its_interval_on_a_scale(visit: Open, served: str) -> None:
    page = visit(model="recruits/qb")
    page.get_by_role("button", name="Example").click()
    scale = answer_of(page).get_by_role("img").last
    interval = re.compile(r"^[\d.]+, probably from [\d.]+ to [\d.]+, on a scale from 0 to 100$")
    expect(scale).to_have_attribute("aria-label", interval)
    expect(answer_of(page)).to_contain_text("in 90 % of cases")


def test_a_model_of_segments_is_asked_through_one_of_them(visit: Open) -> None:
    page = visit(model="recruits")
    expect(page.get_by_role("combobox", name="Segment")).to_have_value("recruits/qb")
    expect(page.locator("[name=passing_yards]")).to_be_visible()
    page.get_by_role("combobox", name="Segment").select_option("recruits/wr")
    expect(page.locator("[name=receptions]")).to_be_visible()
    expect(page.locator("[name=passing_yards]")).to_have_count(0)
    page.get_by_role("button", name="Example").click()
    expect(answer_of(page)).to_contain_text("tier")


def test_a_model_of_lists_is_asked_in_json(visit: Open) -> None:
    page = visit(model="gifts")
    editor = page.get_by_label("Request, as JSON")
    request = json.loads(editor.input_value())
    assert set(request) == {"employee_shop", "employee_branch", "products", "groups"}
    request["products"].append(request["products"][0] | {"product_id": "GIFT-NEW"})
    editor.fill(json.dumps(request))
    expect(answer_of(page).get_by_role("rowheader", name="GIFT-NEW")).to_be_visible()
    request["products"][1]["price"] = "dear"
    editor.fill(json.dumps(request))
    expect(page.get_by_role("alert")).to_contain_text("products[1].price must be a number")
    editor.fill("{")
    expect(page.locator("#json-error")).to_contain_text("is no JSON")


def test_an_old_version_answers_when_it_is_chosen(visit: Open) -> None:
    page = visit(model="tickets", version="1.0.0")
    with page.expect_request("**/models/tickets/versions/1.0.0/predict"):
        fill(page, **TICKET)
    expect(answer_of(page)).to_contain_text("1.0.0")
    page.get_by_role("combobox", name="Version").select_option(label="served now: 1.1.0")
    expect(page.locator("[name=title]")).to_have_value(TICKET["title"])
    expect(answer_of(page)).to_contain_text("1.1.0")


def test_an_answer_that_comes_too_late_is_not_shown(visit: Open) -> None:
    page = visit(model="tickets")
    fill(page, **TICKET)
    expect(answer_of(page)).to_contain_text("sure")
    held: list[Route] = []
    page.route(
        "**/predict",
        lambda route: held.append(route) if "slow" in (route.request.post_data or "") else route.continue_(),
    )
    fill(page, title="slow")
    page.wait_for_timeout(200)
    fill(page, title="An invoice is wrong")
    expect(answer_of(page)).not_to_contain_text("slow")
    assert len(held) == 1
    fake = {
        "predicted_priority": "LATE",
        "priority_confidence": 1,
        "predicted_department": "LATE",
        "department_confidence": 1,
    }
    held[0].fulfill(json=fake)
    page.wait_for_timeout(200)
    expect(answer_of(page)).not_to_contain_text("LATE")


def test_who_asks_too_often_is_asked_to_wait_and_then_answered(visit: Open) -> None:
    page = visit(model="tickets")
    refused = []

    def once(route: Route) -> None:
        if refused:
            return route.continue_()
        refused.append(True)
        body = {"detail": "Too many requests.", "code": "rate_limited", "request_id": "r"}
        return route.fulfill(status=429, json=body, headers={"retry-after": "1"})

    page.route("**/predict", once)
    fill(page, **TICKET)
    expect(answer_of(page)).to_contain_text("asking again in 1 s")
    expect(answer_of(page)).to_contain_text("sure")


def test_a_service_that_is_gone_is_named_with_what_to_do(visit: Open, watch) -> None:
    watch.allowed.append("Failed to load resource: net::ERR_CONNECTION")
    page = visit(model="tickets")
    page.route("**/predict", lambda route: route.abort("connectionrefused"))
    fill(page, **TICKET)
    expect(page.get_by_role("alert")).to_contain_text("No answer from http://127.0.0.1")
    expect(page.get_by_role("alert")).to_contain_text("Is the service running")


def test_who_listens_hears_the_answer(visit: Open) -> None:
    page = visit(model="tickets")
    fill(page, **TICKET)
    expect(page.get_by_role("status").first).to_contain_text("department: Tech Support")
