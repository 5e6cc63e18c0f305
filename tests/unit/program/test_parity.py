"""A compiled program answers as the scikit-learn pipeline it came from, whatever the text and the settings."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, Pipeline

from firesteel.program import predictor
from functions.train import compile, parity

TEXTS = [
    "Cannot log in since this morning, the page says my account is locked",
    "I was charged twice in March, please refund one payment",
    "Could you send a quote for fifty seats on the yearly plan?",
    "The app crashes when I open the report, see error E-4711",
    "Ärger mit der Rechnung: doppelt abgebucht! Überprüfen Sie bitte é è ñ",
    "价格 表 请 发 给 我 们 谢谢 漢字仮名交じり文",
    "İstanbul'da ſervice ofﬁce K-unit 100€ ½ \u0301 a\u0301",
    "login login login a b c I x y z",
] * 3
LABELS = ["tech", "billing", "sales", "tech", "billing", "sales", "tech", "tech"] * 3

VECTORIZERS = {
    "words": TfidfVectorizer(),
    "word pairs, sublinear": TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
    "word pairs and triples only": TfidfVectorizer(ngram_range=(2, 3)),
    "words with case": TfidfVectorizer(lowercase=False),
    "words without accents": TfidfVectorizer(strip_accents="unicode"),
    "words in ascii": TfidfVectorizer(strip_accents="ascii"),
    "words without stop words": TfidfVectorizer(stop_words="english", ngram_range=(1, 2)),
    "words of one letter": TfidfVectorizer(token_pattern=r"(?u)\b\w+\b"),
    "a group in the token pattern": TfidfVectorizer(token_pattern=r"(?u)\b(\w{3})\w*\b"),
    "rare words dropped": TfidfVectorizer(min_df=4, max_df=0.9),
    "the commonest words": TfidfVectorizer(max_features=7),
    "no idf": TfidfVectorizer(use_idf=False),
    "l1": TfidfVectorizer(norm="l1"),
    "no norm": TfidfVectorizer(norm=None),
    "binary": TfidfVectorizer(binary=True, ngram_range=(1, 2)),
    "counts": CountVectorizer(),
    "characters within words": TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4)),
    "single characters within words": TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 3)),
    "long n-grams within words": TfidfVectorizer(analyzer="char_wb", ngram_range=(5, 6), sublinear_tf=True),
    "characters": TfidfVectorizer(analyzer="char", ngram_range=(1, 4)),
    "long n-grams": TfidfVectorizer(analyzer="char", ngram_range=(4, 5)),
    "n-grams too long to pack": TfidfVectorizer(analyzer="char", ngram_range=(2, 16)),
    "n-grams too long to pack, within words": TfidfVectorizer(analyzer="char_wb", ngram_range=(4, 16)),
}


def compiled(*steps):
    pipeline = Pipeline([*((f"step{n}", step) for n, step in enumerate(steps)), ("clf", LogisticRegression(C=10))])
    pipeline.fit(TEXTS, LABELS)
    program = compile.to_program("m", compile.text_schema("text", 100_000), {"label": pipeline})
    return predictor.load(program), {"label": pipeline}


def difference(loaded, pipelines, columns):
    return parity.check(loaded, columns, parity.expected(pipelines, columns["text"]))


@pytest.fixture(scope="module", params=VECTORIZERS.values(), ids=VECTORIZERS.keys())
def pair(request):
    return compiled(request.param)


def test_program_and_pipeline_agree_on_texts_and_on_a_hostile_corpus(pair):
    loaded, pipelines = pair
    hostile = parity.fuzz(loaded.inputs, {"text": TEXTS}, rows=400, seed=1)
    assert difference(loaded, pipelines, {"text": TEXTS + hostile["text"]}) < 1e-9


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=5))
def test_program_and_pipeline_agree_on_any_unicode(pair, texts):
    loaded, pipelines = pair
    assert difference(loaded, pipelines, {"text": texts}) < 1e-9


def test_a_union_with_weights_and_a_separate_transformer_compile():
    union = FeatureUnion(
        [
            ("words", Pipeline([("count", CountVectorizer()), ("tfidf", TfidfTransformer(sublinear_tf=True))])),
            ("characters", TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 4))),
            ("unused", "drop"),
        ],
        transformer_weights={"words": 0.3, "characters": 2.0},
    )
    loaded, pipelines = compiled(union)
    assert difference(loaded, pipelines, parity.fuzz(loaded.inputs, {"text": TEXTS}, rows=200, seed=2)) < 1e-9


def test_two_classes_are_scored_as_scikit_learn_does():
    pipeline = Pipeline([("tfidf", TfidfVectorizer()), ("clf", LogisticRegression())])
    pipeline.fit(TEXTS, [label == "tech" for label in LABELS])
    loaded = predictor.load(compile.to_program("m", compile.text_schema("text", 1000), {"label": pipeline}))
    assert loaded.targets[0].labels == ("False", "True")
    assert difference(loaded, {"label": pipeline}, {"text": TEXTS}) < 1e-9


def test_targets_over_the_same_steps_share_them():
    vectorizer = TfidfVectorizer().fit(TEXTS)
    X = vectorizer.transform(TEXTS)
    shared = {
        name: Pipeline([("tfidf", vectorizer), ("clf", LogisticRegression().fit(X, y))])
        for name, y in (("a", LABELS), ("b", LABELS[::-1]))
    }
    alone = {"a": shared["a"]}
    schema = compile.text_schema("text", 1000)
    both, one = compile.to_program("m", schema, shared), compile.to_program("m", schema, alone)
    assert len(both) < 1.5 * len(one)
    assert difference(predictor.load(both), shared, {"text": TEXTS}) < 1e-9


def test_targets_over_different_steps_keep_their_own():
    pipelines = {
        name: Pipeline([("tfidf", vectorizer), ("clf", LogisticRegression())]).fit(TEXTS, LABELS)
        for name, vectorizer in (("a", TfidfVectorizer()), ("b", TfidfVectorizer(analyzer="char", ngram_range=(2, 3))))
    }
    loaded = predictor.load(compile.to_program("m", compile.text_schema("text", 1000), pipelines))
    assert difference(loaded, pipelines, {"text": TEXTS}) < 1e-9


def test_a_program_that_disagrees_is_refused():
    loaded, pipelines = compiled(TfidfVectorizer())
    pipelines["label"][-1].coef_ += np.eye(*pipelines["label"][-1].coef_.shape) * 0.01
    with pytest.raises(parity.ParityError, match="target label disagree on row"):
        difference(loaded, pipelines, {"text": TEXTS})
