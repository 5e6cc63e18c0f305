"""Every way by which a bundle comes to be read: of the endpoint by its table of operations, of the command line by its commands."""

import contextlib
import io
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import typer
import typer.main

from cli import environment, main, score
from cli.examination import store as examination
from cli.scoring import engines
from firesteel.errors import FiresteelError
from firesteel.registry import alias, bundle
from firesteel.registry.seal import open_registry
from firesteel.settings import PREFIX, Settings
from functions.classify import operations, serving
from functions.classify.fetch import Source
from functions.classify.lane import Lane
from functions.classify.telemetry import Telemetry
from functions.registry import moves
from tests.proofs.requests_events import Sent, rest

VERSION, OTHER = "1.0.0", "1.1.0"
"""What the alias names, and the same bundle once more."""
UsageError = typer.BadParameter.__mro__[2]
"""What typer raises where a command is used wrongly."""


class Place(NamedTuple):
    """A registry on disk and what is asked of it."""

    folder: Path
    model: str
    row: Mapping[str, Any]

    @property
    def url(self) -> str:
        return f"file://{self.folder / 'store'}"

    @property
    def out(self) -> Path:
        return self.folder / "out"


Entry = Callable[[Place], int]
"""What it answers: 0 or a status of HTTP where all went well. Raises FiresteelError where the registry is refused."""

COMMANDS: dict[str, tuple[str, ...]] = {
    "predict": ("predict", "{model}", "--data", "{rows}", "--json"),
    "predict explained": ("predict", "{model}", "--data", "{rows}", "--explain", "--version", VERSION),
    "score": ("score", "{model}", "{rows}", "--out", "{out}/scored.csv", "--workers", "1"),
    "report": ("report", "{model}", "--format", "md", "--out", "{out}/report.md"),
    "versions": ("versions", "{model}", "--json"),
    "show": ("show", "{model}", VERSION),
    "show alias": ("show", "{model}"),
    "verify": ("verify", "{model}"),
    "verify all": ("verify", "--all"),
    "promote": ("promote", "{model}", VERSION, "--why", "proof"),
    "canary": ("promote", "{model}", OTHER, "--canary", "0.5", "--why", "proof"),
    "switch": ("switch", "{model}", OTHER, "--why", "proof"),
    "shadow": ("shadow", "{model}", OTHER, "--why", "proof"),
    "rollback": ("rollback", "{model}", "--why", "proof"),
    "review": ("review", "{model}"),
    "drift": ("drift", "{model}"),
    "feedback": ("feedback", "{model}"),
    "inferences": ("inferences", "{model}"),
    "gc": ("gc", "--dry-run"),
}
OTHERS = {
    "doctor": "its examination of the registry is an entry of its own; the rest of it looks at the machine",
    "serve": "a server over the same lane",
    "control": "a page that asks the registry what `show`, `versions` and `promote` ask",
    "demo": "trains and serves: a server over the same lane",
    "train": "reads rows; of the registry what `versions` and `show` read",
    "retrain": "on AWS it starts the state machine; here it is `train`",
    "rollout": "asks CloudWatch and the aliases that `show` reads",
    "import": "reads what MLflow keeps: tests/peers/test_mlflow.py has its pickles",
    "export": "reads what `predict --version` reads, and then lets other tools' libraries write",
    **dict.fromkeys(("approve", "reject"), "asks the function that moves aliases, which reads what `registry` reads"),
    **dict.fromkeys(("evaluate", "smoke", "loadtest", "invoke"), "asks an endpoint, reads no registry"),
    **dict.fromkeys(("compile", "generate", "logs", "keys"), "reads no registry"),
}


def commands() -> set[str]:
    """The names of all commands there are."""
    return set(typer.main.get_group(main.app).commands)


def unknown() -> set[str]:
    """Commands that this proof neither runs nor has a reason to leave out."""
    return commands() - {words[0] for words in COMMANDS.values()} - OTHERS.keys()


