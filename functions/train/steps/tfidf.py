"""TF-IDF: texts joined by a line break, their n-grams weighed as scikit-learn's TfidfVectorizer does."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import numpy as np
from scipy.sparse import csr_matrix, vstack
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.pipeline import Pipeline

from firesteel.definition import Definition, TfidfFeature
from firesteel.errors import CompileError
from functions.train import private
from functions.train.steps.step import Step, smallest

_SEPARATORS = ("\n", "\t", "\x00", "\x1f", "\ue000")


class JoinInputs(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """The text inputs of each row, joined by a line break."""

    def __init__(self, inputs: Sequence[str]) -> None:
        self.inputs = inputs

    def fit(self, columns: Mapping[str, Sequence[str]], y: object = None) -> Self:  # noqa: ARG002
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def transform(self, columns: Mapping[str, Sequence[str]]) -> list[str]:
        if len(self.inputs) == 1:
            return list(columns[self.inputs[0]])
        return ["\n".join(row) for row in zip(*(columns[name] for name in self.inputs), strict=True)]


class DiscreetTfidf(TfidfVectorizer):  # type: ignore[misc]
    """A TfidfVectorizer whose vocabulary holds no e-mail address, phone or card number, nor a piece of one.

    It learns from what is left of the texts without them, part by part, and no term is shaped like one either. Features
    are those of the whole texts, in training as in serving.
    """

    def build_analyzer(self) -> Callable[[str | tuple[str, ...]], list[str]]:
        """Of a text, or of the parts that are left of one: no n-gram goes from one part to the next."""
        analyze, secret = super().build_analyzer(), _Secret()

        def terms(text: str | tuple[str, ...]) -> list[str]:
            parts = (text,) if isinstance(text, str) else text
            return [term for part in parts for term in analyze(part) if not secret[term]]

        return terms

    def fit_transform(self, raw_documents: Sequence[str], y: object = None) -> csr_matrix:
        left = [private.parts(text) for text in raw_documents]
        X = super().fit_transform(left, y)
        changed = [row for row, parts in enumerate(left) if len(parts) > 1]
        if not changed:
            return X
        places = np.arange(len(left))
        places[changed] = np.arange(len(left), len(left) + len(changed))
        return vstack([X, self.transform([raw_documents[row] for row in changed])], format="csr")[places]

    def fit(self, raw_documents: Sequence[str], y: object = None) -> Self:
        super().fit([private.parts(text) for text in raw_documents], y)
        return self


class _Secret(dict[str, bool]):
    """Which terms are shaped like a secret; every different one is looked at once."""

    def __missing__(self, term: str) -> bool:
        self[term] = found = private.shaped(term)
        return found


def build(name: str, feature: TfidfFeature, definition: Definition) -> Pipeline:  # noqa: ARG001 - as every step's
    """Not yet fitted; in float32 to halve the memory of training, see `widen`."""
    vectorizer = DiscreetTfidf(
        analyzer=feature.analyzer,
        ngram_range=feature.ngrams,
        min_df=max(feature.min_df, definition.data.min_rows_per_term),
        max_df=feature.max_df,
        max_features=feature.max_features,
        sublinear_tf=feature.sublinear_tf,
        binary=feature.binary,
        use_idf=feature.use_idf,
        norm=feature.norm,
        lowercase=feature.lowercase,
        strip_accents=feature.strip_accents,
        token_pattern=feature.token_pattern if feature.analyzer == "word" else None,
        dtype=np.float32,
    )
    return Pipeline([("join", JoinInputs(list(feature.inputs))), ("tfidf", vectorizer)])


def widen(step: Pipeline) -> None:
    """Fitted in float32; from here on computed in float64, with the same values."""
    vectorizer: TfidfVectorizer = step["tfidf"]
    vectorizer.dtype = np.float64
    if vectorizer.use_idf:
        vectorizer.idf_ = vectorizer.idf_.astype(np.float32).astype(np.float64)


def compile(  # noqa: A001 - what it is
    name: str,
    vectorizer: CountVectorizer,
    weighting: TfidfTransformer | TfidfVectorizer | None,
    texts: Sequence[str],
    weight: float = 1.0,
) -> Step:
    """A fitted vectorizer over `texts` as a step of the program. Raises CompileError for one that is code, not data."""
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
    tensors["idf"] = smallest(np.asarray(idf)[order])
    stop_words = sorted(vectorizer.get_stop_words() or []) if vectorizer.analyzer == "word" else []
    meta = {
        "kind": "tfidf",
        "name": name,
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
    return Step(meta | lookup, tensors, order, None)


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
