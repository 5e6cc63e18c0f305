"""One contract, three stores: local disk, S3 over real HTTP, and memory."""

import os
import socket
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from types import MappingProxyType

import boto3
import obstore.exceptions
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto.server import ThreadedMotoServer

from firesteel.errors import ConflictError, IntegrityError, NotFoundError, StoreError
from firesteel.registry import disk, s3
from firesteel.registry.disk import DiskStore
from firesteel.registry.s3 import S3Store
from firesteel.registry.store import MemoryStore, open_store, put_once

BAD_KEYS = ["", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/./b", "a/..", "a\0b", ".a", "a/.b"]


@pytest.fixture(scope="session")
def s3_endpoint():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    yield f"http://127.0.0.1:{port}"
    server.stop()


@pytest.fixture
def s3_environment(s3_endpoint, monkeypatch):
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    return s3_endpoint


@pytest.fixture
def bucket(s3_environment):
    client = boto3.client("s3", endpoint_url=s3_environment, region_name="eu-central-1")
    name = f"b-{uuid.uuid4()}"
    client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    return boto3.resource("s3", endpoint_url=s3_environment, region_name="eu-central-1").Bucket(name)


@pytest.fixture(params=["disk", "memory", "s3", "s3 with a prefix"])
def store(request):
    return of_kind(request.param, request)


@pytest.fixture(params=["disk", "memory"])
def linearizable(request):
    """moto's put-if-absent is not atomic under concurrency, S3's is: races are tried on the other two."""
    return of_kind(request.param, request)


def of_kind(kind, request):
    match kind:
        case "disk":
            return open_store(f"file://{request.getfixturevalue('tmp_path')}/a store")
        case "memory":
            return open_store("memory://")
    name = request.getfixturevalue("bucket").name
    return open_store(f"s3://{name}/deep/down" if "prefix" in kind else f"s3://{name}")


@contextmanager
def s3_of_ones_own(monkeypatch, talk):
    """A server that calls `talk(connection)` for every connection, which stays open as long as this does."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.getsockname()[1]}")
        calls = []

        def serve():
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                calls.append(connection)
                talk(connection)

        thread = Thread(target=serve, daemon=True)
        thread.start()
        yield calls
        server.shutdown(socket.SHUT_RDWR)
    thread.join()
    for connection in calls:
        connection.close()


def s3_that_answers(monkeypatch, answer):
    """It sends the bytes `answer` to every request."""

    def talk(connection):
        with connection:
            connection.recv(65536)
            connection.sendall(answer)

    return s3_of_ones_own(monkeypatch, talk)


def s3_that_never_answers(monkeypatch):
    return s3_of_ones_own(monkeypatch, lambda connection: None)


def s3_that_loses_the_reply(monkeypatch, endpoint, *, to):
    """Every request reaches the S3 at `endpoint`, but the answers to `to` (a method) never come back."""
    _, host, port = endpoint.replace("//", "").split(":")

    def talk(connection):
        with connection, socket.create_connection((host, int(port))) as behind:
            request = connection.recv(65536).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)
            behind.sendall(request)
            answer = b"".join(iter(lambda: behind.recv(65536), b""))
            if not request.startswith(to):
                connection.sendall(answer)

    return s3_of_ones_own(monkeypatch, talk)


# What every store does


def test_what_was_created_is_read_back(store):
    for data in (b"", b"x", bytes(range(256)) * 1000, os.urandom(7_000_000)):
        key = f"a/{len(data)}"
        store.create(key, data)
        assert store.get(key, limit=len(data)) == data


def test_what_exists_cannot_be_created_again_and_stays_as_it_was(store):
    store.create("a/b.json", b"first")
    for data in (b"second", b"first", b""):
        with pytest.raises(ConflictError):
            store.create("a/b.json", data)
    assert store.get("a/b.json", limit=10) == b"first"


def test_what_does_not_exist_is_not_found(store):
    store.create("a/b", b"x")
    for key in ("a/c", "a", "b", "a/b/c"):
        with pytest.raises(NotFoundError):
            store.get(key, limit=10)


def test_nothing_exists_in_a_store_that_was_never_written_to(store):
    assert store.keys("models/") == []
    assert store.folders("models/") == []
    with pytest.raises(NotFoundError):
        store.get("models/a", limit=1)


def test_more_bytes_than_the_limit_are_refused(store):
    store.create("a", b"12345")
    store.create("none", b"")
    assert store.get("a", limit=5) == b"12345"
    assert store.get("none", limit=0) == b""
    for limit in (4, 0):
        with pytest.raises(IntegrityError, match=f"5 bytes, more than {limit}"):
            store.get("a", limit=limit)


def test_keys_are_listed_by_folder_in_order(store):
    for key in ("m/a/2", "m/a/1", "m/ab/1", "n", "m/a/x/y"):
        store.create(key, b"")
    assert store.keys("m/a/") == ["m/a/1", "m/a/2", "m/a/x/y"]
    assert store.keys("none/") == []
    assert store.keys("n/") == []


def test_folders_are_the_names_right_below(store):
    for key in ("m/a/2", "m/b/c/d", "m/file", "n/z"):
        store.create(key, b"")
    assert store.folders("m/") == ["a", "b"]
    assert store.folders("none/") == []
    assert store.folders("m/file/") == []


def test_keys_may_hold_what_people_put_into_file_names(store):
    keys = ["a/%2e%2e", "a/Tickets (1).csv", "a/b#1", "a/x+y=z&q?.csv", "a/\u00e9\u4e2d.csv", "a/b..c"]
    for key in keys:
        store.create(key, key.encode())
    for key in keys:
        assert store.get(key, limit=100) == key.encode()
    assert store.keys("a/") == sorted(keys)


def test_what_was_deleted_is_gone_and_may_be_created_again(store):
    for key in ("m/a/1", "m/a/2"):
        store.create(key, b"x")
    store.delete("m/a/1")
    assert store.keys("m/") == ["m/a/2"]
    with pytest.raises(NotFoundError):
        store.get("m/a/1", limit=1)
    store.create("m/a/1", b"again")
    assert store.get("m/a/1", limit=5) == b"again"
    for key in ("m/a/1", "m/a/2"):
        store.delete(key)
    assert store.folders("m/") == []


def test_to_delete_what_is_absent_is_success(store):
    store.create("m/a/b", b"x")
    for key in ("m/c", "m/a/b/c", "none", "m", "m/a"):
        store.delete(key)
    store.delete("m/a/b")
    store.delete("m/a/b")
    assert store.keys("m/") == []


@pytest.mark.parametrize("key", BAD_KEYS)
def test_a_key_never_leaves_its_place(store, key):
    for attempt in (
        lambda: store.get(key, limit=1),
        lambda: store.create(key, b""),
        lambda: store.delete(key),
        lambda: store.keys(key + "/"),
        lambda: store.folders(key + "/"),
        lambda: store.keys("no-slash"),
    ):
        with pytest.raises(NotFoundError, match="can be no"):
            attempt()


def test_what_other_tools_leave_and_can_be_no_key_is_not_listed(bucket, tmp_path):
    """Whoever goes through a listing may ask the store for all that it says."""
    names = ("a/b", "a/.DS_Store", "a/.cache/b", ".trash/b", "a/c/.keep")
    for name in names:
        bucket.put_object(Key=f"m/{name}", Body=b"x")
        (tmp_path / "m" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "m" / name).write_bytes(b"x")
    for store in (open_store(f"s3://{bucket.name}"), open_store(f"file://{tmp_path}")):
        assert store.keys("m/") == ["m/a/b"]
        assert store.folders("m/") == ["a"]
        assert store.keys("m/a/c/") == []


@pytest.mark.parametrize("second", [b"HTTP/1.1 500 Internal Server Error", b"HTTP/1.1 403 Forbidden"])
def test_a_listing_of_which_a_page_is_lost_is_an_error_and_no_shorter_one(s3_environment, monkeypatch, second):
    page = (
        b'<?xml version="1.0"?><ListBucketResult><Name>bucket</Name><Prefix>m/</Prefix><KeyCount>1</KeyCount>'
        b"<IsTruncated>true</IsTruncated><NextContinuationToken>more</NextContinuationToken><Contents><Key>m/a</Key>"
        b"<LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>&quot;1&quot;</ETag><Size>1</Size></Contents>"
        b"<CommonPrefixes><Prefix>m/b/</Prefix></CommonPrefixes></ListBucketResult>"
    )
    asked = []

    def talk(connection):
        with connection:
            asked.append(b"continuation-token=more" in connection.recv(65536))
            head, body = (second, b"") if asked[-1] else (b"HTTP/1.1 200 OK", page)
            connection.sendall(b"%b\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (head, len(body), body))

    with s3_of_ones_own(monkeypatch, talk):
        for attempt in (S3Store("bucket", "").keys, S3Store("bucket", "").folders):
            asked.clear()
            with pytest.raises(StoreError, match="m/ cannot be listed"):
                attempt("m/")
            assert asked[:2] == [False, True]


def test_put_once_accepts_its_own_write_and_no_other(store):
    put_once(store, "k", b"mine")
    put_once(store, "k", b"mine")
    for other in (b"yours", b"m", b"mine and more"):
        with pytest.raises(ConflictError, match="somebody else"):
            put_once(store, "k", other)


def test_one_of_many_writers_wins(linearizable):
    def write(number):
        try:
            linearizable.create("race", str(number).encode())
        except ConflictError:
            return None
        return number

    with ThreadPoolExecutor(8) as pool:
        winners = [number for number in pool.map(write, range(32)) if number is not None]
    assert len(winners) == 1
    assert linearizable.get("race", limit=10) == str(winners[0]).encode()


@pytest.mark.parametrize("make", [MemoryStore, None], ids=["memory", "disk"])
def test_a_store_is_a_dictionary_that_forgets_and_changes_nothing(make, tmp_path_factory):
    names = st.sampled_from(["a", "b", "a/b", "a/b/c", "x/y", "x/z"])

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.tuples(names, st.binary(max_size=4)), max_size=8))
    def agrees(writes):
        store = make() if make else DiskStore(str(tmp_path_factory.mktemp("store")))
        expected = {}
        for key, data in writes:
            if any(key.startswith(f"{other}/") or other.startswith(f"{key}/") for other in expected):
                continue  # a file system has no room for both; the registry never asks for them
            try:
                store.create(key, data)
            except ConflictError:
                assert key in expected
            else:
                assert key not in expected
                expected[key] = data
        assert {key: store.get(key, limit=4) for key in expected} == expected
        for folder in ("a/", "x/", "a/b/"):
            assert store.keys(folder) == sorted(key for key in expected if key.startswith(folder))

    agrees()


# Addresses


@pytest.mark.parametrize(
    "url",
    [
        *("", "tickets", "http://x/y", "gs://bucket", "S3//x", "S3://x", "file:/x", "memory:", "memory://x"),
        *("s3://", "file://", "file://a\0b"),
    ],
)
def test_what_is_no_store_is_refused_with_what_is(url):
    with pytest.raises(StoreError, match="is no store; possible: file://"):
        open_store(url)


@pytest.mark.parametrize(
    "place",
    ["A B", "bu_cket", "b", "/x", "bucket/a/../b", "bucket/a b", "bucket/%2e", "bucket/a?b", "bucket/" + "a" * 501],
)
def test_a_bucket_or_prefix_that_cannot_be_is_refused(s3_environment, place):
    with pytest.raises(StoreError, match="no bucket with a prefix"):
        open_store(f"s3://{place}")


def test_a_disk_store_may_be_relative_and_spelled_as_a_url(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    here = open_store("file://my store")
    monkeypatch.chdir("/")
    here.create("a", b"x")
    assert (tmp_path / "my store" / "a").read_bytes() == b"x"
    assert open_store((tmp_path / "my store").as_uri()).get("a", limit=1) == b"x"


def test_every_memory_store_is_its_own():
    open_store("memory://").create("a", b"")
    assert open_store("memory://").keys("a/") == []


def test_opening_a_store_touches_nothing(tmp_path, s3_environment, monkeypatch):
    open_store(f"file://{tmp_path}/new")
    assert list(tmp_path.iterdir()) == []
    with s3_that_never_answers(monkeypatch) as calls:
        open_store("s3://bucket/prefix/")
    assert calls == []


@pytest.mark.parametrize(
    "endpoint",
    ["localhost:9000", "http://[bad", "http://a:99999", "http://a/bucket", "http://a b", "http://", "ftp://a"],
)
def test_an_endpoint_that_is_no_address_is_refused(s3_environment, monkeypatch, endpoint):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
    with pytest.raises(StoreError, match="not http"):
        open_store("s3://bucket")


def test_aws_itself_is_spoken_to_in_its_region_by_https_with_the_bucket_in_the_host_name(s3_environment, monkeypatch):
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    plain = open_store("s3://bucket")._reader
    assert plain.config["region"] == "eu-central-1"
    assert plain.config["virtual_hosted_style_request"] in (True, "true")
    assert plain.client_options["allow_http"] in (False, "false")
    assert open_store("s3://dotted.bucket")._reader.config["virtual_hosted_style_request"] in (False, "false")
    monkeypatch.delenv("AWS_REGION")
    assert open_store("s3://bucket")._reader.config["region"] == "us-east-1"


# The disk


def test_an_object_is_durable_before_it_has_its_name_and_its_name_before_create_returns(tmp_path, monkeypatch):
    synced = []
    real = os.fsync

    def fsync(descriptor):
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        synced.append((path.name if path.is_file() else str(path), (tmp_path / "s/a/b/c").exists()))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    store = open_store(f"file://{tmp_path}/s")
    store.create("a/b/c", b"x")
    whole = [index for index, (name, _) in enumerate(synced) if name.startswith(".c.")]
    assert len(whole) == 1
    assert not synced[whole[0]][1]
    assert [name for name, there in synced if there] == [f"{tmp_path}/s/a/b", f"{tmp_path}/s/a", f"{tmp_path}/s"]
    assert {name for name, there in synced if not there} >= {f"{tmp_path}/s/a", f"{tmp_path}/s", str(tmp_path)}
    synced.clear()
    with pytest.raises(ConflictError):
        store.create("a/b/c", b"y")
    assert f"{tmp_path}/s/a/b" in [name for name, _ in synced]


def test_a_deletion_is_durable_before_it_is_told_of_also_when_another_began_it(tmp_path, monkeypatch):
    store, synced = open_store(f"file://{tmp_path}/s"), []
    store.create("a/b", b"x")
    monkeypatch.setattr(disk, "_sync", lambda folder: synced.append((folder, (tmp_path / "s/a/b").exists())))
    for _ in range(2):
        store.delete("a/b")
    assert synced == [(tmp_path / "s/a", False)] * 2


def test_nothing_half_written_is_ever_seen_or_left(tmp_path, monkeypatch):
    store = DiskStore(str(tmp_path))
    store.create("a/b", b"x")

    def no_space(_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", no_space)
        with pytest.raises(StoreError, match="No space left"):
            store.create("a/c", b"y")
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b"]
    (tmp_path / "a" / ".c.1234").write_bytes(b"left by a crash")
    (tmp_path / "left" / "by").mkdir(parents=True)
    assert store.keys("a/") == ["a/b"]
    store.create("root/a", b"")
    assert DiskStore(str(tmp_path.parent)).folders(f"{tmp_path.name}/") == ["a", "root"]


def test_a_disk_that_cannot_be_written_or_read_is_a_store_error(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="is a file, not a folder"):
        open_store(f"file://{tmp_path}/file")
    with pytest.raises(StoreError, match="may not have been written"):
        open_store(f"file://{tmp_path}").create("file/b", b"x")
    (tmp_path / "a" / "b").mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "unlink", lambda _: (_ for _ in ()).throw(PermissionError(13, "Permission denied")))
        with pytest.raises(StoreError, match="may not have been deleted: Permission denied"):
            open_store(f"file://{tmp_path}").delete("a/b")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "open", lambda *_, **__: (_ for _ in ()).throw(OSError(5, "Input/output error")))
        with pytest.raises(StoreError, match="cannot be read: Input/output error"):
            open_store(f"file://{tmp_path}").get("a/b", limit=1)


def test_what_is_no_plain_file_is_refused_and_no_link_leads_out(tmp_path):
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").write_bytes(b"private")
    store = DiskStore(str(tmp_path / "root"))
    store.create("a/b", b"x")
    os.mkfifo(tmp_path / "root/a/pipe")
    for name, target in {"link": "b", "loop": "loop", "zero": "/dev/zero", "out": str(tmp_path / "secret/key")}.items():
        (tmp_path / "root/a" / name).symlink_to(target)
    (tmp_path / "root/folder").symlink_to(tmp_path / "secret")
    for key in ("a/pipe", "a/link", "a/loop", "a/zero", "a/out"):
        with pytest.raises(IntegrityError, match="no plain file"):
            store.get(key, limit=100)
    with pytest.raises(NotFoundError):
        store.get("folder/key", limit=100)
    assert DiskStore(str(tmp_path)).folders("root/") == ["a"]
    store.delete("a/out")
    assert (tmp_path / "secret" / "key").read_bytes() == b"private"


def test_what_is_written_or_deleted_goes_through_no_link_either(tmp_path):
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").write_bytes(b"private")
    store = DiskStore(str(tmp_path / "root"))
    store.create("a/b", b"x")
    (tmp_path / "root/folder").symlink_to(tmp_path / "secret")
    for key in ("folder/key", "folder/in/key"):
        with pytest.raises(StoreError, match="may not have been deleted: folder is a link"):
            store.delete(key)
        with pytest.raises(StoreError, match="may not have been written: folder is a link"):
            store.create(key, b"x")
    assert [(path.name, path.read_bytes()) for path in (tmp_path / "secret").iterdir()] == [("key", b"private")]


def test_the_root_may_be_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "root").symlink_to(tmp_path / "real")
    store = DiskStore(str(tmp_path / "root"))
    store.create("a/b", b"x")
    assert store.get("a/b", limit=1) == b"x"


def test_a_folder_that_cannot_be_listed_is_an_error_and_not_empty(tmp_path, monkeypatch):
    store = DiskStore(str(tmp_path))
    store.create("a/b", b"x")

    def denied(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", denied)
    monkeypatch.setattr(os, "listdir", denied)
    for attempt in (lambda: store.keys("a/"), lambda: store.folders("a/")):
        with pytest.raises(StoreError, match=r"cannot be listed: Permission denied"):
            attempt()


def test_a_file_that_grows_while_it_is_read_is_not_read_beyond_the_limit(tmp_path, monkeypatch):
    store = DiskStore(str(tmp_path))
    store.create("a", b"12345")
    real = os.fstat

    class Smaller:
        def __init__(self, stat):
            self.st_size, self.st_mode, self.st_blksize = 2, stat.st_mode, stat.st_blksize

    monkeypatch.setattr(disk.os, "fstat", lambda descriptor: Smaller(real(descriptor)))
    with pytest.raises(IntegrityError, match="more than 3"):
        store.get("a", limit=3)


# S3


def test_more_keys_than_one_page_holds_are_all_listed(bucket):
    store = open_store(f"s3://{bucket.name}")
    keys = [f"page/{number:05d}" for number in range(1003)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: store.create(key, b""), keys))
    assert store.keys("page/") == keys


def test_folders_made_in_a_console_are_no_keys(bucket):
    store = open_store(f"s3://{bucket.name}/root")
    for key in ("root/", "root/m/", "root/m/empty/"):
        bucket.put_object(Key=key, Body=b"")
    store.create("m/a/b", b"")
    assert store.keys("m/a/") == ["m/a/b"]
    assert "m" not in store.keys("m/")


def test_a_missing_bucket_is_an_error_and_not_an_absent_key(s3_environment):
    missing = open_store("s3://no-such-bucket")
    for attempt in (
        lambda: missing.get("a", limit=1),
        lambda: missing.create("a", b""),
        lambda: missing.keys("a/"),
        lambda: missing.folders("a/"),
        lambda: missing.delete("a"),
    ):
        with pytest.raises(StoreError, match="NoSuchBucket"):
            attempt()


def test_a_server_that_refuses_or_never_answers_is_given_up_within_seconds(s3_environment, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    unreachable = open_store("s3://bucket")
    for attempt in (
        lambda: unreachable.get("a", limit=1),
        lambda: unreachable.create("a", b""),
        lambda: unreachable.keys("a/"),
        lambda: unreachable.folders("a/"),
        lambda: unreachable.delete("a"),
    ):
        with pytest.raises(StoreError):
            attempt()
    with s3_that_never_answers(monkeypatch):
        silent = open_store("s3://bucket")
        begun = time.monotonic()
        with pytest.raises(StoreError, match="cannot be read"):
            silent.get("a", limit=1)
        assert time.monotonic() - begun < 6


def test_a_write_whose_reply_was_lost_on_the_wire_is_no_conflict_and_another_one_is(
    bucket, s3_environment, monkeypatch
):
    with s3_that_loses_the_reply(monkeypatch, s3_environment, to=b"PUT"):
        store = open_store(f"s3://{bucket.name}")
        for number in range(3):
            put_once(store, f"entry/{number}", b"mine")
            with pytest.raises(ConflictError, match="somebody else"):
                put_once(store, f"entry/{number}", b"yours")
    assert [found.get()["Body"].read() for found in bucket.objects.all()] == [b"mine"] * 3


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nETag: x\r\n\r\nonly these",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nETag: x\r\n\r\n5\r\n12345\r\n0\r\n\r\n",
        b"HTTP/1.1 403 Forbidden\r\nContent-Length: 36\r\n\r\n<Error><Code>ExpiredToken</Code>....</",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 301 Moved\r\nContent-Length: 0\r\n\r\n",
        b"not http at all",
    ],
    ids=[
        "truncated",
        "of unknown size",
        "forbidden",
        "a 404 of somebody else",
        "overloaded",
        "another region",
        "nonsense",
    ],
)
def test_an_answer_that_is_no_object_is_a_store_error(s3_environment, monkeypatch, answer):
    with s3_that_answers(monkeypatch, answer):
        store = open_store("s3://bucket")
        with pytest.raises(StoreError, match="ExpiredToken" if b"ExpiredToken" in answer else "cannot be read"):
            store.get("a", limit=1000)


def test_what_is_too_large_is_refused_before_it_is_read(s3_environment, monkeypatch):
    headers = (b"Content-Length: 999999999", b"ETag: x", b"Last-Modified: Fri, 20 Nov 2026 00:00:00 GMT", b"\r\n")
    answer = b"\r\n".join((b"HTTP/1.1 200 OK", *headers))
    with s3_that_answers(monkeypatch, answer), pytest.raises(IntegrityError, match="999999999 bytes, more than 10"):
        open_store("s3://bucket").get("a", limit=10)


def test_an_object_that_came_shorter_than_it_is_is_a_store_error(s3_environment):
    class Short:
        meta = MappingProxyType({"size": 9})

        def bytes(self):
            return b"12345"

    store = s3.S3Store("bucket", "")
    store._reader = type("Client", (), {"get": lambda *_: Short()})()
    with pytest.raises(StoreError, match="a cannot be read: 5 of its 9 bytes came"):
        store.get("a", limit=9)


def test_whoever_may_not_delete_is_told(s3_environment, monkeypatch):
    answer = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 37\r\n\r\n<Error><Code>AccessDenied</Code>....</"
    with (
        s3_that_answers(monkeypatch, answer),
        pytest.raises(StoreError, match=r"a may not have been deleted.*AccessDenied"),
    ):
        open_store("s3://bucket").delete("a")


def client_errors():
    named = [value for value in vars(obstore.exceptions).values() if isinstance(value, type)]
    return [
        *(kind for kind in named if issubclass(kind, Exception)),
        *(ValueError, OSError, FileNotFoundError, PermissionError, NotImplementedError),
    ]


@pytest.mark.parametrize("kind", client_errors(), ids=lambda kind: kind.__name__)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_no_exception_of_the_client_passes_through(kind):
    class Broken:
        def fail(self, *_, **__):
            raise kind("it broke\n\nDebug source: ...")

        get = put = list = list_with_delimiter = delete = fail

    store = s3.S3Store("bucket", "")
    store._reader = store._writer = Broken()
    expected = {
        "get": StoreError,  # what is absent is told by S3's own NoSuchKey, and by no other 404
        "create": ConflictError if kind is obstore.exceptions.AlreadyExistsError else StoreError,
        "keys": StoreError,
        "folders": StoreError,
        "delete": StoreError,
    }
    for name, attempt in {
        "get": lambda: store.get("a", limit=1),
        "create": lambda: store.create("a", b""),
        "keys": lambda: store.keys("a/"),
        "folders": lambda: store.folders("a/"),
        "delete": lambda: store.delete("a"),
    }.items():
        with pytest.raises(expected[name]) as caught:
            attempt()
        assert type(caught.value) is expected[name]
        assert "\n" not in str(caught.value)


def test_nothing_the_client_can_raise_is_forgotten():
    assert {kind.__name__ for kind in client_errors() if issubclass(kind, obstore.exceptions.BaseError)} == {
        *("BaseError", "GenericError", "NotFoundError", "InvalidPathError", "JoinError", "NotSupportedError"),
        *("AlreadyExistsError", "PreconditionError", "NotModifiedError", "PermissionDeniedError"),
        *("UnauthenticatedError", "UnknownConfigurationKeyError"),
    }
