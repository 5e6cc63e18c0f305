"""One outage, lived through by one kind of server: while nothing moves, while the alias moves, cold, and after it."""

import re
import time
from functools import cache
from random import Random
from typing import NamedTuple

from firesteel.registry import alias, bundle
from firesteel.registry.store import MemoryStore, Store
from tests.faults.proxy import DOWN, PASS, Proxy
from tests.proofs.outages_faults import Outage
from tests.proofs.outages_worlds import S3, Serves
from tests.unit.classify import bundles
from tests.unit.classify.asking import post
from tests.unit.classify.bundles import MODEL, TICKET

SHARED = "shared"
"""The prefix of a registry of all versions, where every trial has an alias of its own."""
GOOD, NEXT, AFTER = "1.0.0", "1.1.0", "1.2.0"
_VERSIONS = {GOOD: 0.0, NEXT: 0.4, AFTER: 0.8}
_ASKED = {
    "/classify": TICKET,
    "/explain": TICKET,
    "/classify/batch": {"items": [TICKET] * 3},
}
_LINGERING = 6.0
"""Seconds that a look which began in the outage may still take: S3's time-outs and retries."""
_SLACK = 2.0
"""Seconds that a busy machine may take longer."""


class Plan(NamedTuple):
    """How long, in seconds, and how much."""

    ttl: float
    still: float
    """Outage while nothing moved."""
    moving: float
    """Outage after the alias moved."""
    requests: int
    """In the whole of an outage, at least."""
    told: float = 12.0
    """Until /health must have told of it: two looks that wait for S3's time-outs."""


