"""Seals: what is put into a registry, and what of it is given out again."""

import ast
import base64
import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import SigningKey

from firesteel.errors import ConflictError, IntegrityError, NotFoundError, RegistryError, SettingsError, StoreError
from firesteel.registry import alias, bundle, collect, names, record, seal
from firesteel.registry.seal import Oldest, Sealed, open_registry, registry_of, signer_of
from firesteel.registry.store import MemoryStore, put_once
from firesteel.settings import Settings
from functions.classify import fetch
from tests.faults.store import FaultyStore
from tests.proofs.sealed_world import Key

ROOT = Path(__file__).resolve().parents[3]
KEY, OTHER = Key(bytes(range(32))), Key(bytes(range(1, 33)))
MANIFEST = "models/tickets/v1.0.0/manifest.json"
ENTRY = "models/tickets/aliases/latest/00000001.json"


@pytest.fixture
def raw() -> MemoryStore:
    return MemoryStore()


def publish(store, version="1.0.0", model="tickets"):
    bundle.publish(store, model, version, {"program": version.encode()}, who="ada")
    return alias.promote(store, model, "latest", version, who="ada")


def test_a_seal_is_the_last_field_of_a_record_that_stays_indented_json(raw: MemoryStore) -> None:
    publish(Sealed(raw))
    for key in (MANIFEST, ENTRY, "models/tickets/v1.0.0/claim.json"):
        lines = raw._objects[key].decode().splitlines()
        assert lines[-2].startswith(' "seal": "sha256 ')
        assert lines[-1] == "}"
        assert list(json.loads(raw._objects[key]))[-1] == "seal"
    assert raw._objects["models/tickets/v1.0.0/program"] == b"1.0.0"


def test_a_signature_names_its_key_and_is_one_of_the_place_and_the_bytes(raw: MemoryStore) -> None:
    publish(Sealed(raw, [KEY.text], KEY))
    word, identity, text, digest = json.loads(raw._objects[ENTRY])["seal"].split(" ")
    assert (word, identity) == ("ed25519", seal.key_id(KEY.public_key))
    bare = Sealed(raw, [KEY.text]).get(ENTRY, limit=record.LIMIT)
    message = f"firesteel record 1\n{ENTRY}\n{hashlib.sha256(bare).hexdigest()}".encode()
    assert digest == hashlib.sha256(message + f"{word} {identity} {text}".encode()).hexdigest()
    assert SigningKey(bytes(range(32))).verify_key.verify(message, base64.b64decode(text)) == message


@pytest.mark.parametrize("keys", [(), (KEY.text,)], ids=["without keys", "signed"])
def test_what_is_read_is_what_was_written_and_its_digest_that_of_the_bytes_without_the_seal(raw, keys) -> None:
    store = Sealed(raw, keys, KEY if keys else None)
    published = bundle.publish(store, "tickets", "1.0.0", {"program": b"x"}, who="ada")
    assert bundle.read_manifest(store, "tickets", "1.0.0", published.digest) == published
    assert alias.promote(store, "tickets", "latest", "1.0.0", who="ada") == alias.current(store, "tickets", "latest")
    assert bundle.verify(store, "tickets", "1.0.0") == []


def test_records_of_earlier_releases_are_read_where_no_public_key_is_set_and_refused_where_one_is(raw) -> None:
    publish(raw)
    assert alias.current(Sealed(raw), "tickets", "latest").version == "1.0.0"
    with pytest.raises(IntegrityError, match=r"00000001\.json is not signed, and FIRESTEEL_PUBLIC_KEYS"):
        alias.current(Sealed(raw, [KEY.text]), "tickets", "latest")


def test_a_reader_without_public_keys_reads_what_is_signed(raw: MemoryStore) -> None:
    """So that signing can begin before readers insist on it."""
    publish(Sealed(raw, signer=KEY))
    assert alias.current(Sealed(raw), "tickets", "latest").version == "1.0.0"


def test_of_two_keys_each_is_believed_and_a_third_is_not(raw: MemoryStore) -> None:
    publish(Sealed(raw, [KEY.text], KEY))
    publish(Sealed(raw, [KEY.text, OTHER.text], OTHER), "1.1.0")
    assert alias.current(Sealed(raw, [KEY.text, OTHER.text]), "tickets", "latest").generation == 2
    with pytest.raises(
        IntegrityError, match=rf"signed by {seal.key_id(OTHER.public_key)}, and FIRESTEEL_PUBLIC_KEYS has"
    ):
        alias.current(Sealed(raw, [KEY.text]), "tickets", "latest")


def test_who_cannot_sign_moves_nothing_and_is_told_why(raw: MemoryStore) -> None:
    publish(Sealed(raw, [KEY.text], KEY))
    before = dict(raw._objects)
    with pytest.raises(RegistryError, match="cannot be signed.*no FIRESTEEL_SIGNING_KEY here"):
        alias.rollback(Sealed(raw, [KEY.text]), "tickets", "latest", to="1.0.0", who="ada")
    with pytest.raises(RegistryError, match="which FIRESTEEL_PUBLIC_KEYS has not: nobody could read it"):
        publish(Sealed(raw, [KEY.text], OTHER), "1.1.0")
    assert raw._objects == before


