"""A labelled row and the answer to it."""

from dataclasses import dataclass
from typing import Any

from cli.evaluation.data import Item, as_json


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled row and its answer, by target. One that the API refused has no answer but `error`."""

    item: Item
    predicted: dict[str, str | float]
    confidence: dict[str, float]
    interval: dict[str, tuple[float, float]]
    review: bool | None
    model_version: str | None
    error: str | None

    @property
    def match(self) -> dict[str, bool]:
        """Of each label, whether it is the true one."""
        truth = self.item.truth
        return {name: self.predicted.get(name) == label for name, label in truth.items() if isinstance(label, str)}

    @property
    def difference(self) -> dict[str, float]:
        """Of each number, how far above the true one it is."""
        truth = self.item.truth
        numbers = {name: said for name, said in self.predicted.items() if not isinstance(said, str)}
        return {name: said - float(truth[name]) for name, said in numbers.items()}

    @property
    def automatic(self) -> bool:
        """Whether the answer asks for nobody to look."""
        return self.review is False

    def to_json(self) -> dict[str, Any]:
        return {
            "line": self.item.line,
            "input": self.item.inputs,
            "true": as_json(self.item.truth),
            "predicted": self.predicted,
            "confidence": self.confidence,
            "interval": self.interval,
            "match": self.match,
            "difference": {name: round(value, 6) for name, value in self.difference.items()},
            "review": self.review,
            "model_version": self.model_version,
            "error": self.error,
        }
