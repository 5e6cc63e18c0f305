"""What somebody can do who writes to the bucket as they like and has no key: to seals, to records, to whole bundles."""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from firesteel.registry import bundle, names, record
from firesteel.registry.seal import key_id
from firesteel.registry.store import MemoryStore
from tests.proofs.sealed_world import ALIAS, MODEL, OTHER, VERSIONS, Changes, Key, World
from tests.unit.classify import bundles

FORGED = "9.9.9"
_ORDER = (
    2**252 + 27742317777372353535851937790883648493
)  # of the group of Ed25519: S + L signs, too, where nobody looks
_SEAL = re.compile(rb',\n "seal": "([^"]*)"\n}\n\Z')
_ENTRIES = names.alias_folder(MODEL, ALIAS)
_THIEF = Key(b"thief" * 6 + b"!!")
RETIRED = Key(b"retired" * 4 + b"!!!!")
"""The operator's, until somebody stole it."""

type Seal = Callable[[World, str, bytes, Random], bytes]
"""A record's bytes without a seal, and its key, to the bytes that are put there."""


def message(key: str, data: bytes) -> bytes:
    return f"firesteel record 1\n{key}\n{hashlib.sha256(data).hexdigest()}".encode()


def signed(world: World, place: str, data: bytes, by: Key | None, signature: str, word: str = "ed25519") -> bytes:
    """A record that says it is signed, with the digest that belongs to that."""
    text = f"{word} {key_id((by or _THIEF).public_key)} {signature}"
    return with_seal(data, f"{text} {hashlib.sha256(message(place, data) + text.encode()).hexdigest()}")


def with_seal(data: bytes, text: str) -> bytes:
    return data.removesuffix(b"\n}\n") + f',\n "seal": "{text}"\n}}\n'.encode()


def bare(data: bytes) -> bytes:
    """A record without its seal."""
    return _SEAL.sub(b"\n}\n", data)


def _b64(signature: bytes) -> str:
    return base64.b64encode(signature).decode()


def _signature(world: World, key: str) -> bytes:
    """The operator's, of what they wrote at a place; of any record, if they wrote none there."""
    data = world.genuine.get(key) or world.genuine[f"{_ENTRIES}00000004.json"]
    found = _SEAL.search(data)
    text = found[1].decode().split(" ") if found else []
    return base64.b64decode(text[2]) if len(text) == 4 else bytes(64)


def _by(name: str, signature: Callable[[World, str, bytes, Random], bytes], word: str = "ed25519") -> Seal:
    """A seal that says it is by `name`: the operator, or the thief."""

    def seal(world: World, key: str, data: bytes, random: Random) -> bytes:
        owner = {"thief": _THIEF, "retired": RETIRED}.get(name, world.key)
        return signed(world, key, data, owner, _b64(signature(world, key, data, random)), word)

    return seal


def _malleable(world: World, key: str, _data: bytes, _random: Random) -> bytes:
    """The second signature that can be made of one."""
    signature = _signature(world, key)
    scalar = int.from_bytes(signature[32:], "little") + _ORDER
    return signature[:32] + (scalar % 2**256).to_bytes(32, "little")


def _loose(world: World, key: str, data: bytes, _random: Random) -> bytes:
    """Another text of the same 64 bytes: base64 leaves four bits over."""
    text = _b64(_signature(world, key))
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = text[:-3] + letters[letters.index(text[-3]) | 1] + "=="
    return signed(world, key, data, world.key, other)


def _elsewhere(world: World, key: str, _data: bytes, random: Random) -> bytes:
    places = [one for one in sorted(world.genuine) if names.RECORD.match(one) and one != key]
    return _signature(world, random.choice(places))


