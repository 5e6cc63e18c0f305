"""POST /feedback: what the right answer was. GET /admin/review and /admin/feedback: what to correct, and what was said."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from firesteel.errors import InputError, Problem
from firesteel.monitor import feedback as log
from firesteel.monitor import queue
from firesteel.monitor.subject import is_request_id
from firesteel.monitor.truth import Misfit, label_misfit, number_misfit
from firesteel.program.predictor import Predictor
from firesteel.program.schema import Identifier
from firesteel.program.targets import Classification, Count, Target
from firesteel.registry import bundle
from functions.classify import answers, body, browse
from functions.classify import query as queries
from functions.classify.answers import Answer
from functions.classify.events import Request
from functions.classify.live import Live, Segmented
from functions.classify.serving import Serving

FIELDS = ("request_id", "row", "input", "model", "answer", "who", "why")
ITEMS = 200  # of a review queue
SAID = 1000  # corrections that are shown


def feedback(request: Request, serving: Serving) -> Answer:
    """Append a correction. Raises Refused: `invalid_json`, `no_model`; InputError, RegistryError."""
    sent = body.read(request)
    refuse(misfits(sent))
    live = _live(serving, sent.get("model"), sent.get("input"))
    given = None if sent.get("input") is None else kept(live.predictor, sent["input"])
    refuse(wrong(live.predictor, sent["answer"]))
    said = log.send(
        serving.monitor(),
        live.model,
        sent["answer"],
        request_id=sent.get("request_id"),
        row=sent.get("row"),
        input=given,
        who=sent.get("who") or "",
        why=sent.get("why") or "",
        caller=request.caller,
    )
    answer = answers.ok({"id": said.id, "subject": said.subject}, facts={"live": live})
    return answer._replace(status=201)


def review(request: Request, serving: Serving) -> Answer:
    """The review queue of `?model=`, at most `limit` items, of the answers of the `last` days or hours.

    `complete` is false when more of them fit no answer, or when there was more to read than a queue is made of.
    """
    since, limit = _asked(request, "7d", 50, ITEMS)
    live, store, now = _live(serving, request.query.get("model"), None), serving.monitor(), datetime.now(UTC)
    found = queue.of_store(store, live.model, since, now, live.predictor, _known(serving, live), most=limit)
    items, fitting = queries.filled(one.document() for one in found.items)
    return answers.ok({"model": live.model, "items": items, "complete": found.complete and fitting})


def corrections(request: Request, serving: Serving) -> Answer:
    """What was said of `?model=`, newest first; `holds` names the targets on which nobody said anything later.

    `complete` is false when there is more than `limit`, or more than fits an answer.
    """
    since, limit = _asked(request, "30d", 100, SAID)
    model, damaged = request.query.get("model") or serving.model, list[str]()
    said, complete = log.newest(serving.monitor(), model, since, limit, damaged=damaged)
    holding: dict[str, list[str]] = {}
    for one in log.settled(said):
        for target, latest in one.latest.items():
            holding.setdefault(latest.id, []).append(target)
    told, fitting = queries.filled({**one.document(), "holds": holding.get(one.id, [])} for one in said)
    about = {"damaged": len(damaged), "complete": complete and fitting}
    return answers.ok({"model": model, "corrections": told, **about})


def _asked(request: Request, usual: str, items: int, most: int) -> tuple[datetime, int]:
    """From when on, and how many. Raises InputError."""
    problems: list[Problem] = []
    last = queries.last(request.query, problems, usual)
    limit = queries.limit(request.query, problems, items, most)
    refuse(problems)
    return datetime.now(UTC) - last, limit


def misfits(sent: object) -> list[Problem]:
    """What is wrong with a body, whatever the model is."""
    if not isinstance(sent, dict):
        return [Problem("", "wrong_type", f"must be an object with the fields {', '.join(FIELDS)}")]
    problems = []
    if not sent.keys() <= set(FIELDS):
        problems.append(Problem("", "unknown_field", f"has a field that is none of {', '.join(FIELDS)}"))
    for name, (kind, said) in _KINDS.items():
        if sent.get(name) is not None and type(sent[name]) is not kind:
            problems.append(Problem(name, "wrong_type", f"must be {said}"))
    for name, longest in (("who", log.WHO), ("why", log.WHY)):
        if isinstance(text := sent.get(name), str) and len(text) > longest:
            problems.append(Problem(name, "too_long", f"must have at most {longest} characters"))
    if not sent.get("answer"):
        problems.append(Problem("answer", "missing", "is required, with one target at least"))
    return problems + _nameless(sent)


def _nameless(sent: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with what a correction is said to be about."""
    request_id, row = sent.get("request_id"), sent.get("row")
    problems = []
    if request_id is None and sent.get("input") is None:
        problems.append(Problem("request_id", "missing", "is required where there is no input"))
    if isinstance(request_id, str) and not is_request_id(request_id):
        problems.append(Problem("request_id", "not_an_id", "must be the X-Request-Id of an answer"))
    if type(row) is int and (request_id is None or not 0 <= row < body.LIMIT):
        problems.append(Problem("row", "out_of_range", f"must be a batch's row, from 0 to {body.LIMIT - 1}"))
    return problems


