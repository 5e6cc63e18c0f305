"""A report as one HTML page: no script, nothing fetched, light and dark, and fit to be printed."""

import base64
from collections.abc import Iterator
from html import escape
from itertools import groupby

from cli.reporting.document import Part, Plot, Section, Table, Text

_STYLE = """
:root { color-scheme: light dark; --text: #1c2024; --quiet: #60666d; --line: #d9dde2; --page: #fff; --shade: #f4f6f8;
  --accent: #1f5fa8; --warn: #fff4d6; --mark: #fdeceb; }
@media (prefers-color-scheme: dark) { :root { --text: #e6e8ea; --quiet: #a0a7ae; --line: #3a4047; --page: #16191c;
  --shade: #1f2327; --accent: #7fb4f0; --warn: #43370f; --mark: #45211f; } }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 62rem; padding: 2rem 1.25rem 4rem; background: var(--page); color: var(--text);
  font: 15px/1.5 system-ui, sans-serif }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 1rem }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .75rem; padding-top: .75rem; border-top: 1px solid var(--line) }
h3 { font-size: 1.05rem; margin: 1.75rem 0 .5rem }
p { margin: .5rem 0; max-width: 46rem }
.note { color: var(--quiet); font-size: .87rem }
.warning { background: var(--warn); padding: .6rem .9rem; border-radius: 6px; max-width: none }
.wide { overflow-x: auto; margin: .75rem 0 }
table { border-collapse: collapse; font-size: .87rem; font-variant-numeric: tabular-nums }
th, td { text-align: left; vertical-align: top; padding: .3rem .9rem .3rem 0; border-bottom: 1px solid var(--line);
  overflow-wrap: break-word; max-width: 26rem }
th { color: var(--quiet); font-weight: 600; white-space: nowrap }
.number { text-align: right; white-space: nowrap }
.marked td { background: var(--mark) }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(18rem, 100%), 1fr)); gap: 1rem; margin: 1rem 0 }
figure { margin: 0; background: #fff; border: 1px solid var(--line); border-radius: 8px; padding: .75rem }
figure:only-child { max-width: 36rem }
figure img { display: block; width: 100%; max-height: 24rem; object-fit: contain }
figcaption { color: #60666d; font-size: .8rem; margin-top: .4rem }
@media print { :root { color-scheme: light; --text: #000; --quiet: #444; --line: #bbb; --page: #fff; --shade: #fff;
  --warn: #fff4d6; --mark: #fdeceb } body { max-width: none; padding: 0; font-size: 10pt } h2, h3 { break-after: avoid }
  figure, tr, .warning { break-inside: avoid } .wide { overflow: visible } }
"""
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def write(report: Section) -> bytes:
    """The page, in UTF-8."""
    title = escape(report.title)
    lines = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{title}</title><style>{_STYLE}</style></head><body><main>",
        f"<h1>{title}</h1>",
        *_parts(report.parts, 2),
        "</main></body></html>\n",
    ]
    return "\n".join(lines).encode()


def _parts(parts: tuple[Part, ...], level: int) -> Iterator[str]:
    """The parts as HTML; plots that follow each other stand side by side."""
    for are_plots, several in groupby(parts, lambda part: isinstance(part, Plot)):
        if are_plots:
            figures = "".join(_figure(plot) for plot in several if isinstance(plot, Plot))
            yield f'<div class="plots">{figures}</div>'
            continue
        for part in several:
            yield from _part(part, level)


def _part(part: Part, level: int) -> Iterator[str]:
    match part:
        case Text(text, kind):
            yield f'<p class="{kind}">{escape(text)}</p>' if kind != "plain" else f"<p>{escape(text)}</p>"
        case Table():
            yield _table(part)
        case Section(title, parts):
            yield f"<section><h{level}>{escape(title)}</h{level}>"
            yield from _parts(parts, min(level + 1, 6))
            yield "</section>"


def _table(table: Table) -> str:
    kinds = [' class="number"' if table.is_numeric(number) else "" for number in range(len(table.columns))]
    head = "".join(
        f'<th scope="col"{kind}>{escape(name)}</th>' for name, kind in zip(table.columns, kinds, strict=True)
    )
    rows = "".join(
        f"<tr{' class="marked"' if number in table.marked else ''}>"
        + "".join(f"<td{kind}>{escape(cell)}</td>" for cell, kind in zip(row, kinds, strict=True))
        + "</tr>\n"
        for number, row in enumerate(table.rows)
    )
    caption = f'<p class="note">{escape(table.caption)}</p>' if table.caption else ""
    scrolls = 'class="wide" tabindex="0" role="group"'  # who has no mouse scrolls it, too
    label = escape(table.caption or ", ".join(table.columns))
    return (
        f'{caption}<div {scrolls} aria-label="{label}"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>\n{rows}</tbody></table></div>"
    )


def _figure(plot: Plot) -> str:
    """An image of its own: what is in a drawing cannot act on the page, nor its names clash with another's."""
    data, caption = base64.b64encode(plot.svg).decode(), escape(plot.caption)
    return f'<figure><img alt="{caption}" src="data:image/svg+xml;base64,{data}"><figcaption>{caption}</figcaption></figure>'
