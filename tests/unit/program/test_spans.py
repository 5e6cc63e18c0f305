"""Spans say which characters of a text did it: the contributions of terms, spread over where they stand, add up exactly."""

import re
import time
import unicodedata
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import FeatureUnion

from firesteel.program import explain, predictor
from firesteel.program.spans import Located
from tests.unit.classify import bundles
from tests.unit.program.test_parity import TEXTS, compiled

CHARACTERS = {"analyzer": "char_wb", "ngram_range": (2, 4)}
VECTORIZERS = {
    "words": {},
    "word pairs": {"ngram_range": (1, 2)},
    "words with case": {"lowercase": False},
    "words without accents": {"strip_accents": "unicode", "ngram_range": (1, 2)},
    "words in ascii": {"strip_accents": "ascii", "token_pattern": r"(?u)\b\w+\b"},
    "words without stop words": {"stop_words": ["the", "in", "my", "is"], "ngram_range": (1, 3)},
    "a group in the token pattern": {"token_pattern": r"(?u)\b(\w{3})\w*\b"},
    "a group that may take no part": {"token_pattern": r"(?u)\b(?:x|(\w)\w+)\b"},
    "characters within words": CHARACTERS,
    "single characters within words": {"analyzer": "char_wb", "ngram_range": (1, 3)},
    "n-grams longer than words": {"analyzer": "char_wb", "ngram_range": (5, 6), "strip_accents": "ascii"},
    "characters": {"analyzer": "char", "ngram_range": (1, 4), "strip_accents": "unicode"},
    "n-grams too long to pack": {"analyzer": "char", "ngram_range": (2, 16)},
    "n-grams too long to pack, within words": {"analyzer": "char_wb", "ngram_range": (4, 16)},
}
texts = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    st.lists(st.sampled_from([*" ".join(TEXTS).split(), "İİ", "ﬁx", "\n\n", "ΑΣ", "e\u0301", "🙂"]), max_size=12).map(
        " ".join
    ),
    st.sampled_from(TEXTS),
)


@pytest.fixture(scope="module", params=VECTORIZERS.values(), ids=VECTORIZERS.keys())
def made(request):
    loaded, _ = compiled(TfidfVectorizer(**request.param))
    return loaded, request.param


class Heard(Located):
    """Remembers what is spread over a text."""

    def __init__(self, *about):
        super().__init__(*about)
        self.told = []

    def spread(self, step, name, terms, contributions):
        self.told.append((step, name, terms, contributions))
        return super().spread(step, name, terms, contributions)


def occurrences(text, about):
    """The n-grams of a text as scikit-learn makes them: each with the characters of the text that its units are made of."""
    marked = prepared(text, about)
    return of_words(marked, about) if about.get("analyzer", "word") == "word" else of_characters(marked, about)


def prepared(text, about):
    """The characters that n-grams are made of, each with its place in the text."""
    if about.get("lowercase", True):
        places = [place for place, one in enumerate(text) for _ in one.lower()]
        marked = list(zip(text.lower(), places, strict=True))
    else:
        marked = [(one, place) for place, one in enumerate(text)]
    how = about.get("strip_accents")
    if how is None:
        return marked
    apart = [(one, place) for character, place in marked for one in unicodedata.normalize("NFKD", character)]
    return [found for found in apart if (found[0].isascii() if how == "ascii" else not unicodedata.combining(found[0]))]


def of_words(marked, about):
    whole = "".join(one for one, _ in marked)
    pattern = re.compile(about.get("token_pattern", r"(?u)\b\w\w+\b"))
    spans = [match.span(pattern.groups) for match in pattern.finditer(whole)]
    tokens = [(whole[max(a, 0) : max(b, 0)], [place for _, place in marked[max(a, 0) : max(b, 0)]]) for a, b in spans]
    tokens = [token for token in tokens if token[0] not in about.get("stop_words", ())]
    shortest, longest = about.get("ngram_range", (1, 1))
    for n in range(shortest, longest + 1):
        for start in range(len(tokens) - n + 1):
            chosen = tokens[start : start + n]
            yield " ".join(token for token, _ in chosen), [places for _, places in chosen if places]


def of_characters(marked, about):
    whole = "".join(one for one, _ in marked)
    if about["analyzer"] == "char":
        runs = re.finditer(r"\s+|\S", whole)
        windows = [[(" " if len(run[0]) > 1 else run[0], marked[run.start()][1]) for run in runs]]
    else:
        words = re.finditer(r"\S+", whole)
        windows = [[(" ", None), *marked[word.start() : word.end()], (" ", None)] for word in words]
    shortest, longest = about["ngram_range"]
    for window in windows:
        short = about["analyzer"] == "char_wb" and len(window) < shortest
        for n in (len(window),) if short else range(shortest, longest + 1):
            for start in range(len(window) - n + 1):
                gram = window[start : start + n]
                yield "".join(one for one, _ in gram), [[place] for _, place in gram if place is not None]


