"""What a fitted pipeline consists of: feature steps, in the order of its columns, and the estimator at its end."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.utils.validation import check_is_fitted

from firesteel.errors import CompileError
from functions.train.steps import calendar, hash, lookup, number, onehot, ordinal, ratio, tfidf
from functions.train.steps.step import Step

_PLAIN: Mapping[type, Callable[[Any], Step]] = {
    number.Number: number.compile,
    onehot.OneHot: onehot.compile,
    ordinal.Ordinal: ordinal.compile,
    hash.Hash: hash.compile,
    lookup.Lookup: lookup.compile,
    ratio.Ratio: ratio.compile,
    calendar.Calendar: calendar.compile,
}


def parts(pipeline: object, texts: Sequence[str]) -> tuple[list[Step], str, Any]:
    """The compiled steps, and the name and object of the estimator. `texts` are what a bare vectorizer reads.

    Raises CompileError naming the step that cannot be expressed.
    """
    if not isinstance(pipeline, Pipeline) or len(pipeline.steps) < 2:
        raise CompileError(f"a {type(pipeline).__name__} is not a Pipeline of feature steps and an estimator")
    try:
        check_is_fitted(pipeline)
    except NotFittedError:
        raise CompileError("the pipeline is not fitted: call its fit first") from None
    *before, (name, estimator) = [entry for entry in pipeline.steps if entry[1] not in ("passthrough", None)]
    return _steps(before, texts), name, estimator


def _steps(chain: Sequence[tuple[str, Any]], texts: Sequence[str], weight: float = 1.0) -> list[Step]:
    """The steps that a chain of fitted transformers amounts to."""
    rest = list(chain)
    if rest and isinstance(rest[0][1], tfidf.JoinInputs):
        texts = rest.pop(0)[1].inputs
    if not rest:
        raise CompileError("there is no vectorizer before the estimator")
    name, first = rest.pop(0)
    if isinstance(first, Pipeline):
        inner = [(f"{name}.{key}", step) for key, step in first.steps]
        return _steps([*inner, *rest], texts, weight)
    if isinstance(first, FeatureUnion) and not rest:
        weights = first.transformer_weights or {}
        return [
            step
            for key, part in first.transformer_list
            if part != "drop"
            for step in _steps([(f"{name}.{key}", part)], texts, weight * weights.get(key, 1.0))
        ]
    if compile_step := _PLAIN.get(type(first)):
        if rest or weight != 1:
            raise CompileError(f"step {name} cannot be compiled with a weight or with a step after it")
        return [_named(name, compile_step(first))]
    if not isinstance(first, CountVectorizer):
        raise CompileError(
            f"step {name} ({type(first).__name__}) cannot be compiled; possible: TfidfVectorizer, CountVectorizer, "
            "TfidfTransformer after it, the steps of a definition, FeatureUnion of these"
        )
    weighting: TfidfTransformer | TfidfVectorizer | None = first if isinstance(first, TfidfVectorizer) else None
    if rest and weighting is None and isinstance(rest[0][1], TfidfTransformer):
        weighting = rest.pop(0)[1]
    if rest:
        raise CompileError(f"step {rest[0][0]} ({type(rest[0][1]).__name__}) cannot be compiled after {name}")
    return [_named(name, tfidf.compile(name, first, weighting, texts, weight))]


def _named(path: str, step: Step) -> Step:
    """Named as in the definition: `features.words.tfidf` is `words`."""
    inner = path.removeprefix("features.").removesuffix(".tfidf")
    return step._replace(meta={**step.meta, "name": inner})
