"""Inferences as counts a day: whose count where, whatever their order and number."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.drift import NOW
from firesteel.monitor.inferences import Inference
from functions.train.drift import baseline
from functions.train.drift.sketch import Sketch

CELLS = {"edges": [1.0], "counts": [0, 100, 0], "missing": 0}
KNOWN = {
    "format": 2,
    "rows": 100,
    "inputs": {"a": CELLS, "y": {"shares": {"x": 1.0}, "other": 0, "missing": 0}},
    "targets": {"y": {"shares": {"no": 0.5, "yes": 0.5}, "confidence": CELLS}, "z": {**CELLS, "width": CELLS}},
    "review_share": 0.0,
}
SERIES = baseline.read("m", KNOWN)


def inference(ago=timedelta(hours=1), version="1.0.0", number=0, **parts):
    given = {
        "labels": {"y": "yes"},
        "confidences": {"y": 1.0},
        "review": False,
        "estimates": {"z": {"value": 1.0, "lower": 0.5, "upper": 1.5}},
        "inputs": {"a": 1.0, "y": "x"},
    }
    about = {"request_id": f"r{number}", "row": None, "when": NOW - ago, "model": "m", "version": version}
    return Inference(**about, digest="", side="", status=200, **given | parts)


def sketched(rows, days=7, **more):
    sketch = Sketch(SERIES, "1.0.0", NOW, days, **more)
    for one in rows:
        sketch.add(one)
    return sketch


def counts(sketch, of, name, days=7):
    return sketch.of(next(one for one in SERIES if one.key == (of, name)), days).tolist()


def test_an_input_and_a_target_of_one_name_are_two_series():
    sketch = sketched([inference()])
    assert counts(sketch, "input", "y") == [1, 0, 0]
    assert counts(sketch, "prediction", "y") == [0, 1, 0, 0]


def test_estimates_have_values_and_widths_and_the_width_of_none_is_left_out():
    estimate = {"z": {"value": 2.0, "lower": None, "upper": None}}
    sketch = sketched([inference(), inference(estimates=estimate)])
    assert counts(sketch, "prediction", "z") == [0, 0, 1, 1]
    assert counts(sketch, "width", "z.width") == [0, 0, 1, 0]


def test_answers_of_other_versions_do_not_count_and_their_inputs_do():
    sketch = sketched([inference(version="2.0.0"), inference(review=True)])
    assert counts(sketch, "input", "a") == [0, 0, 2, 0]
    assert counts(sketch, "confidence", "y.confidence") == [0, 0, 1, 0]
    assert counts(sketch, "review", "review") == [1, 0, 0, 0]
    assert sketch.rows_of(7) == 2


def test_a_field_that_is_not_logged_is_not_missing():
    sketch = sketched([inference(inputs={}), inference(inputs={"a": None})])
    assert counts(sketch, "input", "a") == [1, 0, 0, 0]
    assert counts(sketch, "input", "y") == [0, 0, 0]


@pytest.mark.parametrize(
    ("ago", "of_a_day", "of_a_week"),
    [
        (timedelta(microseconds=1), 1, 1),
        (timedelta(days=1), 1, 1),
        (timedelta(days=1, microseconds=1), 0, 1),
        (timedelta(days=7), 0, 1),
        (timedelta(days=7, microseconds=1), 0, 0),
        (timedelta(0), 0, 0),
        (timedelta(seconds=-5), 0, 0),
    ],
)
def test_a_day_is_24_hours_before_now(ago, of_a_day, of_a_week):
    sketch = sketched([inference(ago)])
    assert (sketch.rows_of(1), sketch.rows_of(7)) == (of_a_day, of_a_week)


@given(st.lists(st.tuples(st.integers(0, 199), st.sampled_from([0.0, 1.0, 2.0])), max_size=40), st.randoms())
@settings(deadline=None)
def test_the_order_does_not_matter_nor_how_many_are_held(rows, random):
    made = [inference(timedelta(hours=hours), number=number, inputs={"a": value})
            for number, (hours, value) in enumerate(rows)]  # fmt: skip
    shuffled = random.sample(made, len(made))
    one, other = sketched(made), sketched(shuffled)
    for number, row in enumerate(shuffled):
        if number % 3 == 0:
            other.of(SERIES[0], 7)  # counts what is held
        del row
    for days in (1, 3, 7):
        assert counts(one, "input", "a", days) == counts(other, "input", "a", days)


def test_more_rows_than_are_held_at_once():
    sketch = sketched(inference(number=number) for number in range(1201))
    assert counts(sketch, "input", "a") == [0, 0, 1201, 0]
    assert sum(map(len, sketch._held)) == 0


def test_only_wanted_rows_are_kept():
    rows = [inference(number=number) for number in range(1000)]
    sketch = sketched([*rows, inference(number=5)._replace(row=3)], wanted={("r5", None), ("r5", 3), ("r5000", None)})
    assert sketch.rows_of(1) == 1001
    assert sketch.found.keys() == {("r5", None), ("r5", 3)}
