"""Whoever answers, the bytes are the same; and a run that was ended goes on where it was."""

import multiprocessing
import os
import signal
from pathlib import Path

import pytest
from distributed import LocalCluster

from cli.scoring import cluster, engines, local, source
from cli.scoring.engines import EngineError
from firesteel.errors import ConflictError
from firesteel.registry.store import open_store
from functions.classify.scoring.results import Results
from models import tickets
from tests.unit.classify import bundles, zoo

PART_ROWS, PARTS = 50, 8


@pytest.fixture(scope="module")
def store():
    return zoo.stocked()


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    path = tmp_path_factory.mktemp("rows") / "rows.csv"
    tickets.write(path, PART_ROWS * PARTS - 1, seed=1)
    with path.open("a", encoding="utf-8") as file:
        file.write("a ticket without a description,,,,\n")
    return path


@pytest.fixture(scope="module")
def expected(store, rows, tmp_path_factory):
    """The files of an uninterrupted run in this process."""
    folder = tmp_path_factory.mktemp("expected")
    told = score(store, rows, folder, engines.here)
    assert (told["rows"], told["failed"], len(told["parts"])) == (PART_ROWS * PARTS, 1, PARTS)
    return answers(folder)


def score(store, rows, folder, engine, told=lambda *_: None, **options):
    chosen = local.bundles(store, "tickets", options.pop("version", None), "latest")
    opened = source.open_source(rows, chosen.needed)
    results = Results(open_store(f"file://{folder}"))
    run = local.begin(opened, chosen, results, options.pop("answers", "jsonl"), explained=False, part_rows=PART_ROWS)
    return local.score(run, opened, chosen, results, engine, told)


def answers(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*-*.*")}


@pytest.mark.parametrize("workers", [1, 3])
def test_processes_answer_as_one_does(store, rows, expected, tmp_path, workers):
    score(store, rows, tmp_path, lambda job, parts: engines.processes(job, parts, workers))
    assert answers(tmp_path) == expected


def test_no_engine_reads_far_ahead_of_what_it_answers(store, rows):
    chosen = local.bundles(store, "tickets", None, "latest")
    opened = source.open_source(rows, chosen.needed)
    taken = 0

    def parts():
        nonlocal taken
        for part in opened.parts(10):
            taken += 1
            yield part

    job = local.Job(chosen.fetched, opened.layout, "jsonl", False, "")
    for answered, _ in enumerate(engines.processes(job, parts(), 2), 1):
        assert taken - answered < 2 * 2
    assert taken == PART_ROWS * PARTS / 10


def test_a_run_that_was_ended_goes_on_and_its_files_are_those_of_one_that_was_not(store, rows, expected, tmp_path):
    def cut_off(job, parts):
        for number, pair in enumerate(engines.here(job, parts)):
            if number == 3:
                raise KeyboardInterrupt
            yield pair

    with pytest.raises(KeyboardInterrupt):
        score(store, rows, tmp_path, cut_off)
    assert not (tmp_path / "manifest.json").exists()
    told = []
    score(store, rows, tmp_path, engines.here, lambda done, earlier: told.append((done.part, earlier)))
    assert sorted(told) == [(part, part < 3) for part in range(PARTS)]
    assert answers(tmp_path) == expected


def test_a_run_is_not_gone_on_with_by_another_version_or_other_rows(store, rows, tmp_path):
    score(store, rows, tmp_path, engines.here)
    bundles.beside(store, "1.9.0", weight=0.5, lean=1.0)
    with pytest.raises(ConflictError, match=r"answered by tickets 1\.2\.0 \(.*\), not tickets 1\.9\.0"):
        score(store, rows, tmp_path, engines.here, version="1.9.0")
    other = tmp_path / "other.csv"
    other.write_bytes(rows.read_bytes() + b"a,b,,,\n")
    with pytest.raises(ConflictError, match=r"its rows are those of rows\.csv"):
        score(store, other, tmp_path, engines.here)
    with pytest.raises(ConflictError, match="it has another answers"):
        score(store, rows, tmp_path, engines.here, answers="csv")


def test_worker_processes_that_die_end_the_run_saying_how_to_go_on(store, rows, expected, tmp_path):
    def killing(job, parts):
        for number, pair in enumerate(engines.processes(job, parts, 2)):
            yield pair
            if number == 0:
                for one in multiprocessing.active_children():
                    one.kill()

    with pytest.raises(EngineError, match="a worker process died .* run the same command again"):
        score(store, rows, tmp_path, killing)
    score(store, rows, tmp_path, engines.here)
    assert answers(tmp_path) == expected


def test_a_dask_cluster_answers_as_one_process_does_also_when_a_worker_is_killed(store, rows, expected, tmp_path):
    killed = []

    def killing(job, parts):
        with LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0", host="127.0.0.1"
        ) as there:
            for number, pair in enumerate(cluster.dask(job, parts, there.scheduler_address)):
                yield pair
                if number == PARTS // 4:
                    killed.append(there.workers[0].pid)
                    os.kill(there.workers[0].pid, signal.SIGKILL)

    score(store, rows, tmp_path, killing)
    assert killed
    assert answers(tmp_path) == expected


def test_without_a_scheduler_nothing_is_answered(store, rows, tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "_CONNECT", "300ms")
    with pytest.raises(EngineError, match="there is no Dask scheduler at tcp://127.0.0.1:1"):
        score(store, rows, tmp_path, lambda job, parts: cluster.dask(job, parts, "tcp://127.0.0.1:1"))


def test_a_scheduler_of_tls_is_not_asked_without_certificates(store, rows, tmp_path):
    with pytest.raises(EngineError, match="tls://127.0.0.1:1 wants certificates: set distributed.comm.tls"):
        score(store, rows, tmp_path, lambda job, parts: cluster.dask(job, parts, "tls://127.0.0.1:1"))
