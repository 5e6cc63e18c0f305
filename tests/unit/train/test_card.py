"""The card says of every task how good a version is, how sure, and what it rests on."""

import re

import numpy as np
import pytest

from functions.train import card, train
from functions.train.gate import Verdict
from tests.unit.train.problems import define, problem

KINDS = {"binary": "logistic", "regression": "linear", "count": "poisson"}
PLOTS = {
    "binary": {"y-confusion.svg", "y-reliability.svg", "y-review.svg", "y-importance.svg"},
    "regression": {"y-calibration.svg", "y-residuals.svg", "y-intervals.svg", "y-importance.svg"},
    "count": {"y-calibration.svg", "y-residuals.svg", "y-intervals.svg", "y-importance.svg"},
}


def described(run, **changes):
    data = {"rows_used": 600, "source": "small.csv", "sha256": "0" * 64, "rows_quarantined": 0, "conflicting_texts": 0}
    whole = {"version": "1.2.0", "changelog": "", "trained_at": "2030-01-01T00:00:00+00:00", "split": run.split}
    return {**whole, "data": {**data, "rows_merged": 0}, **changes}


@pytest.fixture(scope="module", params=KINDS)
def run(request):
    setting = "C" if request.param == "binary" else "alpha"
    search = {"space": {setting: [100.0, 0.5, 1.0]}, "folds": 2}
    _, rows = problem(request.param, 600)
    rows.inputs["size"] = rows.exposure
    return request.param, train.train(define(request.param, KINDS[request.param], search=search), rows)


def written(run, verdicts=(), **changes):
    images = list(card.plots(run))
    return card.write(run, described(run, **changes), verdicts, images)


def test_every_plot_is_an_image_and_the_same_each_time(run):
    task, trained = run
    images = card.plots(trained)
    assert set(images) == PLOTS[task]
    assert all(image.lstrip().startswith(b"<?xml") for image in images.values())
    assert card.plots(trained) == images
    assert all(f"![{name}]({name})" in written(trained) for name in images)


def test_the_card_states_the_metrics_of_the_task(run):
    task, trained = run
    text, own = written(trained, [Verdict("y.r2", 0.5, ">= 0.4", True)]), trained.metrics["targets"]["y"]
    assert text.startswith("# small 1.2.0\n")
    said = {"binary": ("accuracy", "roc_auc"), "regression": ("r2", "mae"), "count": ("poisson_deviance", "mape")}
    for metric in said[task]:
        assert f" {own[metric]:.4f} " in text
    assert "- passed: y.r2 = 0.5000" in text
    assert f"| a | {own['importance']['a']:.4g} |" in text
    assert "120 rows were held out at random" in text
    assert ("When a person should look" in text) is (task == "binary")


def test_tables_are_well_formed_and_no_number_is_noise(run):
    _, trained = run
    text = written(trained)
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        assert len({line.count("|") for line in table.splitlines()}) == 1, table
    assert not re.search(r"\d\.\d{7}|nan|None|inf\b|\n\n\n", text)


def test_intervals_are_judged_in_a_sentence(run):
    task, trained = run
    text, own = written(trained), trained.metrics["targets"]["y"]
    sentence = "- y: the interval is to hold the true value in 90% of cases, and held it in "
    assert (sentence in text) is (task != "binary")
    if task != "binary":
        assert f"{sentence}{own['interval_coverage']:.1%} of 120;" in text


def test_the_trials_stand_in_a_table_best_first(run):
    task, trained = run
    lines = written(trained).splitlines()
    begin = lines.index("3 settings were tried:")
    assert lines[begin + 2].startswith("| C | " if task == "binary" else "| alpha | ")
    means = [float(line.split("|")[2]) for line in lines[begin + 4 : begin + 7]]
    assert means == sorted(means, reverse=task == "binary")


@pytest.mark.parametrize(
    ("split", "sentence"),
    [
        (
            {"kind": "group", "column": "shop", "groups": {"train": 40, "test": 10}, "groups_on_both_sides": 0},
            "120 rows were held out, all those of 10 of 50 groups by `shop` (seed 3); 0 groups stand on both sides.",
        ),
        ({"kind": "time", "column": "season"}, "120 rows were held out, the latest by `season`."),
        ({"kind": "stratified"}, "120 rows were held out at random, stratified (seed 3)."),
        ({"kind": "given"}, "It was evaluated on 120 rows of a file of their own."),
        ({"kind": "none"}, "No rows were held out."),
    ],
)
def test_the_split_is_described(trained, split, sentence):
    assert sentence in written(trained, split={"seed": 3, "train": 480, "test": 120, **split})


def test_what_was_noticed_in_the_data_is_said_and_what_was_not_is_not(trained):
    data = {**described(trained)["data"], "rows_quarantined": 3, "rows_merged": 7}
    assert "3 rows were quarantined and 7 rows were added to others that agree with them." in written(
        trained, data=data
    )
    assert "quarantined" not in written(trained)


def test_without_held_out_rows_there_is_nothing_to_show():
    _, rows = problem("regression", 200)
    rows.inputs["size"] = rows.exposure
    run = train.train(define("regression"), rows, hold_out=False)
    assert card.plots(run) == {}
    assert "Nothing was held out." in written(run)


def test_counts_that_hardly_ever_happen_explain_their_coverage():
    _, rows = problem("count", 2000)
    rows.inputs["size"] = rows.exposure
    rows.targets["y"][:] = np.random.default_rng(0).uniform(size=2000) < 0.02
    text = written(train.train(define("count"), rows))
    assert "No interval could have held it less often" in text


def test_a_model_of_segments_has_a_card_that_says_where_rows_go():
    number, kind = {"kind": "number", "example": 1.0}, {"kind": "category", "values": ["QB", "Wide R"], "example": "QB"}
    whole = {"inputs": {"a": number, "size": number, "position": kind}, "segment_by": "position"}
    whole["segments"] = {"QB": {}, "Wide R": {}}
    refusing = card.of_segments(define("regression", **whole), "1.0.0")
    assert "| QB | small/qb |\n| Wide R | small/wide-r |\n" in refusing
    assert "Any other position is refused." in refusing
    falling = card.of_segments(define("regression", **whole, fallback="QB"), "1.0.0")
    assert "Any other position goes to that of QB." in falling
