"""What must fit together in a definition: every name resolves, and every part suits the others."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pydantic import ValidationError

from firesteel.definition.base import MisfitError, twice
from firesteel.definition.estimators import Estimator
from firesteel.definition.search import SCORES, Search
from firesteel.definition.targets import METRICS, Target
from firesteel.errors import NotFoundError
from firesteel.registry import names

if TYPE_CHECKING:
    from firesteel.definition.model import Definition

Loc = tuple[str | int, ...]
ASPECTS = {
    "classification": ("label", "confidence"),
    "regression": ("value", "lower", "upper", "level", "score"),
    "count": ("value", "lower", "upper", "level", "score"),
}
"""What an answer can say of a target, by task."""
RESERVED = (
    *("explanation_summary", "top_positive_features", "top_negative_features", "base_value", "raw_score"),
    *("explanations", "groups", "error"),
)
"""What explanations and refused rows say, in answers."""
_GOLDEN = 1000
"""Rows that are replayed at most: as many as serving reads."""
GENERAL = ("review", "model", "model_version", "timestamp")
"""What an answer can say besides."""


def check(definition: "Definition") -> None:
    """Raises MisfitError at the first thing that does not fit."""
    _targets(definition)
    _features(definition)
    _estimators(definition)
    if not definition.segments:
        _missing(definition)
    _split(definition)
    _gates(definition)
    _answer(definition)
    _request(definition)
    _segments(definition)
    if not definition.segments:
        _golden(definition)


def _known(name: object, known: Mapping[str, object], what: str, loc: Loc) -> None:
    if name not in known:
        raise MisfitError(loc, f"{name!r} is not {what}; there are: {', '.join(known) or 'none'}")


def _targets(definition: "Definition") -> None:
    for name, target in definition.targets.items():
        if (target.column or name) in definition.inputs:
            raise MisfitError(("targets", name), f"the column {target.column or name!r} is an input already")
        if target.task == "count" and target.exposure is not None:
            _kind(definition, target.exposure, "number", ("targets", name, target.task, "exposure"))
            exposure = definition.inputs[target.exposure]
            if not exposure.required or not (getattr(exposure, "minimum", None) or 0) > 0:
                reason = "an exposure must be a required input with a minimum above 0"
                raise MisfitError(("targets", name, target.task, "exposure"), reason)
            if target.exposure != definition.exposure:
                raise MisfitError(("targets", name, target.task, "exposure"), "all targets have one exposure")
    if definition.review and "classification" not in definition.tasks:
        raise MisfitError(("review",), "only classifications have a review policy; others have an interval")
    if definition.data.sum_repeated_rows and definition.tasks != {"count"}:
        raise MisfitError(("data", "sum_repeated_rows"), "only counts can be summed")


def _kind(definition: "Definition", name: str, kind: str, loc: Loc) -> None:
    fitting = {key: one for key, one in definition.inputs.items() if one.kind == kind}
    article = "an" if kind == "identifier" else "a"
    _known(name, fitting, f"{article} {kind} input", loc)


def _outcomes(definition: "Definition") -> set[str]:
    return {target.column or name for name, target in definition.targets.items()}


def _features(definition: "Definition") -> None:
    outcome = _outcomes(definition)
    known = {**dict.fromkeys(definition.leaks, "a leak: it knows the answer")}
    if definition.exposure:
        known[definition.exposure] = "the exposure: a weight and an offset, and a leak if it were a feature"
    for name, feature in definition.features.items():
        where: Loc = ("features", name, feature.step)
        for used, kind, loc in feature.uses:
            if used in known:
                raise MisfitError((*where, *loc), f"{used!r} must not be a feature: it is {known[used]}")
            _kind(definition, used, kind, (*where, *loc))
        for column in feature.columns:
            if column in known or column in outcome:
                reason = known.get(column, "the target")
                raise MisfitError((*where, "defaults", column), f"{column!r} must not be a feature: it is {reason}")
            if column in definition.inputs:
                raise MisfitError((*where, "defaults", column), f"{column!r} is an input: a request sends it itself")


def _estimators(definition: "Definition") -> None:
    for name, target in definition.targets.items():
        estimator = definition.estimator_of(name)
        if target.task not in estimator.tasks:
            own = ("targets", name, target.task, "estimator") if target.estimator else ("estimator",)
            raise MisfitError(own, f"{estimator.kind} cannot do {target.task}; it can do {', '.join(estimator.tasks)}")
        if search := definition.search_of(name):
            _search(
                search, target, estimator, ("targets", name, target.task, "search") if target.search else ("search",)
            )


def _missing(definition: "Definition") -> None:
    """Trees split by what is missing; weights cannot multiply it."""
    kinds = {definition.estimator_of(name).kind for name in definition.targets} & {"logistic", "linear", "poisson"}
    for name, feature in definition.features.items() if kinds else ():
        where: Loc = ("features", name, feature.step)
        if feature.step == "ordinal":
            raise MisfitError(
                (*where, "step"), f"a category may be unknown, and {min(kinds)} takes no missing values: use onehot"
            )
        filled = feature.step == "number" and feature.fill is not None
        for used, _, loc in feature.uses if feature.step in ("number", "ratio", "calendar") and not filled else ():
            if not definition.inputs[used].required:
                hint = (
                    "choose fill: mean, median or a number" if feature.step == "number" else "make the input required"
                )
                raise MisfitError((*where, *loc), f"{used!r} may be missing, which {min(kinds)} cannot take: {hint}")


def _search(search: Search, target: Target, estimator: Estimator, loc: Loc) -> None:
    settings = [name for name in type(estimator).model_fields if name != "kind"]
    for name, dimension in search.space.items():
        where = (*loc, "space", name)
        _known(name, dict.fromkeys(settings), f"a setting of {estimator.kind}", where)
        values = (
            enumerate(dimension) if isinstance(dimension, tuple) else (("low", dimension.low), ("high", dimension.high))
        )
        for place, value in values:
            try:
                type(estimator).model_validate({**estimator.model_dump(), name: value})
            except ValidationError as error:
                raise MisfitError((*where, place), f"{error.errors()[0]['msg']}. Got {value!r}") from None
    if search.metric is not None:
        _known(search.metric, dict.fromkeys(SCORES[target.task]), f"a metric for {target.task}", (*loc, "metric"))


def _split(definition: "Definition") -> None:
    labelled = {name: target for name, target in definition.targets.items() if target.task == "classification"}
    for number, named in enumerate(definition.split.stratify or ()):
        _known(named, labelled, "a target with labels", ("split", "stratify", number))
    looked_up = {column for feature in definition.features.values() for column in feature.columns}
    for field in ("group", "time"):
        if (column := getattr(definition.split, field)) in looked_up | _outcomes(definition):
            raise MisfitError(
                ("split", field), f"{column!r} is a target or looked up; split by a column of its own or an input"
            )
    if definition.split.kind == "stratified" and not labelled:
        raise MisfitError(("split", "kind"), "only classifications can be stratified")


def _gates(definition: "Definition") -> None:
    for number, gate in enumerate(definition.gates):
        judged, metric = gate.metric.split(".")
        loc = ("gates", number, "metric")
        _known(judged, definition.targets, "a target", loc)
        known = METRICS[definition.targets[judged].task]
        if metric not in known:
            raise MisfitError(loc, f"no metric {metric!r}; there are: {', '.join(known)}")


def sources(definition: "Definition") -> Iterator[str]:
    """All that a field of an answer can be made of."""
    yield from (f"input.{name}" for name in definition.inputs)
    for name, target in definition.targets.items():
        yield from (f"{name}.{aspect}" for aspect in ASPECTS[target.task])
    yield from GENERAL


def _answer(definition: "Definition") -> None:
    if definition.answer is not None:
        known = dict.fromkeys(sources(definition))
        for name, source in definition.answer.items():
            _known(source, known, "something to answer with", ("answer", name))
            if name in RESERVED:
                raise MisfitError(("answer", name), "explanations say this; choose another name")
        return
    answered = {"review", "model_version"}
    for name, target in definition.targets.items():
        classified = (f"predicted_{name}", f"{name}_confidence")
        answered |= set(classified if target.task == "classification" else (name, f"{name}_lower", f"{name}_upper"))
    for name in definition.inputs:
        if name in answered:
            raise MisfitError(("inputs", name), f"the answer has a field {name!r} of its own; choose another name")


def _request(definition: "Definition") -> None:
    if not (shape := definition.request):
        return
    parts = {"each": shape.each} | ({"sum": shape.sum} if shape.sum else {})
    for field, part in parts.items():
        for number, name in enumerate(part.inputs):
            _known(name, definition.inputs, "an input", ("request", field, "inputs", number))
        if part.name in (definition.answer or ()):
            raise MisfitError(("request", field, "name"), f"{part.name!r} is a field of the answer")
        if part.name in definition.inputs:
            raise MisfitError(("request", field, "name"), f"{part.name!r} is the name of an input")
    if both := twice([name for part in parts.values() for name in part.inputs]):
        raise MisfitError(("request",), f"the input {both!r} stands in both lists")
    if shape.sum and shape.sum.name == shape.each.name:
        raise MisfitError(("request", "sum", "name"), "the two lists need two names")
    if shape.sum and definition.tasks != {"count"}:
        raise MisfitError(("request", "sum"), "only counts can be summed")


def _segments(definition: "Definition") -> None:
    if definition.segment_by is None:
        if definition.segments or definition.segment or definition.fallback:
            raise MisfitError(("segments",), "segments need segment_by: the category input that chooses one")
        return
    _kind(definition, definition.segment_by, "category", ("segment_by",))
    if definition.segment is not None:
        return
    if not definition.segments:
        raise MisfitError(("segment_by",), "needs segments: a mapping with one entry for each model")
    for name in definition.segments:
        _segment(definition, name)
    if slug := twice([_folder(definition, name) for name in definition.segments]):
        raise MisfitError(("segments",), f"two segments would be stored as {slug!r}")
    if definition.fallback is not None:
        _known(definition.fallback, definition.segments, "a segment", ("fallback",))


def _segment(definition: "Definition", name: str) -> None:
    """One segment, and the definition of its own that follows from it."""
    by = definition.inputs[str(definition.segment_by)]
    if name not in (getattr(by, "values", None) or ()):
        raise MisfitError(("segments", name), f"{name!r} is none of the values of the input {definition.segment_by!r}")
    for number, feature in enumerate(definition.segments[name].features or ()):
        _known(feature, definition.features, "a feature", ("segments", name, "features", number))
    try:
        names.folder(_folder(definition, name))
    except NotFoundError as error:
        raise MisfitError(("segments", name), str(error)) from None
    definition.of_segment(name)


def _folder(definition: "Definition", segment: str) -> str:
    from firesteel.definition.model import slug

    return f"{definition.model}/{slug(segment)}"


def _golden(definition: "Definition") -> None:
    if len(definition.golden) > _GOLDEN:
        raise MisfitError(("golden",), f"has at most {_GOLDEN} rows: all are answered wherever the program is loaded")
    for number, row in enumerate(definition.golden):
        for field in row:
            _known(field, definition.inputs, "an input", ("golden", number, field))
        for name, allowed in definition.inputs.items():
            if allowed.required and row.get(name) is None:
                raise MisfitError(("golden", number), f"the input {name!r} is required")
            if row.get(name) is not None and (problem := allowed.problem(row[name])):
                raise MisfitError(("golden", number, name), problem)
