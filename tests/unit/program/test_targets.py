"""Raw scores become answers by a few formulas, and metadata that is none of a target is refused when it is read."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firesteel.errors import InputError, ProgramError
from firesteel.program import targets

INTERVAL = {"coverage": 0.9, "edges": [0.5], "below": [0.1, 0.2], "above": [0.1, 0.3], "high": 0.25, "medium": 0.4}
SCORE = {"name": "score", "task": "regression", "range": [0.0, 1.0], "unit": None, "interval": INTERVAL}
PIECES = {
    "name": "pieces",
    "task": "count",
    "exposure": "staff",
    "unit": "pieces",
    "interval": {"coverage": 0.9, "edges": [4.0], "below": [1.5, 2.0], "above": [1.5, 2.0], "high": 0.5, "medium": 1.5},
}
LABEL = {
    "name": "label",
    "task": "classification",
    "labels": ["no", "yes"],
    "scale": 2.0,
    "bias": [0.5, -0.5],
    "threshold": 0.9,
}
finite = st.floats(allow_nan=False, allow_infinity=False)


def test_the_label_is_that_of_the_highest_score_and_its_confidence_is_calibrated():
    target = targets.load(LABEL)
    label, confidence = target.answer([1.0, 1.2])
    assert label == "yes"
    assert confidence == pytest.approx(1 / (1 + math.exp((2 * 1 + 0.5) - (2 * 1.2 - 0.5))))
    assert sum(target.probabilities([3.0, -800.0])) == pytest.approx(1)
    assert (target.task, target.scores) == ("classification", 2)


@pytest.mark.parametrize(
    ("score", "value", "lower", "upper", "level"),
    [
        (0.3, 0.3, 0.2, 0.4, "High"),
        (0.5, 0.5, 0.3, 0.8, "Low"),
        (0.75, 0.75, 0.55, 1.0, "Low"),
        (0.9, 0.9, 0.7, 1.0, "Medium"),
        (-3.0, 0.0, 0.0, 0.1, "High"),
        (7.0, 1.0, 0.8, 1.0, "High"),
    ],
)
def test_a_number_and_its_interval_are_clamped_to_the_range(score, value, lower, upper, level):
    estimate = targets.load(SCORE).estimate(score)
    assert estimate[:3] == pytest.approx((value, lower, upper))
    assert estimate.level == level
    assert estimate.score == pytest.approx(0.95 - 0.45 * (upper - lower))


def test_without_a_range_the_score_compares_the_interval_with_the_number():
    estimate = targets.load({**SCORE, "range": None}).estimate(10.0)
    assert estimate[:3] == pytest.approx((10.0, 9.8, 10.3))
    assert estimate.score == pytest.approx(0.95 - 0.45 * 0.25 / 10.25)


def test_a_count_is_exposure_times_rate_and_its_interval_in_square_roots_of_it():
    estimate = targets.load(PIECES).estimate(math.log(0.5), 18)
    assert estimate[:3] == pytest.approx((9.0, 3.0, 15.0))
    assert estimate.level == "Medium"
    assert estimate.score == pytest.approx(0.95 - 0.45 * 6 / 15)


def test_the_interval_of_a_count_never_excludes_the_likeliest_count():
    narrow = {**PIECES["interval"], "edges": [], "below": [0.0], "above": [0.0]}
    target = targets.load({**PIECES, "interval": narrow})
    assert target.estimate(math.log(0.3))[:3] == pytest.approx((0.3, 0.0, 0.3))
    assert target.estimate(math.log(5.5))[:3] == pytest.approx((5.5, 5.0, 5.5))


def test_without_an_interval_there_is_the_value_alone():
    assert targets.load({**SCORE, "interval": None}).estimate(0.25) == (0.25, None, None, None, None)
    assert targets.load({**PIECES, "interval": None}).estimate(0.0, 3.0) == (3.0, None, None, None, None)


def test_without_levels_there_is_no_level():
    plain = {**INTERVAL, "high": None, "medium": None}
    assert targets.load({**SCORE, "interval": plain}).estimate(0.3).level is None


@given(score=finite, exposure=st.floats(min_value=1e-300, max_value=1e300), entry=st.sampled_from([SCORE, PIECES]))
def test_every_answer_is_finite_and_in_order(score, exposure, entry):
    target = targets.load(entry)
    estimate = target.estimate(score) if target.task == "regression" else target.estimate(score, exposure)
    assert estimate.lower <= estimate.value <= estimate.upper
    assert all(map(math.isfinite, estimate[:3]))
    assert 0.5 - 1e-9 <= estimate.score <= 0.95
    assert estimate.level in {"High", "Medium", "Low"}


@pytest.mark.parametrize("exposure", [0, 0.0, -1])
def test_an_exposure_must_be_more_than_nothing(exposure):
    with pytest.raises(InputError, match="staff must be more than 0"):
        targets.load(PIECES).estimate(0.0, exposure)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({**LABEL, "task": "ranking"}, "unknown task 'ranking'"),
        ({**LABEL, "bias": [0.0]}, "2 labels for 1 biases"),
        ({**LABEL, "scale": math.inf}, "inf where a finite number"),
        ({**LABEL, "scale": True}, "True where a finite number"),
        ({**LABEL, "labels": ["one"], "bias": [0.0]}, "1 labels"),
        ({**SCORE, "range": [1.0, 0.0]}, "range 1 to 0"),
        ({**SCORE, "interval": {**INTERVAL, "below": [0.1]}}, "1 edges part 1 and 2 bins"),
        ({**SCORE, "interval": {**INTERVAL, "below": [0.1, -0.1]}}, "width below 0"),
        ({**SCORE, "interval": {**INTERVAL, "below": [0.1, math.nan]}}, "nan where a finite number"),
        ({**SCORE, "interval": {**INTERVAL, "high": None}}, "both high and medium"),
        (
            {**PIECES, "interval": {**INTERVAL, "edges": [2.0, 1.0], "below": [1.0] * 3, "above": [1.0] * 3}},
            "do not ascend",
        ),
    ],
)
def test_metadata_that_is_none_of_a_target_is_refused(entry, message):
    with pytest.raises(ProgramError, match=message):
        targets.load(entry)


@pytest.mark.parametrize("entry", [LABEL, SCORE, PIECES])
def test_metadata_without_a_field_is_refused(entry):
    for name in entry:
        with pytest.raises(KeyError):
            targets.load({key: value for key, value in entry.items() if key != name})
