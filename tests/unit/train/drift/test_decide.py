"""What is drift and what is not, and what is said of it."""

import numpy as np
import pytest

from benchmarks import drift
from benchmarks.drift import Watched, World
from functions.train.drift import baseline, decide, tests
from functions.train.drift.cells import Counts

RANDOM = np.random.default_rng(6)
STATE = RANDOM.bit_generator.state


@pytest.fixture(autouse=True)
def the_same_draws_in_any_order():
    RANDOM.bit_generator.state = STATE


def shares(counts, name="region", of="input"):
    labels = (*(f"v{number}" for number in range(len(counts) - 2)), baseline.OTHER, baseline.MISSING)
    return baseline.Shares(of, name, name, np.array(counts), lambda values: values, labels)


def one(series, *windows: list[int] | Counts):
    """The finding of one series, of which `windows` are the counts in the last day and the last 7."""
    current = {days: np.array(counts) for days, counts in zip((1, 7), windows, strict=True)}
    [found] = decide.decide([series], lambda _, days: current[days], (1, 7))
    return found


def number(values):
    from functions.train.drift import cells

    edges = cells.edges_of(values)
    return baseline.Numbers("input", "age", "age", cells.count(edges, values), lambda values: values, edges)


def test_a_large_difference_of_many_rows_is_drift():
    found = one(shares([500, 500, 0, 0]), [160, 40, 0, 0], [700, 700, 0, 0])
    assert (found.state, [look.state for look in found.windows]) == ("DRIFT", ["DRIFT", "OK"])
    assert found.telling.days == 1
    assert found.sentence.startswith(
        "80 % of region are 'v0'; in training 50 % (in the last day, 200 rows; p < 0.000001"
    )


def test_a_trifle_of_a_million_rows_is_none():
    found = one(shares([50_000, 50_000, 0, 0]), [510_000, 490_000, 0, 0], [510_000, 490_000, 0, 0])
    assert found.windows[0].significant
    assert found.state == "OK"
    assert "too little to matter" in found.sentence


def test_a_large_difference_that_chance_explains_is_none():
    found = one(shares([80, 40, 0, 0]), [53, 47, 0, 0], [53, 47, 0, 0])
    assert found.windows[0].distance > decide.BOUND
    assert (found.state, found.sentence[:22]) == ("OK", "region is as in traini")


@pytest.mark.parametrize(
    ("had", "has", "sentence"),
    [
        ([500, 500, 0, 0], [99, 0, 0, 0], "region was seen in 99 rows of the window; 100 are needed."),
        ([50, 49, 0, 0], [900, 0, 0, 0],
         "The baseline of region has 99 rows; 100 are needed: hold out more rows, or train on more."),
        ([500, 500, 0, 0], [0, 0, 0, 0],
         "region is not in the inference log: `log: hash` or `log: plain` in the definition would show it."),
    ],
)  # fmt: skip
def test_few_rows_are_no_verdict(had, has, sentence):
    found = one(shares(had), has, has)
    assert (found.state, found.sentence, found.windows) == ("INSUFFICIENT_DATA", sentence, ())


def test_a_number_that_is_not_logged_needs_to_be_plain():
    series = number(RANDOM.normal(size=500))
    found = one(series, np.zeros_like(series.counts), np.zeros_like(series.counts))
    assert found.sentence == "age is not in the inference log: `log: plain` in the definition would show it."


def test_a_short_window_can_be_judged_where_the_day_cannot():
    found = one(shares([500, 500, 0, 0]), [40, 10, 0, 0], [800, 200, 0, 0])
    assert [look.days for look in found.windows] == [7]
    assert found.state == "DRIFT"


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (lambda: RANDOM.normal(50, 10, 500), "The median is 50, and was 40"),
        (
            lambda: np.where(np.arange(500) < 200, np.nan, RANDOM.normal(40, 10, 500)),
            "40 % of age are missing; in training 0.0 %",
        ),
    ],
)
def test_numbers_are_told_in_words(values, sentence):
    series = number(RANDOM.normal(40, 10, 2000))
    counts = series.tally(values().tolist())
    found = one(series, counts, counts)
    assert found.state == "DRIFT"
    assert sentence.split(" ")[:3] == [word for word in sentence.split(" ")[:3] if word in found.sentence]


