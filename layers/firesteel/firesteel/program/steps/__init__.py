"""Feature steps: from the fields of rows to numbers, exactly as the fitted transformers of the same names make them.

Text is different, and sparse: see tfidf.
"""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np

from firesteel.errors import ProgramError

if TYPE_CHECKING:
    from firesteel.program.steps.tfidf import Tfidf

_CLASSES = {
    "number": "Number",
    "onehot": "OneHot",
    "ordinal": "Ordinal",
    "hash": "Hash",
    "lookup": "Lookup",
    "ratio": "Ratio",
    "calendar": "Calendar",
}


MOST = 256
"""Feature steps, estimators or targets of a program: each costs time with every row."""
_WIDEST = 1 << 20  # features of all steps but those of texts: they take memory with every row
_LENGTHS = 256  # of n-grams that are looked for at each word or character of a text
_SHARES = 1 << 24  # numbers of all steps' `owners`: 128 MiB


def check_count(*parts: Sequence[object]) -> None:
    """Raises ProgramError for more parts of a kind than a program may have."""
    if any(len(part) > MOST for part in parts):
        raise ProgramError(f"a program has more than {MOST} steps, estimators or targets")


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


def check_sizes(texts: Sequence["Tfidf"], plain: Sequence[Step]) -> None:
    """Raises ProgramError where a row's features, or telling what is whose, would take more memory than there may be."""
    if sum(step.size for step in plain) > _WIDEST:
        raise ProgramError(f"the steps have more than {_WIDEST} features besides those of texts")
    shared = [(step.size, len(step.inputs)) for step in plain]
    shared += [(step.size, len(step.inputs)) for step in texts if len(step.inputs) > 1]
    if sum(size * inputs for size, inputs in shared) > _SHARES:
        raise ProgramError(f"the steps' features times their inputs are more than {_SHARES}")
    if sum(step.longest for step in texts) > _LENGTHS:
        raise ProgramError(f"the n-grams of all text steps have more than {_LENGTHS} lengths")
