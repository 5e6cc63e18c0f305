import gzip
import multiprocessing
import os
import threading
import time
from pathlib import Path

import pytest

from firesteel.errors import StoreError
from firesteel.monitor import spool
from firesteel.monitor.spool import Spool
from firesteel.registry.store import MemoryStore, open_store

NOON = 1_795_262_400.0  # 2026-11-21T12:00:00Z
DAY = "inferences/model=tickets/day=2026-11-21/"


class Broken(MemoryStore):
    """A store that takes nothing while it is down."""

    def __init__(self):
        super().__init__()
        self.down = True

    def create(self, key, data):
        if self.down:
            raise StoreError("the store is down")
        super().create(key, data)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / ".spool"


@pytest.fixture
def told():
    return []


@pytest.fixture
def make(folder, told):
    """Spools over a store; closed at the end, as far as they can be."""
    made = []

    def make(store, **options):
        made.append(Spool(folder, lambda: store, lambda message, facts: told.append((message, facts)), **options))
        return made[-1]

    yield make
    for each in made:
        each.close()


def lines(store, prefix="inferences/"):
    return [
        line
        for key in store.keys(prefix)
        for line in gzip.decompress(store.get(key, limit=1 << 30)).decode().split("\n")[:-1]
    ]


def spooled(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_line_is_in_the_file_when_append_returns(make, folder):
    make(MemoryStore()).append("tickets", NOON, '{"a":1}')
    [path] = folder.iterdir()
    assert path.read_text() == '{"a":1}\n'
    assert path.name.startswith("inferences,model=tickets,day=2026-11-21,20")


def test_nobody_else_may_read_what_was_asked(make, folder):
    make(MemoryStore()).append("tickets", NOON, "x")
    [path] = folder.iterdir()
    assert (folder.stat().st_mode & 0o777, path.stat().st_mode & 0o777) == (0o700, 0o600)


def test_files_become_objects_of_the_same_name_by_model_and_day(make, folder):
    store = MemoryStore()
    own = make(store, age=0)
    own.append("tickets", NOON, "a")
    own.append("recruits/qb", NOON, "b")
    own.append("tickets", NOON, "c")
    own.append("tickets", NOON + 86_400, "d")
    own.move()
    assert spooled(folder) == []
    assert lines(store, DAY) == ["a", "c"]
    assert lines(store, "inferences/model=recruits.qb/day=2026-11-21/") == ["b"]
    assert lines(store, "inferences/model=tickets/day=2026-11-22/") == ["d"]
    assert all(key.endswith(".jsonl.gz") for key in store.keys("inferences/"))


def test_young_and_small_files_stay(make, folder):
    store = MemoryStore()
    own = make(store, age=3600)
    own.append("tickets", NOON, "a")
    own.move()
    assert lines(store) == []
    own.append("tickets", NOON, "b")
    assert len(spooled(folder)) == 1


def test_a_file_that_is_large_goes_whatever_its_age(make):
    store = MemoryStore()
    own = make(store, age=3600, size=10)
    own.append("tickets", NOON, "0123456789")
    own.move()
    assert lines(store) == ["0123456789"]


def test_closing_moves_everything(make, folder):
    store = MemoryStore()
    own = make(store, age=3600)
    own.start()
    own.append("tickets", NOON, "a")
    own.close()
    assert lines(store) == ["a"]
    assert spooled(folder) == []


def test_the_thread_moves_files_and_survives_what_nobody_foresaw(make, folder, told):
    calls = []

    def store():
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError("nobody foresaw this")
        return kept

    kept = MemoryStore()
    own = Spool(folder, store, lambda message, facts: told.append((message, facts)), age=0)
    own.append("tickets", NOON, "a")
    own.start()
    deadline = time.monotonic() + 10
    while not lines(kept):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    own.close()
    assert told == [("inference log not delivered", {"error": "RuntimeError", "cause": "nobody foresaw this"})]


def test_a_store_that_is_down_keeps_nobody_waiting_and_loses_nothing(make, folder, told):
    store = Broken()
    own = make(store, age=0)
    for number in range(3):
        own.append("tickets", NOON, str(number))
        own.move()
    assert told == [("inference log not delivered", {"error": "StoreError", "cause": "the store is down"})]
    assert len(spooled(folder)) == 2  # one that was to be moved, and one that grows meanwhile
    store.down = False
    own.move()
    own.move()
    assert sorted(lines(store)) == ["0", "1", "2"]


class Picky(MemoryStore):
    """A store that never takes anything of one model, and counts what it is offered."""

    def __init__(self):
        super().__init__()
        self.offered = 0

    def create(self, key, data):
        self.offered += 1
        if "/model=aa/" in key:
            raise StoreError("access denied")
        super().create(key, data)


def test_a_file_that_cannot_be_delivered_holds_up_no_other(make, folder, told):
    store = Picky()
    own = make(store, age=0)
    own.append("aa", NOON, "never")
    own.append("tickets", NOON, "1")
    own.move()
    assert lines(store, DAY) == ["1"]
    for number in range(2, 5):  # nor does it keep young files from going
        own.append("tickets", NOON, str(number))
        own.move()
    assert sorted(lines(store, DAY)) == ["1", "2", "3", "4"]
    assert [name.split(",")[1] for name in spooled(folder)] == ["model=aa"]
    assert told == [("inference log not delivered", {"error": "StoreError", "cause": "access denied"})]


def test_a_store_that_is_down_is_not_asked_for_every_file_at_every_look(make):
    store = Broken()
    for number in range(9):
        own = make(store, age=0)
        own.append("tickets", NOON + 86_400 * number, "x")
        own.move(everything=True)
    offered = []
    store.create = lambda key, _data: offered.append(key) or (_ for _ in ()).throw(StoreError("down"))
    own.move()
    assert len(offered) == spool.TRIES


def test_while_the_store_takes_nothing_files_grow_for_a_minute_and_no_longer(make, folder, monkeypatch):
    now = time.monotonic()
    monkeypatch.setattr(spool, "monotonic", lambda: now)
    store = Broken()
    own = make(store, age=0)
    own.append("tickets", NOON, "a")
    own.move()
    own.append("tickets", NOON, "b")
    own.move()
    own.append("tickets", NOON, "c")
    assert len(spooled(folder)) == 2
    now += spool.REPEAT
    own.move()
    own.append("tickets", NOON, "d")
    assert len(spooled(folder)) == 3


def test_what_does_not_fit_is_dropped_and_told(make, folder, told):
    store = Broken()
    own = make(store, age=0, room=4)
    for text in ("a", "b", "c"):
        own.append("tickets", NOON, text)
    own.close()
    assert ("inferences dropped", {"dropped": 1}) in told
    assert sum(path.stat().st_size for path in folder.iterdir()) == 4
    store.down = False
    own.move()
    own.append("tickets", NOON, "d")
    own.close()
    assert sorted(lines(store)) == ["a", "b", "d"]


def test_what_an_earlier_process_left_counts_to_the_room(make, told):
    store = Broken()
    make(store).append("tickets", NOON, "abc")
    later = make(store, room=5)
    later.move()
    later.append("tickets", NOON, "d")
    later.close()
    assert ("inferences dropped", {"dropped": 1}) in told


def test_a_disk_that_takes_nothing_fails_no_request(make, folder, told):
    folder.parent.joinpath(".spool").write_text("a file, no folder")
    own = make(MemoryStore())
    own.append("tickets", NOON, "a")
    own.close()
    assert ("inferences dropped", {"dropped": 1}) in told


def test_a_line_that_only_half_fits_the_disk_leaves_no_half(make, folder, monkeypatch):
    own = make(MemoryStore())
    own.append("tickets", NOON, "first")
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:3]))
    own.append("tickets", NOON, "second")
    monkeypatch.setattr(os, "write", write)
    own.append("tickets", NOON, "third")
    [path] = folder.iterdir()
    assert path.read_text() == "first\nthird\n"