def test_zeros_that_become_fewer_are_seen_exactly():
    series = number(np.concatenate([np.zeros(1200), RANDOM.exponential(size=800)]))
    counts = series.tally([0.0] * 400 + RANDOM.exponential(size=600).tolist())
    found = one(series, counts, counts)
    assert found.windows[0].statistic == pytest.approx(0.2, abs=0.02)
    assert "are at most 0; in training 60 %" in found.sentence


def test_unknown_and_missing_values_and_reviews_are_told_in_words():
    new = one(shares([500, 500, 0, 0]), [250, 250, 300, 0], [250, 250, 300, 0])
    assert new.sentence.startswith("38 % of region are values that training hardly had; in training 0.0 %")
    gone = one(shares([500, 500, 0, 0]), [250, 250, 0, 300], [250, 250, 0, 300])
    assert gone.sentence.startswith("38 % of region are missing; in training 0.0 %")
    review = baseline.Shares(
        "review", "review", "review", np.array([100, 900, 0, 0]), lambda values: values, ("review", "automatic", *"ab")
    )
    assert one(review, [300, 700, 0, 0], [300, 700, 0, 0]).sentence.startswith(
        "30 % of the answers ask for a review; in training 10 %"
    )


def test_one_word_that_comes_up_is_seen_among_many():
    terms = baseline.Terms(
        "input",
        "title",
        "title.terms",
        np.array([400, 60, 800, 1000]),
        lambda values: values,
        ("login", "refund", "the"),
    )
    found = one(terms, [200, 160, 400, 500], [200, 160, 400, 500])
    assert found.state == "DRIFT"
    assert found.sentence.startswith("32 % of the texts in title have the word 'refund'; in training 6.0 %")
    same = one(terms, [200, 30, 400, 500], [200, 30, 400, 500])
    assert (same.state, same.windows[0].p) == ("OK", 1.0)


def test_the_more_is_tested_the_surer_one_must_be():
    had, has = [500, 500, 0, 0], [262, 338, 0, 0]
    p = tests.chi_squared(np.array(had), np.array(has)).p
    assert 0.001 < p / 2 < 0.05 < 20 * p

    def state(count):
        series = [shares(had, f"f{number}") for number in range(count)]
        current = {"f0": np.array(has)}
        findings = decide.decide(series, lambda one, _: current.get(one.name, one.counts), (7,))
        return findings[0].windows[0].significant

    assert state(1)
    assert not state(30)


def test_overall_one_drift_is_drift_and_nothing_known_is_not_ok():
    assert decide.overall(["OK", "INSUFFICIENT_DATA", "DRIFT"]) == "DRIFT"
    assert decide.overall(["OK", "INSUFFICIENT_DATA"]) == "OK"
    assert decide.overall(["INSUFFICIENT_DATA"]) == decide.overall([]) == "INSUFFICIENT_DATA"


class TestSimulation:
    """A small part of `python -m benchmarks.drift`."""

    def test_days_without_drift_raise_few_alarms(self):
        assert sum(drift.false_alarms(2, of_world=12)) <= 2

    def test_a_small_baseline_raises_few_alarms_too(self):
        assert sum(drift.false_alarms(2, of_world=6, rows=drift.SMALL)) <= 2

    def test_the_interval_of_false_alarms_is_of_worlds_not_of_days(self):
        alike = drift.over_worlds([1] * 20, of_world=20)
        of_one = drift.over_worlds([20] + [0] * 19, of_world=20)
        assert alike == pytest.approx((0.05, 0.05, 0.05))
        assert of_one.value == pytest.approx(0.05)
        assert of_one.high - of_one.low > 2 * (tests.wilson(20, 400).high - tests.wilson(20, 400).low)

    def test_a_shift_of_03_standard_deviations_is_seen_within_three_days(self):
        assert all(drift.caught(4))

    def test_the_alarm_names_what_moved_and_nothing_else(self):
        watched = Watched(World(77), windows=(1, 2))
        for _ in range(2):
            watched.live(shift=1.0, shifted=8)
        drifted = watched.drifted()
        assert "n8" in drifted
        assert set(drifted) <= {"n8", "y", "y.confidence", "review"}
