"""What a model is: frozen, typed, validated. Read from YAML for training and frozen as JSON into every bundle.

Training, evaluation, gates, the request schema and the API all read this one thing. Serving never imports this module:
what it needs of the definition is compiled into the program.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    model_validator,
)

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
ModelName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Label = Annotated[str, StringConstraints(pattern=r"\S")]
Share = Annotated[float, Field(gt=0, lt=1)]
METRICS = ("accuracy", "macro_f1", "weighted_f1", "log_loss", "expected_calibration_error")  # what a gate can bound


class MisfitError(ValueError):
    """What does not fit together, and where: `loc` leads from the model that noticed to the field."""

    def __init__(self, loc: tuple[str | int, ...], message: str) -> None:
        self.loc = loc
        super().__init__(message)


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=False, allow_inf_nan=False)


class TextInput(_Frozen):
    """Free text; lengths count Unicode code points. Text of white space alone is refused."""

    kind: Literal["text"]
    description: str = ""
    required: bool = True
    min_length: int = Field(default=1, ge=1)
    max_length: int = Field(default=10_000, ge=1, le=1_000_000)
    example: str

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.min_length > self.max_length:
            raise MisfitError(
                ("max_length",), f"must not be less than min_length, {self.min_length}. Got {self.max_length}"
            )
        if problem := self.problem(self.example):
            raise MisfitError(("example",), problem)
        return self

    def problem(self, text: str) -> str | None:
        """Why `text` is none of this input's texts, if so."""
        if not self.min_length <= len(text) <= self.max_length:
            return f"must have {self.min_length} to {self.max_length} characters, not {len(text)}"
        return "must not be white space alone" if text.isspace() else None


class IdentifierInput(_Frozen):
    """Passed through to the answer: never a feature, never logged."""

    kind: Literal["identifier"]
    description: str = ""
    required: bool = False
    max_length: int = Field(default=320, ge=1, le=10_000)
    example: str | None = None

    @model_validator(mode="after")
    def _has_an_example(self) -> Self:
        if self.required and self.example is None:
            raise MisfitError(("example",), "a required identifier needs an example, for the golden rows")
        if self.example is not None and (problem := self.problem(self.example)):
            raise MisfitError(("example",), problem)
        return self

    def problem(self, value: str) -> str | None:
        """Why `value` cannot stand here; None if it can."""
        return f"must have at most {self.max_length} characters" if len(value) > self.max_length else None


Input = Annotated[TextInput | IdentifierInput, Field(discriminator="kind")]


class Logistic(_Frozen):
    """Multinomial logistic regression with an L2 penalty.

    `class_weight` w weighs a class of n of N rows in K classes by (N / (K n)) ** w: 0 is unweighted, 1 is balanced.
    """

    kind: Literal["logistic"] = "logistic"
    C: float = Field(default=1.0, gt=0)
    class_weight: float = Field(default=0.0, ge=0, le=1)


class Search(_Frozen):
    """The grid that cross-validation tries, and the metric that chooses."""

    folds: int = Field(default=3, ge=2, le=20)
    metric: Literal["macro_f1", "accuracy", "log_loss"] = "macro_f1"
    C: tuple[Annotated[float, Field(gt=0)], ...] = ()
    class_weight: tuple[Annotated[float, Field(ge=0, le=1)], ...] = ()


def _kind_of_labels(value: object) -> str:
    return "mapping" if isinstance(value, Mapping) else "list"


Labels = Annotated[
    Annotated[tuple[Label, ...], Tag("list")]
    | Annotated[dict[Label, Annotated[tuple[Label, ...], Field(min_length=1)]], Tag("mapping")],
    Discriminator(_kind_of_labels),
]


class ClassificationTarget(_Frozen):
    """One label of a closed list. `labels` as a mapping merges the data's values: {high: [Blocker, Critical]}."""

    task: Literal["classification"]
    description: str = ""
    column: str | None = None
    labels: Labels
    estimator: Logistic | None = None
    search: Search | None = None

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if len(self.labels) < 2:
            raise MisfitError(("labels",), "at least two labels are needed")
        values = [value for values in self.values_of.values() for value in values]
        twice = _twice(self.label_names) or _twice(values)
        if twice:
            raise MisfitError(
                ("labels",), f"labels and the values they stand for must be distinct: {twice!r} stands twice"
            )
        return self

    @cached_property
    def label_names(self) -> tuple[str, ...]:
        return tuple(self.labels)

    @cached_property
    def values_of(self) -> dict[str, tuple[str, ...]]:
        """Which values of the data stand for which label."""
        return dict(self.labels) if isinstance(self.labels, dict) else {label: (label,) for label in self.labels}


def _twice(names: Sequence[str]) -> str | None:
    """The first of the names that stands twice."""
    return next((name for number, name in enumerate(names) if name in names[:number]), None)


