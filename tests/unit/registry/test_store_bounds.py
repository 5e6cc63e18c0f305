"""The seam to the byte: what is a key, how much is read, and what each refusal says."""

import os
from pathlib import Path
from threading import Event, Timer

import pytest

from firesteel.errors import ConflictError, IntegrityError, NotFoundError, StoreError
from firesteel.registry.store import Arriving, MemoryStore, is_key, open_store


@pytest.fixture(params=["memory", "disk"])
def store(request, tmp_path):
    return MemoryStore() if request.param == "memory" else open_store(f"file://{tmp_path}/store")


@pytest.mark.parametrize("text", ["a", "a/b", "a/b.c", "a-b_c", "a b"])
def test_a_key_is_plain_names_joined_by_slashes(text, store):
    assert is_key(text)
    store.create(text, b"x")
    assert store.get(text, limit=1) == b"x"
    assert store.keys(f"{text.rpartition('/')[0]}/") == [text] if "/" in text else True


@pytest.mark.parametrize("text", ["", "/", "a/", "/a", "a//b", ".", "..", ".a", "a/.b", "a/../b", "a\0b", "\0"])
def test_anything_else_is_none_for_every_operation(text, store):
    assert not is_key(text)
    said = f"^{text!r} can be no key$".replace("\\", "\\\\").replace(".", r"\.")
    for operation in (lambda: store.get(text, limit=1), lambda: store.create(text, b""), lambda: store.delete(text)):
        with pytest.raises(NotFoundError, match=said):
            operation()


@pytest.mark.parametrize("prefix", ["", "/", "a", ".a/", "a//", "a/../"])
def test_a_folder_ends_with_a_slash(prefix, store):
    for operation in (store.keys, store.folders):
        with pytest.raises(NotFoundError, match="can be no folder$"):
            operation(prefix)


def test_what_can_be_no_key_is_told_by_its_beginning(store):
    with pytest.raises(NotFoundError, match=f"^'{'/' * 200}' can be no key$"):
        store.get("/" * 300, limit=1)
    with pytest.raises(NotFoundError, match=f"^'{'/' * 200}' can be no folder$"):
        store.keys("/" * 300)


def test_as_much_is_read_as_the_limit_says_and_no_byte_more(store):
    store.create("a/b", b"four")
    assert store.get("a/b", limit=4) == b"four"
    with pytest.raises(IntegrityError, match="^a/b has 4 bytes, more than 3$"):
        store.get("a/b", limit=3)
    with pytest.raises(NotFoundError, match="^a/c does not exist$"):
        store.get("a/c", limit=4)
    with pytest.raises(ConflictError, match="^a/b exists already$"):
        store.create("a/b", b"")


def test_folders_are_those_with_keys_in_them(store):
    for key in ("a/b/c", "a/b/d", "a/e", "a/f/g/h", "ab/i"):
        store.create(key, b"")
    assert store.folders("a/") == ["b", "f"]
    assert store.keys("a/") == ["a/b/c", "a/b/d", "a/e", "a/f/g/h"]
    assert store.folders("z/") == store.keys("z/") == []
    store.delete("a/b/c")
    store.delete("a/b/c")
    assert store.keys("a/b/") == ["a/b/d"]


def test_what_is_put_does_not_change_with_the_writers_buffer():
    store, buffer = MemoryStore(), bytearray(b"mine")
    store.create("a", buffer)
    buffer[:] = b"your"
    assert store.get("a", limit=4) == b"mine"


@pytest.mark.parametrize(
    "url", ["", "file://", "file://a\0b", "s3://", "memory://x", "http://a", "a", "FILE:///a", "/a"]
)
def test_a_url_of_no_store_is_told_with_what_is_possible(url):
    with pytest.raises(
        StoreError,
        match=r"is no store; possible: file:///folder, file://relative/folder, s3://bucket/prefix or memory://$",
    ):
        open_store(url)


def test_a_url_is_told_by_its_beginning():
    with pytest.raises(StoreError, match=f"^'{'x' * 200}' is no store"):
        open_store("x" * 201)


def test_a_pipe_a_folder_and_a_link_are_no_objects(tmp_path):
    store = open_store(f"file://{tmp_path}")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    with pytest.raises(IntegrityError, match="^pipe is no plain file$"):
        store.get("pipe", limit=9)
    with pytest.raises(IntegrityError, match="^link is a link, no plain file$"):
        store.get("link", limit=9)
    for key in ("file/x", "nothing/x"):
        with pytest.raises(NotFoundError, match=f"^{key} does not exist$"):
            store.get(key, limit=9)


def test_reading_leaves_no_file_open(tmp_path):
    store = open_store(f"file://{tmp_path}")
    store.create("a/b/c", b"x")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for key in ("a/b/c", "a/b/d", "a/x/y", "a/b/c"):
        for _ in range(5):
            try:
                store.get(key, limit=9)
            except NotFoundError:
                continue
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_nothing_is_left_beside_a_key_whether_it_was_free_or_taken(tmp_path):
    store = open_store(f"file://{tmp_path}")
    store.create("a/b", b"x")
    with pytest.raises(ConflictError):
        store.create("a/b", b"y")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "b"]


def test_writing_and_deleting_leave_no_file_open(tmp_path):
    store = open_store(f"file://{tmp_path}")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for number in range(5):
        store.create(f"a{number}/b", b"x")
        store.delete(f"a{number}/b")
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_all_bytes_are_in_the_file_when_it_is_made_durable(tmp_path, monkeypatch):
    sizes, sync = [], os.fsync

    def fsync(descriptor):
        sizes.append(os.fstat(descriptor).st_size)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    open_store(f"file://{tmp_path}").create("a", b"12345")
    assert sizes[0] == 5


def test_a_folder_that_another_writer_makes_meanwhile_is_no_obstacle(tmp_path, monkeypatch):
    folder, asked, is_dir = tmp_path / "a", [], Path.is_dir
    folder.mkdir()

    def not_yet(path, **options):
        return is_dir(path, **options) if path != folder or asked else bool(asked.append(path))

    monkeypatch.setattr(Path, "is_dir", not_yet)
    store = open_store(f"file://{tmp_path}")
    store.create("a/b", b"x")
    assert (asked, store.get("a/b", limit=1)) == ([folder], b"x")


def test_a_prefix_in_a_bucket_has_no_slashes_around_it(monkeypatch):
    from firesteel.registry import s3

    monkeypatch.setattr(s3, "S3Store", lambda *place: place)
    assert open_store("s3://bucket") == ("bucket", "")
    assert open_store("s3://bucket/Xa/X/") == ("bucket", "Xa/X")


def test_what_is_asked_for_ahead_arrives():
    store = MemoryStore()
    store.create("a", b"four")
    assert Arriving(store, "a", 4).result() == b"four"
    assert Arriving(store, "a", 4).daemon
    with pytest.raises(IntegrityError, match="^a has 4 bytes, more than 3$"):
        Arriving(store, "a", 3).result()
    with pytest.raises(NotFoundError, match="^b does not exist$"):
        Arriving(store, "b", 3).result()


def test_who_asks_before_it_has_arrived_waits():
    asked = Event()

    class Slow(MemoryStore):
        def get(self, key, *, limit):
            asked.wait(10)
            return super().get(key, limit=limit)

    store = Slow()
    store.create("a", b"four")
    arriving = Arriving(store, "a", 4)
    Timer(0.05, asked.set).start()
    assert arriving.result() == b"four"
