"""Golden rows: a program that answers otherwise here than where it was compiled is not served."""

import math
from collections.abc import Mapping
from typing import Any

from firesteel import strictjson
from firesteel.errors import InputError, IntegrityError, ProgramError
from firesteel.program.predictor import Predictor

TOLERANCE = 1e-6
BYTES_LIMIT, ROWS_LIMIT, CONTAINERS = 4 << 20, 1000, 20_000
"""Of golden.json. Every environment replays it when it starts; training writes some ten rows of five or six objects."""


def read(data: bytes) -> list[dict[str, Any]]:
    """The rows of golden.json. Raises IntegrityError."""
    if len(data) > BYTES_LIMIT:
        raise IntegrityError(f"golden.json has {len(data)} bytes, more than {BYTES_LIMIT}")
    try:
        golden = strictjson.parse(data, containers=CONTAINERS)
        if golden["format"] != 1:
            raise IntegrityError(f"golden.json has format {golden['format']!r:.20}; this release reads format 1")
        rows = list(golden["rows"])
    except (ValueError, KeyError, TypeError) as error:
        raise IntegrityError(f"golden.json is not what its format says: {error}") from None
    if len(rows) > ROWS_LIMIT or not all(isinstance(row, dict) for row in rows):
        raise IntegrityError(f"golden.json has more than {ROWS_LIMIT} rows, or some that are no objects")
    return rows


def replay(loaded: Predictor, rows: list[dict[str, Any]]) -> None:
    """Raises ProgramError for an answer that differs, IntegrityError for a row that does not fit the program.

    Confidences may differ by 1e-6, values by 1e-6 of themselves.
    """
    for number, row in enumerate(rows):
        try:
            _replay(loaded, row, number)
        except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError, InputError) as error:
            raise IntegrityError(f"golden row {number} does not fit the program: {type(error).__name__}") from None


def _replay(loaded: Predictor, row: Mapping[str, Any], number: int) -> None:
    prediction = loaded.predict(loaded.check(row["input"]))
    for name, label in row["labels"].items():
        if prediction.labels[name] != label:
            raise ProgramError(f"golden row {number}: {name} is answered otherwise than when it was published")
        if not abs(prediction.confidences[name] - row["confidences"][name]) <= TOLERANCE:
            raise ProgramError(f"golden row {number}: the confidence of {name} is off by more than {TOLERANCE}")
    for name, value in row.get("values", {}).items():  # bundles of format 1 programs have none
        if not math.isclose(prediction.estimates[name].value, value, rel_tol=TOLERANCE, abs_tol=TOLERANCE**2):
            raise ProgramError(f"golden row {number}: the value of {name} is off by more than {TOLERANCE} of it")
