"""The review policy: a threshold that keeps its promise, or none."""

import numpy as np
import pytest

from firesteel.definition import Review
from functions.train import review
from functions.train.review import NEVER_AUTOMATIC, Answers

POLICY = Review(accuracy=0.9, confidence=0.9)


def draw(generator, rows, calibrated=True):
    confidence = generator.uniform(0.5, 1, rows)
    chance = confidence if calibrated else np.full(rows, 0.6)
    return Answers(confidence, generator.uniform(size=rows) < chance)


def test_the_threshold_reaches_the_wanted_accuracy_on_the_rows_it_was_tested_on():
    generator = np.random.default_rng(0)
    found = review.find(draw(generator, 2000), draw(generator, 1000), POLICY)
    assert 0.5 < found.threshold < 1
    assert found.accuracy >= 0.9
    assert found.lower_bound >= 0.9
    assert 0.1 < found.share < 1


def test_the_guarantee_holds_over_many_draws():
    """Broken promises must be rarer than 1 - confidence; the true accuracy above t is the mean of U(t, 1)."""
    generator = np.random.default_rng(1)
    broken = 0
    for _ in range(400):
        found = review.find(draw(generator, 400), draw(generator, 300), POLICY)
        broken += found.threshold <= 1 and (found.threshold + 1) / 2 < POLICY.accuracy
    assert broken / 400 <= 0.1 + 0.03


def test_a_model_that_cannot_reach_it_has_every_answer_reviewed():
    generator = np.random.default_rng(2)
    found = review.find(draw(generator, 500, calibrated=False), draw(generator, 500, calibrated=False), POLICY)
    assert found == (NEVER_AUTOMATIC, 0.0, None, None, 500)
    assert "every answer is reviewed" in found.summary(POLICY, held_out=True)["guarantee"]


def test_few_rows_cannot_show_a_high_accuracy_even_without_an_error():
    sure = Answers(np.full(20, 0.99), np.ones(20, bool))
    assert review.find(sure, sure, Review(accuracy=0.95, confidence=0.95)).threshold == NEVER_AUTOMATIC


def test_a_model_that_is_always_right_answers_everything_itself():
    sure = Answers(np.linspace(0.6, 1, 200), np.ones(200, bool))
    found = review.find(sure, sure, Review(accuracy=0.95, confidence=0.95))
    assert found.share == 1
    assert found.threshold == pytest.approx(0.6)


def test_without_held_out_rows_no_guarantee_is_claimed():
    sure = Answers(np.linspace(0.6, 1, 200), np.ones(200, bool))
    found = review.find(sure, sure, POLICY)
    assert found.summary(POLICY, held_out=False)["guarantee"].startswith("none")
    assert "probability 0.9" in found.summary(POLICY, held_out=True)["guarantee"]
