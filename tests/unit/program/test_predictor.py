"""A program whose parts do not fit together is refused when it is loaded, and a loaded one answers by its targets."""

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, Pipeline

from firesteel.errors import ProgramError
from firesteel.program import format, predictor
from firesteel.program.signature import signature
from functions.train import compile

TEXTS = ["cannot log in", "charged twice", "send a quote", "the page is down"] * 4
LABELS = ["tech", "billing", "sales", "tech"] * 4


@pytest.fixture(scope="module")
def content():
    steps = [("words", TfidfVectorizer()), ("characters", TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 3)))]
    pipeline = Pipeline([("union", FeatureUnion(steps)), ("clf", LogisticRegression())]).fit(TEXTS, LABELS)
    program = compile.to_program(
        "m", compile.text_schema("text", 100), {"label": pipeline}, targets={"label": {"threshold": 0.5}}
    )
    return format.read(program)


def changed(content, change):
    meta, tensors = copy.deepcopy(content.meta), {name: array.copy() for name, array in content.tensors.items()}
    change(meta, tensors)
    if "model" in meta and "kind" in meta["inputs"][0] and meta["text"]:
        meta["signature"] = signature(meta)
    return format.write(meta, tensors)


def test_the_answer_is_the_label_of_the_highest_score_with_its_confidence(content):
    loaded = predictor.load(changed(content, lambda meta, tensors: None))
    answer = loaded.predict({"text": "charged twice"})
    assert answer.labels == {"label": "billing"}
    assert 0.3 < answer.confidences["label"] < 1
    assert loaded.predict_batch([{"text": "charged twice"}] * 3) == [answer] * 3


@pytest.mark.parametrize(("threshold", "review"), [(None, False), (0.0, False), (0.999, True), (2.0, True)])
def test_an_answer_below_its_threshold_is_for_review(content, threshold, review):
    loaded = predictor.load(changed(content, lambda meta, _: meta["targets"][0].update(threshold=threshold)))
    assert loaded.predict({"text": "charged twice"}).review is review


def test_a_row_of_which_nothing_is_known_gets_the_answer_of_the_intercept(content):
    loaded = predictor.load(changed(content, lambda meta, tensors: None))
    scores = loaded.scores({"text": "日本語"})["label"]
    assert scores == pytest.approx(list(content.tensors["estimators.0.intercept"]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m, t: m.pop("model"), "KeyError"),
        (lambda m, t: m.update(inputs=[{"kind": "image", "name": "x"}]), "KeyError"),
        (lambda m, t: m.update(inputs=[{"kind": "text", "name": "text"}]), "TypeError"),
        (lambda m, t: m["inputs"][0].update(name="other"), "reads text, which is no text input"),
        (lambda m, t: m["text"][0].update(kind="code"), "no tfidf"),
        (lambda m, t: m["text"][0].update(lookup="pickle"), "KeyError"),
        (lambda m, t: m["text"][0].update(separator="q"), "zip"),
        (lambda m, t: t.update({"text.0.terms": np.frombuffer(b"a\n" * 12 + b"a", np.uint8)}), "term twice|zip"),
        (lambda m, t: t["text.0.idf"].__setitem__(0, 0), "idf"),
        (lambda m, t: t["text.1.idf"].__setitem__(0, np.inf), "idf"),
        (lambda m, t: t.pop("text.1.idf"), "KeyError"),
        (lambda m, t: t["text.1.keys"].__setitem__(0, t["text.1.keys"][1]), "not sorted and distinct"),
        (lambda m, t: t["text.1.alphabet"].__setitem__(0, 0xFFFF), "not sorted and distinct"),
        (lambda m, t: t.update({"text.1.keys": t["text.1.keys"][1:].copy()}), "not sorted and distinct"),
        (lambda m, t: t["text.1.alphabet"].__setitem__(-1, 0xFFFFFFFF), "no character"),
        (lambda m, t: m["text"][0].update(token_pattern="("), "token pattern"),
        (lambda m, t: m["text"][1].update(lengths=[2, 40]), "does not fit 64-bit keys"),
        (lambda m, t: m["text"][1].update(lengths=[0, 2]), "does not fit 64-bit keys"),
        (lambda m, t: t.update({"estimators.0.weights": t["estimators.0.weights"][1:].copy()}), "weights have shape"),
        (lambda m, t: m["estimators"][0].update(text=[0, 1]), "weights have shape"),
        (lambda m, t: m["estimators"][0].update(text=[0, 9]), "text steps 0 to 9 of 2"),
        (lambda m, t: m["estimators"][0].update(columns={"label": [0, 4]}), "outside the estimator"),
        (lambda m, t: m["estimators"][0].update(columns={"label": [2, 1]}), "outside the estimator"),
        (lambda m, t: m["estimators"][0].update(columns={"label": [0, 2]}), "needs 3 scores, not 2"),
        (lambda m, t: m["estimators"][0].update(columns={"other": [0, 3]}), "KeyError"),
        (lambda m, t: t["estimators.0.weights"].__setitem__((0, 0), np.nan), "not finite"),
        (lambda m, t: t["estimators.0.intercept"].__setitem__(0, np.inf), "not finite"),
        (lambda m, t: m["targets"][0].update(labels=["a"]), "1 labels for 3 biases"),
        (lambda m, t: m["targets"][0].update(bias=[0.0]), "3 labels for 1 biases"),
        (lambda m, t: m["targets"][0].update(scale="x"), "where a finite number should be"),
    ],
)  # fmt: skip
def test_parts_that_do_not_fit_together_are_refused(content, change, message):
    with pytest.raises(ProgramError, match=message):
        predictor.load(changed(content, change))


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_any_changed_byte_is_refused_or_still_a_program(content, data):
    """Nothing but a ProgramError comes of a damaged file; that no damaged file gets here is the manifest's promise."""
    program = bytearray(changed(content, lambda meta, tensors: None))
    for _ in range(data.draw(st.integers(1, 4))):
        program[data.draw(st.integers(0, len(program) - 1))] = data.draw(st.integers(0, 255))
    try:
        loaded = predictor.load(bytes(program))
    except ProgramError:
        return
    loaded.predict(loaded.check({loaded.inputs.fields[0].name: "charged twice"}))


