"""What the service says about itself: health, version, and the state of the model it serves."""

import sys
from typing import Any

from firesteel.program.format import FORMAT
from functions.classify import answers
from functions.classify.answers import Answer
from functions.classify.events import Request
from functions.classify.live import CANARY, Live
from functions.classify.negotiated import prefers_html
from functions.classify.refresh import SHADOW, State, Trouble
from functions.classify.serving import Serving

NAME = "firesteel"
VERSION = "0.2.0"


def root(request: Request, serving: Serving) -> Answer:
    """What this is and where to go on; for a browser, the page."""
    if prefers_html(request.headers.get("accept", "")):
        from functions.classify import page

        if found := page.answer(request):
            return found
    live = serving.freshness.current()
    return answers.ok(
        {
            "name": NAME,
            "version": VERSION,
            "model": serving.model,
            "model_version": live.version if live else None,
            "links": {
                "classify": "/classify",
                "batch": "/classify/batch",
                "predict": "/predict",
                "explain": "/explain",
                "attributions": "/attributions",
                "batch_predict": "/batch_predict",
                "health": "/health",
                "status": "/model/status",
                "info": "/model/info",
                "models": "/models",
                "feedback": "/feedback",
                "docs": "/docs",
                "openapi": "/openapi.json",
            },
        },
        headers={"vary": "accept"},
    )


def health(_: Request, serving: Serving) -> Answer:
    """A report, always 200: `ok`, `degraded` or `unavailable`, and why. Probes ask /health/live and /health/ready.

    It is the served model's, with its canary and its shadow. Others that were asked for lately stand under `models` and
    do not change it.
    """
    serving.freshness.look()
    others = {freshness.model: _told(freshness.state) for freshness in serving.models.all()}
    state = serving.freshness.state
    report = {"status": state.status, "model": serving.model, **_told(state)}
    return answers.ok(report | ({"models": others} if others else {}))


def _told(state: State) -> dict[str, Any]:
    about: dict[str, Any] = {
        "status": state.status,
        "model_version": state.stable.version if state.stable else None,
        "reason": _reason(state.trouble),
    }
    for role, one in _beside(state).items():
        about[role] = {"model_version": one["version"], "reason": one["reason"]}
    return about


def _beside(state: State) -> dict[str, dict[str, Any]]:
    """The canary and the shadow that the alias names, if it does: which, whether they are loaded, and why not."""
    named = {CANARY: state.entry.canary, SHADOW: state.entry.shadow} if state.entry else {}
    return {
        role: {**one._asdict(), "loaded": one.digest in state.programs, "reason": _reason(state.beside.get(role))}
        for role, one in named.items()
        if one
    }


def _reason(trouble: Trouble | None) -> dict[str, str] | None:
    return {"code": trouble.code, "detail": trouble.detail} if trouble else None


def live(_: Request, __: Serving) -> Answer:
    """The process answers."""
    return answers.ok({"status": "live"})


def ready(_: Request, serving: Serving) -> Answer:
    """A model is loaded; 503 until one is."""
    return answers.ok({"status": "ready", "model_version": serving.live().version})


def version(_: Request, __: Serving) -> Answer:
    """What runs."""
    python = ".".join(map(str, sys.version_info[:3]))
    return answers.ok({"name": NAME, "version": VERSION, "python": python, "program_format": FORMAT})


def model(_: Request, serving: Serving) -> Answer:
    """The load state of the model that /classify serves. Of classifications, `targets` has the labels."""
    serving.freshness.look()
    state = serving.freshness.state
    live, beside = state.stable, _beside(state)
    inputs = targets = None
    if isinstance(live, Live):
        inputs = [field.name for field in live.predictor.inputs.fields]
        targets = {target.name: list(getattr(target, "labels", ())) for target in live.predictor.targets}
    elif live:
        inputs, targets = [live.router.segment_by], None
    return answers.ok(
        {
            "model": serving.model,
            "alias": serving.alias,
            "status": state.status,
            "reason": _reason(state.trouble),
            "refresh_failures": serving.freshness.failures,
            "version": live.version if live else None,
            "digest": live.digest if live else None,
            "generation": live.generation if live else None,
            CANARY: beside.get(CANARY),
            SHADOW: beside.get(SHADOW),
            "inputs": inputs,
            "targets": targets,
        }
    )
