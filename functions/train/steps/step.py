"""What a fitted feature step is compiled to."""

from typing import Any, NamedTuple

import numpy as np


class Step(NamedTuple):
    """A step of the program: its description, its arrays, and which of the transformer's columns each feature is.

    `categorical` [features] says which features are codes that trees may split by sets; None if none is.
    """

    meta: dict[str, Any]
    tensors: dict[str, np.ndarray]
    columns: np.ndarray
    categorical: np.ndarray | None = None


def smallest(values: np.ndarray) -> np.ndarray:
    """float32 where that loses nothing, float64 elsewhere."""
    with np.errstate(over="ignore"):
        narrow = values.astype(np.float32)
    return narrow if np.array_equal(narrow, values, equal_nan=True) else np.asarray(values, np.float64)
