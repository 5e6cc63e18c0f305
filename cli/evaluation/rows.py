"""Labelled rows on their way to an API and back: read from a CSV file, sent in batches, kept beside the answers."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from cli.client import Api, ApiError
from cli.evaluation.metrics import Evaluation, Row
from firesteel.definition import Definition, IdentifierInput
from firesteel.errors import DataError
from functions.classify.operations import OPERATIONS
from functions.classify.predict import BATCH_LIMIT
from functions.train import dataset
from functions.train.dataset import Dataset

_BATCH = next(operation for operation in OPERATIONS if operation.name == "classify_batch")


def read(data: Path, definition: Definition) -> Dataset:
    """The usable rows of a CSV file. Raises DataError when it cannot be used or has none."""
    rows = dataset.read(data, definition, min_rows_per_class=0)
    if not len(rows):
        raise DataError(f"{data}: not one of its {rows.rows_read} rows can be used")
    return rows


def send(api: Api, data: Dataset, definition: Definition, progress: Callable[[int], None]) -> Evaluation:
    """Send every row and keep what came back beside what should have; `progress` is told how many are answered.

    Raises ApiError when the API answers no batches, or not as this model does.
    """
    rows: list[Row] = []
    for batch in _batches(_items(data, definition)):
        rows += _answered(api, batch, definition)
        progress(len(rows))
    return Evaluation(definition, api.base_url, data, tuple(rows))


class _Item(NamedTuple):
    """One row on its way: where it stands, what should come back, and what is sent."""

    line: int
    truth: dict[str, str]
    inputs: dict[str, str]
    encoded: bytes


def _items(data: Dataset, definition: Definition) -> Iterator[_Item]:
    names = {name: target.label_names for name, target in definition.targets.items()}
    required = [
        name for name, field in definition.inputs.items() if isinstance(field, IdentifierInput) and field.required
    ]
    for index, line in enumerate(data.lines.tolist()):
        inputs = {name: texts[index] for name, texts in data.inputs.items()}
        identifiers = dict.fromkeys(required, f"line-{line}")
        truth = {name: names[name][codes[index]] for name, codes in data.targets.items()}
        yield _Item(line, truth, inputs, json.dumps(inputs | identifiers, ensure_ascii=False).encode())


def _batches(items: Iterator[_Item]) -> Iterator[list[_Item]]:
    """As many rows as one request may hold, in number and in bytes."""
    batch: list[_Item] = []
    size = overhead = len(b'{"items":[]}')
    for item in items:
        if batch and (len(batch) == BATCH_LIMIT or size + len(item.encoded) + 1 > _BATCH.body_limit):
            yield batch
            batch, size = [], overhead
        batch.append(item)
        size += len(item.encoded) + 1
    if batch:
        yield batch


def _answered(api: Api, batch: list[_Item], definition: Definition) -> Iterator[Row]:
    """One batch's rows with their answers. Raises ApiError when the API answers no batch, or another model's."""
    body = b'{"items":[%s]}' % b",".join(item.encoded for item in batch)
    answer = api.request(_BATCH.method, _BATCH.path, body, {"content-type": "application/json"})
    where = f"{_BATCH.method} {api.base_url}{_BATCH.path}"
    if answer.status_code != 200:
        raise ApiError(f"{where} answers {answer.status_code}: {answer.text[:300]}")
    try:
        results = answer.json()["items"]
        for item, result in zip(batch, results, strict=True):
            yield _row(item, result, definition)
    except (ValueError, KeyError, TypeError) as error:
        raise ApiError(
            f"{where} does not answer as the model {definition.model} does ({type(error).__name__}: {error}); "
            "GET /model/status says what it serves"
        ) from None


def _row(item: _Item, result: dict[str, Any], definition: Definition) -> Row:
    if error := result.get("error"):
        fields = "; ".join(f"{one['field']}: {one['message']}" for one in error["fields"])
        return Row(item.line, item.inputs, item.truth, {}, {}, None, None, fields or error["detail"])
    predicted = {name: str(result[f"predicted_{name}"]) for name in definition.targets}
    confidence = {name: float(result[f"{name}_confidence"]) for name in definition.targets}
    return Row(
        item.line, item.inputs, item.truth, predicted, confidence, result["review"], result["model_version"], None
    )