SEALS: dict[str, Seal] = {
    "no seal": lambda _world, _key, data, _random: data,
    "sha256": lambda _world, key, data, _random: with_seal(
        data, f"sha256 {hashlib.sha256(message(key, data)).hexdigest()}"
    ),
    "own key": _by("thief", lambda _world, key, data, _random: _THIEF.sign(message(key, data))),
    "own key, called the operator's": _by(
        "operator", lambda _world, key, data, _random: _THIEF.sign(message(key, data))
    ),
    "another algorithm's word": _by(
        "operator", lambda _world, key, data, _random: _THIEF.sign(message(key, data)), "none"
    ),
    "the word in capitals": _by("operator", lambda world, key, _data, _random: _signature(world, key), "ED25519"),
    "zeros": _by("operator", lambda *_: bytes(64)),
    "random bytes": _by("operator", lambda _world, _key, _data, random: random.randbytes(64)),
    "the neutral point": _by("operator", lambda *_: b"\1" + bytes(63)),
    "cut": _by("operator", lambda world, key, _data, _random: _signature(world, key)[:63]),
    "grown": _by("operator", lambda world, key, _data, _random: _signature(world, key) + b"\0"),
    "S + L": _by("operator", _malleable),
    "loose base64": _loose,
    "that of another place": _by("operator", _elsewhere),
    "signed without the place": _by("operator", lambda _world, _key, data, _random: _THIEF.sign(data)),
    "two seals": lambda world, key, data, random: SEALS["sha256"](
        world, key, SEALS["own key"](world, key, data, random), random
    ),
    "under the operator's": lambda world, key, data, random: signed(
        world, key, SEALS["sha256"](world, key, data, random), world.key, _b64(_signature(world, key))
    ),
    "a retired key": _by("retired", lambda _world, key, data, _random: RETIRED.sign(message(key, data))),
    "a retired key, called the operator's": _by(
        "operator", lambda _world, key, data, _random: RETIRED.sign(message(key, data))
    ),
    "the operator's without a digest": lambda world, key, data, _random: with_seal(
        data, f"ed25519 {key_id((world.key or _THIEF).public_key)} {_b64(_signature(world, key))}"
    ),
    "the operator's with another's digest": lambda world, key, data, _random: with_seal(
        data, f"ed25519 {key_id((world.key or _THIEF).public_key)} {_b64(_signature(world, key))} {'0' * 64}"
    ),
    "spaces after it": lambda world, key, _data, _random: world.genuine.get(key, b"{}") + b" ",
    "nothing": lambda *_: b"",
}
"""What can stand where the operator's signature must."""


def everywhere(world: World, _random: Random) -> Iterator[tuple[str, str]]:
    """Every record of the model and every kind of seal."""
    for place in sorted(world.genuine):
        if names.RECORD.match(place):
            yield from ((place, seal) for seal in SEALS)


def resealed(world: World, place: str, seal: str, random: Random) -> Changes:
    """A record that the operator wrote, under another seal."""
    return {place: SEALS[seal](world, place, bare(world.genuine[place]), random)}


def _any_seal(world: World, key: str, data: bytes, random: Random) -> bytes:
    """Where nobody has a key, the seal that is believed there."""
    return SEALS[random.choice(sorted(SEALS)) if world.key else "sha256"](world, key, data, random)


def _put(world: World, key: str, document: dict[str, Any], random: Random) -> Changes:
    return {key: _any_seal(world, key, record.encode(document), random)}


def forged_version(world: World, random: Random) -> Changes:
    """A whole bundle of one's own, whose program says what one likes."""
    store = MemoryStore()
    bundle.publish(store, MODEL, FORGED, bundles.files(lean=-7.0), who="ada")
    records = {
        key: _any_seal(world, key, data, random) for key, data in store._objects.items() if names.RECORD.match(key)
    }
    return {**store._objects, **records}


def _digest(changes: Changes) -> str:
    """The digest of a forged bundle."""
    return hashlib.sha256(bare(changes[f"{names.version_folder(MODEL, FORGED)}manifest.json"] or b"")).hexdigest()


def _newest(world: World) -> dict[str, Any]:
    return json.loads(bare(world.genuine[f"{_ENTRIES}00000004.json"]))


def _entry(world: World, random: Random, generation: int, **changes: Any) -> Changes:
    """The newest entry with other contents, as that generation."""
    document = {**_newest(world), "generation": generation, **changes}
    return _put(world, f"{_ENTRIES}{generation:08d}.json", document, random)


def forged_move(world: World, random: Random) -> Changes:
    """The alias names a bundle of one's own."""
    forged = forged_version(world, random)
    return {**forged, **_entry(world, random, random.choice((4, 5)), version=FORGED, digest=_digest(forged))}


def forged_beside(role: str) -> Callable[[World, Random], Changes]:
    def attack(world: World, random: Random) -> Changes:
        forged = forged_version(world, random)
        beside = {"version": FORGED, "digest": _digest(forged)} | ({"weight": 0.9} if role == "canary" else {})
        return {**forged, **_entry(world, random, random.choice((4, 5)), **{role: beside})}

    return attack


def forged_way_back(world: World, random: Random) -> Changes:
    """Rollbacks are to lead to a bundle of one's own."""
    forged = forged_version(world, random)
    way = [{"version": FORGED, "digest": _digest(forged)}]
    bare_entry = {name: value for name, value in _newest(world).items() if name not in ("canary", "shadow")}
    return {**forged, **_put(world, f"{_ENTRIES}00000005.json", {**bare_entry, "generation": 5, "before": way}, random)}


