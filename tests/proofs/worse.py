"""Versions that are not good enough, through the gates, the release and the promotion: `latest` stays where it is."""

import json
import tempfile
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from firesteel.definition import Gate
from firesteel.errors import DataError, GateError, IntegrityError
from firesteel.registry import alias, bundle
from firesteel.registry.store import MemoryStore
from firesteel.settings import Settings
from functions.train import dataset, gate, promotion, release, train
from functions.train.dataset import Dataset
from functions.train.deployment import Deployment
from functions.train.metadata import Origin
from functions.train.train import Trained
from functions.train.upload import Upload
from tests.proofs.proof import Run
from tests.proofs.spoiled_files import DEFINITION, csv_of, good
from tests.proofs.worse_cases import Case, cases, fair, measured
from tests.unit.train.problems import define, problem
from tests.unit.train.world import MemoryUploads

POLICIES = ({"how": "direct", "weight": 0.05}, {"how": "canary", "weight": 0.5}, {"how": "approval", "weight": 0.05})
BOUNDS = {"binary": "y.accuracy", "regression": "y.r2"}
"""Problems without a text, each with a metric for its gate."""
_UPLOAD = Upload("memory://incoming/small/new.csv", "1", "etag", "2026-11-21T15:00:00Z")


def prove(run: Run) -> None:
    adversarial, control = list(cases(run.random("cases"))), list(fair())
    for one in adversarial:
        run.check(not _passes(one), f"the gates let it pass: {one.name}")
    for one in control:
        run.check(_passes(one), f"the gates refuse what is good enough: {one.name}")
    trained = _trained()
    released = [one for one in [*adversarial, *control] if _can_be_released(one)]
    bad = {one.name for one in adversarial}
    for one in released if run.full else run.random("released").sample(released, 40):
        wrong = _released(trained, one, is_good=one.name not in bad, policy=run.random(one.name).choice(POLICIES))
        run.check(not wrong, f"released, {one.name}: {wrong}")
    wrong = _overtaken(trained)
    run.check(not wrong, f"what others promoted meanwhile: {wrong}")
    leaks = _of_leaks(run.random("leaks"))
    for task in BOUNDS if run.full else list(BOUNDS)[:1]:
        leaks |= _of_leaks_without_texts(task)
    for name, wrong in leaks.items():
        run.check(not wrong, f"{name}: {wrong}")
    run.note(refused_by_the_gates=len(adversarial), control_that_passes=len(control), through_release=len(released))


def _passes(one: Case) -> bool:
    gates = [Gate.model_validate(bound) for bound in one.gates]
    return all(verdict.passed for verdict in gate.judge(gates, one.metrics, one.latest, one.version))


def _can_be_released(one: Case) -> bool:
    """Whether a training run could measure this: its shape is right, its numbers may be anything."""
    match one.metrics:
        case {"targets": {"y": {"rows": _, "r2": _}}}:
            return True
    return False


def _trained() -> Trained:
    """A real run, for everything about it but what was measured."""
    _, rows = problem("regression", 80)
    rows = replace(rows, inputs={"a": rows.inputs["a"], "size": np.ones(len(rows))})
    return train.train(define("regression"), rows)


def _released(trained: Trained, one: Case, *, is_good: bool, policy: dict[str, Any]) -> str:
    """Publish a version with a case's metrics beside what is served, release it and promote it. What went wrong."""
    store = MemoryStore()
    if one.version:
        _publish(store, trained, one.latest)
    changed = replace(
        trained,
        definition=trained.definition.model_copy(
            update={"gates": tuple(Gate.model_validate(each) for each in one.gates)}
        ),
        metrics=trained.metrics | {"evaluated": False} | _joined(trained, one.metrics),
    )
    before = _history(store)
    try:
        done = release.release(store, changed, who="ada", data_name="new.csv")
    except DataError as error:
        return "" if "not finite" in str(error) and not is_good and _history(store) == before else str(error)
    if is_good:
        return "" if _history(store) != before else "the release refused it"
    if done.promoted or _history(store) != before:
        return "the release promoted it"
    return (
        "" if _is_refused(store, done.version, done.digest, policy) else f"the promotion let it pass, {policy['how']}"
    )


def _joined(trained: Trained, metrics: dict[str, Any]) -> dict[str, Any]:
    """A case's metrics with what a run measures beside."""
    targets = {"y": trained.metrics["targets"]["y"] | metrics["targets"]["y"]}
    return {"repeated_rows": None} | metrics | {"targets": targets}


