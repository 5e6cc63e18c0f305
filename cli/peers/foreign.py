"""A fitted scikit-learn model of somebody else as a program that is proven to answer as the model does."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from cli.peers import scored
from firesteel.errors import InputError
from firesteel.program import predictor
from firesteel.program.predictor import Predictor
from firesteel.program.schema import Category, Field, Number
from firesteel.program.targets import LARGEST
from functions.train import compile, parity
from functions.train.compile import frames

FUZZ_ROWS = 1000
_LONGEST = 10_000  # characters of a text
_SHORT = 100  # characters of a value in a published example
_TEXT = "The quick brown fox jumps over the lazy dog"


class Foreign(NamedTuple):
    """A fitted model, its program, and, if it reads the columns of a frame, which."""

    fitted: Any
    target: str
    program: bytes
    loaded: Predictor
    frame: frames.Frame | None


def translate(model: str, fitted: Any, *, target: str, text: str, names: Sequence[str] | None) -> Foreign:
    """Compile a fitted model. `text` is what the input of a model of one text is called, `names` the columns of one that
    was fitted on an array without any. Raises CompileError naming the step that does not fit.
    """
    if frames.reads_texts(fitted):
        frame, inputs, pipeline = None, compile.text_schema(text, _LONGEST), fitted
    else:
        frame = frames.translate(fitted, names)
        inputs, pipeline = frame.inputs, frame.pipeline
    program = compile.to_program(model, inputs, {target: pipeline})
    loaded = predictor.load(program)
    assert isinstance(loaded, Predictor)
    return Foreign(fitted, target, program, loaded, frame)


def example(loaded: Predictor) -> dict[str, Any]:
    """A made-up row that fits."""
    return {field.name: _made_up(field) for field in loaded.inputs.fields}


def examples(loaded: Predictor, count: int) -> list[dict[str, Any]]:
    """Made-up rows that fit, the same for the same program: what is published shows nobody's data."""
    first = example(loaded)
    made = parity.fuzz(loaded.inputs, scored.columns(loaded, [first]), rows=100, seed=1)
    rows = [first]
    for row in parity.rows_of(made, loaded.inputs):
        try:
            rows.append(loaded.check(row))
        except InputError:  # hostile in the way that requests are refused for
            continue
    return [row for row in rows if all(len(str(value)) <= _SHORT for value in row.values())][:count]


def _made_up(field: Field) -> Any:
    if isinstance(field, Number):
        return 1.0
    return (field.values or ("a",))[0] if isinstance(field, Category) else _TEXT


def prove(model: Foreign, rows: Sequence[Mapping[str, Any]]) -> tuple[int, float]:
    """How many rows were compared, and the largest difference: on the checked `rows`, and on hostile ones made of them.

    Raises ParityError.
    """
    real = scored.columns(model.loaded, rows)
    hostile = parity.fuzz(model.loaded.inputs, real, rows=FUZZ_ROWS, seed=0)
    worst = max(parity.check(model.loaded, columns, _expected(model, columns)) for columns in (real, hostile))
    return len(rows) + FUZZ_ROWS, worst


def _expected(model: Foreign, columns: Mapping[str, Any]) -> dict[str, parity.Expected]:
    """What the fitted model answers. Where its numbers overflow, the program says the largest that it has.

    scikit-learn warns of categories that it does not know and of overflows: here they are made on purpose.
    """
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        answers = parity.expected({model.target: model.fitted}, _given(model, columns))
    return {name: one._replace(values=np.clip(one.values, -LARGEST, LARGEST)) for name, one in answers.items()}


def _given(model: Foreign, columns: Mapping[str, Any]) -> Any:
    """Columns as the fitted model takes them: a list of texts, a frame, or an array if it never saw names."""
    if model.frame is None:
        return next(iter(columns.values()))
    import pandas as pd

    count = len(next(iter(columns.values())))
    dropped = np.zeros(count)  # of columns that the model does not use
    table = pd.DataFrame({name: columns.get(name, dropped) for name in model.frame.columns})
    return table if hasattr(model.fitted, "feature_names_in_") else table.to_numpy()
