"""What people type, in the cells of a CSV file and after --set, as the values that a request has."""

import shutil
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import typer

from firesteel.errors import DataError, InputError, Problem
from firesteel.program.schema import Number, Schema

_EXACT = 2.0**53  # below it every whole float is that very number


def pairs(given: Iterable[str] | None, option: str = "--set") -> dict[str, str]:
    """What was given as `--set name=value`, several times. Raises BadParameter for what is no such pair."""
    found = {}
    for one in given or ():
        name, sign, value = one.partition("=")
        if not sign:
            raise typer.BadParameter(f"{option} {one!r} is not name=value")
        found[name] = value
    return found


def values(cells: Mapping[str, str], inputs: Schema) -> dict[str, Any]:
    """The row that `cells` write, by the kinds of its fields; an empty cell is a missing value.

    Everything but the notation of numbers is left to the schema's own check. Raises InputError for what is no number.
    """
    numbers = {field.name for field in inputs.fields if isinstance(field, Number)}
    row: dict[str, Any] = {}
    problems = []
    for name, cell in cells.items():
        if name not in numbers:
            if cell:
                row[name] = cell
        elif cell.strip(" \t"):
            try:
                row[name] = _number(cell)
            except ValueError as error:
                problems.append(Problem(name, "wrong_type", str(error)))
    if problems:
        raise InputError(tuple(problems))
    return row


def _number(cell: str) -> float:
    """As in training files; whole ones without a point. Raises ValueError."""
    from functions.train import columns

    value = columns.number(cell)
    return int(value) if abs(value) < _EXACT and value.is_integer() else value


def read(data: str, needed: Collection[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a CSV file, or of standard input for `-`: cells by column, with the line on which each row begins.

    Raises DataError for what is not CSV in UTF-8, or has no column for one of those `needed`.
    """
    from functions.train import csvfile

    with _file(data) as path, csvfile.opened(path, list(needed)) as file:
        for line, row in file.rows:
            if len(row) != len(file.header):
                raise DataError(f"{data}: line {line} has {len(row)} fields, the header {len(file.header)}")
            yield line, dict(zip(file.header, row, strict=True))


@contextmanager
def _file(data: str) -> Iterator[Path]:
    """The file that `--data` names. Standard input is copied: the reader goes back to say where a file is wrong."""
    if data != "-":
        yield Path(data)
        return
    with NamedTemporaryFile(prefix="standard-input-", suffix=".csv") as copy:
        shutil.copyfileobj(sys.stdin.buffer, copy)
        copy.flush()
        yield Path(copy.name)
