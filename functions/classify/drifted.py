"""GET /admin/drift: the newest drift report of a model, and the ones before it in a few words each."""

from firesteel.monitor import reports
from functions.classify import answers, query
from functions.classify.answers import Answer
from functions.classify.events import Request
from functions.classify.serving import Serving

_HISTORY_BYTES = 1 << 20


def drift(request: Request, serving: Serving) -> Answer:
    """`?model=` is the served one unless it is said; `latest` is null before the first report, `history` oldest first.

    `complete` is false when the report, or the oldest of the others, did not fit into the answer. Raises RegistryError.
    """
    store, model = serving.monitor(), request.query.get("model") or serving.model
    newest = reports.latest(store, model)
    latest, fits = query.filled([] if newest is None else [newest])
    history, all_fit = query.filled(reversed(reports.history(store, model)), _HISTORY_BYTES)
    told = {"latest": latest[0] if latest else None, "history": history[::-1], "complete": fits and all_fit}
    return answers.ok({"model": model, **told})
