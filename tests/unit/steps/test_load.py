"""A program's feature steps are checked before anything is used."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firesteel.errors import ProgramError
from firesteel.program import steps
from functions.train.steps import calendar, hash, lookup, number, onehot, ordinal, ratio

LAYER = Path(__file__).parents[3] / "layers" / "firesteel"
REFUSED = (ProgramError, KeyError, TypeError, ValueError)
COLUMNS = {"a": ["x", "y"], "b": ["y", None], "n": np.array([1.0, 2.0]), "m": np.array([np.nan, 4.0])}
STEPS = {
    "number": number.compile(number.Number(["n", "m"], 1.5, "mean", True, True).fit(COLUMNS)),
    "onehot": onehot.compile(onehot.OneHot(["a", "b"]).fit(COLUMNS)),
    "ordinal": ordinal.compile(ordinal.Ordinal(["a", "b"], {}).fit(COLUMNS)),
    "hash": hash.compile(hash.Hash([("a", "b")], 4)),
    "lookup": lookup.compile(lookup.Lookup("a", ["b"], {"n": "mean", "m": 0.0}).fit(COLUMNS)),
    "ratio": ratio.compile(ratio.Ratio(["n"], "a").fit(COLUMNS)),
    "calendar": calendar.compile(calendar.Calendar(["t"], ["year", "days"])),
}
ROW = {"a": "x", "b": "unseen", "n": 3, "m": None, "t": "2024-05-17"}
JUNK = st.none() | st.booleans() | st.integers(-3, 3) | st.just(10**30) | st.floats() | st.text(max_size=3)
VALUES = st.recursive(
    JUNK,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=5,
)


@pytest.mark.parametrize("kind", STEPS)
def test_loads_the_step_of_that_kind(kind):
    meta, tensors, columns, _ = STEPS[kind]
    step = steps.load(meta, tensors)
    assert type(step).__module__ == f"firesteel.program.steps.{kind}"
    assert step.size == len(columns)


@pytest.mark.parametrize("kind", ["tfidf", "parts", "os", "", None, 7])
def test_an_unknown_kind_is_refused(kind):
    with pytest.raises(ProgramError, match="there is no feature step"):
        steps.load({"kind": kind}, {})


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        ("number", {"inputs": ["n"]}, r"low is float64 \(2,\), not float64 \(1,\)"),
        ("number", {"inputs": ["n", "n"]}, "twice"),
        ("number", {"inputs": []}, "no input"),
        ("number", {"inputs": "nm"}, "not a list of names"),
        ("number", {"scale": np.array([1.0, 0.0])}, "divides by zero"),
        ("number", {"low": np.array([1.0, np.nan])}, "a number that is none"),
        ("number", {"low": np.array([0.0, 9.0]), "high": np.array([1.0, 8.0])}, "clips to nothing"),
        ("number", {"fill": np.array([0.0, np.inf])}, "beyond 1e"),
        ("number", {"fill": np.zeros(2, np.uint8)}, "is uint8"),
        ("onehot", {"sizes": [2, 2]}, "has 3 categories, its sizes say 4"),
        ("onehot", {"sizes": [4, -1]}, "natural numbers"),
        ("onehot", {"sizes": [3]}, "2 natural numbers"),
        ("onehot", {"separator": "q"}, "has 1 categories"),
        ("onehot", {"separator": " ", "sizes": [2, 1], "values": np.frombuffer(b"x x y", np.uint8)}, "category twice"),
        ("hash", {"width": 0}, "width"),
        ("hash", {"width": 1 << 40}, "width"),
        ("hash", {"width": 2.0}, "width"),
        ("hash", {"pairs": [["a", "c"]]}, "not the fields of its pairs"),
        ("lookup", {"means": np.full((4, 2), np.nan)}, "without a default"),
        ("lookup", {"means": np.zeros((3, 2))}, r"not float64 \(4, 2\)"),
        ("lookup", {"columns": ["n", "n"]}, "twice"),
        ("ratio", {"means": np.full((3, 1), np.inf)}, "beyond 1e"),
        ("ratio", {"inputs": ["a"]}, "no input"),
        ("calendar", {"parts": ["minute"]}, "year, month, day"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_and_says_why(kind, change, message):
    meta, tensors, *_ = STEPS[kind]
    arrays = {key: value for key, value in change.items() if isinstance(value, np.ndarray)}
    with pytest.raises(ProgramError, match=message):
        steps.load(meta | {key: value for key, value in change.items() if key not in arrays}, tensors | arrays)


@pytest.mark.parametrize("kind", STEPS)
def test_metadata_and_tensors_are_all_needed(kind):
    meta, tensors, *_ = STEPS[kind]
    for key in meta:
        with pytest.raises(REFUSED):
            steps.load({name: value for name, value in meta.items() if name != key}, tensors)
    for key in tensors:
        with pytest.raises(REFUSED):
            steps.load(meta, {name: value for name, value in tensors.items() if name != key})


@settings(deadline=None)
@given(st.sampled_from(list(STEPS)), st.data())
def test_hostile_metadata_is_refused_or_scores_without_a_crash(kind, data):
    meta, tensors, *_ = STEPS[kind]
    key = data.draw(st.sampled_from([name for name in meta if name != "kind"]))
    try:
        step = steps.load(meta | {key: data.draw(VALUES)}, tensors)
    except REFUSED:
        return
    if set(step.inputs) <= set(ROW):  # the predictor refuses other fields
        score(step)


@settings(deadline=None)
@given(st.sampled_from([kind for kind, step in STEPS.items() if step.tensors]), st.data())
def test_hostile_tensors_are_refused_or_score_without_a_crash(kind, data):
    meta, tensors, *_ = STEPS[kind]
    key = data.draw(st.sampled_from(list(tensors)))
    raw = bytearray(tensors[key].tobytes())
    for place in data.draw(st.lists(st.integers(0, len(raw) - 1), max_size=9)):
        raw[place] = data.draw(st.integers(0, 255))
    try:
        step = steps.load(
            meta, tensors | {key: np.frombuffer(bytes(raw), tensors[key].dtype).reshape(tensors[key].shape)}
        )
    except REFUSED:
        return
    score(step)


def score(step):
    """Fill a row, and ask for all that explanations need; nothing is infinite."""
    out = np.zeros((1, step.size))
    step.fill([ROW], out)
    assert not np.isinf(out).any()
    assert step.owners(ROW).shape == (step.size, len(step.inputs))
    assert len(step.names) == step.size


def test_only_the_steps_that_a_model_has_are_imported():
    script = (
        "import json, sys; from firesteel.program import steps; steps.load({'kind': 'hash', 'inputs': ['a', 'b'],"
        " 'pairs': [['a', 'b']], 'width': 2}, {}); print(json.dumps([m for m in sys.modules if '.steps.' in m]))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": str(LAYER)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(json.loads(answer.stdout)) == {f"firesteel.program.steps.{name}" for name in ("hash", "murmur", "parts")}
