"""Held-out rows that a model has seen: what is known by heart proves nothing."""

import math

from firesteel.definition import Definition, TextInput
from functions.train import repeats
from functions.train.columns import Values
from functions.train.dataset import Dataset

COMMON = 5  # trained rows that agree, from which on rows without a text are taken for ones that repeat by nature


def repeated(definition: Definition, train: Dataset, test: Dataset) -> dict[str, int]:
    """By target, how many rows of `test` repeat one of `train` in every input, whatever the case and blanks of texts.

    Where no input is a text, rows of few values repeat without being copies. There the answer must be the same, too, and
    fewer than COMMON trained rows.
    """
    inputs = [(_compared(definition, name, train), _compared(definition, name, test)) for name in train.inputs]
    if any(isinstance(one, TextInput) for one in definition.inputs.values()):
        return dict.fromkeys(definition.targets, repeats.shared(inputs, math.inf))
    return {
        name: repeats.shared([*inputs, (train.targets[name], test.targets[name])], COMMON)
        for name in definition.targets
    }


def _compared(definition: Definition, name: str, rows: Dataset) -> Values:
    values = rows.inputs[name]
    if not isinstance(definition.inputs[name], TextInput):
        return values
    return [" ".join((value or "").casefold().split()) for value in values]
