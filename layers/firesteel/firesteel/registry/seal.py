"""Seals: what shows that a record was changed, or that nobody who may write here wrote it.

A record's seal is its last field, put in and taken out as bytes, before anything is parsed:

    "seal": "sha256 <64 hex digits>"                                       where no key signs
    "seal": "ed25519 <key id> <88 characters of base64> <64 hex digits>"   a signature (RFC 8032) before them

The signature is of the record's place in the store and the SHA-256 of its bytes without the seal; the digits are the SHA-256
of that and of the signature, by which who has no public key notices what was changed by accident. So no entry stands for
another generation, and nothing of one model, alias or version for another's. Files need no seal: their manifest has their hashes.
"""

import re
from binascii import a2b_base64, b2a_base64
from collections.abc import Iterable
from hashlib import sha256
from hmac import compare_digest
from typing import TYPE_CHECKING, NamedTuple

from firesteel.errors import IntegrityError, RegistryError, SettingsError, UnsignedError
from firesteel.registry import names
from firesteel.registry.store import Store, open_store

if TYPE_CHECKING:
    from firesteel.registry.signer import Signer
    from firesteel.settings import Settings

_END = b"\n}\n"
_LONGEST = 191  # bytes that a seal adds
# A signature's 64 bytes leave four bits of its last character over: they are zero, or two texts were one signature.
_SEAL = re.compile(
    rb',\n "seal": "(?:sha256|(ed25519 ([0-9a-f]{16}) ([A-Za-z0-9+/]{85}[AQgw]==))) ([0-9a-f]{64})"\n}\n\Z'
)
_SOMEWHERE = re.compile(rb'"seal" ?: ?"(?:sha256|ed25519) ')
_PUBLIC_KEY = re.compile(r"[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=\Z")


class Oldest(NamedTuple):
    """An alias whose newest entry is known to be at least of this generation."""

    model: str
    alias: str
    generation: int


class Sealed:
    """A store that seals the records that are put into it, and gives out those that are what was sealed, without the seal.

    With public keys only what one of them signed is given out; without them also records of before there were seals, and
    signed ones without a look at their signatures. Who has met one of these and cannot sign writes and deletes nothing:
    those with public keys could not read it. Everything that is no record passes through.
    """

    def __init__(
        self,
        store: Store,
        public_keys: Iterable[str] = (),
        signer: "Signer | None" = None,
        oldest: Oldest | None = None,
    ) -> None:
        """`public_keys`: 32 bytes in base64 each. Raises SettingsError for any other text."""
        self._store, self._signer = store, signer
        self._trusted = {key_id(key): key for key in map(public_key, public_keys)}
        self.pinned = bool(self._trusted)
        self._met = ""  # a signed record that was read with no key to check it by
        self._oldest = {names.alias_folder(*oldest[:2]): oldest.generation} if oldest and oldest.generation else {}

    def get(self, key: str, *, limit: int) -> bytes:
        """As any store's. A record whose seal does not hold is an IntegrityError."""
        return self._record(key, limit)[0] if names.RECORD.match(key) else self._store.get(key, limit=limit)

    def create(self, key: str, data: bytes) -> None:
        """As any store's. Raises RegistryError where records must be signed and nothing here can, or for no record."""
        self._check_met(key)
        if not (is_record := names.RECORD.match(key)) and names.RESERVED.match(key):
            raise RegistryError(f"{key[:200]} is where records are, and none of them is called so")
        self._store.create(key, self._sealed(key, data) if is_record else data)

    def delete(self, key: str) -> None:
        """As any store's. Raises RegistryError where records are signed and nothing here can check or sign them."""
        self._check_met(key)
        self._store.delete(key)

    def keys(self, prefix: str) -> list[str]:
        """As any store's. IntegrityError when the newest entries of an alias are gone that is known to have been there."""
        found = self._store.keys(prefix)
        oldest = self._oldest.get(prefix, 0)
        if oldest and max(filter(names.RECORD.match, found), default="") < f"{prefix}{oldest:08d}.json":
            raise IntegrityError(
                f"{prefix} has no entry of generation {oldest} or later, and FIRESTEEL_OLDEST_GENERATION says that it had: "
                "somebody deleted the newest ones; bring them back, or set it lower"
            )
        return found

    def folders(self, prefix: str) -> list[str]:
        return self._store.folders(prefix)

    def signed_by(self, key: str, limit: int) -> str:
        """The id of the key that signed a record; nothing where none did. Raises what `get` raises."""
        return self._record(key, limit)[1]

    def _check_met(self, key: str) -> None:
        if self._met and not self._signer:
            raise RegistryError(
                f"{key} is not changed, because this registry is signed ({self._met} is) and nothing here can sign: "
                "set FIRESTEEL_SIGNING_KEY and FIRESTEEL_PUBLIC_KEYS"
            )

    def _record(self, key: str, limit: int) -> tuple[bytes, str]:
        """A record without its seal, and by which key it is signed."""
        data = self._store.get(key, limit=limit + _LONGEST)
        if seal := _SEAL.search(data, max(0, len(data) - _LONGEST - len(_END))):
            data = data[: seal.start()] + _END
        elif _SOMEWHERE.search(data):
            raise IntegrityError(f"{key} was written again by something else: its seal is not where seals are")
        if len(data) > limit:
            raise IntegrityError(f"{key} has {len(data)} bytes, more than {limit}")
        by = self._signer_of(key, _message(key, data), seal) if seal else ""
        if self._trusted and not by:
            raise UnsignedError(
                f"{key} is not signed, and FIRESTEEL_PUBLIC_KEYS lets nothing else be read: it is forged or older than "
                "that; publish and promote again"
            )
        if by and not self._trusted:
            self._met = key
        return data, by

    def _signer_of(self, key: str, message: bytes, seal: re.Match[bytes]) -> str:
        """The id of the key that signed, nothing for a hash. Raises IntegrityError when the seal does not hold."""
        signed, identity, signature, digest = seal.groups()
        if not compare_digest(digest, _digest(message, signed or b"")):
            raise IntegrityError(f"{key} is not what was written there: its seal is of something else")
        if not signed:
            return ""
        by = str(identity, "ascii")
        if self._trusted and by not in self._trusted:
            raise UnsignedError(
                f"{key} is signed by {by}, and FIRESTEEL_PUBLIC_KEYS has {', '.join(self._trusted)}: it is forged, or "
                "that key's public key is missing there"
            )
        if self._trusted and not is_signature(self._trusted[by], message, a2b_base64(signature)):
            raise IntegrityError(f"{key} is not what {by} signed for this place: it is forged or damaged")
        return by

    def _sealed(self, key: str, data: bytes) -> bytes:
        if not data.endswith(_END):
            raise RegistryError(f"{key} is a record and must be written as one")
        message = _message(key, data)
        signed = self._signature(key, message) if self._signer or self._trusted else b""
        return b'%b,\n "seal": "%b %b"%b' % (
            data.removesuffix(_END),
            signed or b"sha256",
            _digest(message, signed),
            _END,
        )

    def _signature(self, key: str, message: bytes) -> bytes:
        if not self._signer:
            raise RegistryError(
                f"{key} cannot be signed: FIRESTEEL_PUBLIC_KEYS lets only signed records be read, and there is no "
                "FIRESTEEL_SIGNING_KEY here"
            )
        by = key_id(self._signer.public_key)
        if self._trusted and by not in self._trusted:
            raise RegistryError(
                f"{key} would be signed by {by}, which FIRESTEEL_PUBLIC_KEYS has not: nobody could read it; "
                "`firesteel keys show` has its public key"
            )
        signature = self._signer.sign(message)
        if not is_signature(self._signer.public_key, message, signature):
            raise RegistryError(f"{key} was signed wrongly: {by} made no signature of it; try again")
        return b"ed25519 %b %b" % (by.encode(), b2a_base64(signature, newline=False))


