"""The drift baseline of a version: how its inputs and answers were distributed when it was trained. No text, no rare name."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from firesteel.definition import CategoryInput, ClassificationTarget, Definition, Input, TextInput
from functions.train.columns import Values
from functions.train.dataset import Dataset

SHOWN = 50  # categories that have a share of their own
RARE = 5  # a value of an open category that fewer rows have could be one person's

_QUANTILES = np.linspace(0, 1, 21)


def reference(
    definition: Definition,
    dataset: Dataset,
    predicted: Mapping[str, npt.NDArray[Any]],
    confidence: Mapping[str, npt.NDArray[np.float64]],
    review: npt.NDArray[np.bool_],
) -> dict[str, Any]:
    """Sketches of held-out rows: of each input, and of what was predicted for each target.

    `predicted` holds label indices [rows] of classifications, values or counts [rows] of other tasks; `confidence` is
    of classifications alone; `review` [rows] says which answers a person should see. Quantiles are those of 0, 5, ...,
    100 %; shares are of all rows.
    """
    return {
        "format": 1,
        "rows": len(dataset),
        "inputs": {name: _input(definition.inputs[name], values) for name, values in dataset.inputs.items()},
        "targets": {
            name: _labels(target.label_names, predicted[name], confidence[name])
            if isinstance(target, ClassificationTarget)
            else {"quantiles": _quantiles(predicted[name])}
            for name, target in definition.targets.items()
        },
        "review_share": float(review.mean()),
    }


def _labels(names: Sequence[str], predicted: npt.NDArray[Any], confidence: npt.NDArray[np.float64]) -> dict[str, Any]:
    shares = np.bincount(predicted, minlength=len(names)) / len(predicted)
    return {"shares": dict(zip(names, shares.tolist(), strict=True)), "confidence": _quantiles(confidence)}


def _input(described: Input, values: Values) -> dict[str, Any]:
    if isinstance(values, np.ndarray):
        missing = np.isnan(values)
        return {"quantiles": _quantiles(values[~missing]), "missing": float(missing.mean())}
    if isinstance(described, TextInput):
        texts = [text or "" for text in values]
        return {
            "characters": _quantiles(np.array([len(text) for text in texts])),
            "words": _quantiles(np.array([len(text.split()) for text in texts])),
        }
    return _categories(values, isinstance(described, CategoryInput) and described.values is None)


def _categories(values: Sequence[str | None], is_open: bool) -> dict[str, Any]:
    counts = Counter(values)
    missing = counts.pop(None, 0)
    frequent = sorted(counts.items(), key=lambda pair: (-pair[1], str(pair[0])))[:SHOWN]
    shown = {value: count for value, count in frequent if count >= RARE or not is_open}
    return {
        "shares": {value: count / len(values) for value, count in shown.items()},
        "other": (len(values) - missing - sum(shown.values())) / len(values),
        "missing": missing / len(values),
    }


def _quantiles(values: npt.NDArray[Any]) -> list[float]:
    """None at all of no values."""
    return np.quantile(values, _QUANTILES).tolist() if len(values) else []
