"""Bad training data moves no alias; and the proof of that can fail."""

import gzip
from random import Random

import pytest

from firesteel.errors import DataError
from functions.train import dataset, gate
from tests.proofs import spoiled
from tests.proofs.proof import SEED, Run, holds
from tests.proofs.spoiled_files import DEFINITION, Spoiled, csv_of, files, good


def test_bad_training_data_moves_no_alias():
    assert holds("spoiled").figures["files"] >= 200


def test_every_file_has_a_name_of_its_own():
    names = [one.name for one in files(Random(0))]
    assert len(set(names)) == len(names)


def test_a_good_file_is_promoted_so_that_what_is_refused_is_refused_for_its_fault():
    world = spoiled._world(Run("spoiled", SEED, full=False))
    assert spoiled.attempt(world, csv_of(good(Random(1)))) == "promoted"


def test_the_proof_fails_where_the_gates_let_everything_through(monkeypatch):
    judge = gate.judge
    monkeypatch.setattr(gate, "judge", lambda *known: [one._replace(passed=True) for one in judge(*known)])
    world = spoiled._world(Run("spoiled", SEED, full=False))
    shuffled = next(one for one in files(Random(0)) if one.trains)
    assert "latest moved" in spoiled._through_the_tasks(world, shuffled)


def test_the_proof_fails_where_an_error_does_not_say_what_is_wrong():
    world = spoiled._world(Run("spoiled", SEED, full=False))
    assert "it is told" in spoiled._through_the_tasks(world, Spoiled("empty", b"", "something else"))


def _refusal(tmp_path, data):
    path = tmp_path / "data.csv"
    path.write_bytes(data)
    with pytest.raises(DataError) as refused:
        dataset.read(path, DEFINITION)
    return str(refused.value)


def test_a_file_that_unpacks_to_far_more_than_a_table_is_refused_on_the_way(tmp_path):
    data = gzip.compress(csv_of([]) + b"\n" * (9 << 20), mtime=0)
    assert "unpacks to more than 200 times its size" in _refusal(tmp_path, data)


def test_a_table_that_packs_well_is_no_bomb(tmp_path):
    data = gzip.compress(csv_of(good(Random(0))), mtime=0)
    path = tmp_path / "data.csv.gz"
    path.write_bytes(data)
    assert len(dataset.read(path, DEFINITION)) == 120


@pytest.mark.parametrize("name", ["a" * 5_000_000, f'"{"a" * 5_000_000}"'])
def test_a_name_of_a_column_may_be_too_long_to_be_read(tmp_path, name):
    assert "line 1: not CSV (a field has more than" in _refusal(tmp_path, f"{name},text\na,b\n".encode())


def test_a_file_of_one_line_without_an_end_is_not_read_whole(tmp_path):
    assert "line 1 has more than 16777216 characters" in _refusal(tmp_path, b"a" * (17 << 20))
