"""The contenders as Lambda functions in the runtime emulator: Firesteel as built, the usual stack, the floors."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks.peers import install
from benchmarks.s3 import BUCKET, S3
from benchmarks.workload import HOME, ROOT, Subject, api_event, generated, published
from cli.emulator import Emulator
from firesteel import definition_file

NAMES = ("firesteel", "bare", "hello_world", "usual_stack", "g2g_predict", "g2g_explain")
BUILD = ROOT / ".aws-sam" / "build"
FIRESTEEL_HANDLER = "functions.classify.handler.handler"
PEER_HANDLER = "app.handler"


@dataclass(frozen=True)
class Function:
    """One contender, and the labels its answer must carry (none for those that classify nothing)."""

    artifact: Path
    handler: str = PEER_HANDLER
    environment: Mapping[str, str] = field(default_factory=dict)
    layers: tuple[Path, ...] = ()
    expected: Mapping[str, str] = field(default_factory=dict)
    event: Mapping[str, object] | None = None
    """What it is asked, if not what all are."""

    def emulator(self) -> Emulator:
        return Emulator(self.artifact, self.handler, dict(self.environment), list(self.layers))

    def check(self, answer: object) -> None:
        """Raises RuntimeError unless the answer is a 200 with the expected labels."""
        if not isinstance(answer, dict) or answer.get("statusCode") != 200:
            raise RuntimeError(f"{self.artifact.name} answered {answer!r:.500}")
        body = json.loads(answer["body"])
        if wrong := {name: body.get(name) for name, label in self.expected.items() if body.get(name) != label}:
            raise RuntimeError(f"{self.artifact.name} answered {wrong} where the pipelines say {dict(self.expected)}")


@dataclass(frozen=True)
class Contest:
    """The functions by name and the event all of them are sent."""

    functions: Mapping[str, Function]
    event: dict[str, object]


def contest(store: S3, subject: Subject, names: tuple[str, ...]) -> Contest:
    """Put the registry and the peers' pipelines on S3, pack the peers, and say what each must answer.

    Raises FileNotFoundError when Firesteel takes part and was not built.
    """
    if {"g2g_predict", "g2g_explain"} & set(names):
        published("g2g", generated(HOME / "g2g.csv", 5000, "g2g"), subject.registry)
    store.upload(subject.registry, "registry")
    store.upload(subject.pipelines, "peers")
    (expected,) = subject.expected(1)
    known = {
        "firesteel": lambda: _firesteel(store, expected),
        "bare": lambda: Function(install.artifact("bare")),
        "hello_world": lambda: Function(install.artifact("hello_world", bytecode=True)),
        "usual_stack": lambda: _usual_stack(store, expected),
        "g2g_predict": lambda: _g2g(store, "/predict"),
        "g2g_explain": lambda: _g2g(store, "/explain"),
    }
    return Contest({name: known[name]() for name in names}, api_event(subject.tickets()[0]))


def _g2g(store: S3, path: str) -> Function:
    """The same artifact with a model of trees and text: the golden row's business, scored or explained."""
    function = _firesteel(store, {}, model="g2g")
    definition = definition_file.load(ROOT / "models" / "g2g.yaml")
    row = definition.golden[0]
    return replace(function, expected={"gid": row["gid"]}, event=api_event(row, path))


def _firesteel(store: S3, expected: Mapping[str, str], model: str = "tickets") -> Function:
    artifact, layer = BUILD / "ClassifyFunction", BUILD / "FiresteelLayer"
    if not (artifact.is_dir() and layer.is_dir()):
        raise FileNotFoundError(f"{artifact} and {layer} are what is measured: build them first with `sam build`")
    environment = {**store.environment, "FIRESTEEL_STORE": f"s3://{BUCKET}/registry", "FIRESTEEL_MODEL": model}
    return Function(artifact, FIRESTEEL_HANDLER, environment, (layer,), expected)


def _usual_stack(store: S3, expected: Mapping[str, str]) -> Function:
    """/var/task is read-only on Lambda, so bytecode that the package lacks is compiled anew at every cold start."""
    environment = {**store.environment, "BUCKET": BUCKET, "PREFIX": "peers", "PYTHONDONTWRITEBYTECODE": "1"}
    return Function(install.artifact("usual_stack"), PEER_HANDLER, environment, (), expected)