NUMBER = {
    "kind": "number",
    "name": "x",
    "required": True,
    "minimum": None,
    "maximum": None,
    "integer": False,
    "unit": None,
}


def counting(change):
    """A small program of a count, made by hand, with one thing changed."""
    meta = {
        "model": "m",
        "inputs": [
            dict(NUMBER),
            NUMBER | {"name": "n", "minimum": 1},
            {"kind": "category", "name": "c", "required": True},
        ],
        "text": [],
        "steps": [{"kind": "number", "name": "x", "inputs": ["x"], "missing_flags": False}],
        "estimators": [{"kind": "linear", "text": [0, 0], "columns": {"y": [0, 1]}}],
        "targets": [{"name": "y", "task": "count", "exposure": "n", "unit": None, "interval": None}],
        "answer": None,
        "request": None,
    }
    meta["inputs"][2] |= {"values": ["a", "b"], "max_length": 9}
    tensors = {f"steps.0.{name}": np.zeros(1) for name in ("low", "high", "fill", "centre")}
    tensors |= {
        "steps.0.scale": np.ones(1),
        "estimators.0.weights": np.ones((1, 1)),
        "estimators.0.intercept": np.zeros(1),
    }
    tensors["steps.0.low"][:], tensors["steps.0.high"][:] = -1, 1
    change(meta)
    return format.write(meta | {"signature": signature(meta)}, tensors)


def test_a_program_made_by_hand_answers():
    loaded = predictor.load(counting(lambda m: None))
    assert loaded.predict(loaded.check({"x": 0.0, "n": 5, "c": "a"})).estimates["y"].value == pytest.approx(5.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m["inputs"][0].update(minimum="a"), "minimum is a str"),
        (lambda m: m["inputs"][0].update(required=1), "required is a int"),
        (lambda m: m["inputs"][2].update(values=[1]), "values of c are not all texts"),
        (lambda m: m["inputs"][2].update(max_length=None), "max_length is a NoneType"),
        (lambda m: m["inputs"][1].update(name="x"), "two inputs have one name"),
        (lambda m: m["inputs"][1].update(required=False), "an exposure may be missing"),
        (lambda m: m["targets"][0].update(exposure="c"), "which is no number input"),
        (lambda m: m["targets"].append(m["targets"][0]), "two targets have one name"),
        (lambda m: m["estimators"][0].update(columns={"y": [0.0, 1.0]}), "no whole numbers"),
        (lambda m: m["estimators"][0].update(text=[0, True]), "text steps"),
        (lambda m: m.update(request={"each": 5, "sum": None}), "TypeError"),
        (lambda m: m.update(request={"each": {"name": "a", "inputs": ["z"]}, "sum": None}), "names what is no input"),
    ],
)
def test_a_program_that_could_only_fail_later_is_refused_when_it_is_loaded(change, message):
    with pytest.raises(ProgramError, match=message):
        predictor.load(counting(change))
