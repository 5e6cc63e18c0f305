"""Rows as a program takes them, out of a CSV file, and as columns."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cli import rows as cells_of
from cli.output import errors
from firesteel.errors import DataError, InputError
from firesteel.program import schema
from firesteel.program.predictor import Predictor
from firesteel.program.schema import Identifier, Number, Text, Timestamp


def rows(path: Path, loaded: Predictor) -> list[dict[str, Any]]:
    """The checked rows of a file. Columns that are no inputs are left out, and rows that do not fit are warned of.

    Raises DataError for a file without a row that fits.
    """
    fields = {field.name for field in loaded.inputs.fields}
    checked, refused = [], []
    for line, cells in cells_of.read(str(path), [field.name for field in loaded.inputs.fields if field.required]):
        try:
            told = {name: cell for name, cell in cells.items() if name in fields}
            checked.append(loaded.check(cells_of.values(told, loaded.inputs)))
        except InputError as error:
            refused.append(f"line {line}: {error}")
    if not checked:
        raise DataError(f"{path} has no row that fits the model{f': {refused[0]}' if refused else ''}")
    if refused:
        errors.print(f"[yellow]{path}: {len(refused)} rows do not fit and are left out[/], the first on {refused[0]}")
    return checked


def columns(loaded: Predictor, checked: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Columns of checked rows as datasets have them; times are seconds since 1970.

    A missing number or time is NaN, a missing text empty, a missing category None.
    """
    told: dict[str, Any] = {}
    for field in loaded.inputs.fields:
        values = [row[field.name] for row in checked]
        if isinstance(field, Timestamp):
            values = [None if value is None else schema.seconds(value) for value in values]
        if isinstance(field, Number | Timestamp):
            told[field.name] = np.array([np.nan if value is None else value for value in values], np.float64)
        elif isinstance(field, Text):
            told[field.name] = [value or "" for value in values]
        elif not isinstance(field, Identifier):
            told[field.name] = values
    return told
