"""Rows that are scored together get the very bits that each gets alone."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firesteel.program import format as program_format
from firesteel.program import predictor
from models import tickets
from tests.unit.classify import bundles

GOLDEN = sorted((Path(__file__).parents[2] / "golden").glob("v2/models/tickets/v*/program.safetensors"))
SOME = [{"title": row["title"], "description": row["description"]} for row in tickets.rows(300, 11)]
WORDS = st.sampled_from(
    ["account", "cannot", "log", "in", "log in", "İ", "ß", "a", "é", "price-refund", "\n", "\0", "  ", "_", "😀"]
)
TEXTS = st.lists(WORDS | st.text(st.characters(exclude_categories=["Cs"]), max_size=5), max_size=30).map(" ".join)


def hand_made(**changes):
    """The little program of words, with other settings of its step."""
    content = program_format.read(bundles.program())
    meta = {**content.meta, "text": [{**content.meta["text"][0], **changes}]}
    return predictor.load(bundles.signed(meta, content.tensors))


PROGRAMS = {
    **{str(n): predictor.load(path.read_bytes()) for n, path in enumerate(GOLDEN)},
    "words": hand_made(),
    "counts": hand_made(norm="l1", sublinear_tf=False, weight=0.3),
    "signs": hand_made(norm=None, binary=True, strip_accents="unicode"),
    "stop words": hand_made(stop_words=["in", "account"]),
    "another pattern": hand_made(token_pattern=r"\S+"),
    "triples at most": hand_made(ngrams=[1, 3]),
    "pairs alone": hand_made(ngrams=[2, 2]),
}


def same(program, rows):
    checked = [{"customer_email": None, **row} for row in rows]
    together, alone = program._texts(checked), [program._text(row) for row in checked]
    for (ids, values), (own_ids, own_values) in zip(together, alone, strict=True):
        np.testing.assert_array_equal(ids, own_ids)
        assert values.tobytes() == own_values.tobytes()
    assert program.predict_batch(checked) == [program.predict(row) for row in checked]


def test_there_are_golden_programs_of_words_and_characters():
    kinds = {type(step.lookup).__name__ for program in PROGRAMS.values() for step in program.texts}
    assert {"_Words", "_CharacterKeys"} <= kinds


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("count", [1, 63, 64, 300])
def test_tickets_are_scored_together_as_alone(name, count):
    same(PROGRAMS[name], SOME[:count])


@pytest.mark.parametrize("name", PROGRAMS)
@settings(deadline=None, max_examples=40)
@given(rows=st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=20))
def test_hostile_texts_are_scored_together_as_alone(name, rows):
    same(PROGRAMS[name], [{"title": title, "description": description} for title, description in rows])


def test_texts_without_a_known_term_are_scored_together_as_alone():
    same(PROGRAMS["words"], [{"title": "", "description": ""}] * 10)
