"""Accept and If-None-Match, read as RFC 9110 says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.classify.answers import Answer
from functions.classify.events import Request
from functions.classify.negotiated import prefers_html, unless_known

CHROME = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8"
HTML = {
    "Chrome": CHROME,
    "Firefox": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "html alone": "text/html",
    "capitals and spaces": " TEXT/HTML ; Q=0.9 , application/json;q=0.8",
    "html first": "text/html, application/json",
    "html before anything": "text/html, */*",
    "json wanted less": "application/json;q=0.5, text/html",
    "any text": "text/*",
    "json not at all": "*/*;q=0.1, application/json;q=0, text/html;q=0.1",
    "a parameter of its own": "text/html;level=1",
    "any text, and no json": "*/*, application/json;q=0",
}
JSON = {
    "nothing": "",
    "anything": "*/*",
    "json alone": "application/json",
    "json first": "application/json, text/html",
    "anything before html": "*/*, text/html",
    "html wanted less": "text/html;q=0.8, application/json;q=0.9",
    "html less than any": "text/html;q=0.5, */*",
    "no html": "text/html;q=0, */*;q=0.1",
    "no text": "*/*, text/*;q=0",
    "nothing at all": "*/*;q=0",
    "a quality that is none": "text/html;q=high",
    "a quality over 1": "text/html;q=1.5",
    "a quality of an odd digit": "text/html;q=0.٣",
    "no media type": "html, ;;, ,",
    "something else": "image/png",
}


@pytest.mark.parametrize("accept", HTML.values(), ids=HTML.keys())
def test_a_browser_wants_html(accept):
    assert prefers_html(accept)


@pytest.mark.parametrize("accept", JSON.values(), ids=JSON.keys())
def test_all_others_want_json(accept):
    assert not prefers_html(accept)


@given(st.text(st.sampled_from("text/html,applicationjson*;q=01. é"), max_size=60))
def test_any_header_is_understood_somehow(accept):
    assert prefers_html(accept) in (True, False)


@given(st.text(st.characters(codec="latin-1"), max_size=40))
def test_a_header_without_html_wants_none(accept):
    if "text/" not in accept.lower() and "*/*" not in accept:
        assert not prefers_html(accept)


@pytest.mark.parametrize("sent", ['"abc"', 'W/"abc"', '"x", "abc"', '  "x" ,W/"abc"', "*"])
def test_what_is_known_is_not_sent_again(sent):
    answer = unless_known(asking(sent), Answer(200, {"content-type": "a/b"}, b"body", {"fact": 1}), "abc")
    assert answer == Answer(304, {"content-type": "a/b", "etag": '"abc"'}, b"", {"fact": 1})


@pytest.mark.parametrize("sent", [None, "", "abc", '"abcd"', '"ab', "**", '"*"'])
def test_what_is_not_known_is_sent_with_its_tag(sent):
    answer = unless_known(asking(sent), Answer(200, {}, b"body", {}), "abc")
    assert answer == Answer(200, {"etag": '"abc"'}, b"body", {})


def asking(known):
    return Request("GET", "/", {} if known is None else {"if-none-match": known}, b"", "a", "a")