class Trial:
    """One outage, lived through by one kind of server."""

    def __init__(self, kind: type[Serves], outage: Outage, place: S3, plan: Plan, random: Random) -> None:
        self.name = f"{kind.__name__}, {outage.name}"
        self.checked: list[str] = []
        """Of each check what is wrong, nothing where it holds."""
        self.slowest, self.recovery = 0.0, 0.0
        self._kind, self._outage, self._place, self._plan, self._random = kind, outage, place, plan, random
        self._alias = re.sub("[^a-z0-9]+", "-", self.name.lower())
        self._prefix = self._alias if outage.spoiled else SHARED
        self._whole = _answers()

    def run(self) -> "Trial":
        if self._outage.spoiled:
            publish(self._place, self._prefix)
        store = self._place.opened(self._prefix)
        alias.promote(store, MODEL, self._alias, GOOD, who="proof")
        with Proxy(self._place.endpoint) as proxy:
            warm = self._serve(proxy)
            try:
                self._live(warm, proxy, store)
            finally:
                warm.close()
        return self

    def _serve(self, proxy: Proxy) -> Serves:
        return self._kind(self._place, self._prefix, self._alias, proxy.url, self._plan.ttl)

    def _live(self, warm: Serves, proxy: Proxy, store: Store) -> None:
        self._ask(warm, {GOOD})
        self._check(warm.ask("GET", "/health").body["status"] == "ok", "not ok before the outage")
        self.slowest = 0.0
        proxy.fault = self._outage.treat(self._random)
        self._for(self._plan.still, warm, {GOOD})
        self._move(proxy, store)
        self._for(self._plan.moving, warm, {GOOD} if self._outage.total else {GOOD, NEXT})
        if self._outage.total:
            self._troubled(warm)
            self._cold(proxy, store)
        else:
            self._recovers(warm, proxy, store)

    def _move(self, proxy: Proxy, store: Store) -> None:
        """The alias moves; what is spoiled is so before anybody can read it."""
        treated = proxy.fault
        if self._outage.spoiled:
            proxy.fault = lambda *_: DOWN
        alias.promote(store, MODEL, self._alias, NEXT, who="proof")
        if self._outage.spoiled:
            self._place.spoil(self._prefix, self._alias, NEXT, self._outage.spoiled)
            proxy.fault = treated

    def _for(self, seconds: float, warm: Serves, allowed: set[str]) -> None:
        """Requests for so long, and half of those that are planned; never an older version than before."""
        until, left = time.monotonic() + seconds, self._plan.requests // 2
        while time.monotonic() < until or left > 0:
            version = self._ask(warm, allowed)
            if version != GOOD:
                allowed = allowed - {GOOD}
            left -= 1
            if time.monotonic() < until:
                time.sleep(0.0005 if self._plan.requests > 1000 else 0.005)

    def _ask(self, warm: Serves, allowed: set[str]) -> str:
        """One request: a good answer of a version that may answer, whole."""
        path = self._random.choice(list(_ASKED))
        begun = time.monotonic()
        status, _, body = warm.ask("POST", path, _ASKED[path])
        self.slowest = max(self.slowest, time.monotonic() - begun)
        version = next((one for one in _VERSIONS if body == self._whole[path, one]), "")
        self._check(status == 200 and version in allowed, f"{path}: {status} of {version or str(body)[:200]}")
        return version

    def _troubled(self, warm: Serves) -> None:
        until = time.monotonic() + self._plan.told
        while (health := warm.ask("GET", "/health").body)["status"] == "ok" and time.monotonic() < until:
            self._ask(warm, {GOOD})
            time.sleep(0.01)
        code = (health["reason"] or {}).get("code")
        self._check(health["status"] == "degraded" and code == self._outage.code, f"/health says {health}")
        self._check(health["model_version"] == GOOD, f"/health says {health}")
        self._check(warm.failures() > 0, "no metric counts the failures")

    def _cold(self, proxy: Proxy, store: Store) -> None:
        """One that starts in the outage: a clear 503, and the model is there without a restart once S3 is."""
        cold = self._serve(proxy)
        try:
            begun = time.monotonic()
            status, headers, body = cold.ask("POST", "/classify", TICKET)
            self._check(time.monotonic() - begun < _LINGERING, "a cold start's refusal took too long")
            said = status == 503 and body["code"] == "no_model" and "retry-after" in headers
            self._check(said, f"a cold start answers {status} {body}")
            self._check(cold.ask("GET", "/health").body["status"] == "unavailable", "/health of a cold start")
            self._check(cold.ask("GET", "/health/live").status == 200, "/health/live of a cold start")
            self._recovers(cold, proxy, store)
        finally:
            cold.close()

    def _recovers(self, one: Serves, proxy: Proxy, store: Store) -> None:
        """S3 is well and the alias names what is whole: it is served within the time to live and a request."""
        proxy.fault = lambda *_: PASS
        alias.promote(store, MODEL, self._alias, AFTER, who="proof")
        begun = time.monotonic()
        allowed = self._plan.ttl + _LINGERING + _SLACK
        while time.monotonic() - begun < allowed:
            status, _, body = one.ask("POST", "/classify", TICKET)
            if status == 200 and body == self._whole["/classify", AFTER]:
                break
            time.sleep(0.01)
        self.recovery = time.monotonic() - begun
        self._check(self.recovery < allowed, f"not fresh {self.recovery:.1f} s after the outage: {status} {body}")
        self._check(one.ask("GET", "/health").body["status"] == "ok", "not ok after the outage")

    def _check(self, holds: bool, what: str) -> None:
        self.checked.append("" if holds else f"{self.name}: {what}")

    @property
    def wrong(self) -> list[str]:
        return list(filter(None, self.checked))


def publish(place: S3, prefix: str) -> None:
    """All versions, named by no alias yet."""
    store = place.opened(prefix)
    for version, lean in _VERSIONS.items():
        bundle.publish(store, MODEL, version, bundles.files(lean=lean), who="proof")


@cache
def _answers() -> dict[tuple[str, str], object]:
    """What each version answers if there is no other."""
    told = {}
    for version, lean in _VERSIONS.items():
        store = MemoryStore()
        bundles.release(store, version, lean=lean)
        alone = bundles.serving_over(store)
        told |= {(path, version): post(alone, path, body) for path, body in _ASKED.items()}
    return told
