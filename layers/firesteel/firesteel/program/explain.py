"""From the contributions of features to those of input fields: exact, additive, with a text's terms."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from firesteel.program.results import Contribution, Explanation

if TYPE_CHECKING:
    from firesteel.program.predictor import Part, Predictor
    from firesteel.program.spans import Located
    from firesteel.program.targets import Target

TERMS = 5  # of a text, in an explanation


def explain(
    predictor: "Predictor", rows: Sequence[Mapping[str, Any]], located: "Sequence[Located] | None" = None
) -> list[dict[str, Explanation]]:
    """One explanation a row and target; with the spans of texts if it is known of each row where its terms are `located`.

    Linear estimators are explained in closed form, trees by path-dependent TreeSHAP (Lundberg et al. 2020, "From local
    explanations to global understanding with explainable AI for trees"). Both are additive over features, so what the
    features of a field contribute adds up to the field's contribution.
    """
    plain, texts = predictor.measure(rows)
    explained: list[dict[str, Explanation]] = [{} for _ in rows]
    for part in predictor.parts:
        features = predictor.features(part, plain, texts)
        scores = part.estimator.score(features)
        for target in predictor.targets:
            if target.name not in part.estimator.columns:
                continue
            begin, end = part.estimator.columns[target.name]
            chosen = scores[:, begin:end].argmax(1).tolist()
            for label in sorted(set(chosen)):
                margin = np.zeros(scores.shape[1])
                margin[begin:end] = _margin(label, end - begin)
                members = [number for number, own in enumerate(chosen) if own == label]
                some = features if len(members) == len(rows) else features.take(np.array(members))
                contributions = part.estimator.contributions(some, margin)
                base = float(part.estimator.base @ margin)
                for number, of_row in zip(members, contributions, strict=True):
                    ids = features.texts[number][0] if features.texts else _NONE
                    where = located[number] if located else None
                    told = _by_field(predictor, part, rows[number], ids, of_row, where)
                    score = float(scores[number] @ margin)
                    explained[number][target.name] = Explanation(target.name, _name(target, label), base, score, told)
    return explained


_NONE = np.empty(0, np.int64)


def _margin(label: int, scores: int) -> np.ndarray:
    """Weights of the scores: a label's less the mean of the others'; a single score as it is."""
    weights = np.full(scores, -1 / max(scores - 1, 1))
    weights[label] = 1
    return weights


def _name(target: "Target", label: int) -> str | None:
    return target.labels[label] if target.task == "classification" else None


def _by_field(
    predictor: "Predictor",
    part: "Part",
    row: Mapping[str, Any],
    ids: np.ndarray,
    contributions: np.ndarray,
    located: "Located | None",
) -> tuple[Contribution, ...]:
    """The contributions [features] of one row by input field, largest first; `ids` are its text features."""
    totals: dict[str, float] = dict.fromkeys(predictor.fields, 0.0)
    terms: dict[str, list[tuple[str, float]]] = {}
    characters: dict[str, np.ndarray] = {}
    offset = predictor.offsets[part.begin]
    for number in range(part.begin, part.end):
        text, (begin, end) = predictor.texts[number], (predictor.offsets[number : number + 2] - offset).tolist()
        present = ids[(ids >= begin) & (ids < end)] - begin
        of_step = contributions[begin:end]
        of_terms = of_step[present]
        absent = float(of_step.sum() - of_terms.sum()) / len(text.inputs)
        found = text.owners(row, present) * of_terms[:, None]
        for column, name in enumerate(text.inputs):
            own = found[:, column]
            totals[name] += float(own.sum()) + absent
            strongest = np.abs(own).argsort(kind="stable")[: -TERMS - 1 : -1].tolist()
            told = [(text.lookup.term(int(present[k])), float(own[k])) for k in strongest]
            terms.setdefault(name, []).extend([one for one in told if one[1]])
            if located:
                characters[name] = characters.get(name, 0) + located.spread(number, name, present, own)
    width = int(predictor.offsets[part.end] - offset)
    for step, begin, end in zip(predictor.steps, predictor.bounds, predictor.bounds[1:], strict=False):
        shared = contributions[width + begin : width + end] @ step.owners(row)
        for name, value in zip(step.inputs, shared.tolist(), strict=True):
            totals[name] += value
    spans = {name: located.spans(name, values) for name, values in characters.items()} if located else {}
    told_of = [
        Contribution(name, row[name], value, _strongest(terms.get(name)), spans.get(name))
        for name, value in totals.items()
    ]
    return tuple(sorted(told_of, key=lambda one: -abs(one.contribution)))


def _strongest(terms: list[tuple[str, float]] | None) -> tuple[tuple[str, float], ...]:
    """Of the terms that several steps found in one text."""
    return tuple(sorted(terms, key=lambda one: -abs(one[1]))[:TERMS]) if terms else ()
