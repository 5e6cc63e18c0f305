"""What is never learned by heart: what a text is blanked of, and which terms are none."""

import time

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from functions.train import private
from functions.train.steps.tfidf import DiscreetTfidf


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("write to ada.lovelace+x@example.co.uk, please", "write to   please"),
        ("<ada@example.com>", " "),
        ("ada\uff20example.com is wide", "  is wide"),
        ("call +49 (0) 151 2345-6789 now", "call + now"),
        ("card 4111 1111 1111 1111.", "card  ."),
        ("card 4111-1111-1111-1111", "card  "),
        ("4111\xa01111_1111/1111", " "),
        ("٠١٢٣٤٥٦٧", " "),
        ("4111\u20131111\u20132222\u20133333", " "),
        ("5500,0000,1234,9876", " "),
        ("call 555 : 0199", "call "),
        ("tel 0151\n2345\n6789", "tel "),
        ("+49\u202f151\u202f2345678", "+ "),
        ("0151  \u2013  234567", " "),
        ("john.smyth @ example.com is out", " is out"),
        ("write to john@ example.com today", "write to  today"),
        ("write to john @example.com", "write to "),
        ("by john . smyth @ example . com", "by "),
        ("by john(at)example.com", "by "),
        ("by john [at] example.com", "by "),
        ("by john { AT } example.com", "by "),
        ("by john%40example.com", "by "),
        ("by john%2540example.com", "by "),
        ("by john&#64;example.com", "by "),
        ("by john&#x40;example.com", "by "),
        ("by john&commat;example.com", "by "),
    ],
)
def test_addresses_and_long_numbers_leave_a_blank(text, left):
    assert " ".join(private.blanked(text).split()) == " ".join(left.split())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "error 500 in 2024",
        "room 123456",
        "10 000 lines, 20 000 words",
        "a - b",
        "3.14159",
        "look at it (at once)",
        "40% of 100%",
        "line one.\nline two",
    ],
)
def test_other_texts_stay_as_they_are(text):
    assert private.blanked(text) is text or private.blanked(text) == text


@pytest.mark.parametrize(
    "term", ["a@b", "@", "4111 1111", "12345 67", "a(at)b", "a%40b", "x1234567", "1 2 3 4 5 6 7", "\uff20"]
)
def test_shapes_that_are_no_terms(term):
    assert private.shaped(term)


@pytest.mark.parametrize("term", ["", "word", "123456", "two words", "covid 19", "2024 31"])
def test_shapes_that_are(term):
    assert not private.shaped(term)


@pytest.mark.parametrize(
    "text",
    [
        "1",
        "a",
        "@",
        "1 a",
        "1   ",
        "@ ",
        ". @ ",
        "(at",
        "( at ",
        "1-1-1-1-1-1-a",
        "123456 \u2013\u2013\u2013a",
        "%25",
        "&#00",
    ],
)
def test_blanking_takes_linear_time(text):
    def seconds(size):
        begun = time.process_time()
        private.blanked(text * (size // len(text)) + "@")
        return time.process_time() - begun

    assert seconds(160_000) < 24 * max(seconds(20_000), 0.005)  # 64 times, if it were quadratic


TEXTS = ["a pear and a plum", "a plum", "pear and pear", "the plum and the pear"]


def test_without_secrets_it_is_scikit_learns():
    ours, theirs = DiscreetTfidf(ngram_range=(1, 2)), TfidfVectorizer(ngram_range=(1, 2))
    assert (ours.fit_transform(TEXTS) != theirs.fit_transform(TEXTS)).nnz == 0
    assert ours.vocabulary_ == theirs.vocabulary_


def test_features_of_training_are_those_of_serving():
    texts = [*TEXTS, "plum@example.com is a pear, 4111 1111 1111 1111", "example of a plum", "example"]
    step = DiscreetTfidf(ngram_range=(1, 2))
    X = step.fit_transform(texts)
    np.testing.assert_allclose(X.toarray(), step.transform(texts).toarray(), rtol=1e-14, atol=0)
    terms = set(step.vocabulary_)
    assert {"example", "plum", "pear"} <= terms
    assert not {"com", "plum example", "example com", "4111", "1111", "pear 4111"} & terms
    assert terms == set(DiscreetTfidf(ngram_range=(1, 2)).fit(texts).vocabulary_)


@pytest.mark.parametrize("secret", ["plum@example.com", "4111 1111 1111 1111"])
def test_no_term_joins_what_stands_on_both_sides_of_a_secret(secret):
    step = DiscreetTfidf(ngram_range=(1, 3)).fit([f"ask {secret} now"] * 4)
    assert set(step.vocabulary_) == {"ask", "now"}
