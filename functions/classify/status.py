"""What the service says about itself: health, version, and the state of the model it serves."""

import sys

from firesteel.program.format import FORMAT
from functions.classify import answers
from functions.classify.answers import Answer
from functions.classify.events import Request
from functions.classify.serving import Serving

NAME = "firesteel"
VERSION = "0.1.0"


def root(_: Request, serving: Serving) -> Answer:
    """What this is and where to go on."""
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
                "health": "/health",
                "status": "/model/status",
                "models": "/models",
                "docs": "/docs",
                "openapi": "/openapi.json",
            },
        }
    )


def health(_: Request, serving: Serving) -> Answer:
    """A report, always 200: `ok`, `degraded` or `unavailable`, and why. Probes ask /health/live and /health/ready."""
    live = serving.freshness.current()
    trouble = serving.freshness.trouble
    return answers.ok(
        {
            "status": serving.freshness.status,
            "model": serving.model,
            "model_version": live.version if live else None,
            "reason": trouble._asdict() if trouble else None,
        }
    )


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
    """The load state of the model that /classify serves."""
    live = serving.freshness.current()
    trouble = serving.freshness.trouble
    return answers.ok(
        {
            "model": serving.model,
            "alias": serving.alias,
            "status": serving.freshness.status,
            "reason": trouble._asdict() if trouble else None,
            "refresh_failures": serving.freshness.failures,
            "version": live.version if live else None,
            "digest": live.digest if live else None,
            "generation": live.generation if live else None,
            "inputs": [field.name for field in live.predictor.inputs.fields] if live else None,
            "targets": {target.name: list(target.labels) for target in live.predictor.targets} if live else None,
        }
    )
