"""How the estimator's settings are searched for."""

from typing import Annotated, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from firesteel.definition.base import Frozen, MisfitError, Name

SCORES = {
    "classification": ("macro_f1", "accuracy", "log_loss"),
    "regression": ("rmse", "mae", "r2"),
    "count": ("poisson_deviance",),
}
"""The metrics a search can choose by, by task; the first is the default."""


class Span(Frozen):
    """Every number from `low` to `high`; with `log`, evenly by order of magnitude."""

    low: float
    high: float
    log: bool = False
    integer: bool = False

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low >= self.high:
            raise MisfitError(("high",), f"must be more than low, {self.low:g}. Got {self.high:g}")
        if self.log and self.low <= 0:
            raise MisfitError(("low",), f"must be more than 0 where log is true. Got {self.low:g}")
        return self


def _kind(value: object) -> str:
    return "list" if isinstance(value, list | tuple) else "span"


Choices = Annotated[tuple[int | float, ...], Field(min_length=1)]
Dimension = Annotated[Annotated[Choices, Tag("list")] | Annotated[Span, Tag("span")], Discriminator(_kind)]


class Search(Frozen):
    """Cross-validation over `space`, setting by setting: all of a grid, or `trials` of it at random or by Optuna."""

    method: Literal["grid", "random", "optuna"] = "grid"
    trials: int = Field(default=20, ge=1, le=10_000)
    folds: int = Field(default=3, ge=2, le=20)
    metric: str | None = None
    space: dict[Name | Literal["C"], Dimension] = Field(min_length=1)

    @model_validator(mode="after")
    def _a_grid_is_finite(self) -> Self:
        for name, dimension in self.space.items():
            if self.method == "grid" and isinstance(dimension, Span):
                raise MisfitError(("space", name), "a grid needs a list; or choose method: random")
        return self
