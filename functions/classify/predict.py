"""POST /classify and /classify/batch: JSON in, labels, confidences and the review flag out."""

from collections.abc import Mapping
from typing import Any

from firesteel import strictjson
from firesteel.errors import InputError, Problem
from firesteel.program.predictor import Prediction
from firesteel.program.schema import Text
from functions.classify import answers
from functions.classify.answers import Answer, Refused
from functions.classify.events import Request
from functions.classify.refresh import Live
from functions.classify.serving import Serving

BATCH_LIMIT = 1000


def classify(request: Request, serving: Serving) -> Answer:
    """One row."""
    body = _json(request)
    live = serving.live()
    row = live.predictor.check(body)
    prediction = live.predictor.predict(row)
    return _answer(result(row, prediction, live), live, [prediction])


def classify_batch(request: Request, serving: Serving) -> Answer:
    """Up to 1,000 rows, answered in order by one bundle; a row that does not fit gets an error in its place."""
    items = _items(_json(request))
    live = serving.live()
    results, predictions = [], []
    for item in items:
        try:
            row = live.predictor.check(item)
        except InputError as error:
            results.append(_item_error(error))
            continue
        prediction = live.predictor.predict(row)
        predictions.append(prediction)
        results.append(result(row, prediction, live))
    return _answer({"items": results}, live, predictions, rows=len(items))


def result(row: Mapping[str, Any], prediction: Prediction, live: Live) -> dict[str, Any]:
    """The answer to one row: its texts, what was predicted, its identifiers, whether to review, and who answered."""
    fields = live.predictor.inputs.fields
    return {
        **{field.name: row[field.name] for field in fields if isinstance(field, Text)},
        **{f"predicted_{target}": label for target, label in prediction.labels.items()},
        **{f"{target}_confidence": round(value, 6) for target, value in prediction.confidences.items()},
        **{field.name: row[field.name] for field in fields if not isinstance(field, Text)},
        "review": prediction.review,
        "model_version": live.version,
    }


def _json(request: Request) -> Any:
    _require_json(request.headers.get("content-type", ""))
    try:
        return strictjson.parse(request.body)
    except ValueError as error:
        raise Refused("invalid_json", f"The body cannot be read: {error}.") from None


def _require_json(content_type: str) -> None:
    """application/json or application/<anything>+json, with no charset but UTF-8."""
    media_type, *parameters = [part.strip().lower() for part in content_type.split(";")]
    if media_type != answers.JSON and not (media_type.startswith("application/") and media_type.endswith("+json")):
        raise Refused("unsupported_media_type")
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip().strip('"') not in ("utf-8", "utf8"):
            raise Refused("unsupported_media_type")


def _items(body: object) -> list[object]:
    match body:
        case {"items": list(), **others} if others:
            problem = Problem("", "unknown_field", "has a field that is not items")
        case {"items": list(items)}:
            if 1 <= len(items) <= BATCH_LIMIT:
                return items
            problem = Problem("items", "wrong_length", f"must have between 1 and {BATCH_LIMIT} rows")
        case {"items": _}:
            problem = Problem("items", "wrong_type", "must be an array")
        case dict():
            problem = Problem("items", "missing", "is required")
        case _:
            problem = Problem("", "wrong_type", "must be an object with the field items")
    raise InputError((problem,))


def _item_error(error: InputError) -> dict[str, Any]:
    refused = Refused("invalid_input")
    return {"error": {"code": refused.code, "detail": refused.detail, "fields": answers.blame(error.problems)}}


def _answer(value: object, live: Live, predictions: list[Prediction], **facts: Any) -> Answer:
    """The facts are what the log line and the metrics are made of: never a text, never an identifier."""
    return answers.ok(
        value,
        headers={"x-model-digest": live.digest},
        facts={"live": live, "predictions": predictions, **facts},
    )