def open_registry(
    url: str, public_keys: Iterable[str] = (), signer: "Signer | None" = None, oldest: Oldest | None = None
) -> Sealed:
    """The registry at a URL: the way to it for everybody who reads or writes bundles and aliases.

    Raises StoreError if the URL can name no store, SettingsError for a public key that is none.
    """
    return Sealed(open_store(url), public_keys, signer, oldest)


def registry_of(settings: "Settings", *, signs: bool = False) -> Sealed:
    """The registry of a deployment, as its settings pin it. What only reads never touches the signing key.

    Raises what `open_registry` raises, SettingsError for a signing key that is none.
    """
    signer = None
    if signs and settings.signing_key:
        from firesteel.registry.signer import open_signer

        signer = open_signer(settings.signing_key)
    oldest = Oldest(settings.model, settings.alias, settings.oldest_generation)
    return open_registry(settings.store, settings.public_keys, signer, oldest)


def signer_of(store: Store, key: str, limit: int) -> tuple[str, bool]:
    """The id of the key that signed a record, and whether that was checked; nothing where none did.

    Without public keys it is what the record says of itself. Raises what `store.get` raises.
    """
    return (store.signed_by(key, limit), checks_signatures(store)) if isinstance(store, Sealed) else ("", False)


def checks_signatures(store: Store) -> bool:
    """Whether a store gives out nothing but what is signed."""
    return isinstance(store, Sealed) and store.pinned


def public_key(text: str) -> bytes:
    """The 32 bytes of a public key in base64. Raises SettingsError."""
    if not _PUBLIC_KEY.match(text):
        raise SettingsError(f"{text[:80]!r} is no public key: 32 bytes in base64, as `firesteel keys show` prints them")
    return a2b_base64(text)


def key_id(public: bytes) -> str:
    """What a key is called: the first 16 hex digits of the SHA-256 of its 32 public bytes."""
    return sha256(public).hexdigest()[:16]


def is_signature(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether a signature is one of a message by a key, as RFC 8032 has it: no second one can be made of the first."""
    from nacl.exceptions import CryptoError
    from nacl.signing import VerifyKey  # who has no keys need not wait for it

    try:
        VerifyKey(public).verify(message, signature)
    except CryptoError:
        return False
    return True


def _message(key: str, data: bytes) -> bytes:
    """What is sealed: bound to this use, to the record's place and to its bytes."""
    return f"firesteel record 1\n{key}\n{sha256(data).hexdigest()}".encode()


def _digest(message: bytes, signed: bytes) -> bytes:
    """The end of a seal: of what is sealed and, with its key, of the signature, so that no bit of either can change."""
    return sha256(message + signed).hexdigest().encode()
