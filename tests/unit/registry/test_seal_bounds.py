"""Seals to the byte: what is forged, written again or too long, and what the settings pin."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from firesteel.errors import IntegrityError
from firesteel.registry import alias, bundle, record, seal
from firesteel.registry.seal import Sealed, open_registry, registry_of
from firesteel.registry.store import MemoryStore
from firesteel.settings import Settings
from tests.proofs.sealed_world import Key

KEY, OTHER = Key(bytes(range(32))), Key(bytes(range(1, 33)))
ENTRY = "models/tickets/aliases/latest/00000001.json"
ORDER = 2**252 + 27742317777372353535851937790883648493
"""Of the group of Ed25519 (RFC 8032, 5.1)."""


def test_a_signature_of_another_under_the_id_of_a_trusted_key_is_forged() -> None:
    """Its digits are right: whoever may write can count them."""
    raw = MemoryStore()
    Sealed(raw, signer=KEY).create(ENTRY, record.encode({"format": 1}))
    bare = Sealed(raw, [KEY.text]).get(ENTRY, limit=record.LIMIT)
    message = f"firesteel record 1\n{ENTRY}\n{hashlib.sha256(bare).hexdigest()}".encode()
    signed = f"ed25519 {seal.key_id(KEY.public_key)} {base64.b64encode(OTHER.sign(message)).decode()}"
    digest = hashlib.sha256(message + signed.encode()).hexdigest()
    forged = bare.removesuffix(b"\n}\n") + f',\n "seal": "{signed} {digest}"\n}}\n'.encode()
    assert len(forged) == len(raw._objects[ENTRY])
    raw._objects[ENTRY] = forged
    with pytest.raises(IntegrityError, match=f"is not what {seal.key_id(KEY.public_key)} signed for this place"):
        Sealed(raw, [KEY.text]).get(ENTRY, limit=record.LIMIT)


def test_no_second_signature_can_be_made_of_a_first() -> None:
    signature = KEY.sign(b"a record")
    second = signature[:32] + (int.from_bytes(signature[32:], "little") + ORDER).to_bytes(32, "little")
    assert seal.is_signature(KEY.public_key, b"a record", signature) is True
    assert seal.is_signature(KEY.public_key, b"a record", second) is False


@pytest.mark.parametrize("signer", [None, KEY], ids=["sha256", "ed25519"])
@pytest.mark.parametrize("again", [{"indent": 2}, {"indent": 1, "sort_keys": True}, {"separators": (",", ":")}])
def test_a_record_that_something_else_wrote_again_is_none_with_a_seal(
    signer: Key | None, again: dict[str, Any]
) -> None:
    raw = MemoryStore()
    Sealed(raw, signer=signer).create(ENTRY, record.encode({"format": 1, "who": "ada"}))
    raw._objects[ENTRY] = f"{json.dumps(json.loads(raw._objects[ENTRY]), **again)}\n".encode()
    with pytest.raises(IntegrityError, match="was written again by something else: its seal is not where seals are"):
        Sealed(raw).get(ENTRY, limit=record.LIMIT)


@pytest.mark.parametrize(
    "write", [MemoryStore.create, lambda raw, *what: Sealed(raw).create(*what)], ids=["bare", "sha256"]
)
def test_the_room_for_a_longer_seal_is_none_for_the_record(write) -> None:
    raw, data = MemoryStore(), record.encode({"format": 1})
    write(raw, ENTRY, data)
    assert Sealed(raw).get(ENTRY, limit=len(data)) == data
    with pytest.raises(IntegrityError, match=f"has {len(data)} bytes, more than {len(data) - 1}"):
        Sealed(raw).get(ENTRY, limit=len(data) - 1)


@given(st.binary(max_size=300))
@example(b"")
def test_whatever_ends_as_a_record_does_comes_back_as_it_was(data: bytes) -> None:
    for signer in (None, KEY):
        store = Sealed(MemoryStore(), signer=signer)
        store.create(ENTRY, data + b"\n}\n")
        assert store.get(ENTRY, limit=303) == data + b"\n}\n"


def test_the_settings_pin_the_oldest_generation_of_their_own_alias(tmp_path: Path) -> None:
    settings = Settings(store=f"file://{tmp_path}", model="tickets", alias="latest", oldest_generation=2)
    store = open_registry(settings.store)
    bundle.publish(store, "tickets", "1.0.0", {"program": b"x"}, who="ada")
    for name in ("latest", "champion"):
        alias.promote(store, "tickets", name, "1.0.0", who="ada")
    assert alias.current(registry_of(settings), "tickets", "champion").generation == 1
    with pytest.raises(IntegrityError, match="latest/ has no entry of generation 2 or later"):
        alias.current(registry_of(settings), "tickets", "latest")


def test_seals_need_neither_a_signer_nor_settings_before_they_are_asked_for() -> None:
    assert not {"Signer", "Settings"} & vars(seal).keys()
