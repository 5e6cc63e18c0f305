"""Feature steps: what is made of the inputs before an estimator sees them."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from firesteel import pattern
from firesteel.definition.base import Frozen, MisfitError, Name, distinct
from firesteel.errors import ProgramError

Names = Annotated[tuple[Name, ...], Field(min_length=1)]


class _Feature(Frozen):
    takes: ClassVar[str]
    """The kind of input that `inputs` names."""

    @property
    def uses(self) -> tuple[tuple[Name, str, tuple[str | int, ...]], ...]:
        """Every input the step reads: its name, the kind it must have, and where the step says so."""
        return tuple((name, self.takes, ("inputs", number)) for number, name in enumerate(self.inputs))  # type: ignore[attr-defined]

    @property
    def columns(self) -> tuple[Name, ...]:
        """Columns of the training file, besides inputs, that fitting needs."""
        return ()

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        distinct("inputs", getattr(self, "inputs", ()))
        return self


class TfidfFeature(_Feature):
    """TF-IDF over n-grams of the chosen text inputs, joined by a line break."""

    takes: ClassVar[str] = "text"
    step: Literal["tfidf"]
    inputs: Names
    analyzer: Literal["word", "char", "char_wb"] = "word"
    ngrams: tuple[Annotated[int, Field(ge=1, le=8)], Annotated[int, Field(ge=1, le=8)]] = (1, 1)
    min_df: int = Field(default=1, ge=1)
    max_df: Annotated[float, Field(gt=0, le=1)] = 1.0
    max_features: int | None = Field(default=None, ge=1)
    sublinear_tf: bool = True
    binary: bool = False
    use_idf: bool = True
    norm: Literal["l2", "l1"] | None = "l2"
    lowercase: bool = True
    strip_accents: Literal["unicode", "ascii"] | None = None
    token_pattern: str = r"(?u)\b\w\w+\b"  # noqa: S105 - no password
    weight: float = Field(default=1.0, gt=0)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.ngrams[0] > self.ngrams[1]:
            raise MisfitError(("ngrams",), f"must be [shortest, longest]. Got {list(self.ngrams)}")
        try:
            pattern.compiled(self.token_pattern)
        except ProgramError as error:
            raise MisfitError(("token_pattern",), str(error)) from None
        return self


class NumberFeature(_Feature):
    """Numbers as they are or, in this order: clipped, filled, standardised; with flags for what was missing.

    `clip_iqr` k clips to the quartiles -/+ k interquartile ranges; a column whose quartiles are equal is not clipped.
    Without `fill` a missing number stays missing, which trees understand and linear estimators do not.
    """

    takes: ClassVar[str] = "number"
    step: Literal["number"]
    inputs: Names
    clip_iqr: float | None = Field(default=None, gt=0)
    fill: Literal["mean", "median"] | float | None = None
    scale: bool = False
    missing_flags: bool = False


class OneHotFeature(_Feature):
    """A column for each category seen at least `min_count` times in training; all zeros for any other."""

    takes: ClassVar[str] = "category"
    step: Literal["onehot"]
    inputs: Names
    min_count: int = Field(default=1, ge=1)


class OrdinalFeature(_Feature):
    """A category's place among the input's `values` (or, for open ones, among those seen, in the alphabet's order).

    What was never seen is missing. With `categorical`, trees split by sets of categories instead of by order.
    """

    takes: ClassVar[str] = "category"
    step: Literal["ordinal"]
    inputs: Names
    categorical: bool = False


class HashFeature(_Feature):
    """Interactions of pairs of categories, hashed (MurmurHash3, signed) into `width` columns.

    Weinberger et al. 2009, "Feature Hashing for Large Scale Multitask Learning"; as scikit-learn's FeatureHasher.
    """

    step: Literal["hash"]
    pairs: tuple[tuple[Name, Name], ...] = Field(min_length=1)
    width: int = Field(default=32, ge=2, le=1 << 16)

    @property
    def uses(self) -> tuple[tuple[Name, str, tuple[str | int, ...]], ...]:
        return tuple(
            (name, "category", ("pairs", number, side))
            for number, pair in enumerate(self.pairs)
            for side, name in enumerate(pair)
        )


class LookupFeature(_Feature):
    """Columns of the training file that requests do not send, averaged by `key` and looked up by it.

    A key that training never saw is looked up by the `fallback` inputs, one after the other, and then has `defaults`: a
    number, or the `mean` of all keys' means. Every column needs one.
    """

    step: Literal["lookup"]
    key: Name
    fallback: tuple[Name, ...] = ()
    defaults: dict[Name, Literal["mean"] | float] = Field(min_length=1)

    @property
    def uses(self) -> tuple[tuple[Name, str, tuple[str | int, ...]], ...]:
        second = ((name, "category", ("fallback", number)) for number, name in enumerate(self.fallback))
        return ((self.key, "category", ("key",)), *second)

    @property
    def columns(self) -> tuple[Name, ...]:
        return tuple(self.defaults)

    @model_validator(mode="after")
    def _distinct_keys(self) -> Self:
        distinct("fallback", (self.key, *self.fallback))
        return self


class RatioFeature(_Feature):
    """Each number divided by its mean over the rows of the same `group`; in training the row itself is left out."""

    takes: ClassVar[str] = "number"
    step: Literal["ratio"]
    inputs: Names
    group: Name

    @property
    def uses(self) -> tuple[tuple[Name, str, tuple[str | int, ...]], ...]:
        return (*super().uses, (self.group, "category", ("group",)))


class CalendarFeature(_Feature):
    """Parts of a timestamp, in UTC; whole `days` count from 1970-01-01, weekdays from Monday, 0."""

    takes: ClassVar[str] = "timestamp"
    step: Literal["calendar"]
    inputs: Names
    parts: Annotated[tuple[Literal["year", "month", "day", "weekday", "hour", "days"], ...], Field(min_length=1)]


Feature = Annotated[
    TfidfFeature
    | NumberFeature
    | OneHotFeature
    | OrdinalFeature
    | HashFeature
    | LookupFeature
    | RatioFeature
    | CalendarFeature,
    Field(discriminator="step"),
]
