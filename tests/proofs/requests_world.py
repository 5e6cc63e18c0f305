"""What is asked: the four models that ship, with canaries, an admin's view, and all that the document says of them."""

import io
import json
from functools import cached_property
from pathlib import Path
from typing import Any

from firesteel.registry import alias, bundle
from firesteel.registry.store import MemoryStore
from functions.classify import app, described, schemas
from functions.classify.answers import Answer
from functions.classify.events import Request
from functions.classify.lane import Lane
from functions.classify.meters import Meters
from functions.classify.server import Front, RateLimit
from functions.classify.telemetry import Telemetry
from tests.unit.classify.bundles import serving_over

GOLDEN = Path(__file__).parents[1] / "golden" / "v2"
MODELS = ("tickets", "g2g", "gifts", "recruits", "recruits/qb", "recruits/rb", "recruits/wr")
WITH_CANARY = ("tickets", "recruits/qb")
CANARY = "1.1.0"
MEMORY = 64 << 20  # of programs: every model stays loaded


def stocked() -> MemoryStore:
    """The golden bundles of the four models; of two models there is a canary that answers half of the keys."""
    store = MemoryStore()
    for path in sorted(GOLDEN.rglob("*")):
        if path.is_file():
            store.create(path.relative_to(GOLDEN).as_posix(), path.read_bytes())
    for model in WITH_CANARY:
        manifest = bundle.read_manifest(store, model, "1.0.0")
        files = {name: bundle.read_file(store, manifest, name) for name in manifest.files if name != "claim.json"}
        bundle.publish(store, model, CANARY, files, who="proof", signature=manifest.signature)
        alias.canary(store, model, "latest", CANARY, weight=0.5, who="proof", why="half of the keys")
    return store


class Endpoint:
    """The function as Lambda calls it, with its log in memory and a note of the last request."""

    def __init__(self, model: str = "tickets") -> None:
        self.serving = serving_over(stocked(), model=model, memory=MEMORY, admin=True, monitor=Forgetful())
        self.log = io.StringIO()
        self.last: tuple[Request, Answer] | None = None
        self.telemetry = Telemetry(service="proof-requests", level="INFO", namespace="Proof")
        for handler in self.telemetry.logger.handlers:
            handler.setStream(self.log)
        self.lane = Lane(self.serving, self.telemetry, after=self._note)

    def _note(self, request: Request, answer: Answer) -> None:
        self.last = (request, answer)

    def lines(self) -> list[str]:
        """What was logged since this was last asked."""
        written = self.log.getvalue()
        self.log.seek(0)
        self.log.truncate()
        return written.splitlines()

    @cached_property
    def app(self) -> Any:
        return app.create(self.serving)

    @cached_property
    def front(self) -> Front:
        """The server's outermost app."""
        return Front(self.app, self.serving, self.telemetry, Meters(), RateLimit(0, 60))

    @cached_property
    def document(self) -> dict[str, Any]:
        """The OpenAPI document."""
        return dict(schemas.complete(self.app.openapi(), self.serving))

    @cached_property
    def rows(self) -> dict[str, dict[str, Any]]:
        """By model the JSON schema of a row, or of a request that lists things."""
        return {model: self._request(model) for model in MODELS if model != "recruits"} | {
            "recruits": self._request("recruits/qb")
        }

    def _request(self, model: str) -> dict[str, Any]:
        about = described.of(self.serving.live_of(model))
        return about["Request"] if "$ref" not in about["Request"] else about["Row"]

    @cached_property
    def examples(self) -> dict[str, list[dict[str, Any]]]:
        """By model the rows that its bundle is replayed with."""
        found = {}
        for model in MODELS:
            path = GOLDEN / "models" / model / "v1.0.0" / "golden.json"
            found[model] = [row["input"] for row in json.loads(path.read_text())["rows"]]
        return found | {"recruits": [row for model in MODELS[4:] for row in found[model]]}


class Forgetful(MemoryStore):
    """A monitoring store that keeps the last few corrections: a million of them would fill the memory."""

    KEPT = 50

    def create(self, key: str, data: bytes) -> None:
        super().create(key, data)
        with self._lock:
            while len(self._objects) > self.KEPT:
                del self._objects[next(iter(self._objects))]