def _publish(store: MemoryStore, trained: Trained, metrics: Any) -> None:
    """Serve a version whose metrics.json is this, whatever it is."""
    files = {"metrics.json": json.dumps(metrics).encode(), "program.safetensors": trained.program}
    written = bundle.publish(store, "small", "1.0.0", files, who="ada", signature=trained.signature)
    alias.promote(store, "small", "latest", "1.0.0", who="ada", digest=written.digest)


def _history(store: MemoryStore) -> list[alias.Entry]:
    return alias.history(store, "small", "latest") if bundle.versions(store, "small") and _names(store) else []


def _names(store: MemoryStore) -> bool:
    return any(True for _ in store.keys("models/small/aliases/"))


def _is_refused(store: MemoryStore, version: str, digest: str, policy: dict[str, Any]) -> bool:
    """Whether the task of a retraining that promotes, told to, does not."""
    settings = Settings(work="memory://work", incoming="memory://incoming")
    deployment = Deployment(settings, store, MemoryStore(), MemoryUploads(), lambda _: DEFINITION)
    task = {"address": "small", "version": version, "digest": digest, "upload": _UPLOAD._asdict(), "run": "run"}
    before = _history(store)
    try:
        promotion.promote(deployment, task | {"promote": policy, "approved": {"who": "ada", "why": "looks good"}})
    except (GateError, IntegrityError):
        return _history(store) == before
    return False


def _overtaken(trained: Trained) -> str:
    """A version that passed its gates when it was published, and is worse than what has been promoted since."""
    store = MemoryStore()
    _publish(store, trained, measured(0.5))
    gates = (Gate(metric="y.r2", max_drop=0.03),)

    def version(r2: float) -> Trained:
        joined = _joined(trained, measured(r2))
        gated = trained.definition.model_copy(update={"gates": gates})
        return replace(trained, definition=gated, metrics=trained.metrics | {"evaluated": False} | joined)

    waiting = release.publish(store, version(0.6), Origin("new.csv", upload=_UPLOAD, run="run"), who="ada")
    if not release.release(store, version(0.8), who="ada", data_name="better.csv").promoted:
        return "what is better was refused"
    return "" if _is_refused(store, waiting.version, waiting.digest, POLICIES[0]) else "it was promoted"


def _of_leaks(random: Random) -> dict[str, str]:
    """Real runs on rows that are measured by what they were trained on, or by nothing."""
    rows = _rows(good(random))
    return {
        "the rows to train on, given as those to test on": _served(train.train(DEFINITION, rows, test=rows)),
        "half of them": _served(train.train(DEFINITION, rows, test=rows.take(np.arange(60)))),
        "nine rows to test on": _served(train.train(DEFINITION, rows, test=_rows(good(random, 9)))),
        "no rows to test on": _served(train.train(DEFINITION, rows, hold_out=False)),
        "in capitals, with other blanks": _served(train.train(DEFINITION, rows, test=_shouted(rows))),
        "the control": "" if _served(train.train(DEFINITION, rows)) else "what is good enough was refused",
    }


def _shouted(rows: Dataset) -> Dataset:
    texts = [f" {str(text).upper().replace(' ', '  ')}\n" for text in rows.inputs["text"]]
    return replace(rows, inputs=rows.inputs | {"text": texts})


def _of_leaks_without_texts(task: str) -> dict[str, str]:
    """The same of numbers alone; and rows of few values, which repeat by nature."""
    told = define(task, gates=[{"metric": BOUNDS[task], "at_least": -5.0}])
    _, rows = problem(task, 120)
    rows = replace(rows, inputs={"a": rows.inputs["a"], "size": np.ones(len(rows))})
    few = replace(rows, inputs=rows.inputs | {"a": np.sign(rows.inputs["a"])})
    leaks = {"those trained on": (rows, rows), "half of them": (rows, rows.take(np.arange(60)))}
    found = {f"{task}, {name}": _served(train.train(told, own, test=test)) for name, (own, test) in leaks.items()}
    twice = rows.take(np.repeat(np.arange(len(rows)), 2))
    found[f"{task}, every row twice"] = _served(train.train(told, twice))
    for name, own in {"the control": rows, "of few values": few}.items():
        found[f"{task}, {name}"] = "" if _served(train.train(told, own)) else "what is good enough was refused"
    return found


def _rows(rows: list[list[str]]) -> Dataset:
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(csv_of(rows))
        return dataset.read(Path(file.name), DEFINITION, training=False)


def _served(trained: Trained) -> str:
    done = release.release(MemoryStore(), trained, who="ada", data_name="rows.csv")
    return "it was promoted" if done.promoted else ""
