"""Bundles to the byte: sizes that may be, what a manifest says, and the state of a version."""

import json
from typing import get_args

import pytest

from firesteel.errors import IntegrityError, NotFoundError, RegistryError
from firesteel.registry import bundle, record
from firesteel.registry.store import MemoryStore
from tests.faults.store import FaultyStore

FOLDER = "models/shop/v1.0.0/"
SHA = "a" * 64
FILES = {"program.safetensors": b"program", "golden.json": b"{}"}


@pytest.fixture
def shop():
    store = FaultyStore(MemoryStore())
    bundle.publish(store, "shop", "1.0.0", FILES, who="ada", signature=SHA)
    return store


def rewrite(store, **changed):
    """The manifest with other fields; None takes one away."""
    said = json.loads(store.get(FOLDER + "manifest.json", limit=99999)) | changed
    store.delete(FOLDER + "manifest.json")
    store.create(FOLDER + "manifest.json", record.encode({name: one for name, one in said.items() if one is not None}))


def test_the_sizes_that_are_documented():
    assert bundle.MANIFEST_LIMIT == 65_536
    assert bundle.FILE_LIMIT == 536_870_912
    assert bundle.DOCUMENT_LIMIT == 16_777_216
    assert bundle.READ_AHEAD == 33_554_432
    assert bundle.FILES_LIMIT == 32
    assert get_args(bundle.State) == ("complete", "unfinished", "marked", "collected")
    assert get_args(bundle.Bump) == ("major", "minor", "patch")


def test_a_manifest_says_what_was_published(shop):
    manifest = bundle.read_manifest(shop, "shop", "1.0.0")
    assert manifest.signature == SHA
    assert {name: one.size for name, one in manifest.files.items()} == {"program.safetensors": 7, "golden.json": 2}
    assert json.loads(shop.get(FOLDER + "manifest.json", limit=99999))["signature"] == SHA
    assert bundle.read_claim(shop, "shop", "1.0.0")["who"] == "ada"


def test_without_a_signature_there_is_none(shop):
    assert bundle.publish(shop, "shop", "1.1.0", FILES, who="ada").signature is None
    assert "signature" not in json.loads(shop.get("models/shop/v1.1.0/manifest.json", limit=99999))


def test_who_publishes_is_kept_up_to_200_letters(shop):
    bundle.publish(shop, "shop", "1.1.0", FILES, who="a" * 300)
    assert bundle.read_claim(shop, "shop", "1.1.0")["who"] == "a" * 200


@pytest.mark.parametrize("signature", ["", "a" * 63, "g" * 64, "A" * 64])
def test_a_signature_is_a_sha256(shop, signature):
    rewrite(shop, signature=signature)
    with pytest.raises(IntegrityError, match=r"^the manifest of shop 1\.0\.0 has a signature that is no SHA-256$"):
        bundle.read_manifest(shop, "shop", "1.0.0")


@pytest.mark.parametrize("size", [0, 1, 16_777_216])
def test_a_file_may_be_empty_or_as_large_as_its_kind_may_be(shop, size):
    rewrite(shop, files={"a.json": {"size": size, "sha256": SHA}})
    assert bundle.read_manifest(shop, "shop", "1.0.0").files["a.json"].size == size
    rewrite(shop, files={"a": {"size": 536_870_912, "sha256": SHA}})
    assert bundle.read_manifest(shop, "shop", "1.0.0").files["a"].size == 536_870_912


@pytest.mark.parametrize(
    ("name", "size", "sha256"),
    [("a.json", 16_777_217, SHA), ("a", 536_870_913, SHA), ("a", -1, SHA), ("a", 1, "a" * 63), ("a", 1, "g" * 64), ("a", True, SHA),
     ("a", 1.0, SHA), ("a", "1", SHA)],
)  # fmt: skip
def test_what_is_not_sensible_of_a_file_is_refused(shop, name, size, sha256):
    rewrite(shop, files={name: {"size": size, "sha256": sha256}})
    with pytest.raises(IntegrityError, match=rf"^the manifest of shop 1\.0\.0 says nothing sensible of {name}$"):
        bundle.read_manifest(shop, "shop", "1.0.0")


