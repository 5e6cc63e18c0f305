"""Fitted scikit-learn text pipelines become a program: data only. What cannot be expressed is refused by name.

Understood: (Tfidf|Count)Vectorizer, TfidfTransformer, FeatureUnion, JoinInputs, and as the
last step LogisticRegression or CalibratedLinear.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.utils.validation import check_is_fitted

from firesteel.definition import Definition, IdentifierInput, TextInput
from firesteel.errors import CompileError
from firesteel.program import format
from functions.train.calibrate import CalibratedLinear, Calibration
from functions.train.features import JoinInputs

_SEPARATORS = ("\n", "\t", "\x00", "\x1f", "\ue000")


class Step(NamedTuple):
    """One TF-IDF step: its description, its arrays, and the pipeline's column of each of the program's rows."""

    meta: dict[str, Any]
    tensors: dict[str, np.ndarray]
    columns: np.ndarray


class Classifier(NamedTuple):
    """A linear classifier: weights [classes, features], intercept [classes], labels and calibration."""

    weights: np.ndarray
    intercept: np.ndarray
    labels: tuple[str, ...]
    calibration: Calibration


class Group(NamedTuple):
    """Targets over the same steps: they share the steps' work and one matrix of weights."""

    steps: list[Step]
    members: list[tuple[str, Classifier]]


def request_schema(definition: Definition) -> list[dict[str, Any]]:
    """The inputs as the program's metadata has them."""
    return [_field(name, field) for name, field in definition.inputs.items()]


def text_schema(name: str, max_length: int) -> list[dict[str, Any]]:
    """The request schema of a pipeline that takes one text."""
    return [{"kind": "text", "name": name, "required": True, "min_length": 1, "max_length": max_length}]


def _field(name: str, field: TextInput | IdentifierInput) -> dict[str, Any]:
    kept = {"kind", "required", "min_length", "max_length"}
    return {"name": name, **field.model_dump(include=kept)}


def to_program(
    model: str,
    inputs: list[dict[str, Any]],
    pipelines: Mapping[str, Pipeline],
    thresholds: Mapping[str, float] | None = None,
) -> bytes:
    """The program file of one fitted pipeline a target. Raises CompileError naming the step that does not fit.

    Targets whose steps are the same share them: the text is tokenized once.
    """
    groups: list[Group] = []
    targets = []
    texts = [entry["name"] for entry in inputs if entry["kind"] == "text"]
    for name, pipeline in pipelines.items():
        *before, (last_name, last) = _steps_of(pipeline)
        steps = _blocks(before, texts)
        classifier = _classifier(last, f"{name}.{last_name}")
        if sum(len(step.columns) for step in steps) != classifier.weights.shape[1]:
            raise CompileError(
                f"{name}: the classifier has {classifier.weights.shape[1]} features, its steps another number"
            )
        _group(steps, groups).members.append((name, classifier))
        targets.append(_target(name, classifier, (thresholds or {}).get(name)))
    estimators, tensors = _estimators(groups)
    steps = [step for group in groups for step in group.steps]
    for number, step in enumerate(steps):
        tensors |= {f"steps.{number}.{key}": array for key, array in step.tensors.items()}
    meta = {"model": model, "inputs": inputs, "steps": [step.meta for step in steps]}
    return format.write(meta | {"estimators": estimators, "targets": targets}, tensors)


def _steps_of(pipeline: object) -> list[tuple[str, Any]]:
    if not isinstance(pipeline, Pipeline) or len(pipeline.steps) < 2:
        raise CompileError(f"a {type(pipeline).__name__} is not a Pipeline of a vectorizer and a classifier")
    try:
        check_is_fitted(pipeline)
    except NotFittedError:
        raise CompileError("the pipeline is not fitted: call its fit first") from None
    return [(name, step) for name, step in pipeline.steps if step not in ("passthrough", None)]


def _target(name: str, classifier: Classifier, threshold: float | None) -> dict[str, Any]:
    return {
        "name": name,
        "task": "classification",
        "labels": list(classifier.labels),
        "scale": float(classifier.calibration.scale),
        "bias": [float(value) for value in classifier.calibration.bias],
        "threshold": threshold,
    }


