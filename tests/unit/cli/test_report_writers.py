"""One document, three writers: the same words and numbers in each, and no text of a row that acts on its reader."""

import re
from html.parser import HTMLParser

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from cli.reporting import charts, files, html, markdown, pdf
from cli.reporting.document import Plot, Section, Table, Text

HOSTILE = "<img src=x onerror=alert(1)> | `x` [a](http://evil) **b** @ada #12 www.evil.com\n\\| ~~c~~ $d$ &amp; _e_"
DRAWN = charts.intervals([("a: b", 0.5, 0.4, 0.6, True), ("c", 0.7, 0.6, 0.8, False)], 0.6, "title", "accuracy")


def report_of(text):
    table = Table(("name", "number"), ((text, "1.5"), ("b", "-2")), text, frozenset({1}))
    plot = Plot("a plot", text, DRAWN)
    inner = Section(text, (Text(text, "warning"), table, plot, plot, Text(text, "note")))
    return Section(text, (Text(text), inner))


class Reader(HTMLParser):
    """What a browser makes of a page: its elements and their attributes, and its text."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.text = [], ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


def test_a_page_has_everything_and_fetches_nothing():
    page = html.write(report_of("A & B")).decode()
    read = Reader(page)
    assert {tag for tag, _ in read.elements} >= {"h1", "h2", "p", "table", "th", "td", "img", "figcaption"}
    assert "A & B" in read.text
    assert all(attrs["src"].startswith("data:image/svg+xml;base64,") for tag, attrs in read.elements if tag == "img")
    assert not re.search(r"(src|href)=\"(?!data:)", page)
    assert "prefers-color-scheme: dark" in page
    assert "@media print" in page


@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00\r"), min_size=1))
def test_no_text_becomes_an_element_of_the_page(text):
    plain, read = Reader(html.write(report_of("x")).decode()), Reader(html.write(report_of(text)).decode())
    assert [tag for tag, _ in read.elements] == [tag for tag, _ in plain.elements]
    assert read.text.count(text) >= 8


def test_hostile_text_stays_text_on_the_page():
    read = Reader(html.write(report_of(HOSTILE)).decode())
    assert not any(name.startswith("on") for _, attrs in read.elements for name in attrs)
    assert HOSTILE in read.text


def test_the_page_allows_no_script():
    [policy] = [
        attrs["content"]
        for tag, attrs in Reader(html.write(report_of("x")).decode()).elements
        if tag == "meta" and "http-equiv" in attrs
    ]
    assert "default-src 'none'" in policy
    assert "script" not in policy


@pytest.mark.parametrize("text", [HOSTILE, "1. one", "# title", "- item", "+ item", "| a | b |", "=== under", "1) one"])
def test_hostile_text_stays_text_in_markdown(text):
    drawn = (
        MarkdownIt("commonmark")
        .enable(["table", "strikethrough"])
        .render(markdown.write(report_of(text), lambda _: "a.svg").decode())
    )
    read = Reader(drawn)
    tags = [tag for tag, _ in read.elements]
    plain = MarkdownIt("commonmark").enable("table").render(markdown.write(report_of("x"), lambda _: "a.svg").decode())
    assert tags == [tag for tag, _ in Reader(plain).elements]
    assert " ".join(text.split()) in " ".join(read.text.split())


def test_nobody_is_called_and_nothing_linked_by_markdown():
    written = markdown.write(
        Section("x", (Text("ask @ada about #12 at https://evil and www.evil.com"),)), lambda _: ""
    ).decode()
    for trap in ("@ada", "#12", "https://", "www.evil"):
        assert trap not in written


def test_markdown_has_its_plots_in_files_beside_it(tmp_path):
    out = tmp_path / "report.md"
    written = files.written(report_of("x"), "md", out)
    named = re.findall(r"!\[[^]]*\]\(([^)]+)\)", out.read_text())
    assert named == ["report-a-plot.svg", "report-a-plot.svg"]
    assert {path.name for path in written} >= {"report.md", "report-a-plot.svg"}
    assert (tmp_path / "report-a-plot.svg").read_bytes() == DRAWN


def test_a_pdf_has_the_words_its_plots_and_an_outline():
    data = pdf.write(report_of("Grüße, 100 % €"))
    assert data.startswith(b"%PDF-")
    assert b"/Outlines" in data
    assert b"/ToUnicode" in data  # its text can be searched and copied


@pytest.mark.parametrize("text", [HOSTILE, "x" * 5000, "שלום 漢字 🙂", "a\nb\tc", " "])
def test_any_text_can_stand_in_a_pdf(text):
    assert pdf.write(report_of(text)).startswith(b"%PDF-")


def test_a_pdf_without_its_library_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "fpdf", None)
    with pytest.raises(pdf.SettingsError, match=r"pip install 'firesteel\[pdf\]'"):
        pdf.write(report_of("x"))


@pytest.mark.parametrize(
    ("out", "wanted", "form"),
    [
        ("a.md", None, "md"),
        ("a.pdf", None, "pdf"),
        ("a.html", None, "html"),
        ("a.md", "pdf", "pdf"),
        ("a.txt", "html", "html"),
    ],
)
def test_the_format_is_what_is_wanted_else_what_the_file_is_called(tmp_path, out, wanted, form):
    assert files.format_of(tmp_path / out, wanted) == form
    assert files.format_of(None, None) == "html"


def test_an_ending_that_says_no_format_is_refused(tmp_path):
    with pytest.raises(typer.BadParameter, match=r"a\.txt must end with \.html, \.md, \.pdf"):
        files.format_of(tmp_path / "a.txt", None)


def test_a_row_that_does_not_fit_its_table_is_refused():
    with pytest.raises(ValueError, match="2 cells"):
        Table(("a", "b"), (("1",),))


def test_numbers_stand_to_the_right():
    table = Table(("a", "b", "c"), (("x", "1.5", ""), ("1", "<0.01", "")))
    assert [table.is_numeric(column) for column in range(3)] == [False, True, False]
