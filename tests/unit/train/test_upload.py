"""Uploads on S3 (moto) and in a folder: found by version, listed by age, and read a piece at a time."""

import hashlib
import uuid

import boto3
import pytest
from moto.server import ThreadedMotoServer

from firesteel.errors import DataError, NotFoundError, StoreError
from functions.train import upload
from functions.train.upload import ObjectUploads, Upload, download

UPLOADS = ObjectUploads()


@pytest.fixture(scope="module")
def endpoint():
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(endpoint, monkeypatch):
    """A versioned bucket's name and its client."""
    for name, value in {
        "AWS_ENDPOINT_URL": endpoint, "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    client, name = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1"), f"b-{uuid.uuid4()}"
    client.create_bucket(Bucket=name)
    client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name, client


def put(bucket, key, content):
    name, client = bucket
    return client.put_object(Bucket=name, Key=key, Body=content)["VersionId"]


def fetched(found, tmp_path, limit=1 << 20):
    path = tmp_path / "data.csv"
    sha256 = download(UPLOADS, found, path, limit=limit)
    assert sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    return path.read_bytes()


def test_a_version_of_an_object_is_found_and_read_after_it_was_replaced(bucket, tmp_path):
    first = put(bucket, "incoming/m/a b+é.csv", b"first")
    second = put(bucket, "incoming/m/a b+é.csv", b"second")
    data = f"s3://{bucket[0]}/incoming/m/a b+é.csv"
    found, size = UPLOADS.find(data, first)
    assert (found.data, found.version_id, found.etag, size) == (data, first, hashlib.md5(b"first").hexdigest(), 5)
    assert fetched(found, tmp_path) == b"first"
    newest, _ = UPLOADS.find(data)
    assert newest.version_id == second
    assert fetched(newest, tmp_path) == b"second"
    (listed,) = UPLOADS.current(f"s3://{bucket[0]}/incoming/m")
    assert listed == newest._replace(version_id=None)


def test_what_is_not_there_is_not_found(bucket):
    version = put(bucket, "incoming/m/a.csv", b"x")
    for data, wanted in (("incoming/m/b.csv", None), ("incoming/m/b.csv", version), ("none/at/all.csv", None)):
        with pytest.raises(NotFoundError, match="does not exist"):
            UPLOADS.find(f"s3://{bucket[0]}/{data}", wanted)
    bucket[1].delete_object(Bucket=bucket[0], Key="incoming/m/a.csv")
    with pytest.raises(NotFoundError):
        UPLOADS.find(f"s3://{bucket[0]}/incoming/m/a.csv")
    assert UPLOADS.find(f"s3://{bucket[0]}/incoming/m/a.csv", version)[0].version_id == version
    assert UPLOADS.current(f"s3://{bucket[0]}/incoming/m") == []


def test_only_csv_files_right_below_the_folder_are_listed(bucket):
    for key in (
        "incoming/m/a.csv",
        "incoming/m/b.csv.gz",
        "incoming/m/c.txt",
        "incoming/m/d/e.csv",
        "incoming/m2/f.csv",
    ):
        put(bucket, key, b"x")
    listed = UPLOADS.current(f"s3://{bucket[0]}/incoming/m")
    assert {one.file for one in listed} == {"a.csv", "b.csv.gz"}


def test_a_store_that_does_not_answer_is_a_store_error(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with pytest.raises(StoreError, match="cannot be read"):
        UPLOADS.find("s3://bucket/incoming/m/a.csv")


def test_a_folder_has_uploads_too(tmp_path):
    folder = tmp_path / "my files" / "m"
    folder.mkdir(parents=True)
    (folder / "a.csv").write_bytes(b"x")
    (folder / "notes.txt").write_bytes(b"x")
    place = f"file://{tmp_path}/my%20files/m"
    (listed,) = UPLOADS.current(place)
    found, size = UPLOADS.find(f"{place}/a.csv")
    assert (listed, found.version_id, size) == (found, None, 1)
    assert fetched(found, tmp_path) == b"x"
    assert UPLOADS.current(f"{place}/none") == []
    with pytest.raises(NotFoundError):
        UPLOADS.find(f"{place}/none/b.csv")


def test_a_file_without_versions_that_was_replaced_is_not_taken_for_the_one_before(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"x")
    found, _ = UPLOADS.find(f"file://{path}")
    path.unlink()
    path.write_bytes(b"another")
    with pytest.raises(DataError, match="was replaced after"):
        fetched(found, tmp_path / "..")


def test_more_bytes_than_the_limit_are_refused_before_they_are_on_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(upload, "_CHUNK", 1 << 16)
    path = tmp_path / "a.csv"
    path.write_bytes(b"x" * (1 << 20))
    found, _ = UPLOADS.find(f"file://{path}")
    with pytest.raises(DataError, match="has more than 200000 bytes"):
        download(UPLOADS, found, tmp_path / "b.csv", limit=200_000)
    assert (tmp_path / "b.csv").stat().st_size <= 200_000


def test_uploads_are_ordered_by_second_then_name_and_named_by_all_they_are():
    one = Upload("s3://b/incoming/m/a.csv", "v", "0123-45/6789", "2026-11-21T15:00:00Z")
    later, beside = one._replace(uploaded="2026-11-21T15:00:01Z"), one._replace(data="s3://b/incoming/m/b.csv")
    assert one.order < beside.order < later.order
    assert (
        len({each.sha256 for each in (one, later, beside, one._replace(version_id=None), one._replace(etag="x"))}) == 5
    )
    assert Upload.parse(one._asdict()) == one
    assert (one.folder, one.file, one.quarantine) == ("s3://b/incoming/m", "a.csv", "a.csv.0123-456")


@pytest.mark.parametrize(
    "wrong", [None, {}, [], {"data": "x"}, {"data": 1, "version_id": None, "etag": "", "uploaded": ""}]
)
def test_what_is_no_upload_is_refused(wrong):
    with pytest.raises(DataError, match="upload"):
        Upload.parse(wrong)


@pytest.mark.parametrize("place", ["/etc/passwd", "https://example.com/x.csv", "s3://", "s3://bucket", ""])
def test_what_is_no_place_for_rows_is_refused(place):
    with pytest.raises(DataError, match="is not where rows can be"):
        UPLOADS.find(place)
