"""How a model is judged and answered with: split, calibration, intervals, review, gates, the data's bounds, the answer's shape."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from firesteel.definition.base import Frozen, MisfitError, Name, Share, distinct


class Split(Frozen):
    """How rows are held out for evaluation, by a fixed seed.

    stratified  by the targets in `stratify` (all by default); what classification does unless told otherwise
    random      any row
    group       whole groups of rows with one value of the column `group`: no group stands on both sides
    time        the latest rows by the column `time`; those from `test_from` on, if it is given
    """

    kind: Literal["stratified", "random", "group", "time"] | None = None
    test_share: Share = 0.2
    seed: int = Field(default=0, ge=0, le=2**32 - 1)
    stratify: tuple[Name, ...] | None = Field(default=None, min_length=1)
    group: Name | None = None
    time: Name | None = None
    test_from: float | str | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        distinct("stratify", self.stratify or ())
        for field, kind in (("stratify", "stratified"), ("group", "group"), ("time", "time"), ("test_from", "time")):
            if getattr(self, field) is not None and self.kind != kind and not (field == "stratify" and not self.kind):
                raise MisfitError((field,), f"stands only with kind: {kind}")
        for field in ("group", "time"):
            if self.kind == field and getattr(self, field) is None:
                raise MisfitError(("kind",), f"kind: {field} needs {field}: the column to split by")
        return self


class Calibration(Frozen):
    """Confidence and intervals are calibrated on out-of-fold predictions of this many folds."""

    folds: int = Field(default=3, ge=2, le=20)


class Levels(Frozen):
    """How wide an interval may be to be called High or Medium: in the target's unit; for counts, in predictions."""

    high: float = Field(gt=0)
    medium: float = Field(gt=0)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.high >= self.medium:
            raise MisfitError(("medium",), f"must be more than high, {self.high:g}. Got {self.medium:g}")
        return self


class Interval(Frozen):
    """An interval that holds the true value of `coverage` of rows, in each of `bins` of the prediction."""

    coverage: Share = 0.9
    bins: int = Field(default=5, ge=1, le=100)
    levels: Levels | None = None


class Review(Frozen):
    """Answers below the threshold carry `review: true`; those above it are right at least `accuracy` of the time, a
    statement that holds with probability `confidence` over the draw of the held-out rows.
    """

    accuracy: Share = 0.95
    confidence: Share = 0.95


class Gate(Frozen):
    """A condition for serving: a metric's bound, or how far it may fall below (or rise above) that of `latest`."""

    metric: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$")]
    at_least: float | None = None
    at_most: float | None = None
    max_drop: float | None = Field(default=None, ge=0)
    max_rise: float | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _one_bound(self) -> Self:
        if sum(bound is not None for bound in (self.at_least, self.at_most, self.max_drop, self.max_rise)) != 1:
            raise ValueError("a gate has exactly one of at_least, at_most, max_drop, max_rise")
        return self


class Promotion(Frozen):
    """How a version that a retraining made and whose gates passed comes to be served.

    direct    at once
    canary    beside the one before it, answering this `weight` of requests, until somebody promotes it or rolls it back
    approval  when somebody has approved it
    """

    how: Literal["direct", "canary", "approval"] = "direct"
    weight: Share = 0.05


class Inferences(Frozen):
    """The inference log: the share of answers whose inputs it keeps, of those inputs that say `log: hash` or `plain`."""

    sample: Annotated[float, Field(ge=0, le=1)] = 1.0


class Feedback(Frozen):
    """Corrections that users sent are trained on with this weight beside 1 for a row of the training file.

    Rows that they add or change are at most this `share` of the rows to train on; of more, senders take turns.
    """

    weight: Annotated[float, Field(gt=0, le=100)] = 1.0
    share: Annotated[float, Field(gt=0, le=1)] = 0.2


class Data(Frozen):
    """When a training file is good enough, and whether rows that agree in every input are one row, their counts summed.

    A word, an n-gram or an open input's category that fewer than `min_rows_per_term` of the rows trained on have is never
    kept in a bundle, whatever a step's `min_df` or `min_count` says.
    """

    max_bad_share: Annotated[float, Field(ge=0, lt=1)] = 0.05
    min_rows: int = Field(default=20, ge=2)
    min_rows_per_class: int = Field(default=10, ge=2)
    min_rows_per_term: int = Field(default=2, ge=2)
    allow_unseen_values: bool = False
    sum_repeated_rows: bool = False


class Part(Frozen):
    """A list in a request: its name, and which inputs its objects have."""

    name: Name
    inputs: tuple[Name, ...] = Field(min_length=1)


class Request(Frozen):
    """A request for several rows: one answer for each object of the list `each`, summed over those of the list `sum`."""

    each: Part
    sum: Part | None = None
