"""How commands speak: tables and colour for people on a terminal, JSON with --json, messages on standard error."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, is_dataclass
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

console = Console(highlight=False, soft_wrap=True)
errors = Console(stderr=True, highlight=False, soft_wrap=True)

_PIPED_WIDTH = 1000  # characters: one row is one line for grep and awk

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of text for people.")]


def print_json(value: Any) -> None:
    """One JSON document on standard output; dataclasses and named tuples become objects."""
    typer.echo(json.dumps(plain(value), indent=2, ensure_ascii=False, sort_keys=False))


def plain(value: Any) -> Any:
    """The value in terms of JSON."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if hasattr(value, "_asdict"):
        return plain(value._asdict())
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], title: str | None = None) -> None:
    """A table that fits the terminal; piped, it is plain text."""
    table = Table(*columns, title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    wide = console if console.is_terminal else Console(width=_PIPED_WIDTH, highlight=False)
    wide.print(table)
