"""What is predicted."""

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from firesteel.definition.base import Frozen, Label, MisfitError, Name, twice
from firesteel.definition.estimators import Estimator
from firesteel.definition.search import Search

METRICS = {
    "classification": ("accuracy", "macro_f1", "weighted_f1", "log_loss", "expected_calibration_error", "roc_auc"),
    "regression": ("r2", "rmse", "mae", "interval_coverage"),
    "count": ("poisson_deviance", "mape", "r2", "rmse", "mae", "calibration_error", "interval_coverage"),
}
"""What a gate can bound, by task."""


def _kind_of_labels(value: object) -> str:
    return "mapping" if isinstance(value, Mapping) else "list"


Labels = Annotated[
    Annotated[tuple[Label, ...], Tag("list")]
    | Annotated[dict[Label, Annotated[tuple[Label, ...], Field(min_length=1)]], Tag("mapping")],
    Discriminator(_kind_of_labels),
]


class _Target(Frozen):
    description: str = ""
    column: str | None = None
    estimator: Estimator | None = None
    search: Search | None = None


class ClassificationTarget(_Target):
    """One label of a closed list. `labels` as a mapping merges the data's values: {high: [Blocker, Critical]}."""

    task: Literal["classification"]
    labels: Labels

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if len(self.labels) < 2:
            raise MisfitError(("labels",), "at least two labels are needed")
        values = [value for values in self.values_of.values() for value in values]
        if name := twice(self.label_names) or twice(values):
            raise MisfitError(
                ("labels",), f"labels and the values they stand for must be distinct: {name!r} stands twice"
            )
        return self

    @cached_property
    def label_names(self) -> tuple[str, ...]:
        return tuple(self.labels)

    @cached_property
    def values_of(self) -> dict[str, tuple[str, ...]]:
        """Which values of the data stand for which label."""
        return dict(self.labels) if isinstance(self.labels, dict) else {label: (label,) for label in self.labels}


class RegressionTarget(_Target):
    """A number; predictions are clamped to `range`, and rows outside of it are bad rows."""

    task: Literal["regression"]
    range: tuple[float, float] | None = None
    unit: str | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.range and self.range[0] >= self.range[1]:
            raise MisfitError(("range",), f"must be [lowest, highest]. Got {list(self.range)}")
        return self


class CountTarget(_Target):
    """How many: a whole number from 0 on, Poisson distributed around exposure x rate.

    `exposure` names a number input: for how long, or for how many, a row counts. It is the weight and the offset of
    every fit and metric, and never a feature.
    """

    task: Literal["count"]
    exposure: Name | None = None
    unit: str | None = None


Target = Annotated[ClassificationTarget | RegressionTarget | CountTarget, Field(discriminator="task")]
