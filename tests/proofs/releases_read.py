"""Whatever reads a bundle, each over the golden registries: serving, verify, explain, predict, score."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cli.programs import Versions
from firesteel.registry import alias, bundle
from firesteel.registry.seal import open_registry
from firesteel.registry.store import Store
from functions.classify import replay
from functions.classify.answers import JSON
from functions.classify.events import Request
from functions.classify.live import Segmented
from functions.classify.operations import respond
from functions.classify.shape import DIGITS
from tests.unit.classify.bundles import serving_over

GOLDEN = Path(__file__).parents[1] / "golden"
PUBLIC_KEYS = {"signed": (GOLDEN / "signed.pub").read_text().split()} if (GOLDEN / "signed.pub").exists() else {}
"""Of the registries that are signed: what only they can be read with."""


def registries() -> Iterator[tuple[str, Store]]:
    """Every golden registry by its name; a signed one also as one reads it who trusts its key alone."""
    for folder in sorted(one for one in GOLDEN.iterdir() if one.is_dir()):
        yield folder.name, open_registry(f"file://{folder}")
        if folder.name in PUBLIC_KEYS:
            yield f"{folder.name}, pinned", open_registry(f"file://{folder}", PUBLIC_KEYS[folder.name])


def rows_of(store: Store, model: str) -> list[dict[str, Any]]:
    """The golden rows of a model; of one with segments, those of its first segment."""
    if not (found := _rows(store, model)):
        segment = next(name for name in bundle.models(store) if name.startswith(f"{model}/"))
        found = _rows(store, segment)
    return found


def _rows(store: Store, model: str) -> list[dict[str, Any]]:
    entry = alias.current(store, model, "latest")
    manifest = bundle.read_manifest(store, model, entry.version, entry.digest)
    return replay.read(bundle.read_file(store, manifest, "golden.json"))


def problems(store: Store, model: str) -> list[str]:
    """What any reader in this process finds wrong with what the alias names."""
    entry = alias.current(store, model, "latest")
    wrong = bundle.verify(store, model, entry.version)
    if entry != (alias.history(store, model, "latest") or [None])[-1]:
        wrong.append("the history does not end with the newest entry")
    return wrong + _served(store, model) + _commanded(store, model)


def _served(store: Store, model: str) -> list[str]:
    """Golden rows, sent to what serves the model."""
    serving = serving_over(store, model=model)
    state, wrong = serving.freshness.state, list[str]()
    if state.status != "ok" or state.stable is None:
        return [f"it is served as {state.status}: {state.trouble}"]
    if isinstance(state.stable, Segmented):
        return []
    for row in rows_of(store, model):
        checked = state.stable.predictor.check(row["input"])
        for one in state.stable.predictor.explain(checked).values():
            if abs(one.base + sum(part.contribution for part in one.contributions) - one.score) > 1e-6:
                wrong.append("what the fields did is not what the answer is made of")
        if state.stable.predictor.request is None:
            wrong += _asked(serving, model, row)
    return wrong


def _asked(serving: Any, model: str, row: dict[str, Any]) -> list[str]:
    body = json.dumps({"cases": [row["input"]]}).encode()
    answer = respond(Request("POST", f"/models/{model}/batch", {"content-type": JSON}, body, "", ""), serving)
    told = json.loads(answer.body)["predictions"][0] if answer.status == 200 else {}
    known = {name: told.get(f"predicted_{name}") for name in row["labels"] if f"predicted_{name}" in told}
    if not told or "error" in told or known != {name: row["labels"][name] for name in known}:
        return [f"/models/{model}/batch answers {answer.status} {answer.body[:300]!r}"]
    return []


def _commanded(store: Store, model: str) -> list[str]:
    """Golden rows, answered as `firesteel predict` answers a file of them."""
    cells = [_cells(row["input"]) for row in rows_of(store, model)]
    versions = Versions(store, model, None, "latest")
    wrong = []
    for answer, row in zip(versions.answer(enumerate(cells, 2), explained=True), rows_of(store, model), strict=True):
        if answer.prediction is None or answer.prediction.labels != row["labels"]:
            wrong.append(f"predict says {answer.error or answer.prediction}")
        elif any(
            abs(answer.prediction.confidences[name] - value) > 10**-DIGITS for name, value in row["confidences"].items()
        ):
            wrong.append("predict is surer or less sure than when it was published")
    return wrong


def _cells(row: dict[str, Any]) -> dict[str, str]:
    return {name: "" if value is None else str(value) for name, value in row.items()}


def commands(name: str, store: Store, model: str) -> Iterator[tuple[str, bool, str]]:
    """The commands themselves over a golden registry: which, whether it ended well, and what it said."""
    folder, _, pinned = name.partition(", ")
    environ = {**os.environ, "FIRESTEEL_STORE": f"file://{GOLDEN / folder}", "PYTHONPATH": os.pathsep.join(sys.path)}
    if pinned:
        environ["FIRESTEEL_PUBLIC_KEYS"] = ",".join(PUBLIC_KEYS[folder])
    with TemporaryDirectory() as here:
        cells = [_cells(row["input"]) for row in rows_of(store, model)]
        with (Path(here) / "rows.csv").open("w", newline="") as file:
            table = csv.DictWriter(file, fieldnames=list(dict.fromkeys(name for row in cells for name in row)))
            table.writeheader()
            table.writerows(cells)
        for words in (
            ["verify", model],
            ["predict", model, "--data", "rows.csv", "--explain"],
            ["score", model, "rows.csv", "--out", "scored"],
        ):
            script = [sys.executable, "-c", "from cli.main import run; run()", *words]
            done = subprocess.run(
                script, capture_output=True, text=True, env=environ, cwd=here, check=False, timeout=300
            )
            said = done.stderr + ("" if words[0] != "predict" else _errors(done.stdout))
            yield words[0], done.returncode == 0 and "Traceback" not in said and "error" not in said, said


def _errors(lines: str) -> str:
    return "".join(line for line in lines.splitlines() if "error" in json.loads(line))