def test_a_name_that_is_no_model_is_dropped(make, told):
    own = make(MemoryStore())
    own.append("../../etc", NOON, "a")
    own.close()
    assert ("inferences dropped", {"dropped": 1}) in told


def test_what_a_dead_process_left_is_moved_without_its_half_line(make, folder):
    store = MemoryStore()
    folder.mkdir()
    left = folder / "inferences,model=tickets,day=2026-11-21,20261121T120000000Z-0a1b2c3d.jsonl"
    left.write_text('{"a":1}\n{"b":')
    make(store).move()
    assert store.keys("inferences/") == [f"{DAY}20261121T120000000Z-0a1b2c3d.jsonl.gz"]
    assert lines(store) == ['{"a":1}']
    assert spooled(folder) == []


def test_a_file_that_was_moved_but_not_removed_is_there_once(make, folder):
    """A kill between the two: the next start puts it again, under the same key."""
    store = MemoryStore()
    own = make(store, age=0)
    own.append("tickets", NOON, "a")
    [path] = folder.iterdir()
    data = path.read_bytes()
    own.move()
    path.write_bytes(data)
    make(store).move()
    assert lines(store) == ["a"]
    assert spooled(folder) == []


def test_an_object_that_another_release_packed_otherwise_is_the_same_object(make, folder):
    store = MemoryStore()
    folder.mkdir()
    name = "inferences,model=tickets,day=2026-11-21,20261121T120000000Z-0a1b2c3d.jsonl"
    store.create(f"{name.replace(',', '/')}.gz", gzip.compress(b"a\n", 1, mtime=1))
    (folder / name).write_text("a\n")
    make(store).move()
    assert lines(store) == ["a"]
    assert spooled(folder) == []


