"""The definition's feature steps as scikit-learn transformers. Input: a mapping (or data frame) of columns of text."""

from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import FeatureUnion, Pipeline

from firesteel.definition import Definition, TfidfFeature

Columns = Mapping[str, Sequence[str]]


class JoinInputs(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """The text inputs of each row, joined by a line break."""

    def __init__(self, inputs: Sequence[str]) -> None:
        self.inputs = inputs

    def fit(self, columns: Columns, y: object = None) -> Self:  # noqa: ARG002
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def transform(self, columns: Columns) -> list[str]:
        if len(self.inputs) == 1:
            return list(columns[self.inputs[0]])
        return ["\n".join(row) for row in zip(*(columns[name] for name in self.inputs), strict=True)]


def build(definition: Definition) -> FeatureUnion:
    """All steps side by side, not yet fitted."""
    return FeatureUnion(
        [(name, _tfidf(feature)) for name, feature in definition.features.items()],
        transformer_weights={name: feature.weight for name, feature in definition.features.items()},
    )


def widen(features: FeatureUnion) -> FeatureUnion:
    """Fitted in float32 to halve the memory of training; from here on computed in float64, with the same values."""
    for _, step in features.transformer_list:
        vectorizer: TfidfVectorizer = step["tfidf"]
        vectorizer.dtype = np.float64
        vectorizer.idf_ = vectorizer.idf_.astype(np.float32).astype(np.float64)
    return features


def _tfidf(feature: TfidfFeature) -> Pipeline:
    vectorizer = TfidfVectorizer(
        analyzer=feature.analyzer,
        ngram_range=feature.ngrams,
        min_df=feature.min_df,
        max_df=feature.max_df,
        max_features=feature.max_features,
        sublinear_tf=feature.sublinear_tf,
        lowercase=feature.lowercase,
        strip_accents=feature.strip_accents,
        token_pattern=feature.token_pattern if feature.analyzer == "word" else None,
        dtype=np.float32,
    )
    return Pipeline([("join", JoinInputs(list(feature.inputs))), ("tfidf", vectorizer)])