_KINDS: Mapping[str, tuple[type, str]] = {
    "request_id": (str, "a string"),
    "row": (int, "a whole number"),
    "input": (dict, "an object"),
    "model": (str, "a string"),
    "answer": (dict, "an object"),
    "who": (str, "a string"),
    "why": (str, "a string"),
}


def _live(serving: Serving, model: str | None, given: Mapping[str, Any] | None) -> Live:
    """The bundle that answers for a model; of one with segments, that of the input's segment."""
    found = serving.live_of(model or serving.model)
    if isinstance(found, Segmented) and given is not None:
        found = serving.live_of(f"{found.model}/{found.router.segment_of(given)}")
    if isinstance(found, Segmented):
        raise InputError((Problem("model", "has_segments", f"has segments: name one, as in {found.model}/<segment>"),))
    return found


def kept(predictor: Predictor, given: dict[str, Any]) -> dict[str, Any]:
    """A row as it is kept: without what is missing, and without identifiers, from which nothing is learned.

    Raises InputError, which names fields as `input.<field>`.
    """
    try:
        row = predictor.check(given)
    except InputError as error:
        problems = [Problem(f"input.{one.field}".rstrip("."), one.kind, one.message) for one in error.problems]
        raise InputError(tuple(problems)) from None
    identifiers = {field.name for field in predictor.inputs.fields if isinstance(field, Identifier)}
    return {name: value for name, value in row.items() if value is not None and name not in identifiers}


def wrong(predictor: Predictor, answer: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with what is said to be the right answer."""
    targets = {target.name: target for target in predictor.targets}
    problems = [
        Problem(f"answer.{name}", *wrong) for name, target in targets.items() if (wrong := _misfit(target, answer))
    ]
    if not answer.keys() <= targets.keys():
        problems.append(Problem("answer", "unknown_field", f"has a target that is none of {', '.join(targets)}"))
    return problems


def _misfit(target: Target, answer: Mapping[str, Any]) -> Misfit | None:
    if target.name not in answer:
        return None
    value = answer[target.name]
    if isinstance(target, Classification):
        return label_misfit(value, target.labels)
    if isinstance(target, Count):
        return number_misfit(value, count=True)
    return number_misfit(value, target.range)


def refuse(problems: list[Problem]) -> None:
    if problems:
        raise InputError(tuple(problems))


def _known(serving: Serving, live: Live) -> queue.Known:
    """How many rows the live version was trained on, by target and label."""
    manifest = bundle.read_manifest(serving.store(), live.model, live.version, live.digest)
    about = browse.content(serving.store(), manifest, "model_metadata.json") or {}
    return {name: counts for name, counts in about.get("targets", {}).items() if isinstance(counts, dict)}