def _group(steps: list[Step], groups: list[Group]) -> Group:
    """The group of targets over exactly these steps; a new one if there is none yet."""
    for group in groups:
        if len(group.steps) == len(steps) and all(map(_same, group.steps, steps)):
            return group
    groups.append(Group(steps, []))
    return groups[-1]


def _same(one: Step, other: Step) -> bool:
    return one.meta == other.meta and all(
        np.array_equal(array, other.tensors[key]) for key, array in one.tensors.items()
    )


def _estimators(groups: Sequence[Group]) -> tuple[list[dict[str, Any]], dict[str, np.ndarray]]:
    """One linear estimator a group, the scores of its targets side by side."""
    metas, tensors, first = [], {}, 0
    for place, (steps, members) in enumerate(groups):
        columns, width = {}, 0
        for name, classifier in members:
            columns[name] = [width, width + len(classifier.labels)]
            width += len(classifier.labels)
        weights = np.concatenate([classifier.weights for _, classifier in members]).T
        begins = np.cumsum([0, *(len(step.columns) for step in steps)])
        rows = np.concatenate([begin + step.columns for begin, step in zip(begins, steps, strict=False)])
        metas.append({"kind": "linear", "steps": [first, first + len(steps)], "columns": columns})
        tensors[f"estimators.{place}.weights"] = _smallest(weights[rows])
        tensors[f"estimators.{place}.intercept"] = np.concatenate([classifier.intercept for _, classifier in members])
        first += len(steps)
    return metas, tensors


def _smallest(values: np.ndarray) -> np.ndarray:
    """float32 where that loses nothing, float64 elsewhere."""
    narrow = values.astype(np.float32)
    return narrow if np.array_equal(narrow, values) else np.asarray(values, np.float64)


def _classifier(step: object, name: str) -> Classifier:
    if isinstance(step, CalibratedLinear):
        inner = _classifier(step.classifier, name)
        return inner._replace(labels=tuple(step.labels), calibration=step.calibration)
    if not isinstance(step, LogisticRegression):
        raise CompileError(f"step {name} ({type(step).__name__}) cannot be compiled; possible: LogisticRegression")
    weights, intercept = np.asarray(step.coef_, np.float64), np.asarray(step.intercept_, np.float64)
    if len(weights) == 1:
        weights = np.concatenate([np.zeros_like(weights), weights])
        intercept = np.concatenate([np.zeros_like(intercept), intercept])
    labels = tuple(str(label) for label in step.classes_)
    return Classifier(weights, intercept, labels, Calibration(1.0, np.zeros(len(labels))))


def _blocks(before: Sequence[tuple[str, Any]], texts: Sequence[str], weight: float = 1.0) -> list[Step]:
    """The TF-IDF steps that a chain of fitted transformers amounts to, in the order of their columns."""
    chain = list(before)
    if chain and isinstance(chain[0][1], JoinInputs):
        texts = chain.pop(0)[1].inputs
    if not chain:
        raise CompileError("there is no vectorizer before the classifier")
    name, first = chain.pop(0)
    if isinstance(first, Pipeline):
        inner = [(f"{name}.{key}", step) for key, step in first.steps]
        return _blocks([*inner, *chain], texts, weight)
    if isinstance(first, FeatureUnion) and not chain:
        weights = first.transformer_weights or {}
        return [
            step
            for key, part in first.transformer_list
            if part != "drop"
            for step in _blocks([(f"{name}.{key}", part)], texts, weight * weights.get(key, 1.0))
        ]
    if not isinstance(first, CountVectorizer):
        raise CompileError(
            f"step {name} ({type(first).__name__}) cannot be compiled; possible: TfidfVectorizer, CountVectorizer, "
            "TfidfTransformer after it, FeatureUnion of these"
        )
    weighting: TfidfTransformer | TfidfVectorizer | None = first if isinstance(first, TfidfVectorizer) else None
    if chain and weighting is None and isinstance(chain[0][1], TfidfTransformer):
        weighting = chain.pop(0)[1]
    if chain:
        raise CompileError(f"step {chain[0][0]} ({type(chain[0][1]).__name__}) cannot be compiled after {name}")
    return [_tfidf(name, first, weighting, texts, weight)]


