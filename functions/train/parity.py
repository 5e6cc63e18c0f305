"""The proof that a program answers as its pipelines do: to 1e-6 in every probability, and in every label."""

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from sklearn.pipeline import Pipeline

from firesteel.errors import ParityError
from firesteel.program.predictor import Predictor

TOLERANCE = 1e-6
_ALPHABETS = (
    "abcdefghijklmnopqrstuvwxyz ABCDEFGHIJ 0123456789 .,;:!?-_/()'\"",
    "äöüßéèêçñøåæœÄÖÜÉ İıſK",
    "абвгдежзийклмн αβγδε אבגד ابتث कखगघ 漢字仮名交じり文 한국어",
    "🙂🚀👩‍💻🇩🇪  \u00a0\u2003\u200b\u0301\u0308\ufeff",
    "\t\n\r\x00\x0b\x1c\x1f\x7f\x85 ",
)


class Expected(NamedTuple):
    """What a pipeline answers: probabilities [rows, labels] and the index of each row's label [rows]."""

    probabilities: np.ndarray
    labels: np.ndarray


def expected(pipelines: Mapping[str, Pipeline], given: object) -> dict[str, Expected]:
    """The answers of fitted pipelines to whatever they take: columns of text, or a list of texts."""
    answers = {}
    for name, pipeline in pipelines.items():
        index = {label: number for number, label in enumerate(pipeline.classes_)}
        labels = np.array([index[label] for label in pipeline.predict(given)])
        answers[name] = Expected(np.asarray(pipeline.predict_proba(given)), labels)
    return answers


def check(predictor: Predictor, columns: Mapping[str, Sequence[str]], answers: Mapping[str, Expected]) -> float:
    """The largest difference of a probability over the rows of `columns`. Raises ParityError over the tolerance."""
    names = list(columns)
    worst = 0.0
    for number, values in enumerate(zip(*columns.values(), strict=True)):
        scores = predictor.scores(dict(zip(names, values, strict=True)))
        for target in predictor.targets:
            of_row = scores[target.name]
            probabilities, labels = answers[target.name]
            difference = float(np.abs(probabilities[number] - target.probabilities(of_row)).max())
            worst = max(worst, difference)
            label = of_row.index(max(of_row))
            if not difference <= TOLERANCE or label != labels[number]:
                raise ParityError(
                    f"program and pipeline of target {target.name} disagree by {difference:.2e} (at most {TOLERANCE:.0e}), "
                    f"labels {target.labels[label]!r} and {target.labels[labels[number]]!r}, on row {number}: "
                    "nothing is published"
                )
    return worst


def fuzz(texts: Sequence[str], names: Sequence[str], *, rows: int, seed: int) -> dict[str, list[str]]:
    """Columns of hostile text: any Unicode, empty, white space, very long, unknown words, cut and mixed real texts."""
    generator = random.Random(seed)  # noqa: S311 - reproducible, not secret
    return {name: list(_texts(generator, texts, rows)) for name in names}


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
