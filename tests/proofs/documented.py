"""What the OpenAPI document says is what happens: all checks of Schemathesis, through ASGI and through Lambda's events.

Four checks run and find nothing to look at here: `missing_required_header` (no header is required), `ignored_auth`
(whoever asks is known before the function is asked, so the document has no security schemes), `use_after_free` and
`ensure_resource_availability` (nothing that can be asked for is made or deleted by a request).
"""

import logging
from typing import Any

import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import Status, events, from_schema

from functions.classify.asgi import App
from tests.proofs.documented_world import MODELS, document, through_lambda
from tests.proofs.proof import Run
from tests.proofs.requests_world import Endpoint

QUICK, FULL, OTHERS = 2, 100, 40
"""Examples of an operation: of the document of the first model, and in full of those of the others."""
OF_A_MODEL = ("{name}", "{name}/versions/{version}", "{name}/{segment}", "{name}/{segment}/versions/{version}")
NOT_IN_A_SCHEMA = {
    "POST /feedback": "the targets of `answer` are those of the model that `model` names",
    "GET /admin/recent_inferences": "at most 90 days, in minutes, hours or days, is no pattern that anybody would read",
    "GET /admin/review": "as of recent_inferences",
    "GET /admin/feedback": "as of recent_inferences",
    **{
        f"POST /v2/models/{path}/infer": "names, types and lengths of tensors are those of the model and of each other"
        for path in OF_A_MODEL
    },
}
"""Operations that refuse some of what fits the document, with the reason: `positive_data_acceptance` is not asked of them."""

BY_ROW = ("/classify/batch", "/batch_predict", *(f"/models/{path}/batch" for path in OF_A_MODEL))
"""Batches answer 200 with an `error` in the place of a row that does not fit: `negative_data_rejection` is not asked of them."""


def prove(run: Run) -> None:
    logging.getLogger("schemathesis").setLevel(logging.ERROR)
    operations: set[str] = set()
    for model in MODELS if run.full else MODELS[:1]:
        examples = (FULL if model == MODELS[0] else OTHERS) if run.full else QUICK
        endpoint = Endpoint(model)
        ways: dict[str, App] = {"ASGI": endpoint.front, "Lambda": through_lambda(endpoint)}
        for way, app in ways.items():
            operations |= check(run, document(endpoint), app, model, way, examples)
            endpoint.lines()
    run.note(
        operations=len(operations), examples_of_an_operation=f"{FULL}, of other models {OTHERS}" if run.full else QUICK
    )


def check(run: Run, described: dict[str, Any], app: App, model: str, way: str, examples: int) -> set[str]:
    """All phases over the document of one model; gives the operations that were asked. A case is a check of an answer."""
    what = f"{model} through {way}"
    excluded = [
        {"include-name": name, "checks": {"positive_data_acceptance": {"enabled": False}}} for name in NOT_IN_A_SCHEMA
    ] + [{"include-name": f"POST {path}", "checks": {"negative_data_rejection": {"enabled": False}}} for path in BY_ROW]
    config = SchemathesisConfig.from_dict(
        {
            "seed": run.seed,
            "continue-on-failure": True,
            "generation": {"max-examples": examples, "no-shrink": True, "database": "none"},
            "phases": {
                "fuzzing": {"error-feedback": {"enabled": False}},  # what a refusal says is not what the document says
                "stateful": {"enabled": run.full},
            },
            "operations": excluded,
        }
    )
    schema = schemathesis.openapi.from_dict(described, config=config)
    schema.app = app
    asked = set[str]()
    for event in from_schema(schema).execute():
        match event:
            case events.ScenarioFinished():
                asked.add(str(event.label))
                _count(run, event, model, what)
            case events.NonFatalError():
                run.check(False, f"{what}: {event.label}: {event.value!r}")
            case events.FatalError():
                run.check(False, f"{what}: {event.exception!r}")
    return asked


def _count(run: Run, event: events.ScenarioFinished, model: str, what: str) -> None:
    for identity, checks in event.recorder.checks.items():
        of_another = _of_another(event.recorder.cases[identity].value, model)
        for one in checks:
            if one.status != Status.FAILURE:
                run.check(True, "")
            elif not (of_another and one.name == "positive_data_acceptance"):
                found = one.failure_info
                assert found
                run.check(False, f"{what}: {event.label}: {one.name}: {found.failure}\n{found.code_sample}")


def _of_another(case: schemathesis.Case[Any], model: str) -> bool:
    """Who goes on from GET /models comes to models whose rows the document of one model does not describe."""
    named = case.path_parameters or {}
    return "name" in named and "/".join(str(named[part]) for part in ("name", "segment") if part in named) != model
