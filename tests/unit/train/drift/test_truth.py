"""How good answers were where feedback says what was right, and whether that is less than in training."""

from datetime import timedelta

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import f1_score

from benchmarks.drift import NOW
from firesteel.monitor import feedback
from firesteel.monitor.inferences import Inference
from functions.train import evaluate
from functions.train.drift import truth

LABELS = ("High", "Low")


def metrics(right=900, rows=1000, error=0.01):
    wrong = rows - right
    matrix = [[right // 2, wrong // 2], [wrong - wrong // 2, right - right // 2]]
    shares = {"accuracy": right / rows, "expected_calibration_error": error}
    return {"targets": {"y": {"rows": rows, "labels": list(LABELS), "confusion_matrix": matrix, **shares}}}


def told(rows, right, confidence=0.9, days=2, target="y", version="1.0.0"):
    """Answers by request, and corrections that find the first `right` of them right."""
    found, said = {}, []
    for number in range(rows):
        label, other = LABELS[number % 2], LABELS[1 - number % 2]
        when = NOW - timedelta(days=number % days, hours=1)
        one = Inference(
            f"r{number}", None, when, "m", version, "", "", {target: label}, {target: confidence}, False, {}, {}, 200
        )
        found[one.request_id, None] = one
        said.append(correction(f"r{number}", {target: label if number < right else other}))
    return feedback.settled(said), found


def correction(request_id, answer, row=None):
    subject = feedback.subject_of(request_id, row, None)
    return feedback.Correction(subject, NOW, "m", subject, request_id, None, answer, "ada", "", None, row)


def judged(corrections, found, known, target="y"):
    return truth.judge(known, corrections, found, "1.0.0", NOW)[target]


def measure(of, name):
    return next(one for one in of["measures"] if one["name"] == name)


def test_answers_as_right_as_in_training_have_not_fallen():
    of = judged(*told(200, 182), metrics())
    assert of["rows"] == 200
    assert not any(one["fell"] for one in of["measures"])
    assert "nothing is significantly worse" in of["sentence"]


def test_a_fall_is_found_and_named():
    corrections, found = told(200, 140)
    of = truth.judge(metrics(), corrections, found, "1.0.0", NOW)
    assert measure(of["y"], "accuracy")["fell"]
    assert measure(of["y"], "macro_f1")["fell"]
    assert measure(of["y"], "calibration_error")["fell"]
    assert truth.fallen(of) == ["y.accuracy", "y.macro_f1", "y.calibration_error"]
    assert "significantly worse than in training: accuracy, macro F1, calibration error" in of["y"]["sentence"]


def test_the_measures_are_those_of_training_with_intervals():
    corrections, found = told(150, 120, confidence=0.75)
    of = judged(corrections, found, metrics())
    interval = stats.binomtest(120, 150).proportion_ci(0.95, "wilson")
    accuracy = measure(of, "accuracy")
    assert (accuracy["value"], accuracy["low"], accuracy["high"]) == pytest.approx((0.8, interval.low, interval.high))
    said = [found[one.request_id, None].labels["y"] for one in corrections]
    right = [one.answer["y"] for one in corrections]
    f1 = measure(of, "macro_f1")
    assert f1["value"] == pytest.approx(f1_score(right, said, average="macro"))
    assert f1["low"] < f1["value"] < f1["high"]
    error = measure(of, "calibration_error")
    assert error["value"] == pytest.approx(evaluate.calibration_error(np.full(150, 0.75), np.arange(150) < 120))


def test_the_fall_of_accuracy_knows_how_many_rows_training_was_judged_on():
    corrections, found = told(60, 48)
    assert measure(judged(corrections, found, metrics(9000, 10_000)), "accuracy")["fell"]
    assert not measure(judged(corrections, found, metrics(27, 30)), "accuracy")["fell"]


def test_few_answers_are_no_verdict():
    of = judged(*told(29, 0), metrics())
    assert not of["enough"]
    assert not any(one["fell"] for one in of["measures"])
    assert of["sentence"] == "y has feedback for 29 answers; 30 are needed for a verdict."


def test_each_day_has_its_share_oldest_first():
    of = judged(*told(100, 100, days=4), metrics())
    assert [day["rows"] for day in of["days"]] == [25] * 4
    assert [day["begins"] for day in of["days"]] == [f"2026-11-{day}T06:00:00Z" for day in (17, 18, 19, 20)]
    assert [one["name"] for one in of["days"][0]["measures"]] == ["accuracy", "macro_f1", "calibration_error"]
    assert {measure(day, "accuracy")["value"] for day in of["days"]} == {1.0}
    assert all(one["low"] <= one["value"] <= one["high"] for day in of["days"] for one in day["measures"][:2])


def test_only_answers_of_the_version_that_are_known_count():
    corrections, found = told(50, 50)
    other = {("r0", None): found["r0", None]._replace(version="2.0.0")}
    more = feedback.settled([correction("unknown", {"y": "Low"}), correction("r1", {"other": "Low"})])
    assert truth.judge(metrics(), [*corrections, *more], found | other, "1.0.0", NOW)["y"]["rows"] == 49
    assert truth.judge(metrics(), corrections, {}, "1.0.0", NOW) == {}


def test_the_rows_of_a_batch_are_told_apart():
    _, found = told(1, 1)
    [one] = found.values()
    batch = {("r0", row): one._replace(row=row, labels={"y": LABELS[row % 2]}) for row in range(40)}
    corrections = feedback.settled([correction("r0", {"y": "High"}, row) for row in range(40)])
    assert measure(judged(corrections, batch, metrics()), "accuracy")["value"] == 0.5


def test_a_label_that_training_never_had_is_wrong_and_has_no_f1():
    corrections, found = told(40, 40)
    strange = feedback.settled([correction("r0", {"y": "Unheard of"})])
    of = judged([*corrections[1:], *strange], found, metrics())
    assert measure(of, "accuracy")["value"] == 39 / 40
    assert [one["name"] for one in of["measures"]] == ["accuracy", "calibration_error"]


def test_an_answer_of_another_kind_is_no_truth():
    _, found = told(40, 40)
    assert truth.judge(metrics(), feedback.settled([correction("r0", {"y": 3.0})]), found, "1.0.0", NOW) == {}


def test_a_version_without_metrics_is_judged_by_nothing():
    of = judged(*told(60, 0), {})
    assert [(one["name"], one["trained"], one["fell"]) for one in of["measures"]] == [
        ("accuracy", None, False),
        ("calibration_error", None, False),
    ]


def confused(random, rows, labels, right):
    """The true and the predicted label numbers [rows] of a model that is right so often; wrong ones are of any label."""
    true = random.integers(0, labels, rows)
    return true, np.where(random.random(rows) < right, true, random.integers(0, labels, rows))


def macro_f1_of(random, rows, labels, right):
    """The measure of so many answers, beside 3,080 held-out rows of which nine in ten are right."""
    true, predicted = confused(random, 3080, labels, 0.9)
    matrix = np.zeros((labels, labels), np.int64)
    np.add.at(matrix, (true, predicted), 1)
    now = truth._Confused(*confused(random, rows, labels, right), np.ones(rows, np.int64), labels)
    return truth._macro_f1(now, matrix, 200)


@pytest.mark.parametrize(("labels", "rows"), [(20, 30), (77, 30), (77, 100)])
def test_few_answers_of_many_labels_have_not_fallen_for_being_few(labels, rows):
    random = np.random.default_rng(0)
    measures = [macro_f1_of(random, rows, labels, 0.9) for _ in range(30)]
    assert sum(one.fell for one in measures) <= 5  # at 5 %: more has a chance of less than 1 %
    assert np.mean([one.value for one in measures]) == pytest.approx(
        np.mean([one.expected for one in measures]), abs=0.03
    )
    assert all(one.low <= one.value <= one.high for one in measures)


def test_a_fall_shows_among_many_labels():
    random = np.random.default_rng(1)
    assert sum(macro_f1_of(random, 100, 77, 0.75).fell for _ in range(15)) >= 12


def test_what_as_many_rows_would_have_is_told_beside_the_macro_f1():
    of = judged(*told(40, 36), metrics())
    f1 = measure(of, "macro_f1")
    assert f1["trained"] == pytest.approx(0.9)
    assert f1["expected"] == pytest.approx(0.9, abs=0.02)
    assert f"; as in training would be {f1['expected']:.3g})" in of["sentence"]
    assert measure(of, "accuracy")["expected"] is None


NUMBERS = {"targets": {"z": {"rows": 1000, "mae": 1.0, "rmse": 1.25, "interval_coverage": 0.9}}}


class TestNumbers:
    def told(self, errors, width=2.0):
        found, said = {}, []
        for number, error in enumerate(errors):
            ends = {"lower": None, "upper": None} if width is None else {"lower": 10 - width, "upper": 10 + width}
            when = NOW - timedelta(days=number % 2, hours=1)
            one = Inference(
                f"r{number}", None, when, "m", "1.0.0", "", "", {}, {}, False, {"z": {"value": 10.0, **ends}}, {}, 200
            )
            found[one.request_id, None] = one
            said.append(correction(f"r{number}", {"z": 10.0 + error}))
        return feedback.settled(said), found

    def test_intervals_that_hold_the_truth_as_often_as_before(self):
        of = judged(*self.told([0.5] * 90 + [3.0] * 10), NUMBERS, "z")
        assert measure(of, "coverage")["value"] == 0.9
        assert measure(of, "mae")["value"] == pytest.approx(0.75)
        assert not any(one["fell"] for one in of["measures"])
        assert [len(day["measures"]) for day in of["days"]] == [2, 2]

    def test_errors_that_grew_and_intervals_that_miss(self):
        of = judged(*self.told([0.5] * 50 + [4.0] * 50), NUMBERS, "z")
        assert {one["name"]: one["fell"] for one in of["measures"]} == {"mae": True, "coverage": True}

    def test_the_errors_of_few_held_out_rows_are_a_sample_too(self):
        random, fell = np.random.default_rng(0), 0
        for _ in range(60):
            before, now = (np.abs(random.normal(size=rows)) for rows in (100, 1000))
            fell += truth._is_more(now, before.mean(), np.sqrt((before**2).mean()), 100)
        assert fell <= 8  # at 5 %: more has a chance of less than 1 %

    def test_the_test_of_grown_errors_is_welchs(self):
        random = np.random.default_rng(0)
        before = random.exponential(size=2000)
        for now in (random.exponential(scale, 2000) for scale in (0.9, 1.0, 1.03, 1.05, 1.07, 1.2)):
            p = stats.ttest_ind(now, before, equal_var=False, alternative="greater").pvalue
            assert truth._is_more(now, before.mean(), np.sqrt((before**2).mean()), 2000) == (p < truth.LEVEL)

    def test_errors_of_which_training_says_no_spread_have_not_grown(self):
        assert not truth._is_more(np.full(50, 9.0), 1.0, None, 1000)
        assert not truth._is_more(np.full(50, 9.0), 1.0, 1.0, 1)

    def test_numbers_without_intervals_have_no_coverage(self):
        of = judged(*self.told([0.5] * 50, width=None), NUMBERS, "z")
        assert [one["name"] for one in of["measures"]] == ["mae"]
        assert [len(day["measures"]) for day in of["days"]] == [1, 1]


def test_a_calibrated_model_is_not_called_uncalibrated_for_having_few_rows():
    random, fell = np.random.default_rng(0), 0
    for _ in range(12):
        confidence = random.uniform(0.5, 1, 60)
        right = random.random(60) < confidence
        fell += truth._calibration(confidence, right, 0.0, 1000).fell
    assert fell <= 3