def test_who_has_no_keys_moves_nothing_in_a_registry_that_is_signed(raw: MemoryStore) -> None:
    """Or those who insist on signatures could read the newest entry no more, and the way back would be gone."""
    bundle.publish(Sealed(raw, [KEY.text], KEY), "tickets", "0.9.0", {"program": b"x"}, who="ada")  # for gc to collect
    for version in ("1.0.0", "1.1.0"):
        publish(Sealed(raw, [KEY.text], KEY), version)
    bundle.publish(Sealed(raw), "tickets", "1.2.0", {"program": b"x"}, who="laptop")
    before = dict(raw._objects)
    for move in (
        lambda store: alias.promote(store, "tickets", "latest", "1.0.0", who="laptop"),
        lambda store: alias.promote(store, "tickets", "latest", "1.2.0", who="laptop"),
        lambda store: alias.canary(store, "tickets", "latest", "1.2.0", weight=0.1, who="laptop"),
        lambda store: alias.rollback(store, "tickets", "latest", who="laptop"),
        lambda store: alias.rollback(store, "tickets", "latest", who="laptop", to="1.0.0"),
        lambda store: collect.collect(store, "tickets", who="laptop", keep=1, now=lambda: 4e9),
    ):
        with pytest.raises(RegistryError, match=r"this registry is signed \(models/.* set FIRESTEEL_SIGNING_KEY"):
            move(Sealed(raw))
    store = Sealed(raw)
    assert alias.current(store, "tickets", "latest").version == "1.1.0"
    with pytest.raises(RegistryError, match="is not changed, because this registry is signed"):
        store.delete(MANIFEST)
    assert raw._objects == before
    assert alias.rollback(Sealed(raw, signer=KEY), "tickets", "latest", who="ada").version == "1.0.0"


def test_a_rollback_goes_to_nothing_that_no_trusted_key_signed(raw: MemoryStore) -> None:
    """The way back is remembered from before signing began; whoever starts after such a rollback would have no model."""
    publish(Sealed(raw))
    signed = Sealed(raw, signer=KEY)
    publish(signed, "1.1.0")
    before = dict(raw._objects)
    with pytest.raises(IntegrityError, match=r"v1\.0\.0/manifest\.json is not signed"):
        alias.rollback(Sealed(raw, [KEY.text], KEY), "tickets", "latest", who="ada")
    assert raw._objects == before
    publish(signed, "1.2.0")
    assert alias.rollback(Sealed(raw, [KEY.text], KEY), "tickets", "latest", who="ada").version == "1.1.0"


def test_an_unsigned_entry_over_signed_ones_ends_no_way_back(raw: MemoryStore) -> None:
    signed = Sealed(raw, [KEY.text], KEY)
    for version in ("1.0.0", "1.1.0"):
        publish(signed, version)
    raw._objects[ENTRY.replace("1.json", "3.json")] = raw._objects[ENTRY]
    with pytest.raises(IntegrityError):
        alias.current(signed, "tickets", "latest")
    assert publish(signed, "1.2.0").previous == "1.1.0"
    assert alias.rollback(signed, "tickets", "latest", who="ada").version == "1.1.0"


