"""Fitted scikit-learn pipelines over the columns of a frame, told in the words of the definition's own steps.

Understood: ColumnTransformer, "passthrough" and "drop"; StandardScaler, MinMaxScaler, MaxAbsScaler, RobustScaler,
SimpleImputer; OneHotEncoder and OrdinalEncoder of texts; TfidfVectorizer and CountVectorizer of one column. What comes
out is compiled as any other pipeline, and proven against the fitted one.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import is_classifier
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
)
from sklearn.utils.validation import check_is_fitted

from firesteel.errors import CompileError
from firesteel.program import schema
from firesteel.program.schema import Category, Field, Text
from firesteel.program.steps.parts import LIMIT
from functions.train.models import CountModel
from functions.train.steps.number import Number
from functions.train.steps.onehot import OneHot
from functions.train.steps.ordinal import Ordinal
from functions.train.steps.tfidf import JoinInputs

_LONGEST = 10_000  # characters of a text
_SCALERS = (StandardScaler, MinMaxScaler, MaxAbsScaler, RobustScaler)
_OF_NUMBERS = (SimpleImputer, *_SCALERS)
_POSSIBLE = (
    "ColumnTransformer of StandardScaler, MinMaxScaler, MaxAbsScaler, RobustScaler, SimpleImputer, OneHotEncoder, "
    "OrdinalEncoder, TfidfVectorizer and CountVectorizer"
)


class Frame(NamedTuple):
    """A pipeline of the definition's steps, the request schema that its columns amount to, and the fitted pipeline's columns."""

    pipeline: Pipeline
    inputs: list[dict[str, Any]]
    columns: list[str]


def translate(fitted: Any, columns: Sequence[str] | None = None) -> Frame:
    """A fitted pipeline, or estimator alone, over numbers, categories and texts. Raises CompileError naming the step.

    `columns` are the names of its columns where it was fitted on an array without any.
    """
    try:
        check_is_fitted(fitted)
    except (NotFittedError, TypeError):
        raise CompileError(f"a {type(fitted).__name__} is no fitted scikit-learn model") from None
    steps = list(fitted.steps) if isinstance(fitted, Pipeline) else [("model", fitted)]
    *before, (_, estimator) = [step for step in steps if step[1] not in ("passthrough", None)]
    names = _names(fitted, columns)
    known = not needs_complete(estimator)
    if getattr(estimator, "coef_", np.zeros(1)).ndim > 1 and not is_classifier(estimator) and len(estimator.coef_) > 1:
        raise CompileError(
            f"a {type(estimator).__name__} of {len(estimator.coef_)} outputs cannot be compiled; fit one an output"
        )
    parts, fields = [], dict[str, Field]()
    for name, step, own in _parts("features", before, names):
        parts.append((name, step))
        for given in own:
            field = given._replace(required=False) if known and isinstance(given, schema.Number) else given
            if fields.setdefault(field.name, field) != field:
                raise CompileError(f"column {field.name} is read by two steps in different ways")
    if not parts:
        raise CompileError("the pipeline drops every column")
    pipeline = Pipeline([("features", FeatureUnion(parts)), ("model", _as_answered(estimator))])
    ordered = [fields[name] for name in names if name in fields]
    return Frame(pipeline, [schema.described(field) for field in ordered], names)


def reads_texts(fitted: object) -> bool:
    """Whether a fitted model takes a list of texts instead of columns."""
    if isinstance(fitted, Pipeline):
        return bool(fitted.steps) and reads_texts(fitted.steps[0][1])
    if isinstance(fitted, FeatureUnion):
        return any(reads_texts(part) for _, part in fitted.transformer_list)
    return isinstance(fitted, CountVectorizer)


def needs_complete(estimator: object) -> bool:
    """Whether the estimator cannot take a missing number."""
    return hasattr(estimator, "coef_")


def _names(fitted: Any, columns: Sequence[str] | None) -> list[str]:
    if hasattr(fitted, "feature_names_in_"):
        return [str(name) for name in fitted.feature_names_in_]
    if columns:
        if len(columns) != (count := getattr(fitted, "n_features_in_", len(columns))):
            raise CompileError(f"there are {len(columns)} names for {count} columns: {', '.join(columns)}")
        return list(columns)
    if (count := getattr(fitted, "n_features_in_", None)) is None:  # as a pipeline that begins with "passthrough"
        raise CompileError(f"a {type(fitted).__name__} that does not say which columns it reads: give their names")
    return [f"x{number}" for number in range(count)]


def _as_answered(estimator: Any) -> Any:
    """A model of rates is one: its raw score is the logarithm of what it predicts."""
    losses = [getattr(estimator, name, None) for name in ("loss", "objective", "objective_")]
    is_poisson = type(estimator).__name__ == "PoissonRegressor" or "poisson" in losses
    return CountModel(estimator) if is_poisson and not is_classifier(estimator) else estimator


_Part = tuple[str, Any, list[Field]]


def _parts(name: str, chain: Sequence[tuple[str, Any]], columns: list[str]) -> Iterator[_Part]:
    """The steps of a chain of transformers over columns, in the order of their features: name, step, what it reads."""
    rest = [
        (f"{name}.{key}", step) for key, step in chain if step not in ("passthrough", None) and not _is_identity(step)
    ]
    while rest and isinstance(rest[0][1], Pipeline):
        inner = [(f"{rest[0][0]}.{key}", step) for key, step in rest[0][1].steps]
        rest = [(key, step) for key, step in inner if step not in ("passthrough", None)] + rest[1:]
    if not rest or isinstance(rest[0][1], _OF_NUMBERS):
        yield name, *_number(rest, columns)
        return
    (key, first), *more = rest
    if isinstance(first, CountVectorizer):
        if len(columns) != 1:
            raise CompileError(f"step {key} reads {len(columns)} columns; name one as a string, not as a list")
        steps = [("join", JoinInputs(columns)), *[(part.rpartition(".")[2], step) for part, step in rest]]
        yield key, Pipeline(steps), [Text(columns[0], True, 1, _LONGEST)]
        return
    if more:
        raise CompileError(f"step {more[0][0]} ({type(more[0][1]).__name__}) cannot be compiled after {key}")
    if isinstance(first, ColumnTransformer):
        yield from _of_columns(key, first, columns)
    else:
        yield key, *_encoder(key, first, columns)


def _is_identity(step: object) -> bool:
    return isinstance(step, FunctionTransformer) and step.func is None


def _of_columns(name: str, transformer: ColumnTransformer, columns: list[str]) -> Iterator[_Part]:
    for key, step, chosen in transformer.transformers_:
        own = _chosen(chosen, columns)
        if own and not (isinstance(step, str) and step == "drop"):
            yield from _parts(f"{name}.{key}", [("", step)] if not isinstance(step, Pipeline) else step.steps, own)


def _chosen(chosen: Any, columns: list[str]) -> list[str]:
    """The names of the columns that a fitted ColumnTransformer chose: by name, place, slice or mask."""
    if isinstance(chosen, str):
        return [chosen]
    if isinstance(chosen, int | np.integer):
        return [columns[chosen]]
    if isinstance(chosen, slice):
        names = columns.index(chosen.start) if isinstance(chosen.start, str) else chosen.start
        last = columns.index(chosen.stop) + 1 if isinstance(chosen.stop, str) else chosen.stop
        return columns[names : last : chosen.step]
    listed = list(chosen)
    if listed and isinstance(listed[0], bool | np.bool_):
        return [name for name, taken in zip(columns, listed, strict=True) if taken]
    return [one if isinstance(one, str) else columns[one] for one in listed]


def _number(chain: Sequence[tuple[str, Any]], columns: list[str]) -> tuple[Number, list[Field]]:
    """Imputers and scalers in a row as one step: numbers are filled, then become (x - centre) / scale."""
    width = len(columns)
    fill, centre, scale = np.full(width, np.nan), np.zeros(width), np.ones(width)
    for name, step in chain:
        if isinstance(step, SimpleImputer):
            filled = _filled(name, step, width)
            fill = np.where(np.isnan(fill), filled * scale + centre, fill)  # in terms of what was sent
        elif isinstance(step, _SCALERS):
            inner_centre, inner_scale = _scaled(name, step, width)
            centre, scale = centre + inner_centre * scale, scale * inner_scale
        else:
            raise CompileError(f"step {name} ({type(step).__name__}) cannot be compiled; possible: {_POSSIBLE}")
    made = Number(columns)
    made.low_, made.high_ = np.full(width, -LIMIT), np.full(width, LIMIT)
    made.fill_, made.centre_, made.scale_ = fill, centre, scale
    gaps = zip(columns, np.isnan(fill).tolist(), strict=True)
    return made, [schema.Number(column, required, None, None, False, None) for column, required in gaps]


def _filled(name: str, step: SimpleImputer, width: int) -> np.ndarray:
    if step.add_indicator or not (isinstance(step.missing_values, float) and np.isnan(step.missing_values)):
        raise CompileError(f"step {name}: add_indicator and missing_values other than NaN cannot be compiled")
    try:
        statistics = np.asarray(step.statistics_, np.float64)
    except (TypeError, ValueError):
        raise CompileError(f"step {name} fills other columns than numbers, which cannot be compiled") from None
    if len(statistics) != width or np.isnan(statistics).any():
        raise CompileError(f"step {name} drops a column that was always missing; fit it without that column")
    return statistics


def _scaled(name: str, step: Any, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Centre and scale of (x - centre) / scale."""
    zeros, ones = np.zeros(width), np.ones(width)
    if isinstance(step, MinMaxScaler):
        if step.clip:
            raise CompileError(f"step {name}: clip=True cannot be compiled")
        return np.asarray(-step.min_ / step.scale_), np.asarray(1 / step.scale_)
    centre = getattr(step, "mean_" if isinstance(step, StandardScaler) else "center_", None)
    if isinstance(step, StandardScaler) and not step.with_mean:
        centre = None
    scale = step.scale_
    return zeros if centre is None else np.asarray(centre), ones if scale is None else np.asarray(scale)


