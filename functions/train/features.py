"""The definition's feature steps side by side. Input: columns by name, as Dataset.columns has them."""

from collections.abc import Mapping
from types import ModuleType

import numpy as np
from sklearn.pipeline import FeatureUnion, Pipeline

from firesteel.definition import Definition
from functions.train.steps import calendar, hash, lookup, number, onehot, ordinal, ratio, tfidf

STEPS: Mapping[str, ModuleType] = {
    "tfidf": tfidf,
    "number": number,
    "onehot": onehot,
    "ordinal": ordinal,
    "hash": hash,
    "lookup": lookup,
    "ratio": ratio,
    "calendar": calendar,
}


def build(definition: Definition) -> FeatureUnion:
    """All steps side by side, not yet fitted."""
    return FeatureUnion(
        [(name, STEPS[feature.step].build(name, feature, definition)) for name, feature in definition.features.items()],
        transformer_weights={
            name: feature.weight for name, feature in definition.features.items() if feature.step == "tfidf"
        },
    )


def widen(features: FeatureUnion) -> None:
    """From here on texts are computed in float64, as programs do, with the same values."""
    for _, step in features.transformer_list:
        if isinstance(step, Pipeline):
            tfidf.widen(step)


def categorical(features: FeatureUnion) -> np.ndarray | None:
    """Which columns of the fitted steps are codes that trees may split by sets; None if none is."""
    flags = []
    for _, step in features.transformer_list:
        compiled = None if isinstance(step, Pipeline) else _module(step).compile(step)
        size = len(step["tfidf"].vocabulary_) if compiled is None else len(compiled.columns)
        own = compiled.categorical if compiled else None
        flags.append(np.zeros(size, bool) if own is None else own)
    every = np.concatenate(flags)
    return every if every.any() else None


def _module(step: object) -> ModuleType:
    return next(module for module in STEPS.values() if type(step).__module__ == module.__name__)
