"""Bundles that no two answer alike, what is asked of them, and which of them a whole answer came from."""

import json
from collections.abc import Iterator, Mapping
from random import Random
from typing import Any, NamedTuple

from firesteel.program import format as program_format
from firesteel.registry import alias, bundle
from firesteel.registry.store import MemoryStore, Store
from functions.classify.events import Request
from functions.classify.operations import respond
from tests.unit.classify import bundles, zoo

TICKETS, SEGMENTS = "tickets", {"QB": "recruits/qb", "RB": "recruits/rb"}
MODELS = (TICKETS, *SEGMENTS.values())
VERSIONS = tuple(f"1.{minor}.0" for minor in range(12))
KEYS = tuple(f"key-{number}" for number in range(40))
JSON = {"content-type": "application/json"}

_ROWS = [
    bundles.TICKET,
    {"title": "Refund", "description": "The price of my invoice"},
    {"title": "Buy", "description": "?"},
]
_BY_TICKETS = {
    "/classify": bundles.TICKET,
    "/models/tickets/predict": _ROWS[1],
    "/explain": bundles.TICKET,
    "/attributions": bundles.TICKET,
    "/classify/batch": {"items": _ROWS * 3},
    "/batch_predict": {"cases": _ROWS, "include_explanations": True},
    "/v2/models/tickets/infer": {
        "inputs": [
            {"name": name, "datatype": "BYTES", "shape": [3], "data": [row[name] for row in _ROWS]}
            for name in ("title", "description")
        ]
    },
}
_PLAYERS = [zoo.PLAYERS["qb"], zoo.PLAYERS["rb"]] * 3
_STATUS, _RECRUITS = "/model/status", "/models/recruits/batch"
_OFTEN = ("/classify",) * 6 + tuple(_BY_TICKETS) + (_STATUS, _RECRUITS)
_PINNED = 0.05
"""This share of requests names a version, which no alias has a say in."""


class Asked(NamedTuple):
    """One request."""

    method: str
    path: str
    body: bytes
    key: str
    pinned: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        return {**JSON, "x-canary-key": self.key}


FIRST = Asked("POST", _RECRUITS, json.dumps({"cases": _PLAYERS}).encode(), KEYS[0])
"""Makes an environment warm: all models are loaded after it."""


class Told(NamedTuple):
    """Which version of a model an answer is from; where it says so, of which generation and beside which canary."""

    model: str
    version: str
    generation: int | None = None
    canary: str | None = ""


def publish(store: Store) -> None:
    """Every version of every model, none of them named by an alias but the first."""
    for number, version in enumerate(VERSIONS):
        contents = {
            TICKETS: bundles.files() | _of_program(_tickets(version, 0.05 * number), bundles.TICKET),
            **{
                name: zoo.files(zoo.segment(name[-2:], lean=float(number)), zoo.PLAYERS[name[-2:]])
                for name in SEGMENTS.values()
            },
        }
        for model, files in contents.items():
            bundle.publish(store, model, version, files, who="proof")
    bundle.publish(store, "recruits", "1.0.0", zoo.files(zoo.router(QB="qb", RB="rb"), None), who="proof")
    for model in (*MODELS, "recruits"):
        alias.promote(store, model, "latest", "1.0.0", who="proof")


def _tickets(version: str, lean: float) -> bytes:
    """A program whose labels have the version's name, and whose confidences are its own."""
    meta, tensors = program_format.read(bundles.program(lean=lean))
    targets = [{**one, "labels": [f"{label} {version}" for label in one["labels"]]} for one in meta["targets"]]
    return program_format.write({**meta, "targets": targets}, tensors)


def _of_program(program: bytes, row: dict[str, Any]) -> dict[str, bytes]:
    return {"program.safetensors": program, "golden.json": json.dumps(bundles.golden(program, row)).encode()}


