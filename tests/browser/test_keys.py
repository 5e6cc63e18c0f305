"""Who asks: keys and tokens go along, and AWS keys sign as botocore does."""

from datetime import UTC, datetime

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from playwright.sync_api import Page, Request, expect

from tests.browser.conftest import Open, fill

ID, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
REST = "https://abc123.execute-api.eu-central-1.amazonaws.com/prod"
MOMENT = datetime(2026, 11, 21, 19, tzinfo=UTC)
CASES = [
    ("GET", f"{REST}/models", "", None),
    ("POST", f"{REST}/models/recruits/qb/predict", '{"title":"Grüße 😀"}', None),
    (
        "POST",
        f"{REST}/models/tickets/promote?version=1.2.0&why=better%20%26%20%C3%BC%2F%28new%29&canary=0.05",
        "",
        "token/with+signs==",
    ),
    ("GET", "https://xyz.lambda-url.us-east-1.on.aws/admin/drift?model=tickets", "", None),
]


@pytest.mark.parametrize(("method", "url", "body", "session"), CASES)
def test_aws_keys_sign_as_botocore_does(
    visit: Open, monkeypatch: pytest.MonkeyPatch, method: str, url: str, body: str, session: str | None
) -> None:
    page = visit()
    script = "([keys, method, url, body, now]) => Api.signature(keys, method, new URL(url), body, new Date(now))"
    keys = {"id": ID, "secret": SECRET, "session": session or "", "region": ""}
    ours = page.evaluate(script, [keys, method, url, body, MOMENT.isoformat()])
    request = AWSRequest(method, url, data=body.encode())
    service, region = ("lambda", "us-east-1") if "lambda-url" in url else ("execute-api", "eu-central-1")
    signer = SigV4Auth(Credentials(ID, SECRET, session), service, region)
    stamp = ours["x-amz-date"]
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: MOMENT)
    signer.add_auth(request)
    assert stamp == request.headers["X-Amz-Date"] == "20261121T190000Z"
    assert ours["authorization"] == request.headers["Authorization"]
    assert ours.get("x-amz-security-token") == request.headers.get("X-Amz-Security-Token")


def connect(page: Page, kind: str, **typed: str) -> None:
    page.get_by_role("button", name="Connection").click()
    api = page.get_by_role("group", name="API")
    api.get_by_label("Who asks").select_option(kind)
    for label, value in typed.items():
        api.get_by_label(label, exact=True).fill(value)
    page.get_by_role("button", name="Connect", exact=True).click()
    expect(page.get_by_role("dialog")).to_be_hidden()


@pytest.mark.parametrize(
    ("kind", "label", "header", "value"),
    [("key", "Key", "x-api-key", "k-1"), ("bearer", "Token", "authorization", "Bearer k-1")],
)
def test_a_key_goes_along_and_is_forgotten_when_the_page_is_reloaded(
    visit: Open, kind: str, label: str, header: str, value: str
) -> None:
    page = visit(model="tickets")
    sent: list[Request] = []
    page.on("request", lambda request: sent.append(request))  # noqa: PLW0108 - Playwright marks what it is given
    connect(page, kind, **{label: "k-1"})
    page.wait_for_load_state("networkidle")
    fill(page, title="Login", description="It fails")
    expect(page.get_by_role("region", name="Answer")).to_contain_text("sure")
    assert sent
    assert {request.headers.get(header) for request in sent} == {value}
    sent.clear()
    page.reload()
    page.wait_for_load_state("networkidle")
    assert sent
    assert {request.headers.get(header) for request in sent} == {None}
    assert page.evaluate("JSON.stringify(localStorage) + document.cookie").find("k-1") == -1


def test_who_may_not_is_told_where_keys_are_typed(visit: Open) -> None:
    page = visit(model="tickets")
    page.route("**/predict", lambda route: route.fulfill(status=403, json={"message": "Forbidden"}))
    fill(page, title="Login", description="It fails")
    expect(page.get_by_role("alert")).to_contain_text("Forbidden")
    expect(page.get_by_role("alert")).to_contain_text("Open Connection")
