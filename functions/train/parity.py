"""The proof that a program answers as its pipelines do: to 1e-6 in every probability and value, and in every label."""

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
from sklearn.pipeline import Pipeline

from firesteel.errors import ParityError
from firesteel.program.predictor import Predictor
from firesteel.program.schema import Category, Number, Schema, Text, Timestamp
from firesteel.program.targets import Target

TOLERANCE = 1e-6
_CHUNK = 1000
_AT_AN_EDGE, _REAL = 0.3, 0.4
_ALPHABETS = (
    "abcdefghijklmnopqrstuvwxyz ABCDEFGHIJ 0123456789 .,;:!?-_/()'\"",
    "äöüßéèêçñøåæœÄÖÜÉ İıſK",
    "абвгдежзийклмн αβγδε אבגד ابتث कखगघ 漢字仮名交じり文 한국어",
    "🙂🚀👩‍💻🇩🇪  \u00a0\u2003\u200b\u0301\u0308\ufeff",
    "\t\n\r\x00\x0b\x1c\x1f\x7f\x85 ",
)


class Expected(NamedTuple):
    """What a pipeline answers: probabilities [rows, labels] and the index of each row's label [rows]; or values [rows, 1]."""

    values: np.ndarray
    labels: np.ndarray | None

    def part(self, begin: int) -> "Expected":
        """The answers to one chunk of rows."""
        rows = slice(begin, begin + _CHUNK)
        return Expected(self.values[rows], None if self.labels is None else self.labels[rows])


def expected(pipelines: Mapping[str, Pipeline], given: object) -> dict[str, Expected]:
    """The answers of fitted pipelines to whatever they take: columns, or a list of texts."""
    answers = {}
    for name, pipeline in pipelines.items():
        if not hasattr(pipeline, "predict_proba"):
            answers[name] = Expected(np.asarray(pipeline.predict(given), np.float64)[:, None], None)
            continue
        index = {label: number for number, label in enumerate(pipeline.classes_)}
        labels = np.array([index[label] for label in pipeline.predict(given)])
        answers[name] = Expected(np.asarray(pipeline.predict_proba(given)), labels)
    return answers


def check(predictor: Predictor, columns: Mapping[str, Any], answers: Mapping[str, Expected]) -> float:
    """The largest difference over the rows of `columns`: of a probability, or of a value relative to 1 + its size.

    Raises ParityError over the tolerance.
    """
    rows = list(rows_of(columns, predictor.inputs))
    worst = 0.0
    for begin in range(0, len(rows), _CHUNK):
        scores = predictor.scores_of(rows[begin : begin + _CHUNK])
        for target in predictor.targets:
            told = _answers(target, scores[target.name])
            said = answers[target.name].part(begin)
            difference = np.abs(told.values - said.values) / (1 + (said.labels is None) * np.abs(said.values))
            wrong = ~(difference <= TOLERANCE).all(1)
            if told.labels is not None and said.labels is not None:
                wrong |= told.labels != said.labels
            if wrong.any():
                number = int(wrong.argmax())
                raise ParityError(
                    f"program and pipeline of target {target.name} disagree on row {begin + number}: "
                    f"{_said(target, told, number)} and {_said(target, said, number)}, at most {TOLERANCE:.0e} apart are "
                    "allowed: nothing is published"
                )
            worst = max(worst, float(difference.max()))
    return worst


def _answers(target: Target, scores: np.ndarray) -> Expected:
    """What the program makes of raw scores [rows, scores]. For counts: of an exposure of 1."""
    if target.task == "classification":
        probabilities = np.array([target.probabilities(of_row) for of_row in scores.tolist()])
        return Expected(probabilities, scores.argmax(1))
    if target.task == "count":
        return Expected(np.array([[target.estimate(score, 1.0).value] for score in scores[:, 0].tolist()]), None)
    return Expected(np.array([[target.estimate(score).value] for score in scores[:, 0].tolist()]), None)