class Questions:
    """What is asked, and what each version would answer if there were no other."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def __iter__(self) -> Iterator[Asked]:
        while True:
            key, path = self._random.choice(KEYS), self._random.choice(_OFTEN)
            if self._random.random() < _PINNED:
                version = self._random.choice(VERSIONS)
                body = json.dumps(bundles.TICKET).encode()
                yield Asked("POST", f"/models/tickets/versions/{version}/predict", body, key, version)
            elif path == _STATUS:
                yield Asked("GET", path, b"", key)
            else:
                content = {"cases": _PLAYERS} if path == _RECRUITS else _BY_TICKETS[path]
                yield Asked("POST", path, json.dumps(content).encode(), key)


class Judge:
    """Tells of an answer which bundle gave all of it."""

    def __init__(self, store: Store) -> None:
        """`store` has what `publish` wrote."""
        self._versions = {
            (model, bundle.read_manifest(store, model, version).digest): version
            for model in MODELS
            for version in VERSIONS
        }
        files = {key: store.get(key, limit=1 << 20) for key in store.keys("models/") if "/aliases/" not in key}
        self._whole = {version: self._alone(version, files) for version in VERSIONS}

    def _alone(self, version: str, files: Mapping[str, bytes]) -> dict[str, Any]:
        """What a registry whose aliases name but this version answers: by path the bytes, by segment a row."""
        store = MemoryStore()
        for key, data in files.items():
            store.create(key, data)
        alias.promote(store, "recruits", "latest", "1.0.0", who="proof")
        for model in MODELS:
            alias.promote(store, model, "latest", version, who="proof")
        serving = bundles.serving_over(store)
        answers = {
            path: respond(Request("POST", path, JSON, json.dumps(body).encode(), "", ""), serving)
            for path, body in {**_BY_TICKETS, _RECRUITS: {"cases": _PLAYERS}}.items()
        }
        assert all(answer.status == 200 for answer in answers.values())
        rows = json.loads(answers.pop(_RECRUITS).body)["predictions"]
        return {path: answer.body for path, answer in answers.items()} | dict(zip(SEGMENTS, rows, strict=False))

    def of(self, asked: Asked, status: int, digest: str | None, body: bytes) -> list[Told]:
        """What an answer is from. Raises ValueError for one that is of no single bundle, or none at all."""
        if status != 200:
            raise ValueError(f"{status} {body[:200]!r}")
        if asked.path == _STATUS:
            return [self._status(json.loads(body))]
        if asked.path == _RECRUITS:
            return self._segments(json.loads(body)["predictions"])
        version = self._versions.get((TICKETS, digest or ""))
        path = "/models/tickets/predict" if asked.pinned else asked.path
        whole = self._whole.get(version or "", {})
        if asked.pinned:
            if version != asked.pinned or body != whole["/classify"]:
                raise ValueError(f"asked for {asked.pinned}, answered by {version}: {body[:300]!r}")
            return []
        if body != whole.get(path):
            raise ValueError(f"the digest is that of {version}, the answer is not: {body[:300]!r}")
        return [Told(TICKETS, str(version))]

    def _status(self, body: dict[str, Any]) -> Told:
        version = body["version"]
        if self._versions.get((TICKETS, body["digest"])) != version:
            raise ValueError(f"/model/status has the version {version} with the digest of another")
        if any(not label.endswith(f" {version}") for labels in body["targets"].values() for label in labels):
            raise ValueError(f"/model/status has the version {version} with the labels of another")
        return Told(TICKETS, version, body["generation"], body["canary"] and body["canary"]["version"])

    def _segments(self, rows: list[dict[str, Any]]) -> list[Told]:
        """Each segment's rows are of one bundle."""
        told = []
        for number, (segment, model) in enumerate(SEGMENTS.items()):
            own = rows[number::2]
            version = str(own[0].get("model_version"))
            if any(row != self._whole.get(version, {}).get(segment) for row in own):
                raise ValueError(f"the rows of {model} are not all of {version}: {own!r:.300}")
            told.append(Told(model, version))
        return told
