"""Bundles: claimed first, sealed last, and never anything but what was published."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firesteel.errors import ConflictError, IntegrityError, NotFoundError, RegistryError, StoreError
from firesteel.registry import bundle, names, record
from firesteel.registry.store import MemoryStore
from tests.faults.store import FaultyStore

FILES = {"program.safetensors": b"program", "golden.json": b"{}"}


@pytest.fixture
def store():
    return FaultyStore(MemoryStore())


def publish(store, version="1.0.0", model="tickets", files=FILES):
    return bundle.publish(store, model, version, files, who="ada")


def replace(store, key, data):
    store.inner._objects[key] = data


def test_a_published_version_is_read_back_whole(store):
    manifest = publish(store)
    assert bundle.read_manifest(store, "tickets", "1.0.0", manifest.digest) == manifest
    assert {name: bundle.read_file(store, manifest, name) for name in manifest.files} == FILES
    assert bundle.verify(store, "tickets", "1.0.0") == []


def test_the_digest_is_the_hash_of_the_manifest(store):
    manifest = publish(store)
    data = store.get("models/tickets/v1.0.0/manifest.json", limit=9999)
    assert manifest.digest == hashlib.sha256(data).hexdigest()


def test_the_claim_is_written_first_and_the_manifest_last(store):
    publish(store)
    written = [key.rpartition("/")[2] for name, key in store.log if name == "create"]
    assert written == ["claim.json", "program.safetensors", "golden.json", "manifest.json"]


def test_a_version_is_never_written_twice(store):
    publish(store)
    with pytest.raises(ConflictError, match="never written twice"):
        publish(store, files={"program.safetensors": b"other"})
    assert bundle.verify(store, "tickets", "1.0.0") == []


@pytest.mark.parametrize("stop", ["program.safetensors", "golden.json", "manifest.json"])
def test_a_crash_leaves_an_unfinished_version_whose_number_is_not_used_again(store, stop):
    store.fault = lambda name, key: "before" if name == "create" and key.endswith(stop) else None
    with pytest.raises(StoreError):
        publish(store)
    store.fault = lambda *_: None
    assert bundle.versions(store, "tickets") == [("1.0.0", "unfinished")]
    with pytest.raises(NotFoundError, match="no complete version"):
        bundle.read_manifest(store, "tickets", "1.0.0")
    assert "no complete version" in bundle.verify(store, "tickets", "1.0.0")[0]
    assert bundle.next_version(store, "tickets", "minor") == "1.1.0"
    with pytest.raises(ConflictError):
        publish(store)


@pytest.mark.parametrize("lost", ["claim.json", "program.safetensors", "manifest.json"])
def test_a_lost_reply_is_resolved_by_reading_back(store, lost):
    store.fault = lambda name, key: "after" if name == "create" and key.endswith(lost) else None
    publish(store)
    store.fault = lambda *_: None
    assert bundle.verify(store, "tickets", "1.0.0") == []


def test_one_of_many_publishers_of_a_version_wins():
    store = MemoryStore()

    def attempt(number):
        try:
            return bundle.publish(store, "tickets", "1.0.0", {"program": str(number).encode() * 50}, who=str(number))
        except ConflictError:
            return None

    with ThreadPoolExecutor(8) as pool:
        won = [manifest for manifest in pool.map(attempt, range(24)) if manifest]
    assert len(won) == 1
    assert bundle.verify(store, "tickets", "1.0.0") == []


def test_versions_are_ordered_as_numbers_and_bumped_from_the_highest(store):
    for version in ("1.10.0", "1.2.0", "1.9.3"):
        publish(store, version)
    assert [one.version for one in bundle.versions(store, "tickets")] == ["1.2.0", "1.9.3", "1.10.0"]
    assert [bundle.next_version(store, "tickets", bump) for bump in ("major", "minor", "patch")] == [
        "2.0.0",
        "1.11.0",
        "1.10.1",
    ]
    assert bundle.next_version(store, "other", "patch") == "1.0.0"


def test_models_and_segments_are_found(store):
    publish(store)
    for segment in ("qb", "wr", "v8", "very-fast"):
        publish(store, model=f"recruits/{segment}")
    store.create("models/recruits/No Name/x", b"")
    assert bundle.models(store) == [
        "recruits/qb", "recruits/v8", "recruits/very-fast", "recruits/wr", "tickets"
    ]  # fmt: skip
    assert bundle.versions(store, "recruits") == []
    assert [one.version for one in bundle.versions(store, "recruits/v8")] == ["1.0.0"]


def test_folders_that_can_be_no_model_are_passed_over(store):
    publish(store)
    for key in ("models/Tick/v1.0.0/x", "models/a b/v1.0.0/x", "models/tickets_old/aliases/latest/x"):
        store.create(key, b"")
    assert bundle.models(store) == ["tickets"]
    publish(store, model="aliases")
    assert bundle.models(store) == ["aliases", "tickets"]


def test_a_mark_is_told_from_what_is_wrong(store):
    publish(store)
    store.create("models/tickets/v1.0.0/collected.json", b"a mark")
    store.create("models/tickets/v1.0.0/other", b"")
    [mark, other] = bundle.verify(store, "tickets", "1.0.0")
    assert (bundle.is_mark(mark), bundle.is_mark(other)) == (True, False)


def test_a_segment_cannot_take_the_place_of_the_aliases(store):
    with pytest.raises(NotFoundError, match="cannot be called aliases"):
        publish(store, model="tickets/aliases")
    publish(store, model="tickets/aliases-2")


@pytest.mark.parametrize("change", [b"Program", b"progra", b"program!", b""])
def test_a_file_that_is_not_what_was_published_is_refused(store, change):
    manifest = publish(store)
    replace(store, "models/tickets/v1.0.0/program.safetensors", change)
    with pytest.raises(IntegrityError, match=r"program\.safetensors"):
        bundle.read_file(store, manifest, "program.safetensors")
    assert len(bundle.verify(store, "tickets", "1.0.0")) == 1


def test_a_missing_file_and_one_too_many_are_told(store):
    manifest = publish(store)
    del store.inner._objects["models/tickets/v1.0.0/golden.json"]
    store.create("models/tickets/v1.0.0/extra.bin", b"")
    assert [problem.rpartition("/")[2] for problem in bundle.verify(store, "tickets", "1.0.0")] == [
        "golden.json is missing",
        "extra.bin belongs to no bundle",
    ]
    with pytest.raises(NotFoundError, match=r"no file 'secret\.txt'"):
        bundle.read_file(store, manifest, "secret.txt")


@pytest.mark.parametrize("claim", [None, b"", b"x" * 9000, {"write_id": "somebody else's"}, {"extra": 1}])
def test_a_version_without_the_claim_it_was_published_under_is_told(store, claim):
    publish(store)
    key = "models/tickets/v1.0.0/claim.json"
    content = json.loads(store.inner._objects.pop(key))
    if claim is not None:
        store.create(key, claim if isinstance(claim, bytes) else record.encode(content | claim))
    assert bundle.verify(store, "tickets", "1.0.0") == [f"{key} is not the claim this version was published under"]


def test_a_store_that_cannot_be_reached_says_nothing_about_a_bundle(store):
    publish(store)
    for stop in ("manifest.json", "claim.json", "golden.json"):
        store.fault = lambda _, key, stop=stop: "before" if key.endswith(stop) else None
        with pytest.raises(StoreError):
            bundle.verify(store, "tickets", "1.0.0")


def test_a_bundle_is_read_in_the_time_of_one_request(store):
    published = publish(store)
    everybody = Barrier(3, timeout=10)

    class Meeting:
        def get(self, key, *, limit):
            everybody.wait()
            return store.get(key, limit=limit)

    manifest, files = bundle.read_bundle(Meeting(), "tickets", "1.0.0", list(FILES), published.digest)
    assert (manifest, files) == (published, FILES)


def test_a_bundle_read_at_once_is_checked_as_one_read_file_by_file(store):
    manifest = publish(store)
    key = "models/tickets/v1.0.0/golden.json"

    def read(wanted=("golden.json",), version="1.0.0", digest=manifest.digest):
        return bundle.read_bundle(store, "tickets", version, wanted, digest)

    assert read(()) == (manifest, {})
    with pytest.raises(NotFoundError, match=r"no file 'secret\.txt'"):
        read(["golden.json", "secret.txt"])
    with pytest.raises(NotFoundError, match="no complete version"):
        read(version="2.0.0")
    with pytest.raises(NotFoundError, match="is no version"):
        read(version="../2.0.0")
    with pytest.raises(IntegrityError, match="not the manifest that was promoted"):
        read(digest="0" * 64)
    store.fault = lambda _, at: "before" if at == key else None
    with pytest.raises(StoreError):
        read()
    store.fault = lambda *_: None
    for change in (b"[]", b"{} ", b""):
        replace(store, key, change)
        with pytest.raises(IntegrityError, match=r"golden\.json"):
            read()
    del store.inner._objects[key]
    with pytest.raises(IntegrityError, match=r"golden\.json is missing"):
        read()


def test_little_is_read_before_the_manifest_says_how_much_there_is(store, monkeypatch):
    asked = []

    class Bounded:
        def get(self, key, *, limit):
            asked.append((key.rpartition("/")[2], limit))
            return store.get(key, limit=limit)

    manifest = publish(store)
    monkeypatch.setattr(bundle, "READ_AHEAD", 4)
    assert bundle.read_bundle(Bounded(), "tickets", "1.0.0", list(FILES)) == (manifest, FILES)
    assert sorted(asked) == [
        *(("golden.json", 4), ("manifest.json", bundle.MANIFEST_LIMIT)),
        *(("program.safetensors", 4), ("program.safetensors", len(FILES["program.safetensors"]))),
    ]
    replace(store, "models/tickets/v1.0.0/program.safetensors", b"x" * 1000)
    with pytest.raises(IntegrityError, match="1000 bytes, more than 7"):
        bundle.read_bundle(Bounded(), "tickets", "1.0.0", list(FILES))


def test_a_version_that_is_being_collected_is_not_served_from_then_on(store):
    manifest = publish(store)
    key = "models/tickets/v1.0.0/collected.json"
    store.create(key, b"{}")
    assert bundle.problems(store, manifest) == [f"{key}: it is being collected, see `firesteel gc --help`"]
    assert bundle.read_manifest(store, "tickets", "1.0.0") == manifest
    [listed] = bundle.versions(store, "tickets")
    assert (listed.state, listed.complete) == ("marked", False)
    del store.inner._objects["models/tickets/v1.0.0/manifest.json"]
    [listed] = bundle.versions(store, "tickets")
    assert (listed.state, listed.complete) == ("collected", False)
    assert bundle.next_version(store, "tickets", "minor") == "1.1.0"
    with pytest.raises(ConflictError):
        publish(store)


def test_a_manifest_other_than_the_promoted_one_is_refused(store):
    publish(store)
    with pytest.raises(IntegrityError, match="not the manifest that was promoted"):
        bundle.read_manifest(store, "tickets", "1.0.0", "0" * 64)


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.update(format=2),
        lambda m: m.update(extra=1),
        lambda m: m.pop("files"),
        lambda m: m.update(files={}),
        lambda m: m.update(files=[]),
        lambda m: m.update(files={f"f{n}": {"size": 1, "sha256": "0" * 64} for n in range(33)}),
        lambda m: m.update(version="1.0.1"),
        lambda m: m.update(model="other"),
        lambda m: m["files"].update({"../evil": {"size": 1, "sha256": "0" * 64}}),
        lambda m: m["files"].update({"claim.json": {"size": 1, "sha256": "0" * 64}}),
        lambda m: m["files"].update({"collected.json": {"size": 1, "sha256": "0" * 64}}),
        lambda m: m["files"]["golden.json"].update(size=bundle.DOCUMENT_LIMIT + 1),
        lambda m: m["files"]["golden.json"].update(size=-1),
        lambda m: m["files"]["golden.json"].update(size=True),
        lambda m: m["files"]["golden.json"].update(size=1 << 60),
        lambda m: m["files"]["golden.json"].update(sha256=7),
        lambda m: m["files"]["golden.json"].update(sha256="short"),
        lambda m: m["files"]["golden.json"].update(sha256="G" * 64),
        lambda m: m["files"].update({"golden.json": None}),
        lambda m: m.update(format=True),
        lambda m: m.update(format="1"),
        lambda m: m.update(created=None),
        lambda m: m.update(write_id=["x"]),
        lambda m: m["files"]["golden.json"].update(more=1),
    ],
)
def test_a_manifest_out_of_form_is_refused(store, change):
    publish(store)
    key = "models/tickets/v1.0.0/manifest.json"
    content = json.loads(store.get(key, limit=9999))
    change(content)
    replace(store, key, json.dumps(content).encode())
    with pytest.raises(IntegrityError):
        bundle.read_manifest(store, "tickets", "1.0.0")


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b'{"format": 1, "format": 1}', b" " * (64 * 1024 + 1)])
def test_a_manifest_that_is_no_strict_json_of_bounded_size_is_refused(store, data):
    publish(store)
    replace(store, "models/tickets/v1.0.0/manifest.json", data)
    with pytest.raises(IntegrityError):
        bundle.read_manifest(store, "tickets", "1.0.0")


@pytest.mark.parametrize(
    "files", [{}, {"../x": b""}, {"manifest.json": b""}, {"claim.json": b""}, {"collected.json": b""}, {"A": b""}]
)
def test_files_with_names_out_of_form_are_not_published(store, files):
    with pytest.raises(RegistryError, match="plain names"):
        publish(store, files=files)
    assert store.log == []


def test_a_file_too_large_to_be_read_again_is_not_published(store, monkeypatch):
    for limit, name in (("FILE_LIMIT", "program.safetensors"), ("DOCUMENT_LIMIT", "golden.json")):
        with monkeypatch.context() as patch:
            patch.setattr(bundle, limit, 1)
            with pytest.raises(RegistryError, match=f"{name} of a bundle has at most 1 bytes"):
                publish(store)
    assert store.log == []


@given(st.text(max_size=3000) | st.text(st.characters(categories=["Cc", "Cs", "So", "Zs"]), max_size=3000))
def test_whatever_people_write_their_records_can_be_read(text):
    line = record.one_line(text, 1000)
    assert len(line) <= 1000
    assert line.isprintable()
    data = record.encode({"format": 1, "who": line[:200], "why": line})
    assert len(data) < record.LIMIT - 1000
    assert record.decode(data, {"format": int, "who": str, "why": str}, "it")["why"] == line


HOSTILE = [
    "",
    "..",
    "../x",
    "a/b/c",
    "a//b",
    "/a",
    "a/",
    "A",
    "é",
    "a b",
    "a\0",
    "a\n",
    "%2e%2e",
    "-a",
    "a" * 64,
    "a\\b",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_never_a_path(store, name):
    for attempt in (
        lambda: bundle.versions(store, name),
        lambda: bundle.read_manifest(store, name, "1.0.0"),
        lambda: bundle.read_manifest(store, "tickets", name),
        lambda: names.alias_folder("tickets", name),
        lambda: publish(store, version=name),
    ):
        with pytest.raises(NotFoundError, match="is no"):
            attempt()
    assert store.log == []


@pytest.mark.parametrize(
    "version", ["1", "1.0", "1.0.0.0", "01.0.0", "1.0.0-rc1", "v1.0.0", "1.0.x", "1.0.9999999999", "1.0.0\n"]
)
def test_versions_are_three_plain_numbers(version):
    with pytest.raises(NotFoundError, match="is no version"):
        names.number(version)


@given(st.lists(st.tuples(*[st.integers(0, 10**9 - 1)] * 3), min_size=1, max_size=6))
def test_versions_order_as_their_numbers(triples):
    versions = [".".join(map(str, triple)) for triple in triples]
    assert sorted(versions, key=names.number) == [".".join(map(str, triple)) for triple in sorted(triples)]
    assert all(names.is_version(version) for version in versions)
