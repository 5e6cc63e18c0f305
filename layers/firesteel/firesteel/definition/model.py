"""The definition itself."""

import hashlib
import json
import re
from functools import cached_property
from typing import Any, Self

from pydantic import Field, model_validator

from firesteel.definition import fits
from firesteel.definition.base import Frozen, Label, ModelName, Name, TargetName
from firesteel.definition.estimators import Estimator, Linear, Logistic, Poisson
from firesteel.definition.features import Feature
from firesteel.definition.inputs import Input
from firesteel.definition.policies import (
    Calibration,
    Data,
    Feedback,
    Gate,
    Inferences,
    Interval,
    Promotion,
    Request,
    Review,
    Split,
)
from firesteel.definition.search import SCORES, Search
from firesteel.definition.targets import Target

_USUAL: dict[str, Estimator] = {
    "classification": Logistic(),
    "regression": Linear(kind="linear"),
    "count": Poisson(kind="poisson"),
}


class Segment(Frozen):
    """One model of several: what it has of its own. `features` names those of the definition that it uses."""

    features: tuple[Name, ...] | None = Field(default=None, min_length=1)
    estimator: Estimator | None = None
    min_rows: int | None = Field(default=None, ge=2)


class Definition(Frozen):
    """One model: its inputs, targets, features, estimator, search, policies and gates; or one model a segment.

    `leaks` are columns that know the answer: no feature may be made of them. `segment` is set in the definition of one
    segment, which `of_segment` gives.
    """

    model: ModelName
    description: str = ""
    inputs: dict[Name, Input] = Field(min_length=1)
    targets: dict[TargetName, Target] = Field(min_length=1)
    features: dict[Name, Feature] = Field(min_length=1)
    leaks: tuple[Name, ...] = ()
    estimator: Estimator | None = None
    search: Search | None = None
    segment_by: Name | None = None
    segments: dict[Label, Segment] = Field(default_factory=dict)
    segment: Label | None = None
    fallback: Label | None = None
    split: Split = Split()
    calibration: Calibration = Calibration()
    interval: Interval = Interval()
    review: Review | None = None
    gates: tuple[Gate, ...] = ()
    promote: Promotion = Promotion()
    inferences: Inferences = Inferences()
    feedback: Feedback | None = None
    data: Data = Data()
    request: Request | None = None
    answer: dict[Name, str] | None = Field(default=None, min_length=1)
    golden: tuple[dict[Name, Any], ...] = ()

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        fits.check(self)
        return self

    def estimator_of(self, target: str) -> Estimator:
        return self.targets[target].estimator or self.estimator or _USUAL[self.targets[target].task]

    def search_of(self, target: str) -> Search | None:
        return self.targets[target].search or self.search

    def metric_of(self, target: str) -> str:
        """What the search of a target chooses by."""
        search = self.search_of(target)
        return (search and search.metric) or SCORES[self.targets[target].task][0]

    @property
    def tasks(self) -> set[str]:
        """What kinds of answer the model gives."""
        return {target.task for target in self.targets.values()}

    @property
    def labelled(self) -> tuple[Name, ...]:
        """The targets that are labels."""
        return tuple(name for name, target in self.targets.items() if target.task == "classification")

    @property
    def exposure(self) -> Name | None:
        """The input that says how much each row counts for."""
        return next((target.exposure for target in self.targets.values() if target.task == "count"), None)

    @property
    def address(self) -> str:
        """The registry's name of what this definition trains: `tickets`, `recruits/qb`."""
        return self.model if self.segment is None else f"{self.model}/{slug(self.segment)}"

    def of_segment(self, segment: str) -> "Definition":
        """The definition of one segment: its features alone, and the inputs that they and the answer need.

        Raises KeyError for what is no segment.
        """
        own = self.segments[segment]
        features = {name: self.features[name] for name in own.features or self.features}
        used = {name for feature in features.values() for name, _, _ in feature.uses} | {self.segment_by, self.exposure}
        inputs = {name: one for name, one in self.inputs.items() if name in used or one.kind == "identifier"}
        golden = tuple(
            {name: value for name, value in row.items() if name in inputs}
            for row in self.golden
            if row.get(str(self.segment_by)) == segment
        )
        bounds = {} if own.min_rows is None else {"min_rows": own.min_rows}
        told = {name: one.model_dump() for name, one in inputs.items()}
        if segment != self.fallback:  # which answers other values, too
            told[str(self.segment_by)] |= {"values": (segment,), "example": segment}
        changed = self.model_dump() | {
            "inputs": told,
            "features": {name: feature.model_dump() for name, feature in features.items()},
            "estimator": (chosen := own.estimator or self.estimator) and chosen.model_dump(),
            "data": self.data.model_dump() | bounds,
            "segments": {},
            "segment": segment,
            "fallback": None,
            "golden": golden,
        }
        return Definition.model_validate(changed)

    def to_json(self) -> bytes:
        """The canonical form that is frozen into the bundle: sorted keys, defaults written out."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, ensure_ascii=False, indent=1).encode()

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.to_json()).hexdigest()


def slug(segment: str) -> str:
    """A segment's name in the registry: `QB` is `qb`."""
    return re.sub(r"[^a-z0-9]+", "-", segment.lower()).strip("-")