def test_a_file_with_no_other_fields_than_it_has(shop):
    rewrite(shop, files={"a": {"size": 1}})
    with pytest.raises(IntegrityError, match="says nothing sensible of a$"):
        bundle.read_manifest(shop, "shop", "1.0.0")


@pytest.mark.parametrize(("count", "fits"), [(1, True), (32, True), (33, False), (0, False)])
def test_a_bundle_has_up_to_thirty_two_files(shop, count, fits):
    files = {f"f{number}": b"x" for number in range(count)}
    if fits:
        assert len(bundle.publish(shop, "shop", "2.0.0", files, who="ada").files) == count
    else:
        with pytest.raises(RegistryError, match="a bundle has 1 to 32 files with plain names, none of them"):
            bundle.publish(shop, "shop", "2.0.0", files, who="ada")
        rewrite(shop, files={name: {"size": 1, "sha256": SHA} for name in files})
        with pytest.raises(IntegrityError, match=f"has {count} files, not 1 to 32$"):
            bundle.read_manifest(shop, "shop", "1.0.0")


def test_a_digest_names_one_manifest(shop):
    digest = bundle.read_manifest(shop, "shop", "1.0.0").digest
    assert bundle.read_manifest(shop, "shop", "1.0.0", digest).digest == digest
    with pytest.raises(IntegrityError, match=f"its SHA-256 is {digest}, not {SHA}$"):
        bundle.read_manifest(shop, "shop", "1.0.0", SHA)
    with pytest.raises(NotFoundError, match=r"^shop has no complete version 3\.0\.0$"):
        bundle.read_manifest(shop, "shop", "3.0.0")


def test_a_version_is_complete_unfinished_marked_or_collected(shop):
    def state():
        (one,) = bundle.versions(shop, "shop")
        return one.state, one.complete

    assert state() == ("complete", True)
    shop.create(FOLDER + "collected.json", b"{}")
    assert state() == ("marked", False)
    shop.delete(FOLDER + "manifest.json")
    assert state() == ("collected", False)
    shop.delete(FOLDER + "collected.json")
    assert state() == ("unfinished", False)


def test_a_file_of_the_size_that_is_read_ahead_is_read_once(shop, monkeypatch):
    monkeypatch.setattr(bundle, "READ_AHEAD", 7)
    shop.log.clear()
    bundle.read_bundle(shop, "shop", "1.0.0", ["program.safetensors"])
    assert [place for name, place in shop.log if name == "get"].count(FOLDER + "program.safetensors") == 1
    monkeypatch.setattr(bundle, "READ_AHEAD", 6)
    shop.log.clear()
    _, files = bundle.read_bundle(shop, "shop", "1.0.0", ["program.safetensors"])
    assert files == {"program.safetensors": b"program"}
    assert [place for name, place in shop.log if name == "get"].count(FOLDER + "program.safetensors") == 2


def test_a_document_may_be_as_large_as_documents_may_be(monkeypatch):
    monkeypatch.setattr(bundle, "DOCUMENT_LIMIT", 100)
    store = MemoryStore()
    bundle.publish(store, "shop", "1.0.0", {"golden.json": b"x" * 100}, who="ada")
    with pytest.raises(RegistryError, match=r"^golden\.json of a bundle has at most 100 bytes, not 101$"):
        bundle.publish(store, "shop", "1.1.0", {"golden.json": b"x" * 101}, who="ada")


def test_a_file_of_another_size_is_told_by_its_size(shop):
    shop.inner._objects[FOLDER + "golden.json"] = b"{"
    assert bundle.verify(shop, "shop", "1.0.0") == [f"{FOLDER}golden.json has 1 bytes, not 2"]
