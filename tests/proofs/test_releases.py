from unittest.mock import patch

import pytest

from firesteel.errors import ProgramError
from firesteel.program import format as program_format
from functions.classify import replay
from tests.proofs import releases
from tests.proofs.proof import SEED, Run, holds
from tests.proofs.releases_unknown import all_unknown

UNKNOWN = {f"{one.file}: {one.what}": one for one in all_unknown()}


def test_old_bundles_load_and_unknown_ones_are_refused_kindly():
    holds("releases")


def wrongs(name):
    run = Run("releases", SEED, full=False)
    releases.refuse(run, UNKNOWN[name])
    return run.wrong


def test_what_reads_formats_it_does_not_know_is_found_out(monkeypatch):
    monkeypatch.setattr(program_format, "READABLE", (1, 2, 3))
    with patch("firesteel.program.old.upgrade", lambda content: content):
        assert any("does not answer" in sentence for sentence in wrongs("program.safetensors: format 3"))


def test_what_replays_no_golden_rows_is_found_out(monkeypatch):
    monkeypatch.setattr(replay, "replay", lambda *_: None)
    run = Run("releases", SEED, full=False)
    for name, store in releases.registries():
        releases._upgraded(run, name, store, "tickets")
        break
    assert any("0.0001 off" in sentence for sentence in run.wrong)


def test_what_refuses_without_a_word_is_found_out(monkeypatch):
    def mute(data, read=program_format.read):
        try:
            return read(data)
        except ProgramError:
            raise ProgramError("no") from None

    monkeypatch.setattr(program_format, "read", mute)
    assert any("says only" in sentence for sentence in wrongs("program.safetensors: format 3"))


@pytest.mark.parametrize("name", ["program.safetensors: a source of an answer"])
def test_a_command_refuses_what_serving_refuses(name):
    """`firesteel verify` called a bundle whole whose answers nothing could be made of."""
    assert wrongs(name) == []