def _said(target: Target, answers: Expected, number: int) -> str:
    if target.task == "classification" and answers.labels is not None:
        label = answers.labels[number]
        return f"{target.labels[label]!r} ({answers.values[number, label]:.9f})"
    return f"{answers.values[number, 0]!r}"


def rows_of(columns: Mapping[str, Any], inputs: Schema) -> Iterator[dict[str, Any]]:
    """Columns of a dataset as the rows that requests would have been. Identifiers are missing."""
    told = {}
    for field in inputs.fields:
        values = columns.get(field.name)
        if values is None:
            continue
        if isinstance(field, Number):
            values = [None if value != value else value for value in np.asarray(values).tolist()]
        elif isinstance(field, Timestamp):
            values = [None if value != value else _iso(value) for value in np.asarray(values).tolist()]
        told[field.name] = values
    for row in zip(*told.values(), strict=True):
        yield dict(zip(told, row, strict=True))


def _iso(seconds: float) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).isoformat()


def fuzz(inputs: Schema, columns: Mapping[str, Any], *, rows: int, seed: int) -> dict[str, Any]:
    """Columns of hostile values, some of them mixed from real ones.

    Texts of any Unicode, empty, of white space, very long, cut and mixed; numbers at and beyond the edges, missing ones;
    categories that nobody knows; times before 1970.
    """
    generator = random.Random(seed)  # noqa: S311 - reproducible, not secret
    hostile: dict[str, Any] = {}
    texts: Sequence[str] = next((columns[field.name] for field in inputs.fields if isinstance(field, Text)), [])
    for field in inputs.fields:
        if isinstance(field, Text):
            hostile[field.name] = list(_texts(generator, texts, rows))
        elif isinstance(field, Number):
            hostile[field.name] = np.array([_number(generator, field, columns[field.name]) for _ in range(rows)])
        elif isinstance(field, Timestamp):
            hostile[field.name] = np.array([generator.uniform(-(2**33), 2**33) // 1 for _ in range(rows)])
        elif isinstance(field, Category):
            known = columns[field.name]
            hostile[field.name] = [generator.choice(_categories(field, generator.choice(known))) for _ in range(rows)]
    return hostile


def _number(generator: random.Random, field: Number, known: np.ndarray) -> float:
    low = -1e9 if field.minimum is None else field.minimum
    high = 1e9 if field.maximum is None else field.maximum
    edges = [low, high, *([] if field.required else [math.nan]), *([0.0] if low <= 0 <= high else [])]
    kind = generator.random()
    value = generator.choice(edges) if kind < _AT_AN_EDGE else generator.uniform(low, high)
    if kind > 1 - _REAL:
        value = float(generator.choice(known))
    return float(round(value)) if field.integer and value == value and low <= round(value) <= high else value


def _categories(field: Category, real: str | None) -> list[str | None]:
    missing = [] if field.required else [None]
    if field.values is not None:
        return [*field.values, *missing]
    return [real, real, "never seen", "ÄÖ 漢字 🙂", "x" * field.max_length, *missing]


def _texts(generator: random.Random, texts: Sequence[str], rows: int) -> Iterator[str]:
    fixed = [
        "",
        " ",
        "a",
        "ab",
        " a ",
        "\n\n",
        "zzqx " * 40,
        "x" * 9_000,
        "É" * 300,
        "\u0130\u0130",
        "a\u0301 e\u0301",
        "  b  c ",
    ]
    yield from fixed[:rows]
    for _ in range(rows - len(fixed)):
        kind = generator.random()
        if kind < 0.35:
            alphabet = generator.choice(_ALPHABETS)
            yield "".join(generator.choices(alphabet, k=generator.randrange(1, 120)))
        elif kind < 0.55:
            points = (generator.randrange(0x10FFFF) for _ in range(generator.randrange(1, 60)))
            yield "".join(chr(point) for point in points if not 0xD800 <= point <= 0xDFFF)
        else:
            one, other = generator.choice(texts), generator.choice(texts)
            cut = generator.randrange(len(one) + 1)
            yield (one[:cut] + generator.choice(("", " ", "\n", "é", "  ")) + other[cut:]).swapcase()