def _command(words: tuple[str, ...]) -> Entry:
    def run(place: Place) -> int:
        place.out.mkdir()
        rows = place.out / "rows.csv"
        rows.write_text(",".join(place.row) + "\n" + ",".join(f'"{value}"' for value in place.row.values()) + "\n")
        told = [word.format(model=place.model, rows=rows, out=place.out) for word in words]
        for name in ("store", "monitor"):
            os.environ[f"{PREFIX}{name.upper()}"] = place.url
        environment.settings.cache_clear()
        with (
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
            patch.object(score, "_engine", lambda _workers, _scheduler: engines.here),  # its workers are not watched
        ):
            try:
                main.app(told, standalone_mode=False)
            except (typer.Exit, SystemExit) as ended:
                return 0 if isinstance(ended, SystemExit) else ended.exit_code
        return 0

    return run


def lane(place: Place) -> Lane:
    """The endpoint over the registry, as the handler wires it."""
    made = serving.over(
        Source(place.url, place.model, "latest"),
        ttl=0,
        memory=64 << 20,
        on_failure=lambda _model, _trouble, _error: None,
        monitor=place.url,
        admin=True,
    )
    made.freshness.start()
    telemetry = Telemetry(service="proof-poison", level="CRITICAL", namespace="Proof")
    return Lane(made, telemetry)


def _operation(operation: operations.Operation) -> Entry:
    def run(place: Place) -> int:
        name, _, segment = place.model.partition("/")
        named = {"name": name, "segment": segment or "qb", "version": VERSION}
        asked = lane(place)
        worst = 0
        for file in ("model_card.md", "metrics.json") if "{file}" in operation.path else ("",):
            path = operation.path.format(**named, file=file)
            body = json.dumps(_body(operation, place)) if operation.method == "POST" else ""
            worst = max(worst, int(asked(_event(operation.method, path, body))["statusCode"]))
        return worst

    return run


def answers(place: Place) -> str:
    """What the endpoint answers the row."""
    return str(lane(place)(_event("POST", "/predict", json.dumps(place.row)))["body"])


def _body(operation: operations.Operation, place: Place) -> Any:
    if operation.path.endswith("/infer"):
        return {"inputs": [{"name": name, "shape": [1], **_tensor(value)} for name, value in place.row.items()]}
    if operation.path == "/classify/batch":
        return {"items": [place.row] * 70}
    if operation.path.endswith("batch_predict") or operation.path.endswith("/batch"):
        return {"cases": [place.row] * 70}
    return place.row


def _tensor(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        return {"datatype": "BYTES", "data": [value]}
    return {"datatype": "FP64", "data": [value]}


def _page(path: str) -> Entry:
    return lambda place: int(lane(place)(_event("GET", path))["statusCode"])


def _event(method: str, path: str, body: str = "") -> dict[str, Any]:
    """As API Gateway's REST API brings a request."""
    return rest(Sent(method, path, body.encode()))


def _doctor(place: Place) -> int:
    found = list(examination.registry(Settings(store=place.url, model=place.model)))
    if failed := [one.found for one in found if one.verdict == "FAIL"]:
        raise FiresteelError("; ".join(failed))
    return 0


def _read_all(place: Place) -> int:
    """What the registry's own function reads before it moves an alias."""
    store = open_registry(place.url)
    manifest = bundle.read_manifest(store, place.model, VERSION)
    for name in manifest.files:
        bundle.read_file(store, manifest, name)
    alias.history(store, place.model, "latest")
    if wrong := bundle.verify(store, place.model, VERSION):
        raise FiresteelError(wrong[0])
    return 0


def entries() -> dict[str, Entry]:
    """All of them, by name."""
    assert moves  # the function that moves aliases reads by `bundle` and `alias` alone, as `_read_all` does
    found: dict[str, Entry] = {f"firesteel {name}": _command(words) for name, words in COMMANDS.items()}
    found |= {f"{one.method} {one.path}": _operation(one) for one in operations.OPERATIONS}
    found |= {f"GET {path}": _page(path) for path in sorted(operations.PAGES)}
    return found | {"doctor": _doctor, "registry": _read_all}
