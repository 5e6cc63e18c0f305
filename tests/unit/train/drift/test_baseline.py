"""reference.json becomes series: of today's format, and of the one before it."""

import json
import math
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest

from benchmarks.drift import World
from firesteel.errors import IntegrityError
from firesteel.monitor import inferences
from functions.train.drift import baseline, describe, tests
from functions.train.drift.baseline import Numbers

GOLDEN = Path(__file__).parents[3] / "golden" / "v2" / "models"


@pytest.fixture(scope="module")
def world():
    return World(3)


def series(of, name):
    return next(one for one in of if one.name == name)


def test_everything_that_has_a_distribution_is_a_series(world):
    names = [(one.of, one.name) for one in world.baseline]
    numbers = [("input", f"n{number}") for number in range(10)]
    categories = [("input", "c2"), ("input", "c6"), ("input", "c30")]
    text = [("input", f"text.{measure}") for measure in ("characters", "words", "known", "terms")]
    answers = [("prediction", "y"), ("confidence", "y.confidence"), ("review", "review")]
    assert names == numbers + categories + text + answers
    assert {one.rows_in(one.counts) for one in world.baseline} == {2000}


def test_it_is_the_same_after_json(world):
    again = baseline.read("drifting", json.loads(json.dumps(world.reference)))
    assert [one.counts.tolist() for one in again] == [one.counts.tolist() for one in world.baseline]


@pytest.mark.parametrize("model", ["g2g", "gifts", "recruits/qb"])
def test_a_baseline_of_format_1_is_read(model):
    known = json.loads((GOLDEN / model / "v1.0.0" / "reference.json").read_bytes())
    assert known["format"] == 1
    read = baseline.read(model, known)
    assert {one.rows_in(one.counts) for one in read} <= {known["rows"], known["rows"] - 1, known["rows"] + 1}
    for one in read:
        if isinstance(one, Numbers) and one.name in known["inputs"]:
            quantiles = known["inputs"][one.name]["quantiles"]
            step = max(np.diff(quantiles))
            assert describe.median(one, one.counts) == pytest.approx(quantiles[10], abs=step)


def test_a_sample_of_the_same_kind_agrees_with_quantiles_of_format_1():
    random = np.random.default_rng(4)
    values = np.maximum(random.normal(size=4000), 0)
    quantiles = np.quantile(values[:2000], np.linspace(0, 1, 21)).tolist()
    known = {"format": 1, "rows": 2000, "inputs": {"a": {"quantiles": quantiles, "missing": 0}}, "targets": {}}
    [one] = baseline.read("m", known)
    assert one.counts[2] == pytest.approx(1000, abs=100)  # the zeros
    assert tests.ks(one.counts, one.tally(values[2000:].tolist())).statistic < 0.06
    assert tests.ks(one.counts, one.tally((values[2000:] + 0.3).tolist())).statistic > 0.4


@pytest.mark.parametrize(
    "damage",
    [
        lambda known: known.update(format=3),
        lambda known: known.pop("rows"),
        lambda known: known.update(rows="many"),
        lambda known: known["inputs"].update(n0=None),
        lambda known: known["inputs"]["n0"].update(edges=[2.0, 1.0], counts=[1, 1, 1, 1, 1]),
        lambda known: known["inputs"]["n0"].update(counts=[1]),
        lambda known: known["inputs"]["n0"].update(edges=[math.inf], counts=[1, 1, 1]),
        lambda known: known["inputs"]["n0"].update(edges=[1.0], counts=[1, 10**30, 1]),
        lambda known: known["inputs"]["n0"].update(missing=math.inf),
        lambda known: known["inputs"].update(n0={"quantiles": [float(n) for n in range(99)]}),
        lambda known: known.update(rows=math.inf),
        lambda known: known.update(inputs=[]),
        lambda known: known["inputs"]["c2"].update(shares={"0": "half"}),
        lambda known: known["targets"]["y"].pop("confidence"),
        lambda known: known.pop("review_share"),
    ],
)
def test_what_is_no_baseline_is_named(world, damage):
    known = deepcopy(world.reference)
    damage(known)
    with pytest.raises(IntegrityError, match=r"reference\.json of drifting"):
        baseline.read("drifting", known)


def test_digests_of_categories_are_known_again_and_others_are_other(world):
    one = series(world.baseline, "c2")
    plain = one.tally(["0", "0", "1", "new", None])
    hashed = [{"sha256": inferences.digest("drifting", "c2", value)} for value in ("0", "0", "1", "new")]
    assert plain.tolist() == one.tally([*hashed, None]).tolist() == [2, 1, 1, 1]
    elsewhere = [{"sha256": inferences.digest("drifting", "c6", "0")}, {"sha256": 3}, {}, ["0"], 0, True]
    assert one.tally(elsewhere).tolist() == [0, 0, 6, 0]


def test_texts_are_measured_hashed_or_plain_and_their_terms_only_plain(world):
    measures = {"characters": 15, "words": 2, "known": 0.5}
    values = [{"sha256": "ab", **measures}, {"text": "word000 Word001 word000", **measures}, None, {"text": 3}, "text"]
    terms = series(world.baseline, "text.terms").tally(values)
    assert terms[-1] == 2  # the plain one and the missing one
    assert terms[:-1].sum() == 2
    assert series(world.baseline, "text.words").tally(values).sum() == 3
    assert series(world.baseline, "text.known").tally(values[:3]).tolist()[0] == 1


def test_of_times_the_hours_are_compared():
    hour = {"edges": [0.0, 9.0], "counts": [0, 50, 0, 50, 0], "missing": 0}
    known = {"format": 2, "rows": 100, "inputs": {"opened": {"hour": hour}}, "targets": {}}
    [one] = baseline.read("m", known)
    assert one.name == "opened.hour"
    times = ["2026-11-21T09:59:59Z", "2020-01-01", "2026-11-21T09:30:00+01:00", None, "noon", {"sha256": "ab"}, 7]
    assert one.tally(times).tolist() == [1, 0, 1, 1, 1, 0]