def _encoder(name: str, step: Any, columns: list[str]) -> tuple[OneHot | Ordinal, list[Field]]:
    if not isinstance(step, OneHotEncoder | OrdinalEncoder):
        raise CompileError(f"step {name} ({type(step).__name__}) cannot be compiled; possible: {_POSSIBLE}")
    lists = [list(values) for values in step.categories_]
    if not all(isinstance(value, str) for values in lists for value in values):
        raise CompileError(
            f"step {name}: its categories are not all texts; encode numbers as texts, or leave them numbers"
        )
    if getattr(step, "_infrequent_enabled", False) and any(one is not None for one in step.infrequent_categories_):
        raise CompileError(f"step {name}: infrequent categories share a column, which cannot be compiled")
    closed = dict(zip(columns, lists, strict=True)) if step.handle_unknown == "error" else {}
    fields: list[Field] = [Category(column, True, closed.get(column), _LONGEST) for column in columns]
    if isinstance(step, OneHotEncoder):
        dropped = step.drop_idx_ if step.drop_idx_ is not None else [None] * len(lists)
        made = OneHot(columns)
        made.categories_ = [
            [value for place, value in enumerate(values) if place != gone]
            for values, gone in zip(lists, dropped, strict=True)
        ]
        return made, fields
    if step.handle_unknown != "error" and not (isinstance(step.unknown_value, float) and np.isnan(step.unknown_value)):
        raise CompileError(f"step {name}: unknown_value must be NaN, what the program gives for an unknown category")
    coded = Ordinal(columns, closed)
    coded.categories_ = lists
    return coded, fields
