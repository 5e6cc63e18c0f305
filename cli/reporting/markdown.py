"""A report as Markdown, as GitHub and GitLab render it; plots are files beside it."""

import re
from collections.abc import Callable, Iterable, Iterator

from cli.reporting.document import Part, Plot, Section, Table, Text

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|~$&])")
_LINKING = re.compile(r"([@#](?=\w)|www\.(?=\w)|:(?=//))")
_OPENING = re.compile(r"^([#+=-]|\d+(?=[.)]))")  # what would begin a heading or a list


def write(report: Section, file_of: Callable[[Plot], str]) -> bytes:
    """The document, in UTF-8; `file_of` names a plot's file, relative to it."""
    return ("\n\n".join([f"# {_text(report.title)}", *_parts(report.parts, 2, file_of)]) + "\n").encode()


def _parts(parts: Iterable[Part], level: int, file_of: Callable[[Plot], str]) -> Iterator[str]:
    for part in parts:
        match part:
            case Text(text, "warning"):
                yield f"> **{_text(text)}**"
            case Text(text, _):
                yield _paragraph(text)
            case Table():
                yield _table(part)
            case Plot():
                yield f"![{_text(part.caption)}]({file_of(part)})"
            case Section(title, inner):
                yield f"{'#' * level} {_text(title)}"
                yield from _parts(inner, min(level + 1, 6), file_of)


def _table(table: Table) -> str:
    rules = ["---:" if table.is_numeric(number) else "---" for number in range(len(table.columns))]
    rows = [
        [f"**{cell}**" if number in table.marked and cell else cell for cell in map(_text, row)]
        for number, row in enumerate(table.rows)
    ]
    lines = [[_text(column) for column in table.columns], rules, *rows]
    drawn = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"{_paragraph(table.caption)}\n\n{drawn}" if table.caption else drawn


def _paragraph(text: str) -> str:
    return _OPENING.sub(lambda found: f"{found[1]}\\" if found[1].isdigit() else f"\\{found[1]}", _text(text))


def _text(text: str) -> str:
    """One line that says what the text says: it formats nothing, links nowhere, and calls nobody by name."""
    escaped = _SPECIAL.sub(r"\\\1", " ".join(text.split()))
    return _LINKING.sub(r"\1<!-- -->", escaped)
