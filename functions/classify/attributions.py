"""POST .../attributions: the answer, and what every field did to it; of a text, which of its characters.

Nothing is left out and nothing is cut: base and contributions add up to the score, spans and rest to the contribution.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from firesteel.program.results import Contribution, Explanation
from functions.classify.answers import Answer
from functions.classify.events import Request
from functions.classify.explain import with_reasons
from functions.classify.live import Live
from functions.classify.serving import Serving

DIGITS = 12  # after the point: thousands of spans still add up; weights of float32 keep the sum of fields within 1e-7


def attributions(request: Request, serving: Serving) -> Answer:
    """One row; or, of a model whose requests list them, several."""
    return with_reasons(request, serving, tell)


def tell(live: Live, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What the answers to checked rows have besides."""
    return [
        {"attributions": {name: _of(one) for name, one in explanations.items()}}
        for explanations in live.predictor.attribute(rows)
    ]


def _of(explanation: Explanation) -> dict[str, Any]:
    return {
        "label": explanation.label,
        "base": _exact(explanation.base),
        "score": _exact(explanation.score),
        "fields": [_field(one) for one in explanation.contributions],
    }


def _field(one: Contribution) -> dict[str, Any]:
    told = {"feature": one.feature, "value": one.value, "contribution": _exact(one.contribution)}
    if one.spans is None:
        return told
    spans = [{**span._asdict(), "contribution": _exact(span.contribution)} for span in one.spans]
    return told | {"spans": spans, "rest": _exact(one.contribution - sum([span.contribution for span in one.spans]))}


def _exact(value: float) -> float:
    return round(value, DIGITS) + 0.0
