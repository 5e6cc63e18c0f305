"""Which pages a browser may show the registry's answers to: those of the listed origins, and no other."""

from types import SimpleNamespace

import pytest

from functions.registry import handler as registry
from tests.unit.registry_function.test_moves import event

PAGE = "https://example.com"
CONTEXT = SimpleNamespace(
    function_name="f", memory_limit_in_mb=512, invoked_function_arn="arn", aws_request_id="lambda-1"
)


@pytest.fixture
def answered(monkeypatch):
    """The headers of the answer to a page of an origin, with these origins listed."""

    def answered(origins, **headers):
        listed = registry.settings.read({"FIRESTEEL_CORS_ORIGINS": origins})
        monkeypatch.setattr(registry, "settings", listed)
        return registry.handler(event("rollback") | {"headers": headers}, CONTEXT)["headers"]

    return answered


@pytest.mark.parametrize("name", ["origin", "Origin"])
def test_a_listed_page_may_show_the_answer_and_its_id(answered, name):
    headers = answered(f"https://other.example,{PAGE}", **{name: PAGE})
    assert headers["access-control-allow-origin"] == PAGE
    assert headers["access-control-expose-headers"] == "x-request-id"
    assert headers["vary"] == "origin"


def test_no_other_page_may_and_caches_know(answered):
    headers = answered(PAGE, origin="https://elsewhere.example")
    assert "access-control-allow-origin" not in headers
    assert headers["vary"] == "origin"


@pytest.mark.parametrize("headers", [{}, {"origin": PAGE}])
def test_without_a_list_answers_say_nothing_of_pages(answered, headers):
    assert not [name for name in answered("", **headers) if name.startswith("access-control") or name == "vary"]


def test_a_request_that_is_none_is_refused_all_the_same(answered, monkeypatch):
    monkeypatch.setattr(registry, "settings", registry.settings.read({"FIRESTEEL_CORS_ORIGINS": PAGE}))
    assert registry.handler([], CONTEXT)["statusCode"] == 400
