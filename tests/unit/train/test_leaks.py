"""Held-out rows that were trained on: what counts as a repeated row, with texts and without."""

from dataclasses import replace

import numpy as np
import pytest

from functions.train import leaks
from tests.proofs.spoiled_files import DEFINITION
from tests.unit.train.problems import define, problem


def rows(task="regression", count=40, seed=0):
    _, found = problem(task, count, seed)
    return replace(found, inputs={"a": found.inputs["a"], "size": np.ones(count)})


def with_texts(texts):
    inputs = {"text": texts, "size": np.ones(len(texts)), "season": ["spring"] * len(texts)}
    inputs = {name: inputs.get(name, [None] * len(texts)) for name in DEFINITION.inputs}
    return replace(rows(count=len(texts)), inputs=inputs, targets={})


def test_rows_without_a_text_that_were_trained_on_are_counted_by_target():
    train = rows()
    assert leaks.repeated(define("regression"), train, train) == {"y": 40}
    assert leaks.repeated(define("regression"), train, train.take(np.arange(7))) == {"y": 7}
    assert leaks.repeated(define("regression"), train, rows(seed=1)) == {"y": 0}


def test_missing_numbers_agree():
    train = rows()
    train = replace(train, inputs=train.inputs | {"size": np.full(40, np.nan)})
    assert leaks.repeated(define("regression"), train, train) == {"y": 40}


def test_another_answer_is_no_copy():
    train = rows()
    test = replace(train, targets={"y": train.targets["y"] / 2})
    assert leaks.repeated(define("regression"), train, test) == {"y": 0}


@pytest.mark.parametrize(("times", "counted"), [(1, 40), (4, 40), (5, 0)])
def test_what_five_trained_rows_agree_with_repeats_by_nature(times, counted):
    one = rows()
    assert leaks.repeated(define("regression"), one.take(np.tile(np.arange(40), times)), one) == {"y": counted}


@pytest.mark.parametrize(
    ("text", "counted"),
    [("the door is locked", 1), ("The  DOOR is locked\n", 1), ("the door is open", 0), ("thedoor is locked", 0)],
)
def test_texts_are_compared_without_case_and_blanks(text, counted):
    train = with_texts(["the door is locked"] * 9)
    assert set(leaks.repeated(DEFINITION, train, with_texts([text])).values()) == {counted}
