"""A program of segments says which model answers a row, and refuses what none does."""

import pytest

from firesteel.errors import InputError, ProgramError
from firesteel.program import format, predictor
from firesteel.program.router import Router

META = {
    "model": "recruits",
    "inputs": [
        {"kind": "category", "name": "position", "required": True, "values": ["QB", "RB", "K"], "max_length": 9}
    ],
    "segment_by": "position",
    "segments": {"QB": "qb", "RB": "rb"},
    "fallback": None,
}


def router(**changes):
    loaded = predictor.load(format.write({**META, **changes}, {}))
    assert isinstance(loaded, Router)
    return loaded


def test_a_row_goes_to_the_model_of_its_segment():
    assert [router().segment_of({"position": value, "x": 1}) for value in ("QB", "RB")] == ["qb", "rb"]


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        ({"position": "K"}, "unknown_segment"),
        ({"position": "qb"}, "unknown_segment"),
        ({"position": None}, "wrong_type"),
        ({"position": ["QB"]}, "wrong_type"),
        ({}, "missing"),
        ([], "wrong_type"),
    ],
)
def test_a_row_of_no_segment_is_refused_with_what_there_is(row, kind):
    with pytest.raises(InputError, match="QB, RB|object") as caught:
        router().segment_of(row)
    assert caught.value.problems[0].kind == kind


def test_a_value_without_a_model_of_its_own_goes_to_the_fallback_and_what_is_no_value_does_not():
    assert router(fallback="rb").segment_of({"position": "K"}) == "rb"
    with pytest.raises(InputError):
        router(fallback="rb").segment_of({"position": 7})


@pytest.mark.parametrize(
    "changes", [{"segments": {}}, {"fallback": "te"}, {"segment_by": "other"}, {"inputs": []}, {"segments": None}]
)
def test_what_does_not_fit_together_is_refused(changes):
    with pytest.raises(ProgramError):
        router(**changes)
