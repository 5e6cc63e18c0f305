"""What is told of a text: the same in the log as in the drift baseline, for both ask here."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, Pipeline

from firesteel.monitor import measures
from firesteel.monitor.measures import Measures
from firesteel.program import predictor
from functions.train import compile
from tests.unit.classify.bundles import program

TEXTS = ["the printer is broken", "please send the invoice", "the printer printed an invoice", "café is closed"] * 2
LABELS = ["a", "b"] * 4


def compiled(*vectorizers):
    """The text steps of a program of these vectorizers."""
    union = FeatureUnion([(f"step{number}", vectorizer) for number, vectorizer in enumerate(vectorizers)])
    pipeline = Pipeline([("features", union), ("classifier", LogisticRegression())]).fit(TEXTS, LABELS)
    return predictor.load(compile.to_program("m", compile.text_schema("text", 1000), {"label": pipeline})).texts


def test_a_text_has_characters_words_and_the_share_of_words_that_are_terms():
    tell = Measures(compiled(TfidfVectorizer(ngram_range=(1, 2))), "text")
    assert tell("The PRINTER, is a  toaster?") == {"characters": 27, "words": 5, "known": 0.75}
    assert tell("toaster") == {"characters": 7, "words": 1, "known": 0.0}
    assert tell("printer printer toaster")["known"] == pytest.approx(2 / 3, abs=1e-6)


def test_words_are_prepared_as_the_step_prepares_them():
    assert Measures(compiled(TfidfVectorizer(strip_accents="unicode")), "text")("CAFÉ")["known"] == 1.0
    assert Measures(compiled(TfidfVectorizer()), "text")("CAFE")["known"] == 0.0
    assert Measures(compiled(TfidfVectorizer(lowercase=False)), "text")("Printer printer")["known"] == 0.5


def test_steps_of_characters_know_no_words():
    characters = [TfidfVectorizer(analyzer=analyzer, ngram_range=(3, 3)) for analyzer in ("char", "char_wb")]
    assert Measures(compiled(*characters), "text")("printer")["known"] is None
    assert Measures(compiled(*characters, TfidfVectorizer()), "text")("printer")["known"] == 1.0


def test_without_words_there_is_no_share():
    tell = Measures(compiled(TfidfVectorizer()), "text")
    assert tell("a ! ?")["known"] is None
    assert tell("") == {"characters": 0, "words": 0, "known": None}


def test_a_field_that_no_step_reads_has_no_share_and_others_are_left_out():
    steps = predictor.load(program()).texts
    assert Measures(steps, "customer_email")("account locked")["known"] is None
    assert Measures(steps, "title")("account buy toaster cannot")["known"] == 0.75


@given(st.text(st.characters(codec="ascii")))
def test_the_quick_way_finds_the_same_words(text):
    assert measures._ascii_words(text) == re.findall(r"\w\w+", text)
