"""Feature steps: from the fields of rows to numbers, exactly as the fitted transformers of the same names make them.

Text is different, and sparse: see tfidf.
"""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, Protocol, cast

import numpy as np

from firesteel.errors import ProgramError

_CLASSES = {
    "number": "Number",
    "onehot": "OneHot",
    "ordinal": "Ordinal",
    "hash": "Hash",
    "lookup": "Lookup",
    "ratio": "Ratio",
    "calendar": "Calendar",
}


class Step(Protocol):
    """One feature step. Holds no state between calls but what it remembers; safe to use from several threads."""

    inputs: tuple[str, ...]
    """The fields it reads."""
    kinds: tuple[str, ...]
    """Which kind each of them must have: number, category or timestamp."""
    size: int
    """Its number of features."""

    @property
    def names(self) -> list[str]:
        """Of its features: distinct, for people."""
        ...

    def fill(self, rows: Sequence[Mapping[str, Any]], out: np.ndarray) -> None:
        """Write the features of checked rows into `out` [rows, size] float64, zeros before; NaN is missing."""
        ...

    def owners(self, row: Mapping[str, Any]) -> np.ndarray:
        """Shares [size, inputs] of the input fields in what each feature of the row contributes. Each line sums to 1."""
        ...


def load(meta: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> Step:
    """The step that a program's metadata describes. Raises ProgramError, KeyError, TypeError, ValueError if it is none.

    Only the modules of steps that a model has are imported: a cold start pays for what it uses.
    """
    kind = meta["kind"]
    if kind not in _CLASSES:
        raise ProgramError(f"there is no feature step {kind!r}; there are: {', '.join(_CLASSES)}")
    return cast("Step", getattr(import_module(f"{__name__}.{kind}"), _CLASSES[kind])(meta, tensors))
