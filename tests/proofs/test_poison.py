"""The proof that no artifact runs code, and that it would find one that does."""

import json
import tempfile
from collections import Counter
from time import process_time

import pytest

from firesteel import pattern
from firesteel.errors import InputError, ProgramError
from firesteel.program import predictor
from firesteel.program.predictor import Predictor
from tests.proofs import poison_content, poison_entries
from tests.proofs.poison import FULL, outcomes
from tests.proofs.poison_cell import Case, Cell, cases
from tests.proofs.poison_places import Bundle
from tests.proofs.poison_reads import NECESSARY, READS, ROWS, SILENT
from tests.proofs.proof import holds


def test_no_artifact_runs_code():
    holds("poison")


def test_every_command_is_tried_or_has_a_reason(monkeypatch):
    assert not poison_entries.unknown()
    monkeypatch.delitem(poison_entries.OTHERS, "serve")
    assert poison_entries.unknown() == {"serve"}


def test_of_every_way_in_somebody_says_what_it_reads():
    assert poison_entries.entries().keys() == READS.keys() ^ SILENT.keys()
    assert set(READS) >= ROWS


def test_more_than_a_thousand_bundles_must_be_refused_and_every_way_in_meets_some(tmp_path):
    made = list(cases(1, FULL, poison_entries.entries(), tmp_path / "canary"))
    must = [one for one in made if one.kind == "refused"]
    met = Counter(name for one in must for name in one.ways)
    assert len(must) > 1000
    assert {name for one in must for name in one.ways if one.file not in READS[name]} == set()
    assert min(met[name] for name in READS) > 50
    assert all(one.file not in NECESSARY for one in made if one.kind == "left")


@pytest.mark.parametrize(
    ("kind", "said", "refused", "opened", "wrong"),
    [
        ("refused", "200", False, "", "is served: 200"),
        ("refused", "refused", True, "", ""),
        ("left", "refused", True, "", "refused, and without it 200"),
        ("left", "200", False, "metrics.json", "opens metrics.json"),
        ("left", "200", False, "program.safetensors", ""),
        ("program", "200", False, "", ""),
    ],
)
def test_what_is_served_refused_or_opened_wrongly_is_found(monkeypatch, tmp_path, kind, said, refused, opened, wrong):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    cell = Cell(many=False, more={})
    cell.good = {"POST /predict": "200"}
    cell.watch.opened.add(opened)
    case = Case(kind, "x", ["POST /predict"], "metrics.json")
    assert cell._misjudged(case, "POST /predict", said, refused) == wrong


def test_a_server_that_unpickles_is_found():
    told = list(outcomes(1, 40, "control"))
    wrong = [sentence for one in told for sentence in one.get("wrong", ())]
    assert any("pickle.find_class" in sentence for sentence in wrong)
    assert any("canary" in sentence for sentence in wrong)


def test_hostile_content_is_refused_in_a_sentence_or_answers():
    """What the proof tries in a cell, here to where it fails: loading, the first golden row, and why."""
    refused = 0
    for what, path, data in poison_content.by_hand():
        try:
            loaded = predictor.load(data)
        except ProgramError as error:
            refused += 1
            assert 0 < len(str(error)) < 600, what
            assert str(error).isprintable(), what
            continue
        if isinstance(loaded, Predictor):
            try:
                row = loaded.check(Bundle(path).row)
            except InputError:
                continue
            json.dumps([loaded.predict(row), loaded.explain(row)], allow_nan=False)
    assert refused > 100


SLOW = (r"(a+)+$", r"(?:\w+\s?)*x", r"\w+!", r"\w+\w+", r"(?=a)b", r"(\w)\1", r"[^a]+\b", r"\w+?", r"\w++", "(" * 5000)
ODD = (
    r"a{99}" * 20 + "x?",
    r"(?:\w+|x)y",
    r"[^|][^|]*\S",
    r"\w+(?:\b|x)",
    r"(?x)a b",
    "a{99999999999999}",
    "(?:a|b)" * 12,
    5,
)
USUAL = (r"(?u)\b\w\w+\b", r"(?u)\b\w+\b", r"(?u)\b(\w{3})\w*\b", r"(?u)\b(?:x|(\w)\w+)\b", "(?s).", r"\S+", r"[^,\s]+")
RARE = (
    r"\w+|\d",
    r"[0-9]{1,3}(?:st|nd|rd|th)\s\b(\w{2,})\b",
    r"#\w+",
    r"[\w.-]+",
    r"\b[a-zA-Z]\w+\b",
    r"[^|\s][^|]*[^|\s]",
)


@pytest.mark.parametrize("text", [*SLOW, *ODD])
def test_token_patterns_that_could_take_for_ever_are_refused(text):
    with pytest.raises(ProgramError, match="token pattern"):
        pattern.compiled(text)


@pytest.mark.parametrize("text", [*USUAL, *RARE])
def test_usual_token_patterns_are_taken_and_no_text_makes_them_slow(text):
    taken = pattern.compiled(text)
    assert taken.pattern == text
    for piece in ("a", " ", "a ", "|", "a|", "a" + " " * 500, "1st ", "#", ".", "-", "é", "ab!"):
        begun = process_time()
        taken.findall((piece * 200_000)[:200_000])
        assert process_time() - begun < 1
