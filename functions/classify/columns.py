"""The answers of a batch as its log line has them: in columns, one value a row. Imported when there is a batch.

A row that was refused has null in every column; a target or a field that a row's segment does not have is null there.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from firesteel.program.results import Estimate, Prediction

Column = list[Any]
DIGITS = 6  # after the point


def of(facts: dict[str, Any]) -> dict[str, Any]:
    """The columns of an answer's facts: labels, confidences, review, estimates, inputs if any are kept.

    A batch over segments also says which of them answered each row, and their digests; the line has their versions.
    """
    predictions: list[Prediction] = facts["predictions"]
    numbers = facts.get("numbers") or range(len(predictions))

    def placed(values: Column) -> Column:
        column: Column = [None] * facts["rows"]
        for number, value in zip(numbers, values, strict=True):
            column[number] = value
        return column

    columns: dict[str, Any] = {"review": placed([one.review for one in predictions])}
    if labels := _names(one.labels for one in predictions):
        columns["labels"] = {name: placed([one.labels.get(name) for one in predictions]) for name in labels}
        columns["confidences"] = {
            name: placed([rounded(one.confidences.get(name)) for one in predictions]) for name in labels
        }
    if estimated := _names(one.estimates for one in predictions):
        columns["estimates"] = {
            name: _ends([one.estimates.get(name) for one in predictions], placed) for name in estimated
        }
    inputs: list[dict[str, Any]] = facts.get("inputs") or []
    if fields := _names(inputs):
        columns["inputs"] = {name: placed([row.get(name) for row in inputs]) for name in fields}
    if "parts" in facts:
        columns["models"] = placed([live.model for live, some in facts["parts"] for _ in some])
        columns["digests"] = {live.model: live.digest for live, _ in facts["parts"]}
    return columns


def rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)


def _names(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """The keys of all rows, in the order in which they are met."""
    return list(dict.fromkeys(name for row in rows for name in row))


def _ends(estimates: Sequence[Estimate | None], placed: Callable[[Column], Column]) -> dict[str, Column]:
    return {
        end: placed([rounded(getattr(one, end)) if one else None for one in estimates])
        for end in ("value", "lower", "upper")
    }
