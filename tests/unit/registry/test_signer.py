"""Signing keys: a file that only its owner may read, and a key of KMS."""

import base64
import errno
import os
import subprocess
import sys
from pathlib import Path

import boto3
import pytest
from botocore.stub import Stubber
from nacl.signing import SigningKey

from firesteel.errors import SettingsError, StoreError
from firesteel.registry import seal
from firesteel.registry.signer import FileSigner, KmsSigner, open_signer

SEED = bytes(range(32))
KEY = SigningKey(SEED)
PUBLIC = bytes(KEY.verify_key)
SPKI = bytes.fromhex("302a300506032b6570032100") + PUBLIC
ARN = "arn:aws:kms:eu-central-1:123456789012:key/0a1b2c3d"


def test_a_new_key_is_a_file_that_only_its_owner_may_read(tmp_path: Path) -> None:
    made = FileSigner.new(tmp_path / "key")
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    read = open_signer(f"file://{tmp_path}/key")
    assert read.public_key == made.public_key
    assert seal.is_signature(made.public_key, b"a record", read.sign(b"a record"))
    assert not seal.is_signature(made.public_key, b"another", read.sign(b"a record"))
    assert FileSigner.new(tmp_path / "second").public_key != made.public_key


def test_a_key_is_never_written_over(tmp_path: Path) -> None:
    made = FileSigner.new(tmp_path / "key").public_key
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("key", "link"):
        with pytest.raises(SettingsError, match="exists already"):
            FileSigner.new(tmp_path / name)
    assert FileSigner(tmp_path / "key").public_key == made
    assert not (tmp_path / "elsewhere").exists()
    with pytest.raises(SettingsError, match="cannot be written: No such file"):
        FileSigner.new(tmp_path / "no" / "folder")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o601])
def test_a_key_that_others_may_touch_is_refused(tmp_path: Path, mode: int) -> None:
    FileSigner.new(tmp_path / "key")
    (tmp_path / "key").chmod(mode)
    with pytest.raises(SettingsError, match=rf"open to others \(mode {mode:04o}\): `chmod 600"):
        FileSigner(tmp_path / "key").sign(b"")


def test_what_others_may_touch_and_is_no_key_is_no_key_first(tmp_path: Path) -> None:
    """Nobody is told to close /etc/passwd."""
    (tmp_path / "passwd").write_text("root:x:0:0")
    (tmp_path / "passwd").chmod(0o644)
    with pytest.raises(SettingsError, match="is no signing key"):
        FileSigner(tmp_path / "passwd").sign(b"")


@pytest.mark.parametrize("failing", ["fsync", "link"])
def test_a_write_that_fails_leaves_no_half_a_key(tmp_path: Path, failing: str, monkeypatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(os, failing, full)
        with pytest.raises(SettingsError, match="cannot be written: No space left"):
            FileSigner.new(tmp_path / "key")
    assert list(tmp_path.iterdir()) == []
    FileSigner.new(tmp_path / "key").sign(b"")
    assert [one.name for one in tmp_path.iterdir()] == ["key"]


@pytest.mark.parametrize("text", [b"", b"x", base64.b64encode(SEED[:-1]), base64.b64encode(SEED) + b"\nmore"])
def test_what_is_no_key_is_refused_without_a_word_of_it(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "key").write_bytes(text)
    (tmp_path / "key").chmod(0o600)
    with pytest.raises(SettingsError, match="is no signing key; `firesteel keys new FILE`") as refused:
        FileSigner(tmp_path / "key").sign(b"")
    assert len(text) < 2 or text.decode() not in str(refused.value)


def test_a_pipe_or_a_folder_is_no_key(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(SettingsError, match="is no signing key"):
        FileSigner(tmp_path / "pipe").sign(b"")
    with pytest.raises(SettingsError):
        FileSigner(tmp_path).sign(b"")


def test_nothing_that_a_key_says_of_itself_has_its_secret(tmp_path: Path) -> None:
    made = FileSigner.new(tmp_path / "key")
    made.sign(b"")
    secret = (tmp_path / "key").read_text().strip()
    assert secret not in repr(made) + str(made) + repr(made._key)


@pytest.mark.parametrize("url", ["", "file://", "file://key", "awskms://", "awskms:///", "s3://bucket/key", "/path"])
def test_what_is_no_address_of_a_key_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="is no signing key; possible: file:///path, awskms:///"):
        open_signer(url)


@pytest.fixture
def kms(monkeypatch: pytest.MonkeyPatch):
    """A client of KMS that answers what it is told, and checks what it is asked against the service's description."""
    client = boto3.client("kms", region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="x")
    asked = []
    monkeypatch.setattr(boto3, "client", lambda name, **options: asked.append((name, options["region_name"])) or client)
    with Stubber(client) as stub:
        stub.asked = asked
        yield stub


def _public(**changes: object) -> dict[str, object]:
    return {"PublicKey": SPKI, "KeySpec": "ECC_NIST_EDWARDS25519", "KeyUsage": "SIGN_VERIFY"} | changes


def test_a_key_of_kms_signs_what_it_is_given_raw(kms: Stubber) -> None:
    kms.add_response("get_public_key", _public(), {"KeyId": ARN})
    asked = {"KeyId": ARN, "Message": b"a record", "MessageType": "RAW", "SigningAlgorithm": "ED25519_SHA_512"}
    kms.add_response("sign", {"Signature": KEY.sign(b"a record").signature}, asked)
    opened = open_signer(f"awskms:///{ARN}")
    assert isinstance(opened, KmsSigner)
    assert seal.is_signature(opened.public_key, b"a record", opened.sign(b"a record"))
    assert kms.asked == [("kms", "eu-central-1")]
    kms.assert_no_pending_responses()


@pytest.mark.parametrize(
    "changes",
    [
        {"KeyUsage": "ENCRYPT_DECRYPT"},
        {"PublicKey": SPKI[:-1], "KeySpec": "ECC_NIST_P256"},
        {"PublicKey": b"\x30" + SPKI},
    ],
)
def test_another_kind_of_key_is_refused(kms: Stubber, changes: dict[str, object]) -> None:
    kms.add_response("get_public_key", _public(**changes))
    with pytest.raises(SettingsError, match="is no Ed25519 key to sign with: .* must be ECC_NIST_EDWARDS25519"):
        open_signer("awskms:///alias/firesteel").public_key  # noqa: B018 - reading it asks


def test_a_key_that_may_not_be_used_is_out_of_reach_and_nothing_is_written(kms: Stubber) -> None:
    kms.add_client_error("sign", "AccessDeniedException", "not yours", 400)
    with pytest.raises(StoreError, match=r"alias/firesteel of KMS cannot be used \(sign\): .*AccessDenied"):
        open_signer("awskms:///alias/firesteel").sign(b"")


_READS = """
import sys
from firesteel.registry import alias, bundle, signer
from firesteel.registry.seal import open_registry
store = open_registry("memory://")
bundle.publish(store, "tickets", "1.0.0", {"program": b"x"}, who="ada")
alias.promote(store, "tickets", "latest", "1.0.0", who="ada")
print(sorted({"nacl", "boto3", "botocore"} & set(sys.modules)))
"""


def test_without_keys_neither_boto3_nor_the_cryptography_is_loaded() -> None:
    done = subprocess.run([sys.executable, "-c", _READS], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[]\n"
