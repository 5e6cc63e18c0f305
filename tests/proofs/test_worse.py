"""A worse model is never promoted; and the proof of that can fail."""

import math

import pytest

from functions.train import gate, leaks, release
from tests.proofs import worse
from tests.proofs.promises import PROOFS
from tests.proofs.proof import SEED, Run, holds
from tests.proofs.proof import run as run_proof
from tests.proofs.worse_cases import NO_NUMBERS, cases

WORSE = next(proof for proof in PROOFS if proof.name == "worse")


def failures():
    return run_proof(WORSE, SEED, full=False).wrong


def test_a_worse_model_is_never_promoted():
    one = holds("worse")
    assert one.figures["refused_by_the_gates"] >= 100


def test_every_case_has_a_name_of_its_own():
    names = [one.name for one in cases(Run("worse", SEED, full=False).random("cases"))]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("weakened", [{"FEWEST": 0}, {"REPEATED": 2.0}])
def test_the_proof_fails_where_anything_is_believed(monkeypatch, weakened):
    for name, value in weakened.items():
        monkeypatch.setattr(gate, name, value)
    assert any("the gates let it pass" in one for one in failures())


def test_the_proof_fails_where_whatever_is_a_number_to_python_is_a_metric(monkeypatch):
    monkeypatch.setattr(
        gate, "_number", lambda metrics, path: gate._measured(metrics, path).get(path.partition(".")[2])
    )
    with pytest.raises((AssertionError, TypeError)):
        assert not failures()


@pytest.mark.parametrize(("common", "found"), [(1, "every row twice"), (math.inf, "of few values")])
def test_the_proof_fails_where_rows_without_a_text_repeat_too_freely_or_not_at_all(monkeypatch, common, found):
    monkeypatch.setattr(leaks, "COMMON", common)
    assert any(found in name and wrong for name, wrong in worse._of_leaks_without_texts("binary").items())


def test_the_proof_fails_where_rows_without_a_text_are_not_compared(monkeypatch):
    monkeypatch.setattr(leaks, "repeated", lambda *_: {"y": 0})
    assert worse._of_leaks_without_texts("binary")["binary, half of them"] == "it was promoted"


def test_the_proof_fails_where_nothing_passes(monkeypatch):
    monkeypatch.setattr(gate, "FEWEST", 1000)
    assert any("the gates refuse what is good enough" in one for one in failures())


def test_the_proof_fails_where_a_promotion_does_not_judge_again(monkeypatch):
    monkeypatch.setattr(release, "judged", lambda *_: [])
    assert worse._overtaken(worse._trained()) == "it was promoted"


@pytest.mark.parametrize("value", NO_NUMBERS.values(), ids=NO_NUMBERS)
def test_what_is_no_finite_number_is_no_metric(value):
    assert gate._number({"targets": {"y": {"r2": value}}}, "y.r2") is None


@pytest.mark.parametrize("metrics", [None, [], 1, {"targets": []}, {"targets": {"y": [math.nan]}}])
def test_metrics_of_another_shape_have_no_metric(metrics):
    assert gate._number(metrics, "y.r2") is None
