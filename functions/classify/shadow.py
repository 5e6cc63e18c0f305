"""Shadows: challengers that are asked what was answered already, and never answer. Imported where they are scored.

A request whose bundle has a shadow is kept when it has been answered. Later, off the answer's path, it takes the same
way once more with the shadow in its bundle's place, and one line says how far the two agree.
"""

import time
from collections import deque
from collections.abc import Callable, Mapping
from threading import Event
from typing import Any, NamedTuple

from firesteel.program.results import Prediction
from functions.classify import operations
from functions.classify.answers import Answer
from functions.classify.events import Request
from functions.classify.live import Live, Loaded
from functions.classify.serving import Serving
from functions.classify.telemetry import predicted

WAITING = 64
"""Requests that may wait; one more is dropped and counted."""

WITHIN = 0.01
"""Numbers agree that differ by at most this part of the target's range or, where it has none, of the stable value."""

Answered = list[tuple[Loaded, list[Prediction]]]


class _Job(NamedTuple):
    request: Request
    answered: Answered


class Shadows:
    """Keeps requests and scores them later. `offer` and `score` may be called from different threads."""

    def __init__(self, serving: Serving, tell: Callable[[dict[str, Any]], None]) -> None:
        self._serving, self._tell = serving, tell
        self._waiting: deque[_Job] = deque()
        self._offered = Event()
        self._dropped = 0

    def __bool__(self) -> bool:
        """Whether any request waits."""
        return bool(self._waiting)

    def offer(self, request: Request, answer: Answer) -> None:
        """Keep a request if what answered it has a shadow."""
        answered: Answered = [(live, predictions) for live, predictions in predicted(answer.facts) if live.shadow]
        if not answered:
            return
        if len(self._waiting) < WAITING:
            self._waiting.append(_Job(request, answered))
            self._offered.set()
        else:
            self._dropped += 1

    def score(self) -> None:
        """Ask the shadows of all that waits."""
        while self._waiting:
            request, answered = self._waiting.popleft()
            try:
                self._score(request, answered)
            except Exception as error:  # noqa: BLE001 - the next request's shadow is asked whatever became of this one
                code = {"code": "internal_error", "error": type(error).__name__}
                self._tell({"request_id": request.request_id, **code})

    def run(self) -> None:
        """Score whatever is offered, for ever: the work of a server's thread."""
        while self._offered.wait():
            self._offered.clear()
            self.score()

    def _score(self, request: Request, answered: Answered) -> None:
        challengers = {live.model: live.shadow for live, _ in answered if live.shadow}
        instead = self._serving._replace(
            side=lambda sides, _request: challengers.get(sides.stable.model) or sides.stable
        )
        started = time.perf_counter()
        answer = operations.respond(request, instead)
        milliseconds = round((time.perf_counter() - started) * 1e3, 3)
        theirs = {live.model: predictions for live, predictions in predicted(answer.facts)}
        for live, predictions in answered:
            self._tell(
                {
                    "request_id": request.request_id,
                    "model": live.model,
                    "model_version": live.version,
                    "shadow_version": challengers[live.model].version,
                    **_compared(live, predictions, theirs.get(live.model, [])),
                    **_failure(answer),
                    "latency_ms": milliseconds,
                    "rows": len(predictions),
                    **self._drops(),
                }
            )

    def _drops(self) -> dict[str, int]:
        """How many were dropped since this was last told."""
        dropped, self._dropped = self._dropped, 0
        return {"dropped": dropped} if dropped else {}


def _failure(answer: Answer) -> dict[str, str]:
    """The refusal of a shadow that did not answer: its code and, of a fault, the kind."""
    error = answer.facts.get("error")
    facts = {"code": answer.facts.get("code"), "error": type(error).__name__ if error else None}
    return {name: value for name, value in facts.items() if value}


def _compared(live: Loaded, ours: list[Prediction], theirs: list[Prediction]) -> Mapping[str, Any]:
    """By target: whether all rows agree, how many do, and the mean distance of the numbers or of the confidences.

    A shadow that answered other rows, or none, agrees in nothing.
    """
    assert isinstance(live, Live)  # a bundle of segments predicts nothing
    names = [target.name for target in live.predictor.targets]
    if len(ours) != len(theirs):
        return {"agree": dict.fromkeys(names, False), "agreed": dict.fromkeys(names, 0), "differences": {}}
    pairs = list(zip(ours, theirs, strict=True))
    agreed, differences = {}, {}
    for target in live.predictor.targets:
        name = target.name
        if target.task == "classification":
            agreed[name] = sum(
                [name in their.labels and our.labels[name] == their.labels[name] for our, their in pairs]
            )
            apart = [
                abs(our.confidences[name] - their.confidences[name]) for our, their in pairs if name in their.labels
            ]
        else:
            apart = [
                abs(our.estimates[name].value - their.estimates[name].value)
                for our, their in pairs
                if name in their.estimates
            ]
            bounds = getattr(target, "range", None)
            room = [bounds[1] - bounds[0] if bounds else abs(our.estimates[name].value) for our in ours]
            agreed[name] = sum([distance <= WITHIN * most for distance, most in zip(apart, room, strict=False)])
        if apart:
            differences[name] = round(sum(apart) / len(apart), 6)
    return {
        "agree": {name: agreed[name] == len(ours) for name in names},
        "agreed": agreed,
        "differences": differences,
    }
