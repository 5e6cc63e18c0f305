"""POST .../predict and .../batch: JSON in; labels with confidences, or numbers with intervals, out."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from firesteel.errors import InputError
from firesteel.program.results import Prediction
from functions.classify import answers, body, shape
from functions.classify.answers import Answer, Refused
from functions.classify.events import Request
from functions.classify.live import Live, Segmented
from functions.classify.serving import Serving, Taken

BATCH_LIMIT = body.LIMIT
EXPLAINED = "include_explanations"


def predict(request: Request, serving: Serving) -> Answer:
    """One row; or, of a model whose requests list them, several."""
    sent = body.read(request)
    live = serving.take(request).of(sent)
    if live.predictor.request:
        from functions.classify import grid

        told = grid.predict(live, sent)
        inputs = kept(request, live, told.rows)
        return answer(told.content, live, told.totals, rows=len(told.totals), inputs=inputs)
    row = live.predictor.check(sent)
    prediction = live.predictor.predict(row)
    return answer(shape.answer(row, prediction, live), live, [prediction], inputs=kept(request, live, [row]))


def classify_batch(request: Request, serving: Serving) -> Answer:
    """Up to 1,000 rows, answered in order; a row that does not fit gets an error in its place."""
    items = body.rows(body.read(request), "items")
    return _answer_rows("items", items, request, serving.take(request), explained=False)


def batch(request: Request, serving: Serving) -> Answer:
    """`classify_batch`, explained if that is asked for."""
    sent = body.read(request)
    cases = body.rows(sent, "cases", EXPLAINED)
    explained = body.flag(sent, EXPLAINED)
    return _answer_rows("predictions", cases, request, serving.take(request), explained=explained)


def answer(value: object, live: Live | Segmented, predictions: list[Prediction], **facts: Any) -> Answer:
    """The facts are what the log line and the metrics are made of: of inputs only what `kept` gives.

    `rows` is how many were asked for, `numbers` which of them were answered, if not the first; `parts` by which bundle.
    """
    return answers.ok(
        value,
        headers={"x-model-digest": live.digest},
        facts={"live": live, "predictions": predictions, **facts},
    )


def kept(request: Request, live: Live, rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]] | None:
    """What the log line may have of checked rows; None when the model logs no inputs, or this request is no sample."""
    if live.predictor.log is None:
        return None
    from functions.classify import logged

    return logged.rows(request, live, rows)


class _Part(NamedTuple):
    """The rows of a batch that one bundle answers, by their numbers."""

    live: Live
    rows: dict[int, dict[str, Any]]


def _answer_rows(name: str, items: list[object], request: Request, taken: Taken, *, explained: bool) -> Answer:
    results: list[dict[str, Any]] = [{}] * len(items)
    parts: dict[str, _Part] = {}
    for number, item in enumerate(items):
        try:
            live = taken.of(item)
            row = live.predictor.check(item)
        except InputError as error:
            results[number] = _item_error(Refused("invalid_input", problems=error.problems))
        except Refused as refused:
            results[number] = _item_error(refused)
        else:
            parts.setdefault(live.model, _Part(live, {})).rows[number] = row
    answered = []
    inputs: list[dict[str, Any]] = []
    for live, rows in parts.values():
        predictions = live.predictor.predict_batch(rows.values())
        answered.append((live, predictions))
        inputs += kept(request, live, rows.values()) or [{}] * len(rows)
        for (number, row), prediction in zip(rows.items(), predictions, strict=True):
            results[number] = shape.answer(row, prediction, live)
        if explained:
            _explain(live, rows, results)
    every = [prediction for _, predictions in answered for prediction in predictions]
    numbers = [number for part in parts.values() for number in part.rows]
    parted = {"parts": answered} if isinstance(taken.model, Segmented) else {}
    return answer({name: results}, taken.model, every, rows=len(items), numbers=numbers, inputs=inputs, **parted)


def _explain(live: Live, rows: dict[int, dict[str, Any]], results: list[dict[str, Any]]) -> None:
    from functions.classify import explain

    for number, explanations in zip(rows, live.predictor.explain_batch(rows.values()), strict=True):
        results[number] |= explain.told(explanations)


def _item_error(refused: Refused) -> dict[str, Any]:
    return {"error": {"code": refused.code, "detail": refused.detail, "fields": answers.blame(refused.problems)}}
