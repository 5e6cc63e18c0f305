"""How S3 is asked, to the byte of a request, and what each of its answers is called."""

import os
from datetime import timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import obstore.exceptions
import pytest

from firesteel.errors import ConflictError, NotFoundError, StoreError
from firesteel.registry import s3
from firesteel.registry.s3 import S3Store

NO_KEY = b"<Error><Code>NoSuchKey</Code></Error>"


class Host(ThreadingHTTPServer):
    """Answers every request the same, and notes what it was: method, path, and what it was signed with."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status, self.body, self.asked = 404, NO_KEY, []
        self.address = f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Host

    def do_GET(self):
        self.answer()

    def do_PUT(self):
        self.answer()

    def do_POST(self):
        self.answer()

    def answer(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        signed = self.headers.get("authorization", "").partition("Credential=")[2].partition(",")[0]
        self.server.asked.append((self.command, self.path, signed))
        self.send_response(self.server.status)
        self.send_header("content-length", str(len(self.server.body)))
        self.send_header("etag", "x")
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *_):
        """Nothing."""


@pytest.fixture
def environment(monkeypatch):
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "KEY")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    return monkeypatch


@pytest.fixture
def host(environment):
    with Host() as server:
        environment.setenv("AWS_ENDPOINT_URL", server.address)
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.shutdown()


class Broken:
    """A client that fails at everything."""

    def __init__(self, error):
        self.error = error

    def fail(self, *_, **__):
        raise self.error

    get = put = list = list_with_delimiter = delete = fail


def broken(error):
    store = S3Store("bucket", "")
    store._reader = store._writer = Broken(error)
    return store


# Where and how it is asked


def test_an_endpoint_has_the_bucket_in_the_path_and_a_prefix_before_the_key(host):
    for bucket, prefix in (("bucket", ""), ("bucket", "deep/down"), ("dotted.bucket", "deep")):
        with pytest.raises(NotFoundError, match="^a/b does not exist$"):
            S3Store(bucket, prefix).get("a/b", limit=1)
    assert [path for _, path, _ in host.asked] == [
        "/bucket/a/b",
        "/bucket/deep/down/a/b",
        "/dotted.bucket/deep/a/b",
    ]


def test_an_object_is_created_in_one_request(host):
    host.status, host.body = 200, b""
    S3Store("bucket", "").create("a/b", bytes(7_000_000))
    assert [asked[:2] for asked in host.asked] == [("PUT", "/bucket/a/b")]


def test_an_endpoint_for_s3_alone_comes_before_the_one_for_all(host, environment):
    environment.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    environment.setenv("AWS_ENDPOINT_URL_S3", host.address)
    with pytest.raises(NotFoundError):
        S3Store("bucket", "").get("a", limit=1)
    assert len(host.asked) == 1


@pytest.mark.parametrize(
    ("variables", "region"),
    [
        ({}, "us-east-1"),
        ({"AWS_DEFAULT_REGION": "eu-west-3"}, "eu-west-3"),
        ({"AWS_REGION": "eu-west-1"}, "eu-west-1"),
        ({"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-3"}, "eu-west-1"),
        ({"AWS_REGION": "", "AWS_DEFAULT_REGION": "eu-west-3"}, "eu-west-3"),
    ],
)
def test_requests_are_signed_for_the_region_that_the_environment_has(host, environment, variables, region):
    for name, value in variables.items():
        environment.setenv(name, value)
    with pytest.raises(NotFoundError):
        S3Store("bucket", "").get("a", limit=1)
    user, _, *scope = host.asked[0][2].split("/")
    assert (user, *scope) == ("KEY", region, "s3", "aws4_request")


def test_without_an_endpoint_aws_is_asked_by_https_with_a_plain_bucket_in_the_host_name(environment):
    plain, dotted = (S3Store(bucket, "")._reader for bucket in ("bucket", "dotted.bucket"))
    assert "endpoint" not in plain.config
    assert (plain.config["virtual_hosted_style_request"], dotted.config["virtual_hosted_style_request"]) == (
        "true",
        "false",
    )
    assert plain.client_options["allow_http"] == "false"


@pytest.mark.parametrize(("scheme", "allowed"), [("http", "true"), ("https", "false")])
def test_plain_http_is_spoken_only_where_the_endpoint_says_so(environment, scheme, allowed):
    environment.setenv("AWS_ENDPOINT_URL", f"{scheme}://localhost:9000")
    client = S3Store("bucket", "")._writer
    assert (client.client_options["allow_http"], client.config["virtual_hosted_style_request"]) == (allowed, "false")


def test_a_reader_waits_for_seconds_and_a_writer_for_minutes_and_both_try_thrice(host):
    store = S3Store("bucket", "")
    reader, writer = ({**client.client_options} for client in (store._reader, store._writer))
    assert reader == {"connect_timeout": "1s", "read_timeout": "2s", "timeout": "60s", "allow_http": "true"}
    assert writer == {"connect_timeout": "2s", "timeout": "300s", "allow_http": "true"}
    assert store._reader.retry_config["retry_timeout"] == store._writer.retry_config["retry_timeout"]
    assert store._reader.retry_config["retry_timeout"] == timedelta(seconds=3)
    host.status, host.body = 500, b""
    with pytest.raises(StoreError, match="^a cannot be read: "):
        store.get("a", limit=1)
    assert len(host.asked) == 3


# Which places there are


@pytest.mark.parametrize("endpoint", ["http://a", "http://a/", "https://a.b-c", "http://a:0", "http://a:65535/"])
def test_an_endpoint_is_a_host_with_at_most_a_port(environment, endpoint):
    environment.setenv("AWS_ENDPOINT_URL", endpoint)
    assert S3Store("bucket", "")._endpoint == endpoint


@pytest.mark.parametrize("endpoint", ["http://a:65536", "http://a:100000", "a:80", "xhttp://a", "http://a/b"])
def test_any_other_is_refused_with_its_beginning(environment, endpoint):
    environment.setenv("AWS_ENDPOINT_URL", endpoint)
    with pytest.raises(StoreError, match=rf"is '{endpoint}', not http\(s\)://host\[:port\]$"):
        S3Store("bucket", "")
    environment.setenv("AWS_ENDPOINT_URL", "x" * 300)
    with pytest.raises(StoreError, match=f" is '{'x' * 200}', not "):
        S3Store("bucket", "")


@pytest.mark.parametrize(
    ("bucket", "prefix"), [("abc", ""), ("a" * 63, "a" * 500), ("0.a-9", "A/b.c/d_e-f/"), ("bucket", ".")]
)
def test_a_bucket_has_3_to_63_characters_and_a_prefix_up_to_500(environment, bucket, prefix):
    assert isinstance(S3Store(bucket, prefix), S3Store)


@pytest.mark.parametrize(
    ("bucket", "prefix"),
    [
        *(("ab", ""), ("a" * 64, ""), ("-ab", ""), ("ab.", ""), ("Abc", ""), ("abc\n", "")),
        *(("abc", "a" * 501), ("abc", "a b"), ("abc", "a\n"), ("abc", ".."), ("abc", "a/..b")),
    ],
)
def test_no_others_are_opened(environment, bucket, prefix):
    with pytest.raises(StoreError, match="is no bucket with a prefix of plain names$"):
        S3Store(bucket, prefix)


# What an answer is called


def test_that_nothing_is_there_is_told_only_of_an_object(host):
    store = S3Store("bucket", "")
    with pytest.raises(NotFoundError, match="^a does not exist$"):
        store.get("a", limit=1)
    store.delete("a")
    for attempt in (lambda: store.create("a", b""), lambda: store.keys("a/"), lambda: store.folders("a/")):
        with pytest.raises(StoreError, match="NoSuchKey$"):
            attempt()


def test_that_something_is_there_is_told_only_of_what_was_to_be_created(environment):
    store = broken(obstore.exceptions.AlreadyExistsError("there"))
    with pytest.raises(ConflictError, match="^a exists already$"):
        store.create("a", b"")
    for attempt, said in (
        (lambda: store.get("a", limit=1), "a cannot be read: there"),
        (lambda: store.keys("a/"), "a/ cannot be listed: there"),
        (lambda: store.folders("a/"), "a/ cannot be listed: there"),
        (lambda: store.delete("a"), "a may not have been deleted: there"),
    ):
        with pytest.raises(StoreError, match=f"^{said}$"):
            attempt()


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("it broke", "it broke"),
        ("it broke\n\nDebug source: ...", "it broke"),
        ("it broke: <Error><Code>SlowDown</Code></Error>", "it broke SlowDown"),
        ("it broke\nmore: <Error><Code>NoSuchBucket</Code></Error>", "it broke NoSuchBucket"),
        (f"<Code>{'a' * 65}</Code>", f"<Code>{'a' * 65}</Code>"),
        ("x" * 301, "x" * 300),
    ],
)
def test_a_refusal_has_one_line_of_the_client_s_words_and_the_code_of_s3(environment, told, said):
    with pytest.raises(StoreError) as caught:
        broken(ValueError(told)).get("a", limit=1)
    assert str(caught.value) == f"a cannot be read: {said}"


def test_the_file_of_a_token_goes_with_the_process_and_may_be_gone_already(monkeypatch):
    at_exit = []
    monkeypatch.setattr(s3.atexit, "register", lambda *what, **how: at_exit.append(partial(*what, **how)))
    path = Path(s3._file_of.__wrapped__("token"))
    assert path.read_text() == "token"
    for _ in range(2):
        at_exit[0]()
        assert not path.exists()
