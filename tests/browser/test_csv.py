"""The page's CSV reader and writer agree with Python's."""

import csv
import io
import random

import pytest
from playwright.sync_api import Error, Page

from tests.browser.conftest import Open

ODD = ["a", "ü", "😀", '"', ",", ";", "\t", "\n", "\r\n", " ", "="]


@pytest.fixture
def page(visit: Open) -> Page:
    return visit("batch", model="tickets")


def read(page: Page, text: str) -> list[list[str]]:
    told = page.evaluate("text => Csv.parse(text)", text)
    return [told["head"], *told["rows"]]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_what_python_writes_is_read_as_it_was(page: Page, delimiter: str, ending: str) -> None:
    chance = random.Random(f"{delimiter}{ending}")

    def cell() -> str:
        return "".join(chance.choices(ODD, k=chance.randrange(6)))

    for _ in range(60):
        rows = [["h1", "h2", "h3"], *([cell() or "x", cell(), cell()] for _ in range(chance.randrange(1, 6)))]
        file = io.StringIO()
        csv.writer(file, delimiter=delimiter, lineterminator=ending).writerows(rows)
        assert read(page, "\ufeff" + file.getvalue()) == rows


def test_what_is_written_python_reads(page: Page) -> None:
    rows = [["a", 'say "hi"', "two\nlines"], ["x;y", "  space ", ""], ["-1.5", "+3", "1e-7"]]
    text = page.evaluate("rows => Csv.write(['h1', 'h2', 'h3'], rows)", rows)
    assert list(csv.reader(io.StringIO(text, newline=""))) == [["h1", "h2", "h3"], *rows]


def test_a_text_that_a_spreadsheet_would_run_gets_an_apostrophe(page: Page) -> None:
    formulas = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1"]
    harmless = ["-2", "+2.5", "-.5e3", "1+1", "a=b", "", "x@y.com"]
    text = page.evaluate("rows => Csv.write(['h'], rows)", [[one] for one in formulas + harmless])
    cells = [row[0] if row else "" for row in csv.reader(io.StringIO(text, newline=""))][1:]
    assert cells == [f"'{one}" for one in formulas] + harmless


def test_rows_know_their_lines(page: Page) -> None:
    told = page.evaluate("text => Csv.parse(text)", 'a,b\r\n"x\ny",1\r\n\r\nz,2')
    assert told["rows"] == [["x\ny", "1"], ["z", "2"]]
    assert told["lines"] == [2, 5]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('a,b\n1,"x\n', "line 2: a quote is opened and never closed"),
        ('a\n"x"y\n', "line 2: there is text after"),
        ("", "no line"),
    ],
)
def test_what_is_no_csv_is_said_with_its_line(page: Page, text: str, says: str) -> None:
    with pytest.raises(Error, match=says):
        read(page, text)


def test_a_file_is_read_as_utf8_or_as_windows_wrote_it(page: Page) -> None:
    script = "bytes => Csv.decode(new Uint8Array(bytes).buffer)"
    assert page.evaluate(script, list("ü;€".encode())) == "ü;€"
    assert page.evaluate(script, list("ü;€".encode("cp1252"))) == "ü;€"
