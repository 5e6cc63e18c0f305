"""Answers as bytes: JSON lines, CSV or Parquet. The same answers give the same bytes."""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from firesteel.program.schema import Number
from functions.classify import shape
from functions.classify.live import Live
from functions.classify.scoring.layout import Kind

LINE = "line"
_EXPLAINED = ("explanation_summary", "top_positive_features", "top_negative_features", "base_value", "raw_score")
_NUMBERS = ("confidence", "value", "lower", "upper", "score")
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode

Answers = Sequence[Mapping[str, Any]]


def writer(kind: Kind, lives: Sequence[Live], *, explained: bool) -> Callable[[Answers], bytes]:
    """What makes bytes of the answers of these models."""
    if kind == "jsonl":
        return jsonl
    columns = _columns(lives, explained)
    return (lambda answers: _csv(answers, columns)) if kind == "csv" else lambda answers: _parquet(answers, columns)


def jsonl(answers: Answers) -> bytes:
    """An object a line."""
    return "".join([f"{_encode(one)}\n" for one in answers]).encode()


def _csv(answers: Answers, columns: Mapping[str, str]) -> bytes:
    """A row an answer, below a header. What is no text, number or truth value stands in its cell as JSON."""
    out = io.StringIO(newline="")
    table = csv.writer(out, lineterminator="\n")
    table.writerow(columns)
    table.writerows([_cell(one.get(name)) for name in columns] for one in answers)
    return out.getvalue().encode()


def _parquet(answers: Answers, columns: Mapping[str, str]) -> bytes:
    """A row an answer, in columns of one type each whatever the answers are. Nested values stand there as JSON."""
    import pyarrow as pa
    from pyarrow import parquet

    fields = [pa.field(name, pa.type_for_alias(kind)) for name, kind in columns.items()]
    arrays = [pa.array([_scalar(one.get(field.name)) for one in answers], field.type) for field in fields]
    out = io.BytesIO()
    parquet.write_table(pa.Table.from_arrays(arrays, schema=pa.schema(fields)), out, compression="zstd")
    return out.getvalue()


def _columns(lives: Sequence[Live], explained: bool) -> dict[str, str]:
    """The columns of answers, and their types as Arrow calls them."""
    columns = {LINE: "int64"}
    for live in lives:
        numbers = {f"input.{field.name}" for field in live.predictor.inputs.fields if isinstance(field, Number)}
        sources = shape.sources(live.predictor)
        for name in live.shape:
            source = sources[name]
            is_number = source in numbers or ("." in source and source.rpartition(".")[2] in _NUMBERS)
            columns[name] = "bool" if source == "review" else "double" if is_number else "string"
        if explained:
            several = len(live.predictor.targets) > 1
            columns |= dict.fromkeys(["explanations"] if several else _EXPLAINED, "string")
    return columns | {name: "double" for name in ("base_value", "raw_score") if name in columns}


def _scalar(value: Any) -> Any:
    return _encode(value) if isinstance(value, dict | list) else value


def _cell(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else _scalar(value)
