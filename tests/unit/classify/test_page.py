"""GET /: the page for browsers, assembled from web/, under a policy that runs nothing but what is in it."""

import json
import re
from base64 import b64encode
from hashlib import sha256

import pytest

from functions.classify import page
from functions.classify.events import Request
from functions.classify.operations import respond
from tests.unit.classify.bundles import released, serving_over
from tests.unit.classify.test_negotiated import CHROME

INDEX = """<!doctype html>
<title>A page</title>
<link rel="stylesheet" href="style.css">
<p>Hello
<script src="one.js"></script>
<script src="two.js"></script>
"""


@pytest.fixture
def web(tmp_path, monkeypatch):
    files = {"index.html": INDEX, "style.css": "p {color: red}\n", "one.js": "'use strict';\n", "two.js": "let ä = 1;"}
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(page, "WEB", tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def serving():
    return serving_over(released("1.2.0"))


def get(serving, accept=CHROME, **headers):
    return respond(Request("GET", "/", {"accept": accept, **headers}, b"", "req-1", "req-1"), serving)


def allowed(kind, policy):
    return re.findall(r"'(sha256-[^']+)'", re.search(rf"{kind}-src ([^;]*)", policy)[1])


def hashed(text):
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


def test_a_browser_gets_the_page_with_all_that_it_needs_inside(web, serving):
    answer = get(serving)
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    document = answer.body.decode()
    assert "<style>p {color: red}</style>" in document
    assert "<script>'use strict';</script>\n<script>let ä=1;</script>" in document
    assert "src=" not in document
    assert "href=" not in document


def test_the_policy_allows_exactly_the_scripts_and_styles_of_the_page(web, serving):
    answer = get(serving)
    policy, document = answer.headers["content-security-policy"], answer.body.decode()
    assert allowed("script", policy) == [
        hashed(text) for text in re.findall(r"<script>(.*?)</script>", document, re.DOTALL)
    ]
    assert allowed("style", policy) == [
        hashed(text) for text in re.findall(r"<style>(.*?)</style>", document, re.DOTALL)
    ]
    for directive in ("default-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"):
        assert directive in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"


def test_a_page_without_scripts_may_run_none(web, serving):
    (web / "index.html").write_text("<p>Hello")
    policy = get(serving).headers["content-security-policy"]
    assert "script-src 'none'; style-src 'none'" in policy


def test_a_script_cannot_end_its_element_or_hide_its_end(web, serving):
    (web / "one.js").write_text("const a = '</SCRIPT><script>', b = /<!--/;")
    (web / "two.js").write_text("1 < 2; '</p>'")
    document = get(serving).body.decode()
    assert r"const a='\x3c/SCRIPT>\x3cscript>', b = /\x3c!--/;" in document
    assert "1<2;'</p>'" in document
    assert len(re.findall("<script", document, re.IGNORECASE)) == 2


def test_comments_and_indentation_stay_at_home(web, serving):
    (web / "one.js").write_text(
        """// What it does.
/* And why:
 * because. **/
const one = {
    // of these
    a: "// no comment /* at all */", /* nor */ b: 2, // nor this

    c: /a*/,
};
/* gone */
"""
    )
    (web / "style.css").write_text("/* colours */\np {\n  color: red; /* stays */\n}\n")
    document = get(serving).body.decode()
    assert (
        '<script>const one={\na:"// no comment /* at all */",/* nor */ b: 2, // nor this\nc:/a*/,\n};</script>'
        in document
    )
    assert "<style>p {\ncolor: red; /* stays */\n}</style>" in document


def test_a_script_has_no_blanks_but_in_its_texts_and_where_words_need_them(web, serving):
    source = 'const say = (a, b) => { return a ? "1 , \\" 2" : [ b ]; };\nlet t = `a , b`, c = x.replace(/" , "/g, "");'
    (web / "one.js").write_text(source)
    told = 'const say=(a,b)=>{return a?"1 , \\" 2":[b];};\nlet t=`a , b`, c = x.replace(/" , "/g, "");'
    assert f"<script>{told}</script>" in get(serving).body.decode()


def test_line_ends_are_hashed_as_a_browser_reads_them(web, serving):
    (web / "one.js").write_bytes(b"1;\r\n2;\r\n")
    assert hashed("1;\n2;") in get(serving).headers["content-security-policy"]
    assert b"\r" not in get(serving).body


def test_everyone_else_gets_json(web, serving):
    for accept in ("", "*/*", "application/json", "application/json, text/html"):
        answer = get(serving, accept)
        assert answer.headers["content-type"] == "application/json"
        assert json.loads(answer.body)["model_version"] == "1.2.0"
        assert answer.headers["vary"] == "accept"
        assert "etag" not in answer.headers


def test_a_browser_that_has_the_page_is_not_sent_it_again(web, serving):
    first = get(serving)
    again = get(serving, **{"if-none-match": first.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert first.headers["vary"] == again.headers["vary"] == "accept"
    page.assembled.cache_clear()
    (web / "two.js").write_text("let other = 1")
    changed = get(serving, **{"if-none-match": first.headers["etag"]})
    assert changed.status == 200
    assert changed.headers["etag"] != first.headers["etag"]


def test_where_there_is_no_page_a_browser_gets_json(tmp_path, monkeypatch, serving):
    monkeypatch.setattr(page, "WEB", tmp_path / "nothing")
    assert get(serving).headers["content-type"] == "application/json"


def test_a_page_that_names_what_is_not_there_is_a_fault_of_ours(web, serving):
    (web / "one.js").unlink()
    answer = get(serving)
    assert (answer.status, json.loads(answer.body)["code"]) == (500, "internal_error")


def test_the_page_of_the_repository_is_whole():
    found = page.assembled(page.WEB)
    assert found
    document = found.body.decode()
    assert "<script src" not in document
    assert 'rel="stylesheet"' not in document
    assert len(allowed("script", found.policy)) == document.count("<script>") > 0
