"""The proof that an ONNX model answers as its program does: onnxruntime is asked both real and hostile rows."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnxruntime

from cli.peers import scored
from firesteel.errors import ParityError
from firesteel.program.predictor import Predictor
from firesteel.program.schema import Text
from functions.train import parity

TOLERANCE = 1e-5
_CHUNK = 500


def session(model: bytes) -> Any:
    """A model as onnxruntime runs it, on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3  # errors
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def feed(loaded: Predictor, rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> dict[str, np.ndarray]:
    """Checked rows as the columns [rows, 1] that a model of these input `names` takes."""
    told = scored.columns(loaded, rows)
    columns = {name: told[name] for name in names}
    return {
        name: (values if isinstance(values, np.ndarray) else np.array([value or "" for value in values], object))[
            :, None
        ]
        for name, values in columns.items()
    }


def prove(model: bytes, loaded: Predictor, rows: Sequence[Mapping[str, Any]]) -> float:
    """The largest difference between model and program over checked rows: of a confidence, or of a value relative to 1 + its size.

    Raises ParityError over the tolerance of 1e-5.
    """
    asked = session(model)
    names = [one.name for one in asked.get_inputs()]
    wanted = [one.name for one in asked.get_outputs()]
    worst = 0.0
    for begin in range(0, len(rows), _CHUNK):
        some = rows[begin : begin + _CHUNK]
        told = dict(zip(wanted, asked.run(wanted, feed(loaded, some, names)), strict=True))
        worst = max(worst, _compared(told, loaded, some, begin))
    return worst


def _compared(
    told: Mapping[str, np.ndarray], loaded: Predictor, rows: Sequence[Mapping[str, Any]], begin: int
) -> float:
    predictions = loaded.predict_batch(rows)
    worst = 0.0
    for target in loaded.targets:
        name = target.name
        if target.task == "classification":
            labels = [one.labels[name] for one in predictions]
            said, expected = told[f"{name}_confidence"], np.array([one.confidences[name] for one in predictions])
            wrong = np.array([one != other for one, other in zip(told[f"predicted_{name}"], labels, strict=True)])
            difference = np.abs(said - expected)
        else:
            parts = ["value", *(("lower", "upper") if target.interval else ())]
            said = np.column_stack([told[name if part == "value" else f"{name}_{part}"] for part in parts])
            expected = np.array([[getattr(one.estimates[name], part) for part in parts] for one in predictions])
            difference = (np.abs(said - expected) / (1 + np.abs(expected))).max(1)
            wrong = np.zeros(len(rows), np.bool_)
        wrong |= ~(difference <= TOLERANCE)
        if wrong.any():
            number = int(wrong.argmax())
            raise ParityError(
                f"ONNX and program disagree on {name} of row {begin + number} by {difference[number]:.1e}, or in the label; at "
                f"most {TOLERANCE:.0e} is allowed: nothing is written"
            )
        worst = max(worst, float(difference.max()))
    return worst


def hostile(loaded: Predictor, known: Sequence[Mapping[str, Any]], rows: int = 500) -> list[dict[str, Any]]:
    """Rows made of known ones and of what may stand in a request at worst, as far as ONNX is meant to know it."""
    columns = scored.columns(loaded, known)
    made = parity.rows_of(parity.fuzz(loaded.inputs, columns, rows=rows, seed=0), loaded.inputs)
    exposures = [target.exposure for target in loaded.targets if target.task == "count" and target.exposure]
    texts = {field.name for field in loaded.inputs.fields if isinstance(field, Text)}
    blank = dict.fromkeys(field.name for field in loaded.inputs.fields)
    return [
        blank | {name: _plain(value) if name in texts else value for name, value in row.items()}
        for row in made
        if all(row[exposure] > 0 for exposure in exposures)
    ]


def _plain(text: str) -> str:
    """Without the characters whose lower case is not one character by itself: dotted capital I and capital sigma."""
    return text.replace("\u0130", "I").replace("\u03a3", "\u03c3")