def _tfidf(
    name: str,
    vectorizer: CountVectorizer,
    weighting: TfidfTransformer | TfidfVectorizer | None,
    texts: Sequence[str],
    weight: float,
) -> Step:
    for setting in ("preprocessor", "tokenizer"):
        if getattr(vectorizer, setting) is not None:
            raise CompileError(
                f"step {name}: {setting}={getattr(vectorizer, setting)!r} is code; a program is data only"
            )
    if vectorizer.analyzer not in ("word", "char", "char_wb"):
        raise CompileError(f"step {name}: analyzer={vectorizer.analyzer!r} is code; possible: word, char, char_wb")
    if vectorizer.strip_accents not in (None, "ascii", "unicode"):
        raise CompileError(f"step {name}: strip_accents={vectorizer.strip_accents!r} is code; possible: ascii, unicode")
    terms = sorted(vectorizer.vocabulary_, key=vectorizer.vocabulary_.__getitem__)
    lookup, tensors, order = _vocabulary(name, terms, vectorizer)
    idf = weighting.idf_ if weighting is not None and weighting.use_idf else np.ones(len(terms))
    tensors["idf"] = _smallest(np.asarray(idf)[order])
    stop_words = sorted(vectorizer.get_stop_words() or []) if vectorizer.analyzer == "word" else []
    meta = {
        "kind": "tfidf",
        "inputs": list(texts),
        "analyzer": vectorizer.analyzer,
        "ngrams": [int(n) for n in vectorizer.ngram_range],
        "lowercase": bool(vectorizer.lowercase),
        "strip_accents": vectorizer.strip_accents,
        "token_pattern": vectorizer.token_pattern if vectorizer.analyzer == "word" else None,
        "stop_words": stop_words,
        "binary": bool(vectorizer.binary),
        "sublinear_tf": bool(weighting is not None and weighting.sublinear_tf),
        "norm": weighting.norm if weighting is not None else None,
        "weight": float(weight),
    }
    return Step(meta | lookup, tensors, order)


def _vocabulary(
    name: str, terms: Sequence[str], vectorizer: CountVectorizer
) -> tuple[dict[str, Any], dict[str, np.ndarray], np.ndarray]:
    """How the program finds a term, the arrays for it, and the order of the terms' columns that goes with it."""
    if vectorizer.analyzer != "word":
        alphabet = sorted({character for term in terms for character in term})
        lengths = sorted({len(term) for term in terms})
        if 2 * (len(alphabet) + 1) ** lengths[-1] <= 1 << 64:
            return _packed(terms, alphabet, lengths)
    separator = next((mark for mark in _SEPARATORS if not any(mark in term for term in terms)), None)
    if separator is None:
        raise CompileError(f"step {name}: its vocabulary uses every separator that the format has")
    blob = np.frombuffer(separator.join(terms).encode(), np.uint8)
    kind = "words" if vectorizer.analyzer == "word" else "character_strings"
    return {"lookup": kind, "separator": separator}, {"terms": blob}, np.arange(len(terms))


def _packed(
    terms: Sequence[str], alphabet: Sequence[str], lengths: Sequence[int]
) -> tuple[dict[str, Any], dict[str, np.ndarray], np.ndarray]:
    digit = {character: number for number, character in enumerate(alphabet, 1)}
    radix = len(alphabet) + 1
    keys = []
    for term in terms:
        key = 1
        for character in term:
            key = key * radix + digit[character]
        keys.append(key)
    packed = np.array(keys, np.uint64)
    order = np.argsort(packed)
    points = np.array([ord(character) for character in alphabet], np.uint32)
    return {"lookup": "character_keys", "lengths": list(lengths)}, {"keys": packed[order], "alphabet": points}, order
