"""A report as PDF, by fpdf2: text that can be searched, plots as vectors, and the fonts that Matplotlib brings."""

import io
import logging
import re
from itertools import batched, groupby
from pathlib import Path
from typing import TYPE_CHECKING

from cli.reporting.document import Part, Plot, Section, Table, Text
from firesteel.errors import SettingsError

if TYPE_CHECKING:
    from fpdf import FPDF

_FONT = "DejaVu Sans"  # the first that Matplotlib's drawings ask for
_MARGIN, _GAP = 16, 5  # mm
_BOLDER = 1.15  # times as wide are headings
_SIZES = {1: 18, 2: 13, 3: 11}
_QUIET, _ACCENT, _WARN, _MARK = (96, 102, 109), (31, 95, 168), (255, 244, 214), (253, 236, 235)
_TURNED_IMAGE = re.compile(rb'<image ([^>]*?)transform="([^"]+)"([^>]*)/>')


def write(report: Section) -> bytes:
    """The document. Raises SettingsError when fpdf2 is not installed."""
    try:
        from fpdf import FPDF
    except ImportError:
        raise SettingsError("--format pdf needs fpdf2: pip install 'firesteel[pdf]'") from None
    logging.getLogger("fpdf").setLevel(logging.ERROR)  # it tells of every tag without ink
    pdf = FPDF(format="A4")
    pdf.set_title(report.title)
    pdf.set_lang("en")
    pdf.set_margin(_MARGIN)
    pdf.set_auto_page_break(True, _MARGIN)
    for style, file in (("", "DejaVuSans"), ("B", "DejaVuSans-Bold")):
        pdf.add_font(_FONT, style, _fonts() / f"{file}.ttf")
    pdf.add_page()
    _heading(pdf, report.title, 1)
    _parts(pdf, report.parts, 2)
    return bytes(pdf.output())


def _fonts() -> Path:
    import matplotlib as mpl

    return Path(mpl.get_data_path()) / "fonts" / "ttf"


def _parts(pdf: "FPDF", parts: tuple[Part, ...], level: int) -> None:
    for are_plots, several in groupby(parts, lambda part: isinstance(part, Plot)):
        if are_plots:
            for pair in batched((part for part in several if isinstance(part, Plot)), 2, strict=False):
                _plots(pdf, pair)
            continue
        for part in several:
            match part:
                case Text():
                    _text(pdf, part)
                case Table():
                    _table(pdf, part)
                case Section(title, inner):
                    _heading(pdf, title, level, _beginning(inner))
                    _parts(pdf, inner, level + 1)


def _beginning(parts: tuple[Part, ...]) -> float:
    """About how high in mm the first thing is that must stand on the page of its heading."""
    match parts:
        case (Plot(), *_):
            return 110
        case (Section(_, inner), *_):
            return 12 + _beginning(inner)
        case (Text(), *rest):
            return 6 + _beginning(tuple(rest))
        case _:
            return 20


def _heading(pdf: "FPDF", title: str, level: int, needed: float = 0) -> None:
    if pdf.y > pdf.page_break_trigger - 10 - needed:  # not alone at the foot of a page
        pdf.add_page()
    pdf.ln(0 if level == 1 else 4)
    pdf.set_font(_FONT, "B", _SIZES.get(level, 10))
    pdf.start_section(title, level - 1)
    pdf.multi_cell(0, None, title, align="L", new_x="LMARGIN", new_y="NEXT")
    pdf.ln(2)


def _text(pdf: "FPDF", text: Text) -> None:
    pdf.set_font(_FONT, "B" if text.kind == "warning" else "", 8 if text.kind == "note" else 9)
    pdf.set_text_color(*(_QUIET if text.kind == "note" else (0, 0, 0)))
    pdf.set_fill_color(*_WARN)
    pdf.multi_cell(
        0, 4.6, text.text, align="L", new_x="LMARGIN", new_y="NEXT", fill=text.kind == "warning",
        padding=2 if text.kind == "warning" else 0,
    )  # fmt: skip
    pdf.set_text_color(0, 0, 0)
    pdf.set_fill_color(255, 255, 255)
    pdf.ln(1.5)


def _table(pdf: "FPDF", table: Table) -> None:
    if table.caption:
        _text(pdf, Text(table.caption, "note"))
    from fpdf.enums import TableBordersLayout, VAlign
    from fpdf.fonts import FontFace

    pdf.set_font(_FONT, "", 7.5)
    pdf.set_draw_color(190, 195, 200)
    align = tuple("RIGHT" if table.is_numeric(number) else "LEFT" for number in range(len(table.columns)))
    with pdf.table(
        text_align=align, col_widths=_widths(pdf, table), line_height=4.2, padding=(0.6, 1.5),
        borders_layout=TableBordersLayout.HORIZONTAL_LINES, headings_style=FontFace(emphasis="BOLD", color=_QUIET),
        width=sum(_widths(pdf, table)), align="LEFT", v_align=VAlign.T,
    ) as drawn:  # fmt: skip
        drawn.row(table.columns)
        for number, row in enumerate(table.rows):
            drawn.row(row, style=FontFace(fill_color=_MARK) if number in table.marked else None)
    pdf.ln(3)


def _widths(pdf: "FPDF", table: Table) -> tuple[float, ...]:
    """Of each column in mm: what its longest cell takes; when that is too much in all, long ones give way."""
    wanted = [
        4 + max(pdf.get_string_width(name) * _BOLDER, *(pdf.get_string_width(row[number]) for row in table.rows), 0, 0)
        for number, name in enumerate(table.columns)
    ]
    if sum(wanted) <= pdf.epw:
        return tuple(wanted)
    limit = pdf.epw / len(wanted)
    for _ in wanted:  # who needs less than an equal part of what is left gets all it needs
        short = [width for width in wanted if width <= limit]
        limit = (pdf.epw - sum(short)) / max(1, len(wanted) - len(short))
    return tuple(min(width, limit) for width in wanted)


def _plots(pdf: "FPDF", plots: tuple[Plot, ...]) -> None:
    """One or two, side by side, as wide as half the page."""
    from fpdf.svg import SVGObject

    width = (pdf.epw - _GAP) / 2
    drawings = [_TURNED_IMAGE.sub(rb'<g transform="\2"><image \1\3/></g>', plot.svg) for plot in plots]
    sizes = [SVGObject(drawing.decode()).viewbox or (0, 0, 1, 1) for drawing in drawings]
    height = max(width * size[3] / size[2] for size in sizes)
    if pdf.y + height + 10 > pdf.page_break_trigger:
        pdf.add_page()
    top = pdf.y
    pdf.set_fill_color(0, 0, 0)  # what a drawing's texts are written in
    for number, (plot, drawing) in enumerate(zip(plots, drawings, strict=True)):
        left = pdf.l_margin + number * (width + _GAP)
        pdf.image(io.BytesIO(drawing), left, top, w=width, alt_text=plot.caption)
        pdf.set_xy(left, top + height + 1)
        pdf.set_font(_FONT, "", 7)
        pdf.set_text_color(*_QUIET)
        pdf.multi_cell(width, 3.4, plot.caption, align="L", new_x="LMARGIN", new_y="NEXT")
        pdf.set_text_color(0, 0, 0)
    pdf.set_fill_color(255, 255, 255)
    pdf.set_xy(pdf.l_margin, top + height + 10)
