"""Texts in CSV files that spreadsheets open: none is taken for a formula, and each comes back as it was."""

import re

_FORMULA = re.compile(r"'*[=+\-@\t\r]")


def cell(value: object) -> object:
    """A value as it is written: a text that a spreadsheet could take for a formula gets an apostrophe in front."""
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value


def text(written: str) -> str:
    """What `cell` was given."""
    return written[1:] if written.startswith("'") and _FORMULA.match(written) else written
