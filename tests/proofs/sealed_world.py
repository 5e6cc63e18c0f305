"""A registry that was published, promoted and canaried, and everybody who reads it: for the proofs about seals."""

import base64
from collections.abc import Callable, Hashable, Mapping

from nacl.signing import SigningKey

from firesteel.errors import FiresteelError
from firesteel.registry import alias, bundle
from firesteel.registry.seal import Oldest, Sealed
from firesteel.registry.store import MemoryStore
from functions.classify import refresh
from functions.classify.fetch import Source
from functions.classify.live import Live
from tests.unit.classify import bundles

MODEL, ALIAS = bundles.MODEL, "latest"
OTHER = "parcels"
VERSIONS = ("1.0.0", "1.1.0", "1.2.0")
LEANS = dict(zip(VERSIONS, (0.0, 0.5, 9.0), strict=True))
"""What each version's program is made of, so that no two are alike."""

type Changes = Mapping[str, bytes | None]
"""What is done to a store: key -> other bytes, or None where the object is deleted."""


class Key:
    """A signing key in memory."""

    def __init__(self, seed: bytes) -> None:
        self._key = SigningKey(seed)
        self.public_key = bytes(self._key.verify_key)

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message).signature

    @property
    def text(self) -> str:
        return base64.b64encode(self.public_key).decode()


class Refused(Exception):  # noqa: N818 - it is what a reader is to say of what was changed
    """A reader will not have it."""


class World:
    """The registry of an operator with a key, or without one. `objects` is what lies in the bucket.

    Its readers have the public key, where they are `pinned`.
    """

    def __init__(self, key: Key | None, *, oldest: int = 0, pinned: bool = True) -> None:
        self.key, self.raw = key, MemoryStore()
        self.store = Sealed(self.raw, [key.text] if key else (), key)
        self._publish()
        self.genuine: Mapping[str, bytes] = dict(self.raw._objects)
        self.objects = self.raw._objects
        trusted = [key.text] if key and pinned else ()
        self.reader = Sealed(self.raw, trusted, oldest=Oldest(MODEL, ALIAS, oldest))
        self.readers: dict[str, Callable[[], Hashable]] = {
            "stable": self._stable,
            "serving": self._serving,
            "canary": lambda: self._beside("canary"),
            "shadow": lambda: self._beside("shadow"),
            "history": lambda: tuple(alias.history(self.reader, MODEL, ALIAS)),
            **{f"pinned {one}": lambda one=one: self._pinned(one) for one in VERSIONS},
            **{f"verify {one}": lambda one=one: self._verified(one) for one in VERSIONS},
        }
        self.truth = {name: read() for name, read in self.readers.items()}

    def _publish(self) -> None:
        for version, lean in LEANS.items():
            bundle.publish(self.store, MODEL, version, bundles.files(lean=lean), who="ada")
        bundle.publish(self.store, OTHER, "1.0.0", bundles.files(model=OTHER, lean=3.0), who="ada")
        alias.promote(self.store, OTHER, ALIAS, "1.0.0", who="ada")
        alias.promote(self.store, MODEL, "champion", "1.2.0", who="ada")
        alias.promote(self.store, MODEL, ALIAS, "1.0.0", who="ada")
        alias.promote(self.store, MODEL, ALIAS, "1.1.0", who="ada", why="better")
        alias.canary(self.store, MODEL, ALIAS, "1.2.0", weight=0.25, who="ada")
        alias.shadow(self.store, MODEL, ALIAS, "1.0.0", who="ada")

    def change(self, changes: Changes) -> None:
        for key, data in changes.items():
            if data is None:
                self.objects.pop(key, None)
            else:
                self.objects[key] = data

    def restore(self) -> None:
        self.objects.clear()
        self.objects.update(self.genuine)

    def told(self, name: str) -> Hashable:
        """What a reader makes of the store as it is now. Raises Refused."""
        try:
            return self.readers[name]()
        except FiresteelError as error:
            raise Refused(str(error)) from error

    def reading(self) -> dict[str, set[str]]:
        """Which readers read each key of the registry as it was published."""
        read: dict[str, set[str]] = {}
        get = self.raw.get
        for name in self.readers:

            def logged(key: str, *, limit: int, name: str = name) -> bytes:
                read.setdefault(key, set()).add(name)
                return get(key, limit=limit)

            self.raw.get = logged  # type: ignore[method-assign]
            self.told(name)
        self.raw.get = get  # type: ignore[method-assign]
        return read

    def source(self) -> Source:
        found = Source("memory://", MODEL, ALIAS, with_shadows=True)
        found.store = self.reader
        return found

    def _stable(self) -> Hashable:
        source = self.source()
        entry = source.entry()
        return _live(source.fetch(entry, [one.digest for one in (entry.canary, entry.shadow) if one]))

    def _serving(self) -> Hashable:
        """What the whole service starts with."""
        stable = bundles.serving_over(self.reader).freshness.state.stable
        if stable is None:
            raise Refused("it serves nothing")
        return _answers(stable)

    def _beside(self, role: str) -> Hashable:
        """What runs beside what is served, alone: a bundle that is known already comes without its bytes."""
        source = self.source()
        entry = source.entry()
        named = entry.canary if role == "canary" else entry.shadow
        if named is None:
            return None
        known = {one.digest for one in (entry.served, entry.canary, entry.shadow) if one and one.digest != named.digest}
        fetched = source.fetch(entry, known)
        beside = fetched.canary if role == "canary" else fetched.shadow
        return named, _live(beside()) if beside else None

    def _pinned(self, version: str) -> Hashable:
        return _live(self.source().at(version).newest())

    def _verified(self, version: str) -> Hashable:
        if problems := bundle.verify(self.reader, MODEL, version):
            raise Refused("; ".join(problems))
        return version


def _live(fetched) -> Hashable:
    """What a bundle answers once it is served, and what it says that it is."""
    return _answers(refresh.load(fetched, MODEL))


def _answers(live: object) -> Hashable:
    assert isinstance(live, Live)
    labels, confidences, *_ = live.predictor.predict(live.predictor.check(bundles.TICKET))
    return live.version, live.digest, live.generation, repr((labels, confidences))


def answered(told: Hashable) -> Hashable:
    """Of what a reader tells of a bundle, which one it is and what it answers, wherever it runs."""
    assert isinstance(told, tuple)
    live = next(one for one in (told, *told) if isinstance(one, tuple) and len(one) == 4)
    return live[0], live[1], live[3]
