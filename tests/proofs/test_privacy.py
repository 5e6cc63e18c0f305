"""Nothing private leaks; and the proof of that can fail."""

import re
from contextlib import nullcontext

import pytest

from firesteel.errors import DataError
from functions.classify import telemetry
from functions.train import csvfile, dataset, private
from functions.train.steps import categories
from tests.proofs import privacy, privacy_bundles
from tests.proofs.proof import SEED, Run, holds
from tests.proofs.spoiled_files import DEFINITION, csv_of, good


def test_nothing_private_leaks():
    assert holds("privacy").figures["requests"] >= 1000


def wrong(check, *arguments):
    run = Run("privacy", SEED, full=False)
    check(run, *arguments)
    return run.wrong


def test_the_proof_fails_where_a_line_quotes_an_exception(monkeypatch):
    monkeypatch.setattr(telemetry, "_fault", lambda error: {"error": str(error)})
    assert any("it is in the log" in one for one in wrong(privacy.requests, 100))


def test_the_proof_fails_where_a_request_may_break_its_line(monkeypatch):
    monkeypatch.setattr(telemetry, "_SERIALISE", lambda line: f"{line}\n{line}")
    assert any("a line is no JSON" in one for one in wrong(privacy.requests, 20))


def secrets(monkeypatch, **changes):
    """What is found in a bundle when a part of what keeps it out is gone."""
    for name, value in changes.items():
        monkeypatch.setattr(private, name, value)
    found, _ = privacy_bundles._bundles(Run("privacy", SEED, full=False), 2)
    return [name for name, where in found.items() if where]


def test_the_proof_fails_where_texts_are_learned_from_as_they_are(monkeypatch):
    assert secrets(monkeypatch, parts=lambda text: (text,))


@pytest.mark.parametrize(
    ("part", "weaker", "left"),
    [
        ("REACH", 0, "leaves 'write to john.smyth now'"),
        ("_AT", re.compile("[@\uff20\ufe6b]"), "'john.smyth%40exampel.com' leaves"),
        ("_NUMBER", re.compile(r"\d(?:[ .-]{0,3}\d){6,}"), "'4111!1111!2222!3333' leaves"),
    ],
)
def test_the_proof_fails_where_a_disguise_is_not_known(monkeypatch, part, weaker, left):
    monkeypatch.setattr(private, part, weaker)
    assert any(left in " ".join(one.split()) for one in wrong(privacy_bundles._disguised))


def test_the_proof_fails_where_terms_may_have_any_shape(monkeypatch):
    assert secrets(monkeypatch, shaped=lambda _: False)


def test_the_proof_fails_where_a_category_of_one_row_is_kept(monkeypatch):
    monkeypatch.setattr(categories, "open_inputs", lambda *_: {})
    for step in ("onehot", "ordinal", "lookup", "ratio"):
        monkeypatch.setattr(f"functions.train.steps.{step}.open_inputs", lambda *_: {})
    assert secrets(monkeypatch)


def test_the_proof_fails_where_the_function_quotes_cells(monkeypatch):
    monkeypatch.setattr(csvfile, "short", repr)
    monkeypatch.setattr("functions.train.columns.short", repr)
    assert any("the train function on" in one for one in wrong(privacy_bundles._function))


@pytest.mark.parametrize("quotes", [True, False])
def test_a_message_quotes_a_cell_to_who_has_the_file_and_to_nobody_else(tmp_path, quotes):
    path = tmp_path / "data.csv"
    path.write_bytes(csv_of([[row[0], "12 secrets", *row[2:]] for row in good(Run("x", 0, full=False).random())]))
    with nullcontext() if quotes else csvfile.unquoted(), pytest.raises(DataError) as refused:
        dataset.read(path, DEFINITION)
    said = "'12 secrets'" if quotes else "<10 characters>"
    assert f"line 2, size: {said} is not a number" in str(refused.value)
