"""What can be the truth of a target: the one rule for who sends a correction and for who trains on it."""

import math
from collections.abc import Sequence

Misfit = tuple[str, str]
"""A code and a clause; neither repeats the value."""

_LARGEST = 1.7976931348623157e308
_LISTED = 20  # labels in a message


def label_misfit(value: object, labels: Sequence[str]) -> Misfit | None:
    """What is wrong with a label."""
    if isinstance(value, str) and value in labels:
        return None
    more = f" ... ({len(labels)} in all)" if len(labels) > _LISTED else ""
    return "unknown_label", f"must be one of {', '.join(labels[:_LISTED])}{more}"


def number_misfit(value: object, bounds: tuple[float, float] | None = None, *, count: bool = False) -> Misfit | None:
    """What is wrong with a number, which must be finite, and within `bounds`, ends included; or with a count."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) <= _LARGEST:
        return "wrong_type", "must be a finite number"
    if count:
        return None if value >= 0 and value == int(value) else ("out_of_range", "must be a whole number from 0 on")
    low, high = bounds or (-math.inf, math.inf)
    return None if low <= value <= high else ("out_of_range", f"must be between {low:.10g} and {high:.10g}")
