"""The estimators a definition can choose, with the settings that matter. All compile to weights or flat trees."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from firesteel.definition.base import Frozen


class Logistic(Frozen):
    """Multinomial logistic regression with an L2 penalty.

    `class_weight` w weighs a class of n of N rows in K classes by (N / (K n)) ** w: 0 is unweighted, 1 is balanced.
    """

    tasks: ClassVar = ("classification",)
    kind: Literal["logistic"] = "logistic"
    C: float = Field(default=1.0, gt=0)
    class_weight: float = Field(default=0.0, ge=0, le=1)


class Linear(Frozen):
    """Least squares with an L2 penalty `alpha` (ridge regression)."""

    tasks: ClassVar = ("regression",)
    kind: Literal["linear"]
    alpha: float = Field(default=1.0, ge=0)


class Poisson(Frozen):
    """Poisson regression with a log link and an L2 penalty `alpha`."""

    tasks: ClassVar = ("count",)
    kind: Literal["poisson"]
    alpha: float = Field(default=1e-4, ge=0)


class _Boosting(Frozen):
    tasks: ClassVar = ("classification", "regression", "count")
    iterations: int = Field(default=100, ge=1, le=10_000)
    learning_rate: float = Field(default=0.1, gt=0, le=1)


class GradientBoosting(_Boosting):
    """scikit-learn's HistGradientBoosting."""

    kind: Literal["gradient_boosting"]
    max_leaf_nodes: int = Field(default=31, ge=2, le=4096)
    max_depth: int | None = Field(default=None, ge=1, le=64)
    min_samples_leaf: int = Field(default=20, ge=1)
    l2: float = Field(default=0.0, ge=0)
    max_features: float = Field(default=1.0, gt=0, le=1)
    max_bins: int = Field(default=255, ge=2, le=255)


class LightGBM(_Boosting):
    """LightGBM, an extra: for training anywhere but in the train function."""

    kind: Literal["lightgbm"]
    max_leaf_nodes: int = Field(default=31, ge=2, le=4096)
    max_depth: int | None = Field(default=None, ge=1, le=64)
    min_samples_leaf: int = Field(default=20, ge=1)
    l2: float = Field(default=0.0, ge=0)
    max_features: float = Field(default=1.0, gt=0, le=1)
    subsample: float = Field(default=1.0, gt=0, le=1)


class CatBoost(_Boosting):
    """CatBoost's oblivious trees, an extra: for training anywhere but in the train function."""

    kind: Literal["catboost"]
    depth: int = Field(default=6, ge=1, le=12)
    l2: float = Field(default=3.0, ge=0)
    max_features: float = Field(default=1.0, gt=0, le=1)


Estimator = Annotated[Logistic | Linear | Poisson | GradientBoosting | LightGBM | CatBoost, Field(discriminator="kind")]