class TfidfFeature(_Frozen):
    """TF-IDF over n-grams of the chosen text inputs, joined by a line break."""

    step: Literal["tfidf"]
    inputs: tuple[Name, ...] = Field(min_length=1)
    analyzer: Literal["word", "char", "char_wb"] = "word"
    ngrams: tuple[Annotated[int, Field(ge=1, le=8)], Annotated[int, Field(ge=1, le=8)]] = (1, 1)
    min_df: int = Field(default=1, ge=1)
    max_df: Annotated[float, Field(gt=0, le=1)] = 1.0
    max_features: int | None = Field(default=None, ge=1)
    sublinear_tf: bool = True
    lowercase: bool = True
    strip_accents: Literal["unicode", "ascii"] | None = None
    token_pattern: str = r"(?u)\b\w\w+\b"  # noqa: S105 - no password
    weight: float = Field(default=1.0, gt=0)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.ngrams[0] > self.ngrams[1]:
            raise MisfitError(("ngrams",), f"must be [shortest, longest]. Got {list(self.ngrams)}")
        if twice := _twice(self.inputs):
            raise MisfitError(("inputs",), f"{twice!r} stands twice")
        try:
            re.compile(self.token_pattern)
        except re.error as error:
            raise MisfitError(("token_pattern",), f"not a regular expression: {error}") from None
        return self


class Split(_Frozen):
    """How rows are held out for evaluation: stratified by the named targets, by a fixed seed."""

    test_share: Share = 0.2
    seed: int = Field(default=0, ge=0, le=2**32 - 1)
    stratify: tuple[Name, ...] | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if twice := _twice(self.stratify or ()):
            raise MisfitError(("stratify",), f"{twice!r} stands twice")
        return self


class Calibration(_Frozen):
    """Confidence is calibrated on out-of-fold scores of this many folds."""

    folds: int = Field(default=3, ge=2, le=20)


class Review(_Frozen):
    """Answers below the threshold carry `review: true`; those above it are right at least `accuracy` of the time, a
    statement that holds with probability `confidence` over the draw of the held-out rows.
    """

    accuracy: Share = 0.95
    confidence: Share = 0.95


class Gate(_Frozen):
    """A condition for serving: a metric's bound, or how far it may fall below that of `latest`."""

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


class Data(_Frozen):
    """When a training file is good enough."""

    max_bad_share: Annotated[float, Field(ge=0, lt=1)] = 0.05
    min_rows_per_class: int = Field(default=10, ge=2)


class Definition(_Frozen):
    """One model: its inputs, targets, features, estimator, search, review policy and gates."""

    model: ModelName
    description: str = ""
    inputs: dict[Name, Input] = Field(min_length=1)
    targets: dict[Name, ClassificationTarget] = Field(min_length=1)
    features: dict[Name, TfidfFeature] = Field(min_length=1)
    estimator: Logistic = Logistic()
    search: Search | None = None
    split: Split = Split()
    calibration: Calibration = Calibration()
    review: Review | None = None
    gates: tuple[Gate, ...] = ()
    data: Data = Data()
    golden: tuple[dict[Name, str], ...] = ()

    @model_validator(mode="after")
    def _names_resolve(self) -> Self:
        texts = [name for name, field in self.inputs.items() if field.kind == "text"]
        for name, feature in self.features.items():
            for number, used in enumerate(feature.inputs):
                if used not in texts:
                    loc = ("features", name, "inputs", number)
                    raise MisfitError(loc, f"{used!r} is not a text input; there are: {', '.join(texts)}")
        for number, named in enumerate(self.split.stratify or ()):
            self._must_be_target(named, ("split", "stratify", number))
        for number, gate in enumerate(self.gates):
            judged, metric = gate.metric.split(".")
            self._must_be_target(judged, ("gates", number, "metric"))
            if metric not in METRICS:
                raise MisfitError(("gates", number, "metric"), f"no metric {metric!r}; there are: {', '.join(METRICS)}")
        for name, target in self.targets.items():
            if (target.column or name) in self.inputs:
                raise MisfitError(("targets", name), f"the column {target.column or name!r} is an input already")
        self._answer_has_room()
        self._golden_rows_fit()
        return self

    def _answer_has_room(self) -> None:
        answered = {"review", "model_version"} | {
            name for target in self.targets for name in (f"predicted_{target}", f"{target}_confidence")
        }
        for name in self.inputs:
            if name in answered:
                raise MisfitError(("inputs", name), f"the answer has a field {name!r} of its own; choose another name")

    def _golden_rows_fit(self) -> None:
        for number, row in enumerate(self.golden):
            for field in row:
                if field not in self.inputs:
                    raise MisfitError(("golden", number, field), f"no such input; there are: {', '.join(self.inputs)}")
            for name, allowed in self.inputs.items():
                if allowed.required and name not in row:
                    raise MisfitError(("golden", number), f"the input {name!r} is required")
                if name in row and (problem := allowed.problem(row[name])):
                    raise MisfitError(("golden", number, name), problem)

    def _must_be_target(self, name: str, loc: tuple[str | int, ...]) -> None:
        if name not in self.targets:
            raise MisfitError(loc, f"{name!r} is not a target; there are: {', '.join(self.targets)}")

    def estimator_of(self, target: str) -> Logistic:
        return self.targets[target].estimator or self.estimator

    def search_of(self, target: str) -> Search | None:
        return self.targets[target].search or self.search

    def to_json(self) -> bytes:
        """The canonical form that is frozen into the bundle: sorted keys, defaults written out."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, ensure_ascii=False, indent=1).encode()

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.to_json()).hexdigest()
