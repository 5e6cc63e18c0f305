"""The feature signature: the same for retrained models, another for other inputs, steps or orders, and always checked."""

import copy

import pytest

from firesteel.errors import ProgramError
from firesteel.program import format, predictor
from firesteel.program.signature import signature

META = {
    "inputs": [
        {"kind": "text", "name": "title", "max_length": 10},
        {"kind": "number", "name": "size", "unit": None},
        {"kind": "identifier", "name": "id"},
    ],
    "text": [{"kind": "tfidf", "name": "words", "inputs": ["title"], "ngrams": [1, 2], "separator": "x"}],
    "steps": [{"kind": "number", "name": "sizes", "inputs": ["size"]}],
}


def changed(change):
    meta = copy.deepcopy(META)
    change(meta)
    return signature(meta)


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m["inputs"].pop(1),
        lambda m: m["inputs"][1].update(kind="category"),
        lambda m: m["inputs"][1].update(name="width"),
        lambda m: m["inputs"].reverse(),
        lambda m: m["text"].clear(),
        lambda m: m["text"][0].update(ngrams=[1, 1]),
        lambda m: m["steps"][0].update(name="other"),
        lambda m: m["steps"][0].update(kind="onehot"),
        lambda m: m["steps"][0].update(inputs=["size", "size"]),
    ],
)
def test_another_input_step_or_order_has_another_signature(change):
    assert changed(change) != signature(META)


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m["inputs"].pop(2),
        lambda m: m["inputs"][0].update(max_length=99),
        lambda m: m["text"][0].update(separator="y"),
        lambda m: None,
    ],
)
def test_what_training_learns_and_what_is_passed_through_does_not_count(change):
    assert changed(change) == signature(META)


def test_a_program_that_is_signed_otherwise_is_refused():
    meta = {
        "model": "m",
        "inputs": [{"kind": "number", "name": "x", "required": True, "minimum": None, "maximum": None}
                   | {"integer": False, "unit": None}],
        "targets": [], "text": [], "steps": [], "estimators": [], "answer": None, "request": None,
    }  # fmt: skip
    good = format.write(meta | {"signature": signature(meta)}, {})
    assert predictor.load(good).signature == signature(meta)
    with pytest.raises(ProgramError, match="signature is not that of its inputs"):
        predictor.load(format.write(meta | {"signature": "0" * 64}, {}))
