"""POST .../explain: the answer, and why it is what it is. Exact contributions of the input fields, the largest told."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from firesteel.program.results import Contribution, Explanation
from functions.classify import body, shape
from functions.classify.answers import Answer
from functions.classify.events import Request
from functions.classify.live import Live
from functions.classify.predict import answer, kept
from functions.classify.serving import Serving

if TYPE_CHECKING:
    from functions.classify.grid import Tell

LONGEST = 100  # characters of a text that a contribution repeats


def explain(request: Request, serving: Serving) -> Answer:
    """One row; or, of a model whose requests list them, several."""
    return with_reasons(request, serving, tell)


def with_reasons(request: Request, serving: Serving, say: "Tell") -> Answer:
    """The answer as /predict has it, and beside it what `say` says of each row."""
    sent = body.read(request)
    live = serving.take(request).of(sent)
    if live.predictor.request:
        from functions.classify import grid

        answered = grid.explain(live, sent, say)
        inputs = kept(request, live, answered.rows)
        return answer(answered.content, live, answered.totals, rows=len(answered.totals), inputs=inputs)
    row = live.predictor.check(sent)
    prediction = live.predictor.predict(row)
    [reasons] = say(live, [row])
    told_of = shape.answer(row, prediction, live) | reasons
    return answer(told_of, live, [prediction], inputs=kept(request, live, [row]))


def tell(live: Live, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What the explained answers to checked rows have besides."""
    return [told(explanations) for explanations in live.predictor.explain_batch(rows)]


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
