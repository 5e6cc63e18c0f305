"""GET /admin/recent_inferences: what was answered last, from the inference log."""

from datetime import UTC, datetime, timedelta

from firesteel.errors import NotFoundError, Problem
from firesteel.monitor import inferences
from functions.classify import answers, query
from functions.classify.answers import Answer, Refused
from functions.classify.events import Request
from functions.classify.serving import Serving

MOST = 1000
USUAL = 100
SECONDS = 15.0
"""Of reading: API Gateway waits for 29, and one store's answer may take some."""


def recent(request: Request, serving: Serving) -> Answer:
    """The newest inferences of a model, newest first: `model`, `last` (24h), `limit` (100), `review` (only such rows).

    `complete` is false when the search ended before all of that time was read, or the answer had no room for more.
    Raises Refused, StoreError.
    """
    asked, problems = request.query, list[Problem]()
    last, limit = query.last(asked, problems), query.limit(asked, problems, USUAL, MOST)
    review = asked.get("review", "false")
    if review not in ("true", "false"):
        problems.append(Problem("review", "wrong_type", "must be true or false"))
    if problems:
        raise Refused("invalid_input", "The query does not fit.", problems=problems)
    now = datetime.now(UTC)
    try:
        found = inferences.recent(
            serving.monitor(),
            asked.get("model", serving.model),
            now - last,
            now + timedelta(minutes=1),  # whose clock runs ahead is recent, too
            limit=limit,
            only=(lambda one: one.review) if review == "true" else lambda _: True,
            seconds=SECONDS,
        )
    except NotFoundError:
        raise Refused("unknown_model") from None
    listed, all_fit = query.filled(one.document() for one in found.inferences)
    return answers.ok({"inferences": listed, "complete": found.complete and all_fit})
