"""About the model: measures, confusion matrices, and the card that training wrote."""

import re

import httpx
from playwright.sync_api import expect

from tests.browser.conftest import Open


def test_the_confusion_matrix_is_a_table_with_the_counts(visit: Open, served: str) -> None:
    page = visit("about", model="tickets")
    own = httpx.get(f"{served}/models/tickets/versions/1.1.0").json()["metrics"]["targets"]["department"]
    table = page.get_by_role("table", name="Confusion matrix of department")
    counts = [[int(cell) for cell in row.locator("td").all_inner_texts()] for row in table.locator("tbody tr").all()]
    assert counts == own["confusion_matrix"]
    assert table.locator("tbody th").all_inner_texts() == own["labels"]


def test_the_card_is_shown_with_its_plots(visit: Open) -> None:
    page = visit("about", model="tickets")
    card = page.get_by_role("region", name="Model card")
    expect(card.get_by_role("heading", name="tickets 1.1.0")).to_be_visible()
    expect(card.get_by_role("table").first).to_be_visible()
    plot = card.get_by_role("img", name="priority-confusion.svg")
    expect(plot).to_have_attribute("src", re.compile("^blob:"))
    assert plot.evaluate("async one => (await one.decode(), one.naturalWidth)") > 100


CARD = """# <img src=x onerror=alert(1)>
A [link](javascript:alert(1)), [one](https://example.com/), **bold** `code`
![x](https://example.com/x.png), ![y](../../y.svg)
- one
- <script>alert(1)</script>
```
<b>code</b>
```
| a | b |
|---|---|
| <i>1</i> | `2` |
"""
MADE = {
    "img": 0,
    "script": 0,
    "b": 0,
    "i": 0,
    "h2": 1,
    "li": 2,
    "ul": 1,
    "td, tbody th": 2,
    "pre": 1,
    "strong": 1,
}


def test_markdown_of_a_card_is_never_markup(visit: Open) -> None:
    page = visit("about", model="tickets")
    links, made, text = page.evaluate(
        """([source, tags]) => {
          const box = document.createElement("div");
          box.append(...Markdown.render(source, (file) => Dom.h("img", { alt: file })));
          const links = [...box.querySelectorAll("a")].map((one) => one.href);
          return [links, tags.map((tag) => [tag, box.querySelectorAll(tag).length]), box.textContent];
        }""",
        [CARD, list(MADE)],
    )
    assert links == []
    assert dict(made) == MADE
    assert "<script>alert(1)</script>" in text


def test_any_text_renders_to_the_end(visit: Open) -> None:
    page = visit("about", model="tickets")
    odd = [
        "|",
        "|---|",
        "```",
        "#",
        "# ",
        "*",
        "**",
        "![](",
        "`",
        "-",
        "- ",
        "| a |\n|---|",
        "\n\n|\n",
        "1.",
        "[x](y",
        "|a|\n|b|",
        "####### x",
        "   ",
    ]
    lengths = page.evaluate("all => all.map((one) => Markdown.render(one, () => '').length)", odd)
    assert len(lengths) == len(odd)
