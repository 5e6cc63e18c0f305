"""POST .../explain: the answer, and why it is what it is. Exact contributions of the input fields, the largest told."""

from collections.abc import Iterable, Mapping
from typing import Any

from firesteel.program.results import Contribution, Explanation
from functions.classify import body, shape
from functions.classify.answers import Answer
from functions.classify.events import Request
from functions.classify.predict import answer
from functions.classify.serving import Serving

LONGEST = 100  # characters of a text that a contribution repeats


def explain(request: Request, serving: Serving) -> Answer:
    """One row; or, of a model whose requests list them, several."""
    sent = body.read(request)
    live = serving.take(request).of(sent)
    if live.predictor.request:
        from functions.classify import grid

        content, totals = grid.explain(live, sent)
        return answer(content, live, totals, rows=len(totals))
    row = live.predictor.check(sent)
    prediction = live.predictor.predict(row)
    explained = shape.answer(row, prediction, live) | told(live.predictor.explain(row))
    return answer(explained, live, [prediction])


def told(explanations: Mapping[str, Explanation]) -> dict[str, Any]:
    """What an explained answer has besides: of one target as it is, of several by target under `explanations`."""
    by_target = {target: _told(explanation) for target, explanation in explanations.items()}
    if len(by_target) == 1:
        [explanation] = by_target.values()
        return explanation
    return {"explanations": by_target}


def _told(explanation: Explanation) -> dict[str, Any]:
    return {
        "explanation_summary": explanation.summary,
        "top_positive_features": _features(explanation.positive()),
        "top_negative_features": _features(explanation.negative()),
        "base_value": shape.rounded(explanation.base),
        "raw_score": shape.rounded(explanation.score),
    }


def _features(contributions: Iterable[Contribution]) -> list[dict[str, Any]]:
    return [
        {
            "feature": one.feature,
            "value": _shortened(one.value),
            "contribution": shape.rounded(one.contribution),
            **({"terms": _terms(one)} if one.terms else {}),
        }
        for one in contributions
    ]


def _terms(contribution: Contribution) -> list[dict[str, Any]]:
    return [{"term": term, "contribution": shape.rounded(value)} for term, value in contribution.terms]


def _shortened(value: Any) -> Any:
    if isinstance(value, str) and len(value) > LONGEST:
        return f"{value[: LONGEST - 1]}…"
    return value
