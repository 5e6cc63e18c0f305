"""Explanations are exact: base and contributions add up to the raw score, and each goes to the field it came from."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firesteel.definition_file import parse
from firesteel.program import predictor
from firesteel.program.results import Contribution, Explanation
from functions.train import dataset, train

TEXT = """\
model: mixed
inputs:
  colour: {kind: category, example: red}
  shape: {kind: category, example: round}
  size: {kind: number, required: false, example: 1}
  title: {kind: text, required: false, example: small box}
  body: {kind: text, required: false, example: a box of wood}
targets:
  TARGET
features:
  colours: {step: onehot, inputs: [colour, shape]}
  pairs: {step: hash, pairs: [[colour, shape]], width: 4}
  numbers: {step: number, inputs: [size], fill: mean, scale: true, missing_flags: true}
  words: {step: tfidf, inputs: [title, body]}
estimator: ESTIMATOR
"""
KINDS = {
    "linear": ("y: {task: regression}", "{kind: linear}"),
    "poisson": ("y: {task: count}", "{kind: poisson}"),
    "logistic": ("label: {task: classification, labels: [a, b, c]}", "{kind: logistic}"),
    "two labels": ("pair: {task: classification, labels: [yes, no]}", "{kind: logistic}"),
    "trees": ("y: {task: regression}", "{kind: gradient_boosting, iterations: 20, min_samples_leaf: 5}"),
    "trees of three labels": (
        "label: {task: classification, labels: [a, b, c]}",
        "{kind: gradient_boosting, iterations: 8}",
    ),
}
WORDS = ["small", "large", "box", "wood", "metal", "old", "new"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    generator = np.random.default_rng(5)
    path = tmp_path_factory.mktemp("mixed") / "mixed.csv"
    lines = ["colour,shape,size,title,body,y,label,pair"]
    for _ in range(300):
        colour, shape = generator.choice(["red", "blue", "green"]), generator.choice(["round", "square"])
        size = generator.normal() if generator.random() > 0.1 else None
        title, body = (" ".join(generator.choice(WORDS, generator.integers(0, 4))) for _ in range(2))
        level = (colour == "red") * 2 + (shape == "round") + (size or 0) + ("wood" in body) + generator.normal() * 0.3
        cells = ["" if size is None else f"{size:.3f}", title, body, str(max(0, round(level)))]
        lines.append(",".join([colour, shape, *cells, "abc"[int(np.clip(level, 0, 2))], "yes" if level > 1 else "no"]))
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.fixture(scope="module", params=KINDS)
def loaded(request, data):
    target, estimator = KINDS[request.param]
    text = TEXT.replace("TARGET", target.replace("yes, no", "'yes', 'no'")).replace("ESTIMATOR", estimator)
    definition = parse(text, "mixed.yaml")
    return predictor.load(train.train(definition, dataset.read(data, definition)).program)


rows = st.fixed_dictionaries(
    {
        "colour": st.sampled_from(["red", "blue", "green", "never seen"]),
        "shape": st.sampled_from(["round", "square", "flat"]),
    },
    optional={
        "size": st.one_of(st.none(), st.floats(-10, 10)),
        "title": st.lists(st.sampled_from([*WORDS, "unknown"]), max_size=5).map(" ".join),
        "body": st.lists(st.sampled_from([*WORDS, "unknown"]), max_size=5).map(" ".join),
    },
)


@settings(max_examples=40, deadline=None)
@given(row=rows)
def test_base_and_contributions_are_the_raw_score(loaded, row):
    checked = loaded.check({name: value for name, value in row.items() if value != ""})
    scores = loaded.scores(checked)
    for name, one in loaded.explain(checked).items():
        own = scores[name]
        best = own.index(max(own))
        others = [score for number, score in enumerate(own) if number != best]
        assert one.score == pytest.approx(own[best] - (sum(others) / len(others) if others else 0), abs=1e-9)
        assert one.base + sum(part.contribution for part in one.contributions) == pytest.approx(one.score, abs=1e-6)
        assert {part.feature for part in one.contributions} == {"colour", "shape", "size", "title", "body"}
        sizes = [abs(part.contribution) for part in one.contributions]
        assert sizes == sorted(sizes, reverse=True)


def test_many_rows_are_explained_as_each_alone(loaded):
    some = [loaded.check({"colour": colour, "shape": "round", "body": "old wood"}) for colour in ("red", "blue", "red")]
    for one, other in zip(loaded.explain_batch(some), map(loaded.explain, some), strict=True):
        assert one.keys() == other.keys()
        for name in one:
            assert one[name].label == other[name].label
            assert one[name].score == pytest.approx(other[name].score)
            told = {part.feature: part.contribution for part in one[name].contributions}
            assert told == pytest.approx({part.feature: part.contribution for part in other[name].contributions})
    assert loaded.explain_batch([]) == []


def test_a_term_belongs_to_the_text_in_which_it_stands(loaded):
    [one] = loaded.explain(loaded.check({"colour": "red", "shape": "round", "title": "metal", "body": "wood"})).values()
    terms = {part.feature: [term for term, _ in part.terms] for part in one.contributions}
    assert "wood" not in terms["title"]
    assert "metal" not in terms["body"]


def test_the_strongest_fields_are_given_by_sign():
    parts = [
        Contribution("a", 1, -3.0, ()),
        Contribution("b", None, 2.0, ()),
        Contribution("c", "x", 1.0, (("old", 1.5),)),
    ]
    one = Explanation("y", None, 0.5, 0.5, tuple(parts))
    assert [part.feature for part in one.positive(1)] == ["b"]
    assert [part.feature for part in one.negative()] == ["a"]
    assert one.summary == "y is above average: b missing and c (old) raise it; a = 1 lowers it."
    assert "Nothing in this row" in one._replace(contributions=()).summary
