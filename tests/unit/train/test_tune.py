"""The search: every point of the space that the method names, the best one by its metric, and resumable."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from firesteel.definition import GradientBoosting, Linear, Logistic, Search
from firesteel.errors import DataError, DefinitionError
from functions.train.tune import Journal, search_settings
from tests.unit.train.problems import silent

ROOT = Path(__file__).parents[3]
START = Linear(kind="linear", alpha=7.0)
SPACES = {
    "grid": {"alpha": [0.5, 2.0, 4.0, 8.0, 16.0, 64.0]},
    "random": {"alpha": {"low": 0.1, "high": 50.0, "log": True}},
    "optuna": {"alpha": {"low": 0.1, "high": 50.0, "log": True}},
}


def loss(settings):
    """Two folds; the best alpha is 4."""
    distance = abs(np.log(settings.alpha / 4))
    return [distance, distance + 0.5]


def find(
    method="grid", metric="rmse", judge=loss, space=None, start=START, path=None, key="one", report=silent, **more
):
    search = Search(method=method, space=space or SPACES[method], **({"trials": 12} | more))
    return search_settings(start, search, metric, judge, seed=5, journal=Journal(path, key), report=report)


def test_a_grid_is_tried_point_by_point_and_the_best_is_chosen():
    space = {"C": [1.0, 4.0], "class_weight": [0.0, 0.5]}
    best, trials = find(
        judge=lambda s: [s.C + s.class_weight, s.C], metric="accuracy", space=space, start=Logistic(C=9.0)
    )
    assert [trial["settings"] for trial in trials] == [
        {"C": 1.0, "class_weight": 0.0},
        {"C": 1.0, "class_weight": 0.5},
        {"C": 4.0, "class_weight": 0.0},
        {"C": 4.0, "class_weight": 0.5},
    ]
    assert trials[-1] == {
        "settings": best.model_dump(exclude={"kind"}),
        "metric": "accuracy",
        "mean": 4.25,
        "spread": 0.25,
    }
    assert best == Logistic(C=4.0, class_weight=0.5)


def test_settings_outside_of_the_space_stay_as_they_are():
    start = GradientBoosting(kind="gradient_boosting", iterations=17)
    best, _ = find(judge=lambda s: [s.l2], space={"l2": [2.0, 1.0]}, start=start)
    assert best == start.model_copy(update={"l2": 1.0})


@pytest.mark.parametrize(("metric", "alpha"), [("rmse", 4.0), ("r2", 64.0)])
def test_less_is_better_or_more_is_as_the_metric_says(metric, alpha):
    assert find(metric=metric)[0].alpha == alpha


def test_of_equal_points_the_first_is_chosen():
    assert find(judge=lambda _: [1.0])[0].alpha == 0.5


@pytest.mark.parametrize("method", ["random", "optuna"])
def test_a_search_stays_in_its_space_and_finds_its_way_again_by_the_seed(method):
    space = {
        "iterations": {"low": 10, "high": 20, "integer": True},
        "l2": {"low": 0.1, "high": 10, "log": True},
        "max_leaf_nodes": [4, 8],
        "min_samples_leaf": {"low": 1, "high": 100, "log": True, "integer": True},
    }
    start = GradientBoosting(kind="gradient_boosting")
    first, again = (find(method, judge=lambda s: [s.l2 + s.iterations], space=space, start=start) for _ in range(2))
    assert first == again
    assert len(first[1]) == 12
    for trial in first[1]:
        point = trial["settings"]
        assert 10 <= point["iterations"] <= 20
        assert 0.1 <= point["l2"] <= 10
        assert point["max_leaf_nodes"] in {4, 8}
        assert 1 <= point["min_samples_leaf"] <= 100
    assert len({trial["settings"]["iterations"] for trial in first[1]}) > 3


def test_a_point_drawn_twice_is_tried_once():
    _, trials = find("random", space={"alpha": [1.0, 2.0]})
    assert sorted(trial["settings"]["alpha"] for trial in trials) == [1.0, 2.0]


def test_optuna_learns_from_its_trials():
    best, _ = find("optuna", trials=40)
    assert best.alpha == pytest.approx(4, rel=0.2)


@pytest.mark.parametrize("method", SPACES)
def test_progress_is_told_before_each_trial(method):
    told = []
    _, trials = find(method, report=lambda *stage: told.append(stage))
    assert told == [("tune", number, len(trials)) for number in range(len(trials))]


@pytest.mark.parametrize("method", SPACES)
@pytest.mark.parametrize("after", [1, 4])
def test_an_interrupted_search_goes_on_where_it_was_and_ends_the_same(method, after, tmp_path):
    path = tmp_path / "journals" / "y.jsonl"
    judged = []

    def interrupted(settings):
        if len(judged) == after:
            raise KeyboardInterrupt
        judged.append(settings)
        return loss(settings)

    with pytest.raises(KeyboardInterrupt):
        find(method, judge=interrupted, path=path)
    path.write_bytes(path.read_bytes() + b'\n{"key": "one", "settings": {"alp')  # the next line was cut off
    rest = []
    resumed = find(method, judge=lambda s: rest.append(s) or loss(s), path=path)
    assert resumed == find(method)
    assert not [settings for settings in rest if settings in judged]
    assert len(rest) + len(judged) == len(resumed[1])
    assert find(method, judge=None, path=path) == resumed


KILLED = """
import os, sys
from pathlib import Path
from tests.unit.train.test_tune import find, loss
done = []
def judge(settings):
    if len(done) == 3:
        os.kill(os.getpid(), 9)
    done.append(settings)
    return loss(settings)
