"""The drift baseline of a version: how its inputs and answers were distributed when it was trained."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

_QUANTILES = np.linspace(0, 1, 21)


def reference(
    columns: Mapping[str, Sequence[str]],
    labels: Mapping[str, tuple[str, ...]],
    predicted: Mapping[str, np.ndarray],
    confidence: Mapping[str, np.ndarray],
    review: np.ndarray,
) -> dict[str, Any]:
    """Sketches of held-out rows: lengths of text by field, predicted labels and confidences by target. No text."""
    return {
        "format": 1,
        "rows": len(review),
        "inputs": {
            name: {
                "characters": _quantiles(np.fromiter(map(len, texts), float, len(texts))),
                "words": _quantiles(np.fromiter((len(text.split()) for text in texts), float, len(texts))),
            }
            for name, texts in columns.items()
        },
        "targets": {
            name: {
                "shares": dict(
                    zip(names, (np.bincount(predicted[name], minlength=len(names)) / len(review)).tolist(), strict=True)
                ),
                "confidence": _quantiles(confidence[name]),
            }
            for name, names in labels.items()
        },
        "review_share": float(review.mean()),
    }


def _quantiles(values: np.ndarray) -> list[float]:
    return [float(value) for value in np.quantile(values, _QUANTILES)]