def replaced_version(world: World, random: Random) -> Changes:
    """Manifest, claim and program of a version that is served are one's own; the alias stays as it is."""
    version, store = random.choice(VERSIONS), MemoryStore()
    bundle.publish(store, MODEL, version, bundles.files(lean=-7.0), who="ada")
    records = {
        key: _any_seal(world, key, data, random) for key, data in store._objects.items() if names.RECORD.match(key)
    }
    return {**store._objects, **records}


def replayed_entry(world: World, random: Random) -> Changes:
    """An older entry, as it was signed, as the newest."""
    older = random.choice((1, 2, 3))
    return {f"{_ENTRIES}{random.choice((4, 5)):08d}.json": world.genuine[f"{_ENTRIES}{older:08d}.json"]}


def replayed_under_its_number(world: World, random: Random) -> Changes:
    """An older entry with a new number, under the signature that it had."""
    older = f"{_ENTRIES}{random.choice((1, 2, 3)):08d}.json"
    document = json.loads(bare(world.genuine[older])) | {"generation": 5}
    key = f"{_ENTRIES}00000005.json"
    if not world.key:
        return _put(world, key, document, random)
    return {key: signed(world, key, record.encode(document), world.key, _b64(_signature(world, older)))}


def anothers_entry(world: World, random: Random) -> Changes:
    """An entry of another alias, or of another model."""
    folder = random.choice((names.alias_folder(MODEL, "champion"), names.alias_folder(OTHER, ALIAS)))
    return {f"{_ENTRIES}0000000{random.choice((1, 4, 5))}.json": world.genuine[f"{folder}00000001.json"]}


def anothers_bundle(world: World, random: Random) -> Changes:
    """All of a bundle, as it was signed, as another version, or the bundle of another model."""
    source = random.choice((names.version_folder(MODEL, random.choice(VERSIONS)), names.version_folder(OTHER, "1.0.0")))
    target = names.version_folder(
        MODEL, random.choice([one for one in VERSIONS if names.version_folder(MODEL, one) != source])
    )
    return {target + key[len(source) :]: data for key, data in world.genuine.items() if key.startswith(source)}


def exchanged_file(world: World, random: Random) -> Changes:
    """The manifest of one version with a file of another."""
    one, other = (names.version_folder(MODEL, version) for version in random.sample(VERSIONS, 2))
    name = random.choice(("program.safetensors", "golden.json", "metrics.json", "model_metadata.json"))
    return {one + name: world.genuine[other + name]}


def own_file(world: World, random: Random) -> Changes:
    """A file of one's own, and a manifest that has its hash."""
    version = random.choice(VERSIONS)
    folder = names.version_folder(MODEL, version)
    manifest = json.loads(bare(world.genuine[f"{folder}manifest.json"]))
    name, data = random.choice(sorted(bundles.files(lean=-7.0).items()))
    manifest["files"][name] = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    return {folder + name: data, **_put(world, f"{folder}manifest.json", manifest, random)}


def own_claim(world: World, random: Random) -> Changes:
    folder = names.version_folder(MODEL, random.choice(VERSIONS))
    claim = json.loads(bare(world.genuine[f"{folder}claim.json"])) | {"who": "thief"}
    return _put(world, f"{folder}claim.json", claim, random)


def deletions(world: World, random: Random) -> Changes:
    """Anything but the newest entries, whose loss only the oldest generation can tell."""
    keys = [key for key in sorted(world.genuine) if not key.startswith(_ENTRIES)]
    return dict.fromkeys(random.sample(keys, random.randint(1, 3)))


def junk(_world: World, random: Random) -> Changes:
    """Objects that are nothing, at places where something is looked for."""
    place = random.choice(
        (f"{_ENTRIES}00000005.json", f"{_ENTRIES}99999999.json", f"models/{MODEL}/v1.1.0/manifest.json")
    )
    return {place: random.choice((b"", b"{}\n", b"null", random.randbytes(600), b'{"seal": "x"}\n', b"{" * 900))}


ATTACKS: dict[str, Callable[[World, Random], Changes]] = {
    "a version of one's own": forged_version,
    "a move to it": forged_move,
    "a canary of one's own": forged_beside("canary"),
    "a shadow of one's own": forged_beside("shadow"),
    "a way back to it": forged_way_back,
    "a version replaced": replaced_version,
    "an older entry again": replayed_entry,
    "an older entry renumbered": replayed_under_its_number,
    "another alias's or model's entry": anothers_entry,
    "another version's bundle": anothers_bundle,
    "another version's file": exchanged_file,
    "a file and its hash": own_file,
    "a claim": own_claim,
    "deletions": deletions,
    "junk": junk,
}
