"""What a program answers."""

from typing import Any, NamedTuple


class Estimate(NamedTuple):
    """A number and the interval that holds the truth as often as the model's `coverage` says; None without one.

    `level` is High, Medium or Low by the interval's width; `score`, 0.50 to 0.95, says the same without steps.
    """

    value: float
    lower: float | None
    upper: float | None
    level: str | None
    score: float | None


class Prediction(NamedTuple):
    """The answer for one row, by target: labels with confidences of a classification, estimates of all else."""

    labels: dict[str, str]
    confidences: dict[str, float]
    review: bool
    estimates: dict[str, Estimate]


class Span(NamedTuple):
    """What the characters `start` to `end` of a text did to the raw score."""

    start: int
    end: int
    contribution: float


class Contribution(NamedTuple):
    """What one input field did to the raw score. `terms` are those of a text, by field, largest first.

    `spans`, of a text when they are asked for, do not overlap and stand in its order. What they leave of the contribution
    no character did: terms that are not there, and those that begin in one field and end in the next.
    """

    feature: str
    value: Any
    contribution: float
    terms: tuple[tuple[str, float], ...]
    spans: tuple[Span, ...] | None = None


class Explanation(NamedTuple):
    """Exact and additive: `base` plus all contributions is `score`, the raw score of the target.

    The raw score of a label is its margin: its score less the mean of the other labels' scores. That of a count is the
    logarithm of the rate. `contributions` are sorted by magnitude, largest first.
    """

    target: str
    label: str | None
    base: float
    score: float
    contributions: tuple[Contribution, ...]

    def positive(self, k: int = 3) -> list[Contribution]:
        """The k fields that raised the score most."""
        return [one for one in self.contributions if one.contribution > 0][:k]

    def negative(self, k: int = 3) -> list[Contribution]:
        """The k fields that lowered it most."""
        return [one for one in self.contributions if one.contribution < 0][:k]

    @property
    def summary(self) -> str:
        """One sentence for people."""
        what = f"{self.target} {self.label}" if self.label else self.target
        ups, downs = [_named(one) for one in self.positive()], [_named(one) for one in self.negative()]
        if not ups and not downs:
            return f"Nothing in this row speaks for or against {what}."
        raised = f"{_listed(ups)} raise{'s' if len(ups) == 1 else ''} it" if ups else "nothing raises it"
        lowered = f"{_listed(downs)} lower{'s' if len(downs) == 1 else ''} it" if downs else "nothing lowers it"
        direction = "above" if self.score >= self.base else "below"
        return f"{what} is {direction} average: {raised}; {lowered}."


def _listed(parts: list[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _named(one: Contribution) -> str:
    """`revenue = 120000`; a text is named with the terms that did the most of it."""
    if terms := [term for term, part in one.terms if (part > 0) == (one.contribution > 0)][:3]:
        return f"{one.feature} ({', '.join(terms)})"
    if one.value is None:
        return f"{one.feature} missing"
    if isinstance(one.value, str) and len(one.value) > _LONG:
        return one.feature
    return f"{one.feature} = {one.value}"


_LONG = 40
