"""A report as the files that it is written to."""

import re
from pathlib import Path
from typing import Literal

import typer

from cli.reporting.document import Plot, Section

Format = Literal["html", "md", "pdf"]
ENDINGS: dict[str, Format] = {".html": "html", ".md": "md", ".pdf": "pdf"}


def format_of(out: Path | None, wanted: Format | None) -> Format:
    """What is wanted, else what the file's ending says, else HTML. Raises BadParameter for an ending that says nothing."""
    if wanted or out is None:
        return wanted or "html"
    if out.suffix not in ENDINGS:
        raise typer.BadParameter(
            f"{out} must end with {', '.join(ENDINGS)}, or --format say what it is", param_hint="--out"
        )
    return ENDINGS[out.suffix]


def written(report: Section, form: Format, out: Path) -> list[Path]:
    """Write the report, and with Markdown its plots beside it; gives the files. Raises SettingsError, OSError."""
    if form == "md":
        from cli.reporting import markdown

        plots = {plot.name: out.with_name(f"{out.stem}-{_plain(plot)}.svg") for plot in report.plots()}
        document = markdown.write(report, lambda plot: plots[plot.name].name)
        for plot in report.plots():
            plots[plot.name].write_bytes(plot.svg)
        out.write_bytes(document)
        return [out, *plots.values()]
    if form == "pdf":
        from cli.reporting import pdf

        out.write_bytes(pdf.write(report))
    else:
        from cli.reporting import html

        out.write_bytes(html.write(report))
    return [out]


def _plain(plot: Plot) -> str:
    """A plot's name as a file's and a link's."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", plot.name)
