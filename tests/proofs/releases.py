"""Bundles of every release load and answer as they did; what a later one may write is refused by name.

And where the libraries below have changed since a bundle was published, so that it would answer otherwise, its golden
rows say so before it answers anybody.
"""

from typing import Any
from unittest.mock import patch

from cli.programs import Versions
from firesteel.errors import FiresteelError
from firesteel.program.predictor import Predictor
from firesteel.registry import bundle
from firesteel.registry.store import Store
from functions.train.drift import baseline
from tests.proofs.proof import Run
from tests.proofs.releases_read import commands, problems, registries
from tests.proofs.releases_unknown import OLD, Unknown, add, all_unknown, released
from tests.unit.classify.asking import post, refused
from tests.unit.classify.bundles import MODEL, TICKET, Clock, serving_over

_HARMLESS, _HARMFUL = 1e-9, 1e-4
"""How much of itself a score changes in a library that adds up in another order, and in one that computes otherwise."""


def prove(run: Run) -> None:
    kept = [(name, store, model) for name, store in registries() for model in bundle.models(store)]
    for name, store, model in kept:
        found = problems(store, model)
        run.check(not found, f"{name}, {model}: {found}")
        if run.full:
            for command, well, said in commands(name, store, model):
                run.check(well, f"{name}, {command} {model}: {said}")
        _upgraded(run, name, store, model)
    unknowns = list(all_unknown())
    for unknown in unknowns:
        refuse(run, unknown)
    _references(run)
    run.note(bundles=len(kept), unknown=len(unknowns))


def _upgraded(run: Run, name: str, store: Store, model: str) -> None:
    """The same bundle over libraries that compute a little or much otherwise."""
    for factor, served in ((_HARMLESS, True), (_HARMFUL, False)):
        with patch.object(Predictor, "scores", _otherwise(Predictor.scores, factor)):
            serving = serving_over(store, model=model)
        state = serving.freshness.state
        has_rows = state.stable is None or hasattr(state.stable, "predictor")
        if not has_rows:
            continue  # a program of segments computes nothing
        told = state.trouble is not None and state.trouble.code == "corrupt_bundle"
        run.check(
            (state.stable is not None) == served, f"{name}, {model}: {state.status} where scores are {factor} off"
        )
        run.check(told != served, f"{name}, {model}: where scores are {factor} off, it is told of {state.trouble}")


def _otherwise(scores: Any, factor: float) -> Any:
    def changed(self: Predictor, row: Any) -> dict[str, list[float]]:
        return {name: [value * (1 + factor) + factor for value in own] for name, own in scores(self, row).items()}

    return changed


def refuse(run: Run, unknown: Unknown) -> None:
    """What is warm keeps the old version and says why; what is cold has a clear 503; a command says it in a sentence."""
    where, store, clock, causes = f"{unknown.file} with {unknown.what}", released(), Clock(), list[Exception]()
    warm = serving_over(store, clock=clock, on_failure=lambda _model, _trouble, error: causes.append(error))
    add(store, unknown)
    clock.now += 31
    run.check(post(warm, "/classify", TICKET)["model_version"] == OLD, f"{where}: the old version does not answer")
    state = warm.freshness.state
    code = state.trouble.code if state.trouble else None
    run.check((state.status, code) == ("degraded", "corrupt_bundle"), f"{where}: {state.status}, {code}")
    known = bool(causes) and isinstance(causes[0], FiresteelError)
    run.check(known, f"{where}: it is refused by {causes!r:.300}")
    said = str(causes[0]) if causes else ""
    run.check(all(word in said for word in unknown.words) and len(said) < 500, f"{where}: it says only {said[:500]!r}")
    cold = serving_over(store)
    run.check(
        refused(cold, "POST", "/classify", b"{}")[:2] == (503, "no_model"), f"{where}: a cold start does not say it"
    )
    try:
        Versions(store, MODEL, None, "latest")
    except FiresteelError as error:
        run.check(bool(str(error)), f"{where}: the command says nothing")
    else:
        run.check(False, f"{where}: the command takes it")


def _references(run: Run) -> None:
    """reference.json, which serving never reads: whoever looks for drift does."""
    for value in (0, 3, 99, "2", None):
        try:
            baseline.read(MODEL, {"format": value, "rows": 1, "inputs": {}, "targets": {}})
        except FiresteelError as error:
            run.check("format" in str(error), f"reference.json with format {value!r}: {error}")
        else:
            run.check(False, f"reference.json with format {value!r} is read")
