"""The fast lane: a Lambda event in, a Lambda answer out. FastAPI is imported only for the pages it makes."""

import time
from binascii import b2a_base64
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from functions.classify import answers, events, operations
from functions.classify.answers import EXPOSED, Answer, Refused
from functions.classify.events import Request
from functions.classify.operations import PAGES
from functions.classify.serving import Serving
from functions.classify.telemetry import Invocation, Telemetry

if TYPE_CHECKING:
    from fastapi import FastAPI


class Lane:
    """Answers the events of one execution environment."""

    def __init__(
        self,
        serving: Serving,
        telemetry: Telemetry,
        *,
        cold_start: bool = True,
        after: Callable[[Request, Answer], None] | None = None,
        origins: Collection[str] = (),
    ) -> None:
        """`after` is told of every request and its answer, last of all: what it does itself, the answer waits for.

        Browsers may show answers to pages of these `origins`. API Gateway says so when it is asked beforehand (OPTIONS).
        """
        self._serving, self._telemetry, self._after, self._origins = serving, telemetry, after, origins
        self._app: FastAPI | None = None
        self._cold_start = cold_start

    def __call__(self, event: object, invocation: str = "") -> dict[str, Any]:
        """The answer as whoever made the event takes it: API Gateway, a function URL, a load balancer. Never raises.

        `invocation` is the id that Lambda's own lines have.
        """
        started = time.perf_counter()
        try:
            request = events.read(event)
        except Refused as refused:
            request = events.nameless(event)
            answer = answers.refuse(refused, request)
        else:
            answer = self._page(request) if _is_page(request) else operations.respond(request, self._serving)
        lambdas = Invocation(invocation, self._cold_start)
        self._telemetry.answered(request, answer, time.perf_counter() - started, lambdas)
        self._cold_start = False
        if self._origins:
            self._allow(request, answer)
        if self._after:
            self._after(request, answer)
        body, encoded = _text(answer.body)
        told = {"statusCode": answer.status, "headers": answer.headers, "body": body, "isBase64Encoded": encoded}
        return _for_balancer(told, event) if events.is_balancers(event) else told

    def _allow(self, request: Request, answer: Answer) -> None:
        answer.headers["vary"] = f"{answer.headers['vary']}, origin" if "vary" in answer.headers else "origin"
        if (origin := request.headers.get("origin")) in self._origins:
            answer.headers["access-control-allow-origin"] = str(origin)
            answer.headers["access-control-expose-headers"] = EXPOSED

    def _page(self, request: Request) -> Answer:
        from functions.classify import app

        self._app = self._app or app.create(self._serving)
        return app.behind_mangum(self._app, request)


def _text(body: bytes) -> tuple[str, bool]:
    """A body as Lambda's JSON can hold it, and whether it is Base64."""
    try:
        return body.decode(), False
    except UnicodeDecodeError:
        return b2a_base64(body, newline=False).decode(), True


def _for_balancer(answer: dict[str, Any], event: Any) -> dict[str, Any]:
    from functions.classify import balancer

    return balancer.shaped(answer, event)


def _is_page(request: Request) -> bool:
    return request.method == "GET" and request.path in PAGES