def by_character(text, about, contributions):
    """What each character did, the slow way."""
    found = [(term, units) for term, units in occurrences(text, about) if term in contributions]
    often = Counter(term for term, _ in found)
    done = np.zeros(len(text))
    for term, units in found:
        for unit in units:
            for place in unit:
                done[place] += contributions[term] / often[term] / len(units) / len(unit)
    return done


@settings(max_examples=60, deadline=None)
@given(text=texts)
def test_spans_are_the_shares_of_terms_wherever_they_stand(made, text):
    loaded, about = made
    row = loaded.check({"text": text}) if text.strip() else {"text": text}
    heard = Heard(loaded, row)
    [explained] = explain.explain(loaded, [row], [heard])
    [told] = explained["label"].contributions
    [(_, _, terms, contributions)] = heard.told
    lookup = loaded.texts[0].lookup
    slow = by_character(
        text, about, {lookup.term(int(term)): own for term, own in zip(terms, contributions, strict=True)}
    )
    ends = 0
    for start, end, contribution in told.spans:
        assert ends <= start < end <= len(text)
        assert contribution == pytest.approx(slow[start:end].sum(), abs=1e-12)
        assert slow[ends:start] == pytest.approx(0, abs=1e-12)
        ends = end
    assert slow[ends:] == pytest.approx(0, abs=1e-12)
    assert slow.sum() == pytest.approx(sum(span.contribution for span in told.spans), abs=1e-9)
    assert explained["label"].score == pytest.approx(loaded.explain(row)["label"].score)


@pytest.mark.parametrize("name", ["words", "word pairs", "characters within words", "characters"])
def test_of_one_text_nothing_is_left_over(name):
    loaded, _ = compiled(TfidfVectorizer(**VECTORIZERS[name]))
    for text in TEXTS[:8]:
        [told] = loaded.attribute([{"text": text}])[0]["label"].contributions
        assert told.contribution != 0
        assert sum(span.contribution for span in told.spans) == pytest.approx(told.contribution, abs=1e-9)


def hybrid():
    union = FeatureUnion(
        [("words", TfidfVectorizer(ngram_range=(1, 2))), ("characters", TfidfVectorizer(**CHARACTERS))]
    )
    return compiled(union)[0]


def test_the_characters_of_a_word_are_one_span():
    loaded = hybrid()
    text = "My ACCOUNT is locked: please refund!"
    [told] = loaded.attribute([{"text": text}])[0]["label"].contributions
    assert {text[span.start : span.end] for span in told.spans} >= {"ACCOUNT", "locked", "please", "refund"}


def test_of_characters_alone_those_that_did_the_same_are_one_span():
    loaded, _ = compiled(TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 3)))
    [told] = loaded.attribute([{"text": "refund"}])[0]["label"].contributions
    assert [(span.start, span.end) for span in told.spans] == [(0, 1), (1, 2), (2, 4), (4, 5), (5, 6)]


def test_a_term_across_two_texts_is_no_character_s():
    loaded = predictor.load(bundles.program())
    row = loaded.check({"title": "I cannot log", "description": "in: locked. Locked!"})
    told = {one.feature: one for one in loaded.attribute([row])[0]["priority"].contributions}
    assert [(span.start, span.end) for span in told["title"].spans] == [(2, 8)]
    assert [row["description"][span.start : span.end] for span in told["description"].spans] == ["locked", "Locked"]
    left, right = told["description"].spans
    assert left.contribution == pytest.approx(right.contribution)
    rest = {name: one.contribution - sum(span.contribution for span in one.spans) for name, one in told.items()}
    assert rest["title"] == pytest.approx(rest["description"])
    assert abs(rest["title"]) > 0.1


def test_a_text_that_is_not_there_has_no_spans_and_what_is_no_text_has_none_to_have():
    inputs = [{**bundles.INPUTS[0], "required": False}, *bundles.INPUTS[1:]]
    loaded = predictor.load(bundles.program())
    loaded.inputs = predictor.schema.load(inputs)
    row = loaded.check({"description": "invoice"})
    told = {one.feature: one for one in loaded.attribute([row])[0]["priority"].contributions}
    assert told["title"].spans == ()
    assert loaded.explain(row)["priority"].contributions[0].spans is None


def test_finding_the_spans_of_a_ticket_takes_less_than_two_milliseconds():
    loaded, row = hybrid(), {"text": " ".join(TEXTS[:4])}

    def quickest(run):
        times = []
        for _ in range(30):
            started = time.perf_counter()
            run([row])
            times.append(time.perf_counter() - started)
        return min(times)

    assert quickest(loaded.attribute) - quickest(loaded.explain_batch) < 0.002
