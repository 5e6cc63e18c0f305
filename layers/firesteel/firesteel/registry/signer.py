"""Keys that sign: a file on this machine, or an asymmetric key of AWS KMS, which never leaves it."""

import os
import re
import stat
from binascii import a2b_base64, b2a_base64
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from firesteel.errors import SettingsError, StoreError

if TYPE_CHECKING:
    from nacl.signing import SigningKey

_SEED = re.compile(rb"[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=\n?\Z")
_SPKI = bytes.fromhex("302a300506032b6570032100")  # what stands before the 32 bytes of an Ed25519 key in DER (RFC 8410)


class Signer(Protocol):
    """A private key that is used and never shown. Either raises SettingsError, or StoreError when it is out of reach."""

    @property
    def public_key(self) -> bytes:
        """32 bytes."""
        ...

    def sign(self, message: bytes) -> bytes:
        """The 64 bytes of the Ed25519 signature (RFC 8032)."""
        ...


def open_signer(url: str) -> Signer:
    """The key at `file:///path` or `awskms:///<id, alias or ARN>`. It is not read before it is used.

    Raises SettingsError for any other address.
    """
    scheme, _, place = url.partition("://")
    if scheme == "file" and place.startswith("/"):
        return FileSigner(Path(place))
    if scheme == "awskms" and place.startswith("/") and place != "/":
        return KmsSigner(place[1:])
    raise SettingsError("what is set is no signing key; possible: file:///path, awskms:///<key id, alias/name or ARN>")


class FileSigner:
    """A file that only its owner may read, with one line: the key's 32 secret bytes in base64."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def public_key(self) -> bytes:
        return bytes(self._key.verify_key)

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message).signature

    @cached_property
    def _key(self) -> "SigningKey":
        from nacl.signing import SigningKey

        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(descriptor, "rb") as file:
                status = os.fstat(descriptor)
                text = file.read(64) if stat.S_ISREG(status.st_mode) else b""
        except OSError as error:
            raise SettingsError(f"the signing key {self._path} cannot be read: {error.strerror}") from None
        if not _SEED.match(text):
            raise SettingsError(f"{self._path} is no signing key; `firesteel keys new FILE` makes one")
        if status.st_mode & 0o077:
            raise SettingsError(
                f"the signing key {self._path} is open to others (mode {stat.S_IMODE(status.st_mode):04o}): "
                f"`chmod 600 {self._path}`, or make a new one if somebody may have read it"
            )
        return SigningKey(a2b_base64(text))

    @classmethod
    def new(cls, path: Path) -> "FileSigner":
        """Make a key, in a new file that only its owner may read. Raises SettingsError when there is such a file.

        It is written aside and linked to its name once it is on the disk, so there is never half a key.
        """
        aside = path.with_name(f".{path.name[:100]}.{os.urandom(8).hex()}")
        try:
            descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(b2a_base64(os.urandom(32)))
                    file.flush()
                    os.fsync(descriptor)
                os.link(aside, path)
            finally:
                aside.unlink()
            _flush(path.parent)
        except FileExistsError:
            raise SettingsError(f"{path} exists already: a key is never written over, choose another file") from None
        except OSError as error:
            raise SettingsError(f"{path} cannot be written: {error.strerror}") from None
        return cls(path)


def _flush(folder: Path) -> None:
    """The names in a folder are on the disk when this returns."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class KmsSigner:
    """A key of AWS KMS with the spec ECC_NIST_EDWARDS25519 and the usage SIGN_VERIFY.

    Needs kms:Sign and kms:GetPublicKey on it. Credentials and region are those of AWS_*; an ARN names its own region.
    """

    def __init__(self, key: str) -> None:
        self._name = key

    @cached_property
    def public_key(self) -> bytes:
        told = self._ask("get_public_key")
        if told.get("KeyUsage") != "SIGN_VERIFY" or not self._is_edwards(encoded := told.get("PublicKey", b"")):
            raise SettingsError(
                f"the key {self._name} of KMS is no Ed25519 key to sign with: "
                f"it is {told.get('KeySpec', 'unknown')!s:.40}, and must be ECC_NIST_EDWARDS25519 for SIGN_VERIFY"
            )
        return bytes(encoded[len(_SPKI) :])

    def sign(self, message: bytes) -> bytes:
        asked = {"Message": message, "MessageType": "RAW", "SigningAlgorithm": "ED25519_SHA_512"}
        return bytes(self._ask("sign", **asked).get("Signature", b""))

    @staticmethod
    def _is_edwards(encoded: bytes) -> bool:
        return encoded.startswith(_SPKI) and len(encoded) == len(_SPKI) + 32

    def _ask(self, operation: str, **asked: Any) -> dict[str, Any]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return dict(getattr(self._client, operation)(KeyId=self._name, **asked))
        except (BotoCoreError, ClientError) as error:
            raise StoreError(f"the key {self._name} of KMS cannot be used ({operation}): {error!s:.300}") from None

    @cached_property
    def _client(self) -> Any:
        import boto3
        from botocore.config import Config

        patience = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})
        region = self._name.split(":")[3] if self._name.startswith("arn:") else None
        return boto3.client("kms", region_name=region, config=patience)