def test_who_has_no_public_key_notices_every_changed_bit_of_a_signed_record(raw: MemoryStore) -> None:
    publish(Sealed(raw, signer=KEY))
    genuine = raw._objects[ENTRY]
    for bit in range(len(genuine) * 8):
        changed = bytearray(genuine)
        changed[bit // 8] ^= 1 << bit % 8
        raw._objects[ENTRY] = bytes(changed)
        with pytest.raises(IntegrityError):
            alias.current(Sealed(raw), "tickets", "latest")


@pytest.mark.parametrize(
    "key",
    [
        "models/tickets/aliases/latest/100000000.json",
        "models/tickets/aliases/latest/readme.md",
        "models/tickets/aliases/Latest/00000001.json",
        "models/Tickets/v1.0.0/manifest.json",
        "models/tickets/v1.0/claim.json",
        "claim.json",
    ],
)
def test_nothing_is_written_unsealed_where_records_are(raw: MemoryStore, key: str) -> None:
    with pytest.raises(RegistryError, match="is where records are, and none of them is called so"):
        Sealed(raw).create(key, record.encode({"format": 1}))
    assert not raw._objects


def test_what_is_signed_wrongly_is_not_written(raw: MemoryStore) -> None:
    class Broken(Key):
        def sign(self, message: bytes) -> bytes:
            return super().sign(message)[:-1]

    with pytest.raises(RegistryError, match="signed wrongly"):
        publish(Sealed(raw, signer=Broken(bytes(range(32)))))
    assert not raw._objects


@pytest.mark.parametrize("signer", [None, KEY], ids=["sha256", "ed25519"])
def test_a_lost_reply_is_told_from_a_lost_race_through_the_seal(raw: MemoryStore, signer: Key | None) -> None:
    keys = [KEY.text] if signer else []
    lost = Sealed(FaultyStore(raw, lambda name, _: "after" if name == "create" else None), keys, signer)
    assert publish(lost).generation == 1
    data = record.encode({"format": 1, "who": "bob"})
    with pytest.raises(ConflictError):
        put_once(Sealed(raw, keys, signer), ENTRY, data)
    with pytest.raises(StoreError):
        put_once(
            Sealed(FaultyStore(raw, lambda name, _: "before" if name == "create" else None), keys, signer), "a", b""
        )


def test_a_bound_is_one_of_the_bytes_without_the_seal(raw: MemoryStore) -> None:
    store, data = Sealed(raw, signer=KEY), record.encode({"format": 1})
    store.create(ENTRY, data)
    assert store.get(ENTRY, limit=len(data)) == data
    with pytest.raises(IntegrityError, match="more than"):
        store.get(ENTRY, limit=len(data) - 1)


def test_what_is_no_record_passes_through_and_can_be_deleted(raw: MemoryStore) -> None:
    store = Sealed(raw, [KEY.text])
    store.create("models/tickets/v1.0.0/readme.md", b"hello")
    assert store.get("models/tickets/v1.0.0/readme.md", limit=10) == b"hello"
    assert store.folders("models/") == ["tickets"]
    store.delete("models/tickets/v1.0.0/readme.md")
    assert store.keys("models/") == []
    with pytest.raises(RegistryError, match="must be written as one"):
        store.create(ENTRY, b"{}")


_NAMES = st.from_regex(r"[a-z0-9][a-z0-9-]{0,8}", fullmatch=True)
_NUMBERS = st.tuples(*[st.integers(0, 10**9 - 1)] * 3)


@given(_NAMES, _NAMES | st.none(), _NAMES, _NUMBERS, st.integers(1, 99_999_999))
def test_every_key_of_a_record_is_known_as_one(model, segment, alias_name, number, generation) -> None:
    address = f"{model}/{segment}" if segment and segment != names.ALIASES else model
    folder = names.version_folder(address, ".".join(map(str, number)))
    records = [folder + name for name in ("claim.json", "manifest.json", "collected.json")]
    records.append(f"{names.alias_folder(address, alias_name)}{generation:08d}.json")
    assert all(map(names.RECORD.match, records))
    assert not names.RECORD.match(f"{folder}program.safetensors")


def test_an_alias_that_lost_its_newest_entries_is_refused_where_its_oldest_generation_is_known(raw) -> None:
    for version in ("1.0.0", "1.1.0", "1.2.0"):
        publish(Sealed(raw), version)
    pinned = Sealed(raw, oldest=Oldest("tickets", "latest", 3))
    assert alias.current(pinned, "tickets", "latest").generation == 3
    assert len(alias.history(pinned, "tickets", "latest")) == 3
    raw.delete("models/tickets/aliases/latest/00000003.json")
    raw.create("models/tickets/aliases/latest/zzz.json", b"{}")
    with pytest.raises(IntegrityError, match="no entry of generation 3 or later.*somebody deleted"):
        alias.current(pinned, "tickets", "latest")
    assert alias.current(Sealed(raw), "tickets", "latest").generation == 2
    with pytest.raises(NotFoundError):
        alias.current(pinned, "tickets", "champion")


@pytest.mark.parametrize("text", ["", "x", KEY.text[:-1], KEY.text[:-2] + "h=", KEY.text + "\n", "A" * 44])
def test_what_is_no_public_key_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="is no public key: 32 bytes in base64"):
        open_registry("memory://", [text])


def test_a_record_says_by_which_key_it_is_signed(raw: MemoryStore) -> None:
    publish(Sealed(raw))
    publish(Sealed(raw, signer=KEY), "1.1.0")
    store = Sealed(raw)
    signed, by = "models/tickets/v1.1.0/manifest.json", seal.key_id(KEY.public_key)
    assert signer_of(store, MANIFEST, bundle.MANIFEST_LIMIT) == ("", False)
    assert signer_of(store, signed, bundle.MANIFEST_LIMIT) == (by, False)
    assert signer_of(Sealed(raw, [KEY.text]), signed, bundle.MANIFEST_LIMIT) == (by, True)
    assert signer_of(raw, MANIFEST, bundle.MANIFEST_LIMIT) == ("", False)


def test_what_only_reads_never_touches_the_signing_key(tmp_path: Path) -> None:
    """The key file is not even there: reading does not notice, and publishing does."""
    settings = Settings(
        store=f"file://{tmp_path}/store", signing_key=f"file://{tmp_path}/none", public_keys=(KEY.text,)
    )
    assert registry_of(settings).keys("models/") == []
    for reading in (registry_of(settings), fetch.Source.configured(settings).store):
        assert reading._signer is None
    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        publish(registry_of(settings, signs=True))


def test_nothing_opens_the_registry_of_the_settings_but_by_its_keys() -> None:
    """`open_store(settings.store)` would read what nobody signed."""
    places = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for part in ("cli", "functions", "layers", "infra")
        for path in (ROOT / part).rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call) and ast.unparse(call.func).rpartition(".")[2] == "open_store"
        if any(isinstance(one, ast.Attribute) and one.attr == "store" for one in call.args)
    ]
    assert places == []
