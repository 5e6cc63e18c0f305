"""Which of two versions is better is said only of rows that neither was trained on."""

import pytest

from cli.reporting import subject
from firesteel.registry.seal import open_registry
from functions.train import dataset
from functions.train.split import split
from models import tickets


@pytest.fixture
def here(firesteel, tmp_path):
    """The folder that commands run in."""
    return tmp_path / "here"


@pytest.fixture
def grown(tmp_path):
    """The rows of the training file, and 200 more."""
    path = tmp_path / "grown.csv"
    tickets.write(path, 800, seed=0)
    return path


def test_nothing_is_judged_on_rows_that_a_version_may_have_been_trained_on(firesteel, store, rows, grown, here):
    assert firesteel("report", "tickets", "--data", grown, "--against", "1.0.0", "--out", "a.md").code == 0
    text = (here / "a.md").read_text()
    assert "do not say which version is better" in text
    assert "| 1.0.0 | 1.1.0 | difference |" in text.replace("\\", "")
    for words in ("no significant difference", "Paired bootstrap", "McNemar"):
        assert words not in text


def test_rows_of_the_training_are_left_out_when_its_file_is_given(firesteel, store, rows, grown, here):
    chosen = subject.read(open_registry(f"file://{store}"), "tickets", "1.1.0", "latest")
    asked = subject.rows_of(chosen, grown, [rows])
    assert asked.unseen
    whole = dataset.read(rows, chosen.definition)
    train, held_out = split(whole, chosen.definition)
    names = list(whole.inputs)
    inputs_of = lambda of: set(zip(*(map(str, of.inputs[name]) for name in names), strict=True))  # noqa: E731
    kept = inputs_of(asked.dataset)
    assert not kept & inputs_of(whole.take(train))
    assert inputs_of(whole.take(held_out)) - inputs_of(whole.take(train)) <= kept
    assert len(asked.dataset) > len(held_out) + 150
    options = ("--against", "1.0.0", "--trained-on", rows, "--out", "a.md")
    assert firesteel("report", "tickets", "--data", grown, *options).code == 0
    assert f"resamples of the same {len(asked.dataset)} rows" in (here / "a.md").read_text()


def test_corrections_that_were_trained_on_may_stand_in_any_file(store, rows, grown):
    chosen = subject.read(open_registry(f"file://{store}"), "tickets", "1.1.0", "latest")
    corrected = chosen._replace(metadata=chosen.metadata | {"feedback": {"used": 7}})
    asked = subject.rows_of(corrected, grown, [rows])
    assert not asked.unseen
    assert asked.said.endswith("Some may be among its 7 corrections.")


def test_groups_that_were_trained_on_are_left_out(measured, small, tmp_path):
    """A new row of a group that was trained on is no evidence."""
    chosen = subject.read(open_registry(f"file://{measured}"), "gifts", "1.0.0", "latest")
    assert chosen.definition.split.kind == "group"
    other = tmp_path / "other.csv"
    other.write_bytes((small / "gifts.csv").read_bytes() + b"\n")
    whole = dataset.read(small / "gifts.csv", chosen.definition)
    _, held_out = split(whole, chosen.definition)
    asked = subject.rows_of(chosen, other, [small / "gifts.csv"])
    assert asked.dataset.lines.tolist() == whole.lines[held_out].tolist()


def test_a_file_that_no_version_was_trained_on_is_refused(firesteel, store, rows, grown):
    done = firesteel("report", "tickets", "--data", rows, "--trained-on", grown)
    assert done.code != 0
    assert "is not the file that 1.1.0 was trained on" in " ".join(done.err.split())
    done = firesteel("report", "tickets", "--data", rows, "--against", "1.0.0", "--trained-on", "nothing.csv")
    assert done.code != 0
    assert "nothing.csv: No such file" in " ".join(done.err.split())
