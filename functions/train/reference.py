"""The drift baseline of a version: how its inputs and answers were distributed when it was trained. No text, no rare name."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from firesteel.definition import CategoryInput, ClassificationTarget, Definition, Input, TextInput, TimestampInput
from functions.train import private
from functions.train.columns import Values
from functions.train.dataset import Dataset
from functions.train.drift import cells
from functions.train.drift.cells import RARE

FORMAT = 2
SHOWN = 50  # categories that have a share of their own
TERMS = 30  # words of a text that have a share of their own
DIGITS = 6  # of what a model answers, as log lines have it

_WORDS = re.compile(r"\w\w+").findall


class Said(NamedTuple):
    """What a model says of some rows for one target.

    `predicted` holds label indices, values or counts [rows]; `confidence` [rows] is of classifications alone, and
    `width` [rows], of intervals, of the other tasks, where there are any.
    """

    predicted: npt.NDArray[Any]
    confidence: npt.NDArray[np.float64] | None = None
    width: npt.NDArray[np.float64] | None = None


def reference(
    definition: Definition,
    dataset: Dataset,
    said: Mapping[str, Said],
    review: npt.NDArray[np.bool_],
    known: Mapping[str, npt.NDArray[np.float64]],
) -> dict[str, Any]:
    """Sketches of held-out rows: of each input, and of what was said of each target.

    `review` [rows] says which answers a person should see; `known` has, of text inputs, the share of their terms that the
    vocabulary has [rows], NaN where there are none. Shares are of all rows. Numbers are counts of cells: see `drift.cells`.
    """
    return {
        "format": FORMAT,
        "rows": len(dataset),
        "inputs": {
            name: _input(definition.inputs[name], values, known.get(name)) for name, values in dataset.inputs.items()
        },
        "targets": {
            name: _labels(target.label_names, said[name])
            if isinstance(target, ClassificationTarget)
            else _values(said[name])
            for name, target in definition.targets.items()
        },
        "review_share": float(review.mean()),
    }


def words(text: str) -> set[str]:
    """The different words of a text, in lower case: of at least two letters, digits or _."""
    return set(_WORDS(text.lower()))


def hours(seconds: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The hours [n] of the day, 0 to 23 in UTC, of seconds since 1970. Of a time only that can stay as it was."""
    return np.floor(seconds / 3600) % 24


def _labels(names: Sequence[str], said: Said) -> dict[str, Any]:
    assert said.confidence is not None
    shares = np.bincount(said.predicted, minlength=len(names)) / len(said.predicted)
    return {"shares": dict(zip(names, shares.tolist(), strict=True)), "confidence": _sketch(rounded(said.confidence))}


def _values(said: Said) -> dict[str, Any]:
    width = {} if said.width is None else {"width": _sketch(rounded(said.width))}
    return {**_sketch(rounded(said.predicted)), **width}


def rounded(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """As log lines have them: a value that many answers have must be the same number there."""
    return np.array([round(value, DIGITS) for value in values.tolist()])


def _input(described: Input, values: Values, known: npt.NDArray[np.float64] | None) -> dict[str, Any]:
    if isinstance(values, np.ndarray):
        return {"hour": _sketch(hours(values))} if isinstance(described, TimestampInput) else _sketch(values)
    if isinstance(described, TextInput):
        return _text([text or "" for text in values], known)
    return _categories(values, isinstance(described, CategoryInput) and described.values is None)


def _text(texts: Sequence[str], known: npt.NDArray[np.float64] | None) -> dict[str, Any]:
    found = Counter(word for text in texts for word in words(text))
    told = Counter(word for text in texts for word in words(private.blanked(text)) if not private.shaped(word))
    frequent = sorted(
        ((word, found[word]) for word in told if told[word] >= RARE), key=lambda pair: (-pair[1], pair[0])
    )
    return {
        "characters": _sketch(np.array([len(text) for text in texts], float)),
        "words": _sketch(np.array([len(text.split()) for text in texts], float)),
        **({} if known is None else {"known": _sketch(rounded(known))}),
        "terms": {word: rows / len(texts) for word, rows in frequent[:TERMS]},
    }


def _categories(values: Sequence[str | None], is_open: bool) -> dict[str, Any]:
    counts = Counter(values)
    missing = counts.pop(None, 0)
    frequent = sorted(counts.items(), key=lambda pair: (-pair[1], str(pair[0])))[:SHOWN]
    shown = {
        value: count for value, count in frequent if not is_open or (count >= RARE and not private.shaped(str(value)))
    }
    return {
        "shares": {value: count / len(values) for value, count in shown.items()},
        "other": (len(values) - missing - sum(shown.values())) / len(values),
        "missing": missing / len(values),
    }


def _sketch(values: npt.NDArray[np.float64]) -> dict[str, Any]:
    """Edges, the counts of their cells, and the share of values that are missing."""
    edges = cells.edges_of(values[~np.isnan(values)])
    missing, *counts = cells.count(edges, values).tolist()
    return {"edges": edges.tolist(), "counts": counts, "missing": missing / len(values)}
