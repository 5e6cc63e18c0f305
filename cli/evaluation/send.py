"""Labelled rows on their way to an API, in batches, and its answers on their way back."""

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from cli.client import Api, ApiError
from cli.evaluation.data import Item, Labelled
from cli.evaluation.fields import Fields
from cli.evaluation.metrics import Evaluation
from cli.evaluation.row import Row
from firesteel.definition import Definition
from functions.classify.operations import OPERATIONS
from functions.classify.predict import BATCH_LIMIT

_BATCH = next(operation for operation in OPERATIONS if operation.name == "model_batch")
_START, _END = b'{"cases":[', b"]}"


def send(
    api: Api, data: Labelled, definition: Definition, fields: Fields, progress: Callable[[int], None]
) -> Evaluation:
    """Send every row and keep what came back beside what should have; `progress` is told how many are answered.

    Raises ApiError when the API answers no batches of this model, or not as the definition says.
    """
    rows: list[Row] = []
    for batch in _batches(data.items):
        rows += _answered(api, batch, definition, fields)
        progress(len(rows))
    return Evaluation(definition, fields, api.base_url, data, tuple(rows))


class _Encoded(NamedTuple):
    item: Item
    body: bytes


def _batches(items: list[Item]) -> Iterator[list[_Encoded]]:
    """As many rows as one request may hold, in number and in bytes."""
    batch: list[_Encoded] = []
    size = overhead = len(_START + _END)
    for item in items:
        body = json.dumps(item.inputs, ensure_ascii=False).encode()
        if batch and (len(batch) == BATCH_LIMIT or size + len(body) + 1 > _BATCH.body_limit):
            yield batch
            batch, size = [], overhead
        batch.append(_Encoded(item, body))
        size += len(body) + 1
    if batch:
        yield batch


def _answered(api: Api, batch: list[_Encoded], definition: Definition, fields: Fields) -> Iterator[Row]:
    """One batch's rows with their answers. Raises ApiError when the API answers no batch, or of another shape."""
    path = _BATCH.path.replace("{name}", definition.model)
    body = _START + b",".join(one.body for one in batch) + _END
    answer = api.request(_BATCH.method, path, body, {"content-type": "application/json"})
    where = f"{_BATCH.method} {api.base_url}{path}"
    if answer.status_code != 200:
        raise ApiError(f"{where} answers {answer.status_code}: {answer.text[:300]}")
    try:
        results = answer.json()["predictions"]
        for one, result in zip(batch, results, strict=True):
            yield _row(one.item, result, definition, fields)
    except (ValueError, KeyError, TypeError) as error:
        raise ApiError(
            f"{where} does not answer as the definition of {definition.model} says ({type(error).__name__}: {error}); "
            f"GET /models/{definition.model} tells what it serves"
        ) from None


def _row(item: Item, result: dict[str, Any], definition: Definition, fields: Fields) -> Row:
    if error := result.get("error"):
        blamed = "; ".join(f"{one['field']}: {one['message']}" for one in error["fields"])
        return Row(item, {}, {}, {}, None, None, blamed or error["detail"])
    predicted: dict[str, str | float] = {}
    confidence: dict[str, float] = {}
    interval: dict[str, tuple[float, float]] = {}
    for name, target in definition.targets.items():
        kind, aspect = (str, "label") if target.task == "classification" else (float, "value")
        if (said := fields.get(result, f"{name}.{aspect}")) is not None:
            predicted[name] = kind(said)
        if (sure := fields.get(result, f"{name}.confidence")) is not None:
            confidence[name] = float(sure)
        lower, upper = (fields.get(result, f"{name}.{end}") for end in ("lower", "upper"))
        if lower is not None and upper is not None:
            interval[name] = (float(lower), float(upper))
    version = fields.get(result, "model_version")
    return Row(item, predicted, confidence, interval, fields.get(result, "review"), version, None)
