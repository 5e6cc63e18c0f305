"""The proof that a program answers as its pipelines do: to 1e-6 in every probability, and in every label."""

import random
from collections.abc import Iterator, Mapping, Sequence

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


def check(
    predictor: Predictor,
    pipelines: Mapping[str, Pipeline],
    columns: Mapping[str, Sequence[str]],
    *,
    text: str | None = None,
) -> float:
    """The largest difference of a probability over the rows of `columns`. Raises ParityError over the tolerance.

    Pipelines that begin with a vectorizer take not all columns but the list of texts of the input `text`.
    """
    given = columns[text] if text else columns
    names = list(columns)
    rows = [dict(zip(names, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    scores = [predictor.scores(row) for row in rows]
    worst = 0.0
    for target in predictor.targets:
        pipeline = pipelines[target.name]
        expected, labels = np.asarray(pipeline.predict_proba(given)), pipeline.predict(given)
        for number, by_target in enumerate(scores):
            row_scores = by_target[target.name]
            got = target.probabilities(row_scores)
            difference = float(np.abs(expected[number] - got).max())
            worst = max(worst, difference)
            label = target.labels[row_scores.index(max(row_scores))]
            if not difference <= TOLERANCE or label != str(labels[number]):
                raise ParityError(
                    f"program and pipeline of target {target.name} disagree by {difference:.2e} (at most {TOLERANCE:.0e}), "
                    f"labels {label!r} and {labels[number]!r}, on row {number}: nothing is published"
                )
    return worst


def fuzz(texts: Sequence[str], names: Sequence[str], *, rows: int, seed: int) -> dict[str, list[str]]:
    """Columns of hostile text: any Unicode, empty, white space, very long, unknown words, cut and mixed real texts."""
    generator = random.Random(seed)  # noqa: S311 - reproducible, not secret
    return {name: list(_texts(generator, texts, rows)) for name in names}


def _texts(generator: random.Random, texts: Sequence[str], rows: int) -> Iterator[str]:
    fixed = ["", " ", "a", "ab", " a ", "\n\n", "zzqx " * 40, "x" * 9_000, "É" * 300, "\u0130\u0130", "a\u0301 e\u0301", "  b  c "]
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
