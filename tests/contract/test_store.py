"""One contract, three stores: local disk, S3 over real HTTP, and memory."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest
from moto.server import ThreadedMotoServer

from firesteel.errors import ConflictError, IntegrityError, NotFoundError, StoreError
from firesteel.registry.store import DiskStore, open_store, put_once


@pytest.fixture(scope="session")
def s3_endpoint():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    yield f"http://127.0.0.1:{port}"
    server.stop()


@pytest.fixture
def s3_environment(s3_endpoint, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    return s3_endpoint


@pytest.fixture(params=["disk", "memory", "s3", "s3 with a prefix"])
def store(request):
    return of_kind(request.param, request)


@pytest.fixture(params=["disk", "memory"])
def linearizable(request):
    """moto's put-if-absent is not atomic under concurrency, S3's is: races are tried on the other two."""
    return of_kind(request.param, request)


def of_kind(kind, request):
    tmp_path = request.getfixturevalue("tmp_path")
    match kind:
        case "disk":
            return open_store(f"file://{tmp_path}/a store")
        case "memory":
            return open_store("memory://")
    endpoint = request.getfixturevalue("s3_environment")
    bucket = f"b-{uuid.uuid4()}"
    client = boto3.client("s3", endpoint_url=endpoint, region_name="eu-central-1")
    client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    return open_store(f"s3://{bucket}/deep/down" if "prefix" in kind else f"s3://{bucket}")


def test_what_was_created_is_read_back(store):
    for data in (b"", b"x", bytes(range(256)) * 1000):
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


def test_more_bytes_than_the_limit_are_refused(store):
    store.create("a", b"12345")
    assert store.get("a", limit=5) == b"12345"
    with pytest.raises(IntegrityError, match="more than 4"):
        store.get("a", limit=4)


def test_keys_are_listed_by_folder_in_order(store):
    for key in ("m/a/2", "m/a/1", "m/ab/1", "n", "m/a/x/y"):
        store.create(key, b"")
    assert store.keys("m/a/") == ["m/a/1", "m/a/2", "m/a/x/y"]
    assert store.keys("none/") == []


def test_folders_are_the_names_right_below(store):
    for key in ("m/a/2", "m/b/c/d", "m/file", "n/z"):
        store.create(key, b"")
    assert store.folders("m/") == ["a", "b"]
    assert store.folders("none/") == []


def test_more_keys_than_one_page_of_s3_holds_are_all_listed(request):
    store = of_kind("s3", request)
    keys = [f"page/{number:05d}" for number in range(1003)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: store.create(key, b""), keys))
    assert store.keys("page/") == keys


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


def test_nothing_half_written_is_ever_listed(tmp_path):
    store = DiskStore(tmp_path)
    store.create("a/b", b"x")
    (store._root / "a" / ".c.1234").write_bytes(b"left by a crash")
    assert store.keys("a/") == ["a/b"]


def test_a_disk_that_cannot_be_written_or_read_is_a_store_error(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="is a file, not a folder"):
        open_store(f"file://{tmp_path}/file")
    with pytest.raises(StoreError, match="cannot be written"):
        open_store(f"file://{tmp_path}").create("file/b", b"x")
    looped = DiskStore(tmp_path)
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(StoreError, match="cannot be read"):
        looped.get("loop", limit=1)


def test_a_bucket_that_does_not_exist_or_answer_is_told_from_an_absent_key(s3_environment, monkeypatch):
    missing = open_store("s3://no-such-bucket")
    with pytest.raises((StoreError, NotFoundError)):
        missing.keys("a/")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    unreachable = open_store("s3://bucket")
    for attempt in (
        lambda: unreachable.get("a", limit=1),
        lambda: unreachable.create("a", b""),
        lambda: unreachable.keys("a/"),
        lambda: unreachable.folders("a/"),
    ):
        with pytest.raises(StoreError):
            attempt()


def test_without_an_endpoint_s3_is_at_its_usual_address(s3_environment, monkeypatch):
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    assert open_store("s3://bucket")


@pytest.mark.parametrize("endpoint", ["localhost:9000", "http://[bad", "http://a:99999", "http://a b", "http://", "ftp://a"])
def test_an_endpoint_that_is_no_address_is_refused(s3_environment, monkeypatch, endpoint):
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    with pytest.raises(StoreError, match="not http"):
        open_store("s3://bucket")


@pytest.mark.parametrize("url", ["s3://A B", "s3://bu_cket", "s3://b", "s3://bucket/a/../b", "s3://bucket/a b", "s3://bucket/%2e"])
def test_a_bucket_or_prefix_that_cannot_be_is_refused(url):
    with pytest.raises(StoreError, match="no bucket with a prefix"):
        open_store(url)


@pytest.mark.parametrize("url", ["", "tickets", "http://x/y", "s3://", "file://", "memory://x", "S3//x", "gs://bucket"])
def test_what_is_no_store_is_refused_with_what_is(url):
    with pytest.raises(StoreError, match="is no store; possible: file://"):
        open_store(url)


def test_put_once_accepts_its_own_write_and_no_other(store):
    put_once(store, "k", b"mine")
    put_once(store, "k", b"mine")
    for other in (b"yours", b"m", b"mine and more"):
        with pytest.raises(ConflictError, match="somebody else"):
            put_once(store, "k", other)