def test_a_lost_reply_is_no_second_object(make):
    class Lossy(MemoryStore):
        def create(self, key, data):
            super().create(key, data)
            raise StoreError("the reply was lost")

    store = Lossy()
    own = make(store, age=0)
    own.append("tickets", NOON, "a")
    own.move()
    assert lines(store) == ["a"]


def test_files_of_others_are_left_alone(make, folder):
    folder.mkdir()
    for name in ("notes.txt", ".inferences,model=tickets,day=2026-11-21,20261121T120000000Z-0a1b2c3d.jsonl"):
        (folder / name).write_text("mine")
    make(MemoryStore()).move()
    assert len(spooled(folder)) == 2


def test_two_spools_of_one_folder_do_not_take_each_others_files(make, folder):
    store = MemoryStore()
    one, other = make(store, age=3600), make(store, age=3600)
    one.append("tickets", NOON, "a")
    other.append("tickets", NOON, "b")
    one.move()
    other.move()
    assert len(spooled(folder)) == 2
    one.close()
    assert lines(store) == ["a"]
    other.move()
    assert len(spooled(folder)) == 1


def test_many_threads_lose_no_line_while_files_go(make):
    store = MemoryStore()
    own = make(store, age=0)
    stop = threading.Event()

    def move():
        while not stop.is_set():
            own.move()

    mover = threading.Thread(target=move)
    mover.start()
    writers = [
        threading.Thread(target=lambda n=n: [own.append("tickets", NOON, f"{n}-{i}") for i in range(300)])
        for n in range(4)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    stop.set()
    mover.join()
    own.close()
    assert sorted(lines(store)) == sorted(f"{n}-{i}" for n in range(4) for i in range(300))


def _write_and_move(folder, url, name, count):
    own = Spool(Path(folder), lambda: open_store(url), lambda _message, _facts: None, age=0)
    for number in range(count):
        own.append("tickets", NOON, f"{name}-{number}")
        if number % 10 == 0:
            own.move()
    os._exit(0)  # as a kill would: nothing is closed


def test_two_processes_of_one_folder_deliver_each_line_once(folder, tmp_path, make):
    url = f"file://{tmp_path}/monitor"
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_write_and_move, args=(str(folder), url, name, 120)) for name in "ab"]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    store = open_store(url)
    make(store).move()
    assert sorted(lines(store)) == sorted(f"{name}-{number}" for name in "ab" for number in range(120))


def test_a_spool_is_beside_the_store_or_one_of_the_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert spool.folder_of(f"file://{tmp_path}/a%20b") == tmp_path / "a b" / ".spool"
    assert spool.folder_of("file://.monitor") == tmp_path / ".monitor" / ".spool"
    first, second = (spool.folder_of(f"s3://{bucket}") for bucket in ("one", "two"))
    assert first.parent == second.parent == tmp_path / ".monitor"
    assert first != second


def test_a_spool_in_a_store_of_files_is_no_part_of_it(tmp_path):
    url = f"file://{tmp_path}/monitor"
    store = open_store(url)
    own = Spool(spool.folder_of(url), lambda: store, lambda _message, _facts: None)
    own.append("tickets", NOON, "a")
    assert store.keys("inferences/") == []
    own.close()
    assert lines(store) == ["a"]
