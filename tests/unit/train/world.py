"""A deployment in memory, whose uploads have versions and a clock, and executions that go through the real tasks."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from firesteel.definition import Definition
from firesteel.errors import NotFoundError
from firesteel.registry import alias
from firesteel.registry.store import MemoryStore
from firesteel.settings import Settings
from functions.train import published, tasks
from functions.train.dataset import Dataset
from functions.train.deployment import Deployment
from functions.train.train import Trained
from functions.train.upload import FILE, Upload
from tests.unit.train.problems import define

SMALL = define(
    "regression",
    inputs={"a": {"kind": "number", "example": 1.0}},
    split={"kind": "random"},
    interval={"coverage": 0.5, "bins": 1},
    data={"min_rows": 2, "allow_unseen_values": True},
)
CSV = "a,y\n" + "".join(f"{number},0.{number}\n" for number in range(10))
FOLDER = "memory://incoming/small"


class Killed(BaseException):
    """A process that ends in the middle of something: nothing may catch it."""


class Stored(NamedTuple):
    upload: Upload
    content: bytes


class MemoryUploads:
    """Uploads as a versioned bucket has them. `put` returns the event that tells of the upload."""

    def __init__(self) -> None:
        self.versions: dict[str, list[Stored]] = {}

    def put(self, file: str, content: bytes, second: int) -> dict[str, Any]:
        data, etag = f"{FOLDER}/{file}", hashlib.md5(content).hexdigest()
        stored = self.versions.setdefault(data, [])
        version_id = f"{file}-{len(stored)}"
        stored.append(Stored(Upload(data, version_id, etag, f"2026-11-21T15:00:{second:02}Z"), content))
        key = data.removeprefix("memory://incoming/")
        about = {"key": f"small/{file}", "version-id": version_id, "etag": etag, "size": len(content)}
        assert key == about["key"]
        return {"detail": {"bucket": {"name": "incoming"}, "object": about}}

    def _stored(self, data: str, version_id: str | None) -> Stored:
        for one in reversed(self.versions.get(data, [])):
            if version_id in (None, one.upload.version_id):
                return one
        raise NotFoundError(f"{data} does not exist")

    def find(self, data: str, version_id: str | None = None) -> tuple[Upload, int]:
        found = self._stored(data, version_id)
        return found.upload, len(found.content)

    def current(self, folder: str) -> list[Upload]:
        listed = [
            stored[-1].upload._replace(version_id=None)
            for data, stored in self.versions.items()
            if data.rpartition("/")[0] == folder and FILE.fullmatch(data.rpartition("/")[2])
        ]
        return sorted(listed, key=lambda upload: upload.order)

    def chunks(self, upload: Upload) -> Iterator[bytes]:
        yield self._stored(upload.data, upload.version_id).content


def pretend(part: Definition, rows: Dataset, **_: object) -> Trained:
    """A training run that costs nothing. All that comes before and after it is real."""
    return Trained(
        definition=part,
        dataset=rows,
        program=b"a program",
        signature="0" * 64,
        pipelines={},
        metrics={"format": 1, "evaluated": False, "targets": {}, "review": None,
                 "parity": {"rows": 1, "fuzz_rows": 1, "largest_difference": 0.0, "tolerance": 0.0}},
        reference={},
        golden={"format": 1, "rows": []},
        split={"kind": "none", "train": len(rows), "test": 0},
        settings={},
        trials={},
        durations={},
    )  # fmt: skip


@dataclass
class World:
    """One deployment, which uploads it was trained on, and of which notices were sent."""

    definition: Definition = SMALL
    registry: Any = field(default_factory=MemoryStore)
    work: Any = field(default_factory=MemoryStore)
    uploads: MemoryUploads = field(default_factory=MemoryUploads)
    notices: Counter[str | None] = field(default_factory=Counter)

    @property
    def deployment(self) -> Deployment:
        settings = Settings(work="memory://work", incoming="memory://incoming")
        return Deployment(settings, self.registry, self.work, self.uploads, lambda _: self.definition)

    def execute(self, run: str, event: dict[str, Any]) -> str:
        """An execution from its beginning to its end. The outcome."""
        execution = Execution(run, event)
        while not execution.ended:
            execution = execution.advance(self)
        return execution.outcome

    def copy(self) -> "World":
        """A world that goes its own way from here."""
        other = World(self.definition)
        other.registry._objects |= self.registry._objects
        other.work._objects |= self.work._objects
        other.uploads.versions |= {data: list(stored) for data, stored in self.uploads.versions.items()}
        other.notices += self.notices
        return other

    def published(self) -> Counter[str | None]:
        """How many complete versions there are of each upload."""
        found = published.newest_first(self.registry, "small")
        return Counter(one.upload.version_id for one in found if one.upload)

    def served(self, *, canary: bool = False) -> Upload | None:
        """The upload of what `latest` names, or of its canary; None for nothing."""
        try:
            entry = alias.current(self.registry, "small", "latest")
        except NotFoundError:
            return None
        version = entry.version if not canary else entry.canary and entry.canary.version
        found = version and published.read(self.registry, "small", version)
        return found.upload if found else None


@dataclass(frozen=True)
class Execution:
    """One execution, as infra/retrain.asl.json goes: how far it is, and what its tasks answered."""

    run: str
    event: dict[str, Any]
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def next(self) -> str | None:
        match self.outcome:
            case "":
                return "check"
            case "elsewhere" if self.answers["check"]["by"] == "upload":
                return None  # a duplicate; others are told of it
            case "train":
                return "promote" if "train" in self.answers else "train"
        return None if "tell" in self.answers else "tell"

    @property
    def ended(self) -> bool:
        return self.next is None

    @property
    def outcome(self) -> str:
        """So far; empty before the check."""
        if "promote" in self.answers:
            return "trained" if self.answers["promote"]["moved"] else "superseded"
        return str(self.answers["check"]["outcome"]) if self.answers else ""

    def advance(self, world: World) -> "Execution":
        """The execution after its next task."""
        assert self.next
        task = {"task": self.next, "run": self.run, **getattr(self, f"_{self.next}")()}
        answer = tasks.run(world.deployment, task)
        if self.next == "tell":
            assert answer["subject"].startswith("Firesteel: ")
            world.notices[self.answers["check"]["upload"]["version_id"]] += 1
        return Execution(self.run, self.event, {**self.answers, self.next: answer})

    def _check(self) -> dict[str, Any]:
        return {"event": self.event}

    def _train(self) -> dict[str, Any]:
        checked = self.answers["check"]
        data = {name: checked[name] for name in ("model", "upload", "data_sha256")}
        about = {name: checked["segments"][0][name] for name in ("segment", "corrections")}
        return {**data, **about, "trials": []}

    def _promote(self) -> dict[str, Any]:
        checked, trained = self.answers["check"], self.answers["train"]
        named = {name: trained[name] for name in ("model", "segment", "address", "version", "digest")}
        return {**named, "upload": checked["upload"], "promote": checked["promote"], "approved": None}

    def _tell(self) -> dict[str, Any]:
        segments = []
        if "promote" in self.answers:
            result = "promoted" if self.outcome == "trained" else "superseded"
            trained = {"trained": self.answers["train"], "promoted": self.answers["promote"]}
            segments = [{"result": result, "segment": "", "address": "small", **trained}]
        known = {**self.event, "check": {"answer": self.answers["check"]}, "segments": segments}
        return {"outcome": self.outcome, "known": known}


def content(number: int) -> bytes:
    """A training file unlike any other's."""
    return f"{CSV}{10 + number},0.5\n".encode()


FIVE = (("a.csv", 1), ("b.csv", 2), ("a.csv", 3), ("c.csv", 4), ("b.csv", 5))
"""Five uploads of one model, each in its second: two files with two versions, one alone."""


def put(world: World, number: int) -> dict[str, Any]:
    """The upload of that number of FIVE; its event."""
    file, second = FIVE[number]
    return world.uploads.put(file, content(number), second)


def check(world: World, event: object, run: str = "run", **settings: Any) -> dict[str, Any]:
    """The check task's answer, under other settings."""
    theirs = world.deployment
    changed = Settings(**{"work": "memory://", "incoming": "memory://incoming", **settings})
    deployment = Deployment(changed, theirs.registry, theirs.work, theirs.uploads, theirs.definition_of)
    return tasks.run(deployment, {"task": "check", "run": run, "event": event})


def define_anew(world: World, **parts: object) -> None:
    """Change the definition that the deployment ships with."""
    world.definition = Definition.model_validate(world.definition.model_dump() | parts)