find(sys.argv[1], judge=judge, path=Path(sys.argv[2]))
"""


def test_a_killed_process_loses_no_finished_trial(tmp_path):
    path = tmp_path / "y.jsonl"
    command = [sys.executable, "-c", KILLED, "optuna", str(path)]
    ran = subprocess.run(command, cwd=ROOT, env={"PYTHONPATH": f"{ROOT}:{ROOT / 'layers/firesteel'}"}, check=False)
    assert ran.returncode == -9
    rest = []
    assert find("optuna", judge=lambda s: rest.append(s) or loss(s), path=path) == find("optuna")
    assert len(rest) == 12 - 3


def test_a_journal_is_shared_by_searches_that_do_not_mix(tmp_path):
    path = tmp_path / "y.jsonl"
    find(path=path, key="one")
    other = find(judge=lambda _: [0.25, 0.75], path=path, key="two")
    assert {trial["mean"] for trial in other[1]} == {0.5}
    assert {json.loads(line)["key"] for line in path.read_text().split("\n") if line} == {"one", "two"}
    assert find(judge=None, path=path, key="one") == find()


@pytest.mark.parametrize(
    ("start", "space", "message"),
    [
        (Logistic(), {"C": [1.0, 0.0]}, r"search\.space\.C: logistic cannot have 0: .*greater than 0"),
        (
            GradientBoosting(kind="gradient_boosting"),
            {"max_features": {"low": 0.5, "high": 1.5}},
            "max_features: .* cannot have 1.5",
        ),
        (
            GradientBoosting(kind="gradient_boosting"),
            {"iterations": {"low": 10, "high": 50}},
            "iterations.*write integer: true",
        ),
    ],
)
def test_settings_that_cannot_be_had_are_refused_before_the_search_begins(start, space, message):
    with pytest.raises(DefinitionError, match=message):
        find("random", judge=None, space=space, start=start)


def test_optuna_is_asked_for_by_name_where_it_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(DefinitionError, match="pip install optuna"):
        find("optuna")


def test_a_metric_that_is_no_number_stops_the_search():
    with pytest.raises(DataError, match="no finite rmse"):
        find(judge=lambda _: [float("nan")])
